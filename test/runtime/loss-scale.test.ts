// Loss scaling beside PyTorch's GradScaler; what a skipped step leaves alone; going on from a saved state; hypers, gradients and commands
// that change while the device has not said yet which steps it took; and what is refused.

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { cpu } from "../../src/runtime/cpu/index.js";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer, type LossScale } from "../../src/runtime/index.js";
import { webgpu } from "../../src/runtime/webgpu/index.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { compileOne } from "../oracle/compile-one.js";
import { randomBits } from "../oracle/random-bits.js";
import { type AnyOptimizer, differencesOf, gradientsAt, gradScaler, openPair, params, type ScaleSettings } from "../oracle/skipping-run.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const example = (name: string) => read(`../../examples/${name}.opt`);
const skip = [{ non_finite: "skip" }];
const adamw = await compileOne(example("adamw"), skip);
const nadam = await compileOne(example("nadam"), skip);
const scale: ScaleSettings = { init: 256, growthFactor: 2, backoffFactor: 0.5, growthInterval: 2 };

interface TorchRun extends ScaleSettings {
  readonly found: readonly number[];
  readonly scale: readonly number[];
  readonly steps: readonly number[];
}
const { runs } = JSON.parse(read("../fixtures/golden/grad-scaler.json")) as { readonly runs: readonly TorchRun[] };

const { gpu, why } = await openDawn();
const gpuDevice = why === undefined ? await webgpu({ gpu }) : null;
const devices: [string, Device][] = [
  ["cpu", await cpu({ threads: 1 })],
  ...(gpuDevice === null ? [] : [["webgpu", gpuDevice] as [string, Device]]),
];
afterAll(() => {
  for (const [, device] of devices) device.destroy();
});

const small = [{ name: "w", shape: [5] }];
const create = (device: Device, settings: object): Promise<AnyOptimizer> =>
  createOptimizer(adamw.definition, device, { params: small, ...settings }) as Promise<AnyOptimizer>;
const gradient = (skipped: boolean, at: number) =>
  Float32Array.from({ length: 5 }, (_, i) => (skipped && i === at % 5 ? Number.NaN : i - 2));

test("the oracle scales as PyTorch does", () => {
  for (const { found, scale: scales, ...settings } of runs)
    expect(
      gradScaler(
        settings,
        found.map((one) => one === 1),
      ),
    ).toEqual(scales);
});

