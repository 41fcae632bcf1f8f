// The program for machines with a GPU, here: packed as it travels, it runs as a whole against the driver that pretends.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "../../../bench/gpu-check/check.js";
import { packDigits, unpackDigits } from "../../../bench/gpu-check/digits-file.js";
import { fittingArchitecture } from "../../../bench/gpu-check/fitting-architecture.js";
import { keptSubjects } from "../../../bench/gpu-check/kept-subjects.js";
import { pack } from "../../../bench/gpu-check/pack.js";
import { reducingSubjects } from "../../../bench/gpu-check/reducing-subjects.js";
import { storageCase, timedCases } from "../../../bench/gpu-check/shapes.js";
import { compileForCpu, compileTogether } from "../../compilers/cuda-on-cpu.js";
import { reductionSpecs } from "../../oracle/reduction-specs.js";
import { subjects } from "../../oracle/subjects.js";
import { playMachine, pretendCuda, pretendDriver, whyNoPretence } from "./pretend.js";

test("the shapes are those of the models", () => {
  const count = (name: string) =>
    timedCases()
      .find((timed) => timed.name.startsWith(name))!
      .model.sizes.reduce((sum, size) => sum + size, 0);
  expect(count("BERT-base")).toBe(109_482_240);
  expect(count("Llama-3.2-1B")).toBe(1_235_814_400);
  expect(storageCase().model.sizes).toEqual([2 ** 28]);
});

test("machine code for an older minor version of the same major one will do, no other", () => {
  const packed = ["sm_75", "sm_80", "sm_90", "sm_100"];
  const found = ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_103", "sm_72", "sm_120"].map((gpu) => fittingArchitecture(packed, gpu));
  expect(found).toEqual(["sm_75", "sm_80", "sm_80", "sm_80", "sm_90", "sm_100", undefined, undefined]);
});

test("digits come out of their file as they went in", () => {
  const images = (count: number, seed: number) => ({
    count,
    pixels: Float32Array.from({ length: count * 784 }, (_, i) => Math.sin(seed * i)),
    labels: Float32Array.from({ length: count * 10 }, (_, i) => (i * seed) % 2),
  });
  const digits = { training: images(3, 1), heldOut: images(2, 7) };
  expect(unpackDigits(packDigits(digits))).toEqual(digits);
});

