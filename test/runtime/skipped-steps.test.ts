// Steps that are skipped because a gradient is not finite, and the scale of losses that follows them: on every device that is here, the
// interpreter's bits and counts, whatever is skipped, and however far the host is ahead of the device.

import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import type { Device } from "../../src/runtime/device.js";
import { webgpu } from "../../src/runtime/webgpu/index.js";
import { compileTogether, whyNoGcc } from "../compilers/cuda-on-cpu.js";
import { cudaTextOnCpu } from "../compilers/cuda-on-cpu-device.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { compileOne } from "../oracle/compile-one.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";
import { differencesOf, gradientsAt, gradScaler, openPair, random, type ScaleSettings } from "../oracle/skipping-run.js";

const example = (name: string) => readFileSync(new URL(`../../examples/${name}.opt`, import.meta.url), "utf8");
const skip = [{ non_finite: "skip" }];
const specs = {
  AdamW: await compileOne(example("adamw"), skip),
  "NAdam, with a state on the host": await compileOne(example("nadam"), skip),
  "RAdam, with a first phase": await compileOne(example("radam"), skip),
  "SGD, with a first step": await compileOne(example("sgd"), skip),
  Lamb: await compileOne(reductionSpecs.Lamb!, skip),
  Prodigy: await compileOne(reductionSpecs.Prodigy!, skip),
  "AdamW, clipped": await compileOne(example("adamw"), [{ non_finite: "skip", grad_clip: "global_norm" }]),
};
const scale: ScaleSettings = { init: 1024, growthFactor: 2, backoffFactor: 0.5, growthInterval: 3 };

const { gpu, why } = await openDawn();
const devices: [string, Device][] = [
  ["cpu, one thread", await cpu({ threads: 1 })],
  ["cpu, two threads and several memories", await cpu({ threads: 2, elementsPerThread: 1, arenaBytes: 1_300_000 })],
];
if (why === undefined) devices.push(["webgpu", await webgpu({ gpu })]);
if (whyNoGcc() === undefined) {
  const texts = Object.values(specs).map(({ definition }) => Object.values(definition.kernels)[0]!.cuda!());
  compileTogether(await Promise.all(texts), "-O2");
  devices.push(["the CUDA text as C++", cudaTextOnCpu({ entry: "model", shift: (index) => index % 4, threads: 32 })]);
}
afterAll(() => {
  for (const [, device] of devices) device.destroy();
});

/** Which of so many steps are skipped: single ones, runs, the first. */
function pattern(steps: number, seed: number): boolean[] {
  const chance = random(seed);
  let skipping = chance() < 0.5;
  return Array.from({ length: steps }, () => {
    if (chance() < 0.35) skipping = !skipping;
    return skipping && chance() < 0.8;
  });
}

/** Those that differ most in what they keep. */
const few = ["NAdam, with a state on the host", "Prodigy", "AdamW, clipped"];

describe.each(devices)("on %s", (_, device) => {
  const isFirst = device === devices[0]![1];
  test.each(Object.entries(specs).filter(([title]) => isFirst || few.includes(title)))(
    "%s: the interpreter's bits and counts, the host ahead of the device",
    async (_, spec) => {
      const lr = (step: number) => 0.01 / (1 + step);
      const pair = await openPair(device, spec, { lossScale: scale, lr }, scale);
      const skipped = pattern(36, 5);
      for (const [step, isSkipped] of skipped.entries()) {
        const gradients = gradientsAt(step, isSkipped, 64);
        await pair.optimizer.step({ gradients });
        pair.interpreter.step(new Map(Object.entries(gradients)));
        if (step % 20 === 13) expect(await differencesOf(pair)).toEqual([]);
      }
      expect(await differencesOf(pair)).toEqual([]);
      expect(pair.optimizer.steps).toBe(skipped.filter((isSkipped) => !isSkipped).length);
      expect(await pair.optimizer.lossScale()).toBe(gradScaler(scale, skipped).at(-1));
      pair.optimizer.destroy();
    },
  );
});

describe("every spec can be built to skip steps", () => {
  const folder = new URL("../../examples/", import.meta.url);
  const texts = readdirSync(folder).filter((name) => name.endsWith(".opt"));
  const [, device] = devices[0]!;

  test.each(texts)("%s: the interpreter's bits on the CPU", async (name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    const title = /^optimizer (\w+)/m.exec(text)![1]!;
    for (const clip of ["none", "norm"]) {
      const asked = [{ non_finite: "skip", ...(clip !== "none" && { grad_clip: clip }) }];
      const { diagnostics, optimizers } = await compile({ path: name, text }, { targets: [], builds: new Map([[title, asked]]) });
      expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
      const pair = await openPair(
        device,
        optimizers.find((one) => one.name === title)!,
        { lossScale: scale, allow: ["matches-nothing"] },
        scale,
      );
      for (const [step, isSkipped] of [true, false, false, true, true, false].entries()) {
        const gradients = gradientsAt(step, isSkipped, 64);
        await pair.optimizer.step({ gradients });
        pair.interpreter.step(new Map(Object.entries(gradients)));
      }
      expect(await differencesOf(pair)).toEqual([]);
      expect(pair.optimizer.steps).toBe(3);
      pair.optimizer.destroy();
    }
  });
});