describe.each(devices)("on %s", (_, device) => {
  test.each(runs.map((run, i) => [i, run] as const))("PyTorch's run %i: the scale and the count of steps", async (_, run) => {
    const { init, growthFactor, backoffFactor, growthInterval } = run;
    const optimizer = await create(device, { lossScale: { init, growthFactor, backoffFactor, growthInterval } });
    for (const [step, found] of run.found.entries()) {
      await optimizer.step({ gradients: { w: gradient(found === 1, step) } });
      if (device.kind === "cpu") expect([optimizer.steps, optimizer.t("w")]).toEqual([run.steps[step], run.steps[step]]);
      if (step % 7 === 5) expect(await optimizer.lossScale()).toBe(run.scale[step]);
    }
    await optimizer.idle();
    expect([optimizer.steps, optimizer.t("w"), await optimizer.lossScale()]).toEqual([
      run.steps.at(-1),
      run.steps.at(-1),
      run.scale.at(-1),
    ]);
    optimizer.destroy();
  });

  test("a skipped step changes no bit, whatever stands there", async () => {
    const length = 2000;
    const optimizer = await create(device, { params: [{ name: "w", shape: [length] }], lossScale: 8 });
    const what = ["param", "m", "v"] as const;
    for (const [i, key] of what.entries()) optimizer.upload("w", randomBits(length, i + 1), key);
    const bits = async () => {
      const arrays = await Promise.all(what.map((key) => optimizer.download("w", key as never)));
      return arrays.map((array) => Array.from(new Uint32Array(array.buffer)));
    };
    const before = await bits();
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const w = new Float32Array(length).fill(1);
      w[length - 1] = value;
      await optimizer.step({ gradients: { w } });
    }
    await optimizer.idle();
    expect(await bits()).toEqual(before);
    expect([optimizer.steps, optimizer.t("w"), await optimizer.lossScale()]).toEqual([0, 0, 8]);
    optimizer.destroy();
  });

  test("without a scale the bits of the build that propagates", async () => {
    const plain = await compileOne(example("adamw"));
    const [ours, theirs] = [await openPair(device, adamw), await openPair(device, plain)];
    for (let step = 0; step < 3; step++)
      for (const { optimizer } of [ours, theirs]) await optimizer.step({ gradients: gradientsAt(step, false) });
    for (const { name } of params) {
      for (const what of ["param", "m", "v"]) {
        expect(await ours.optimizer.download(name, what as never)).toEqual(await theirs.optimizer.download(name, what as never));
      }
    }
    for (const { optimizer } of [ours, theirs]) optimizer.destroy();
  });

  test("hypers and the parameters that take part change between steps", async () => {
    const pair = await openPair(device, nadam, { lossScale: scale }, scale);
    const names = params.map(({ name }) => name);
    for (let step = 0; step < 24; step++) {
      if (step % 5 === 3) pair.optimizer.set({ lr: 0.001 * (step + 1), beta1: 0.8 + step / 200 });
      const taking = step % 4 === 1 ? names.slice(step % 3) : names;
      const gradients = gradientsAt(step, step % 3 === 0, 16, taking);
      await pair.optimizer.step({ gradients });
      pair.interpreter.step(new Map(Object.entries(gradients)));
    }
    expect(await differencesOf(pair)).toEqual([]);
    pair.optimizer.destroy();
  });

  test("saved and loaded anywhere, it goes on with the same bits, counts and scale", async () => {
    const [, elsewhere] = devices.at(device.kind === "cpu" ? -1 : 0)!;
    const whole = await openPair(device, nadam, { lossScale: scale });
    const second = await openPair(elsewhere, nadam, { lossScale: { ...scale, init: 4 } });
    const back = await openPair(device, nadam, { lossScale: "dynamic" });
    const step = (optimizer: AnyOptimizer, at: number) => optimizer.step({ gradients: gradientsAt(at, [0, 3, 4, 9].includes(at), 16) });
    for (let at = 0; at < 5; at++) await step(whole.optimizer, at);
    await second.optimizer.load(await whole.optimizer.save());
    expect([second.optimizer.steps, second.optimizer.t("w"), await second.optimizer.lossScale()]).toEqual([2, 2, 128 / 2]);
    await back.optimizer.load(await second.optimizer.save());
    for (let at = 5; at < 12; at++) for (const { optimizer } of [whole, back]) await step(optimizer, at);
    for (const { optimizer } of [whole, back]) await optimizer.idle();
    expect([back.optimizer.steps, await back.optimizer.lossScale()]).toEqual([whole.optimizer.steps, await whole.optimizer.lossScale()]);
    for (const { name } of params) {
      expect(back.optimizer.t(name)).toBe(whole.optimizer.t(name));
      for (const what of ["param", "m", "v"]) {
        expect(await back.optimizer.download(name, what as never)).toEqual(await whole.optimizer.download(name, what as never));
      }
    }
    for (const { optimizer } of [whole, second, back]) optimizer.destroy();
  });

  test("a step in which no parameter takes part is no step", async () => {
    const optimizer = await create(device, { lossScale: scale, gradients: "some" });
    for (const [at, given] of [false, true, false, false, true].entries())
      await optimizer.step({ gradients: given ? { w: gradient(false, at) } : {} });
    await optimizer.idle();
    const expected = await create(device, { lossScale: scale });
    for (let at = 0; at < 2; at++) await expected.step({ gradients: { w: gradient(false, at) } });
    expect(await optimizer.download("w")).toEqual(await expected.download("w"));
    expect([optimizer.steps, optimizer.t("w"), await optimizer.lossScale()]).toEqual([2, 2, 512]);
    for (const each of [optimizer, expected]) each.destroy();
  });

  test("parameters are added: counts and the scale stay", async () => {
    const optimizer = await create(device, { lossScale: scale });
    for (const [at, skipped] of [false, true, false].entries()) await optimizer.step({ gradients: { w: gradient(skipped, at) } });
    const before = await optimizer.lossScale();
    await optimizer.addParams([{ name: "b", shape: [2] }]);
    expect([optimizer.steps, optimizer.t("w"), optimizer.t("b"), await optimizer.lossScale()]).toEqual([2, 2, 0, before]);
    optimizer.destroy();
  });

  test.each<[unknown, RegExp]>([
    [0, /lossScale must be a number above 0/],
    [Number.NaN, /lossScale must be a number above 0/],
    ["auto", /lossScale must be a number, "dynamic"/],
    [{ grow: 2 }, /lossScale has no "grow"/],
    [{ growthFactor: 1 }, /growthFactor must be a number above 1/],
    [{ backoffFactor: 1 }, /backoffFactor must be a number between 0 and 1/],
    [{ growthInterval: 0.5 }, /growthInterval must be a whole number/],
  ])("lossScale: %j is refused", async (lossScale, message) => {
    await expect(create(device, { lossScale: lossScale as LossScale })).rejects.toThrow(message);
  });
});