describe.skipIf(whyNoPretence !== undefined)("packed", () => {
  const home = mkdtempSync(join(tmpdir(), "optspec-gpu-check-"));
  const folder = join(home, "packed");
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  beforeAll(async () => {
    playMachine({});
    const all = [...(await subjects()), ...(await reducingSubjects()), ...(await keptSubjects())];
    compileTogether(
      all.map(({ cuda }) => cuda),
      "-O0",
    );
    (await pretendCuda(all[0]!.cuda)).destroy();
    process.env.PRETEND_KERNELS = compileForCpu(all[0]!.cuda);
    await pack(join(home, "made"), { node: false, architectures: ["sm_80", "sm_90"] });
    // Nothing in it may know where it was made.
    renameSync(join(home, "made"), folder);
  });

  const run = (...args: string[]) => spawnSync("sh", [join(folder, "run.sh"), ...args], { cwd: "/", encoding: "utf8", maxBuffer: 1 << 26 });
  const small = ["--elements", "10000", "--divisor", "200000", "--round-ms", "1", "--processes", "2", "--driver", pretendDriver];

  test("it has the machine code of every build for every architecture asked for, and is small enough to carry", async () => {
    expect(readdirSync(join(folder, "cubins")).length).toBe(
      2 * ((await subjects()).length + Object.keys(reductionSpecs).length + (await keptSubjects()).length),
    );
    expect(statSync(join(folder, "gpu-check.mjs")).size).toBeLessThan(2e6);
    expect(statSync(join(folder, "digits.bin")).size).toBeLessThan(2e6);
  });

  test.skipIf(existsSync("/usr/lib/x86_64-linux-gnu/libcuda.so.1"))("it says what is missing", () => {
    const { status, stderr } = run();
    expect({ status, said: /there is no NVIDIA driver here/.test(stderr) }).toEqual({ status: 1, said: true });
  });

  test("it compares every way and build, trains, times, asks torch, and reports", async () => {
    const out = join(home, "report");
    const { status, stdout, stderr } = run(...small, "--out", out, "--python", "/nowhere/python3");
    const failed = stdout.match(/FAILED.*|.* [1-9]\d* of \d+ numbers differ.*/g);
    expect({ status, stderr, failed }).toEqual({ status: 0, stderr: "", failed: null });
    const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Required<Report> & {
      readonly torch: { readonly problem: string };
    };
    const builds = [
      "AdamW default",
      "AdamWMaster",
      "AdamWRemainder",
      "AdamWRandom",
      "AdamWEightBits",
      "AdamWSkipping",
      "AdamWMasterSkipping",
    ];
    const ways = [
      "step by step",
      "captured and replayed",
      "memory of the caller's",
      "saved by the CPU, loaded and replayed",
      "replayed and saved, loaded by the CPU",
    ];
    expect(report.ways.map(({ way, mismatches }) => [way, mismatches]).toSorted()).toEqual(
      builds.flatMap((build) => ways.map((way) => [`${build}: ${way}`, 0])).toSorted(),
    );
    const keptNames = (await keptSubjects()).map(({ name }) => name);
    expect(report.kept.map(({ build }) => build)).toEqual(keptNames);
    expect(report.kept.filter(({ compared, mismatches }) => compared < 10_000 || mismatches > 0)).toEqual([]);
    expect(report.digits).toMatchObject({ mismatches: 0 });
    expect(report.digits.losses).toHaveLength(4);
    expect(report.digits.losses[0]).toBeGreaterThan(2);
    expect(report.bits.map(({ build }) => build)).toEqual((await subjects()).map(({ name }) => name));
    expect(report.bits.filter(({ compared, mismatches }) => compared < 10_000 || mismatches > 0)).toEqual([]);
    expect(report.reductions.map(({ build }) => build)).toEqual(Object.keys(reductionSpecs));
    expect(report.reductions.filter(({ compared, mismatches }) => compared < 10_000 || mismatches > 0)).toEqual([]);
    expect(report.times.cases.filter((time) => "skipped" in time)).toEqual([]);
    expect(report.times.cases).toHaveLength(timedCases().length);
    expect(report.times.storages.map((time) => ("skipped" in time ? time.skipped : time.bytesPerElement))).toEqual([
      28, 22, 28, 26, 22, 14, 10.0625,
    ]);
    expect(report.torch.problem).toContain("ENOENT");
    expect(stdout).toMatch(/time {2}Llama-3.2-1B, 28 learning rates: .*\n(.*\n)*every bit is right/);
  });

  test("one wrong bit fails it", () => {
    const damaged = join(home, "subjects.json");
    const text = readFileSync(join(folder, "subjects.json"), "utf8");
    const all = JSON.parse(text) as { readonly name: string; readonly ir: { readonly values: { op?: string }[] } }[];
    const value = all.find(({ name }) => name === "Lion default")!.ir.values.find(({ op }) => op === "add")!;
    value.op = "sub";
    writeFileSync(damaged, text);
    try {
      writeFileSync(join(folder, "subjects.json"), JSON.stringify(all));
      const { status, stdout } = run(...small, "--processes", "1", "--out", join(home, "damaged"));
      expect(status).toBe(1);
      expect(stdout).toMatch(/Lion default: [1-9]\d* of \d+ numbers differ; .* in the interpreter/);
      expect(stdout).toContain("NOT RIGHT");
    } finally {
      writeFileSync(join(folder, "subjects.json"), text);
    }
  });

  test("a GPU without machine code here asks for NVRTC, and every section that failed is told", () => {
    mkdirSync(join(home, "empty"));
    const env = { ...process.env, HOME: join(home, "empty"), VIRTUAL_ENV: "", CUDA_HOME: "", PRETEND_CAPABILITY: "130" };
    const args = [join(folder, "run.sh"), ...small, "--out", join(home, "empty")];
    const { status, stdout } = spawnSync("sh", args, { cwd: join(home, "empty"), encoding: "utf8", env });
    expect(status).toBe(1);
    for (const section of ["ways", "digits", "times", "reductions", "kept", "bits"]) expect(stdout).toContain(`FAILED ${section}: `);
    expect(stdout).toMatch(/FAILED ways: OptimizerError: NVRTC/);
    expect(stdout).toContain("NOT RIGHT");
  });
});
