// The program for machines with a GPU, here: it packs, and its own logic runs against the driver that pretends.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkGpu } from "../../../bench/gpu-check/check.js";
import { pack } from "../../../bench/gpu-check/pack.js";
import { timedCases } from "../../../bench/gpu-check/shapes.js";
import { compileForCpu } from "../../compilers/cuda-on-cpu.js";
import { nvrtcPath } from "../../compilers/cuda-toolchain.js";
import { subjects } from "../../oracle/subjects.js";
import { leftInDriver, playMachine, pretendCuda, pretendDriver, whyNoPretence } from "./pretend.js";

test("the shapes are those of the models", () => {
  const count = (name: string) =>
    timedCases()
      .find((timed) => timed.name.startsWith(name))!
      .model.sizes.reduce((sum, size) => sum + size, 0);
  expect(count("BERT-base")).toBe(109_482_240);
  expect(count("Llama-3.2-1B")).toBe(1_235_814_400);
});

test.skipIf(whyNoPretence !== undefined)("bits are compared and steps timed", { timeout: 300_000 }, async () => {
  playMachine({});
  const adamw = (await subjects()).find(({ name }) => name === "AdamW default")!;
  (await pretendCuda(adamw.cuda)).destroy();
  process.env.PRETEND_KERNELS = compileForCpu(adamw.cuda);
  const lines: string[] = [];
  const report = await checkGpu([adamw], {
    cuda: { driver: pretendDriver, nvrtc: nvrtcPath },
    elements: 10_000,
    divisor: 20_000,
    steps: 2,
    rounds: 2,
    say: (line) => lines.push(line),
  });
  expect(report.bits).toMatchObject([{ build: "AdamW default", mismatches: 0, first: null }]);
  expect(report.times.filter((time) => "skipped" in time)).toEqual([]);
  expect(report.times).toHaveLength(timedCases().length);
  expect(lines.some((line) => line.startsWith("time  Llama-3.2-1B, 28 learning rates"))).toBe(true);
  expect(leftInDriver()).toBe(0);
});

test.skipIf(whyNoPretence !== undefined)("packed, it starts anywhere and says what is missing", { timeout: 300_000 }, async () => {
  playMachine({});
  const folder = mkdtempSync(join(tmpdir(), "optspec-gpu-check-"));
  try {
    await pack(folder);
    expect(readdirSync(join(folder, "cubins")).length).toBe(3 * (await subjects()).length);
    const { status, stderr } = spawnSync(process.execPath, [join(folder, "gpu-check.mjs")], { cwd: "/", encoding: "utf8" });
    if (existsSync("/usr/lib/x86_64-linux-gnu/libcuda.so.1")) return;
    expect({ status, said: /there is no NVIDIA driver here/.test(stderr) }).toEqual({ status: 1, said: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