test("an optimizer that was not built to skip says what to add, and one that keeps a scale lets nobody write it but its setting", async () => {
  const plain = await compileOne(example("adamw"));
  const [, device] = devices[0]!;
  const settings = { params: small, lossScale: "dynamic" } as const;
  await expect(createOptimizer(plain.definition, device, settings)).rejects.toThrow(/"non_finite": "skip"/);
  const both = await compileOne(example("adamw"), [{}, ...skip]);
  const contrary = { ...settings, nonFinite: "propagate" };
  await expect(createOptimizer(both.definition, device, contrary)).rejects.toThrow(/leave nonFinite out/);
  const optimizer = await create(device, { lossScale: 4 });
  expect(() => optimizer.setState("lossScale" as never, 1)).toThrow(/the model has no state/);
  await expect(optimizer.download("w", "lossScale" as never)).rejects.toThrow(/there is no "lossScale"/);
  optimizer.destroy();
});

describe.skipIf(gpuDevice === null)("a step that the driver refuses", () => {
  test("is taken back alone, whatever was skipped before and after it", async () => {
    const device = gpuDevice!;
    const bufferOf = (data: Float32Array) => {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      const buffer = device.gpuDevice.createBuffer({ size: 20, usage });
      device.gpuDevice.queue.writeBuffer(buffer, 0, Float32Array.from(data));
      return buffer;
    };
    const expected = await create(device, { lossScale: scale });
    const optimizer = await create(device, { lossScale: scale });
    for (let at = 0; at < 20; at++) {
      const data = gradient(at % 4 === 1, at);
      const buffer = bufferOf(data);
      if (at % 5 === 3) {
        buffer.destroy();
        await expect(optimizer.step({ gradients: { w: buffer } as never })).rejects.toMatchObject({ code: "refused" });
        continue;
      }
      await optimizer.step({ gradients: { w: buffer } as never });
      await expected.step({ gradients: { w: data } });
    }
    for (const each of [optimizer, expected]) await each.idle();
    const read = async (one: AnyOptimizer) => [one.steps, one.t("w"), await one.lossScale()];
    expect(await read(optimizer)).toEqual(await read(expected));
    expect(await optimizer.download("w")).toEqual(await expected.download("w"));
    for (const each of [optimizer, expected]) each.destroy();
  });
});

describe.skipIf(gpuDevice === null)("encoded steps", () => {
  test("are counted when the device has run them; no more than 15 before its word", async () => {
    const device = gpuDevice!;
    const pair = await openPair(device, nadam, { lossScale: scale }, scale);
    const { optimizer, interpreter } = pair;
    const queue = device.gpuDevice.queue;
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 15; i++) {
        const gradients = gradientsAt(round * 15 + i, i % 4 === 2, 16);
        const encoder = device.gpuDevice.createCommandEncoder();
        optimizer.encode(encoder);
        // The gradients of this step, in the order of the queue.
        for (const [name, data] of Object.entries(gradients)) optimizer.upload(name, data, "grad");
        queue.submit([encoder.finish()]);
        interpreter.step(new Map(Object.entries(gradients)));
      }
      expect(() => optimizer.encode(device.gpuDevice.createCommandEncoder())).toThrow(/15 steps were encoded/);
      expect(await differencesOf(pair)).toEqual([]);
    }
    optimizer.destroy();
  });

  test("a step that has to wait for the device's word lets no other begin", async () => {
    const optimizer = await create(gpuDevice!, { lossScale: scale });
    const gradients = { w: gradient(false, 0) };
    const steps: Promise<void>[] = [];
    for (let i = 0; i < 15; i++) steps.push(optimizer.step({ gradients }));
    const waiting = optimizer.step({ gradients });
    await expect(optimizer.step({ gradients })).rejects.toThrow(/a step is under way: await it first/);
    await Promise.all([...steps, waiting]);
    await optimizer.idle();
    expect(optimizer.steps).toBe(16);
    optimizer.destroy();
  });
});
