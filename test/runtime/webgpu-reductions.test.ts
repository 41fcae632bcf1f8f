// Optimizers that reduce, on WebGPU through Dawn: the bits of the interpreter under the driver's profile, whatever the sizes, the banks and
// arenas, whoever's the memory is, and however the steps are submitted.

import { webgpu } from "optspec/webgpu";
import { afterAll, describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { createOptimizer, type Optimizer, type OptimizerTypes, type ParamSpec } from "../../src/runtime/index.js";
import type { BufferRange, WebGpuDevice } from "../../src/runtime/webgpu/index.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { type Compiled, differences, noise } from "../oracle/against-interpreter.js";
import { bufferOf } from "../oracle/caller-buffers.js";
import { compileOne } from "../oracle/compile-one.js";
import { randomBits } from "../oracle/random-bits.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";

const { gpu, why } = await openDawn();
const onGpu = describe.skipIf(why !== undefined);
const compiled = await Promise.all(Object.entries(reductionSpecs).map(async ([title, text]) => ({ title, one: await compileOne(text) })));
const named = (title: keyof typeof reductionSpecs): Compiled => compiled.find((candidate) => candidate.title === title)!.one;

/** Several chunks, one element more or less than a leaf or a chunk, scalars, nothing. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  large: [3, CHUNK_ELEMENTS],
  "frozen.matrix": [40, 50],
  leaf: [1024],
  scalar: [],
  more: [1, CHUNK_ELEMENTS + 1],
  empty: [0, 4],
  odd: [41, 25],
  few: [3],
  tail: [3 * CHUNK_ELEMENTS + 5],
};
const params = Object.entries(shapes).map(([name, shape]) => ({ name, shape }));
const present = (param: number, step: number) => step === 0 || (param + step) % 3 !== 0;

/** Limits that cut the model into several arenas, and these into several banks. */
const ARENA_BYTES = 300_000;
const BINDING_BYTES = 270_000;

/** One for all tests: it keeps the kernels that it has compiled. */
const device = why === undefined ? await webgpu({ gpu, limits: "default" }) : null!;
const narrow = (): WebGpuDevice => ({ ...device, limits: { arenaBytes: ARENA_BYTES, bindingBytes: BINDING_BYTES, unified: false } });
afterAll(() => device?.destroy());

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}
type AnyOptimizer = Optimizer<BufferRange, AnyTypes>;

const create = (device: WebGpuDevice, { definition }: Compiled, list: readonly ParamSpec[]): Promise<AnyOptimizer> =>
  createOptimizer<BufferRange, AnyTypes>(definition, device, { params: list, gradients: "some" });

/** Everything that an optimizer keeps, as bits. */
async function bitsOf(optimizer: AnyOptimizer, { definition }: Compiled, names: readonly string[]): Promise<Record<string, Uint32Array>> {
  const bits: Record<string, Uint32Array> = {};
  for (const name of names) {
    for (const what of ["param", ...definition.manifest.builds[0]!.states.map(({ key }) => key)]) {
      const { buffer, byteOffset, length } = await optimizer.download(name, what);
      bits[`${what} of ${name}`] = new Uint32Array(buffer, byteOffset, length);
    }
  }
  return bits;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);

onGpu("the interpreter's bits", () => {
  test.each(compiled)("$title", async ({ one }) => {
    expect(await differences(device, one, { params, steps: 3, seed: 11, present })).toEqual([]);
  });

  test.each(compiled)("in several arenas and banks: $title", async ({ one }) => {
    expect(await differences(narrow(), one, { params, steps: 2, seed: 12, present })).toEqual([]);
  });

  const sizes = [0, 1, 3, 1023, 1024, 1025, CHUNK_ELEMENTS, CHUNK_ELEMENTS + 1, 3 * CHUNK_ELEMENTS + 5];
  test.each(sizes)("a model of one tensor of %i elements", async (size) => {
    for (const title of ["clip by global norm and AdamW", "Lamb", "extremes, dots and means"]) {
      const run = { params: [{ name: "w", shape: [size] }], steps: 2, seed: size };
      expect(await differences(device, named(title), run)).toEqual([]);
    }
  });

  test("a tensor of so many chunks that the whole workgroup folds them, beside small ones", async () => {
    const run = { params: [...params, { name: "huge", shape: [67 * CHUNK_ELEMENTS + 9] }], steps: 2, seed: 3 };
    for (const title of ["clip by global norm and AdamW", "extremes, dots and means"])
      expect(await differences(device, named(title), run)).toEqual([]);
  });

  test("more tensors than a workgroup has invocations", async () => {
    const many = Array.from({ length: 301 }, (_, i) => ({ name: i === 290 ? "frozen" : `p${i}`, shape: [i % 7] }));
    const run = { params: many, steps: 2, seed: 4, present };
    for (const title of ["Prodigy", "variants that reduce differently"]) expect(await differences(device, named(title), run)).toEqual([]);
  });

  test("numbers whose squares are subnormal, and sums of nothing else", async () => {
    const numbers = (length: number, seed: number) => noise(length, seed).map((x) => x * 1e-21);
    for (const title of ["clip by global norm and AdamW", "extremes, dots and means", "distance over gradients", "Lamb"])
      expect(await differences(device, named(title), { params, steps: 2, seed: 5, present, numbers })).toEqual([]);
  });

  test("any bits in one tensor: NaN and infinities, where the others are numbers", async () => {
    const numbers = (length: number, seed: number, param: number, step: number) =>
      param === 4 && step === 1 ? randomBits(length, seed) : noise(length, seed);
    for (const title of ["clip by norm and momentum", "extremes, dots and means", "Lamb"])
      expect(await differences(device, named(title), { params, steps: 3, seed: 6, present, numbers })).toEqual([]);
  });

  test("and of no other profile: the comparison sees a flushed subnormal", async () => {
    const numbers = (length: number, seed: number) => noise(length, seed).map((x) => x * 1e-21);
    const subnormals = device.profile.subnormals === "flush" ? "keep" : "flush";
    const other = { ...device, profile: { ...device.profile, subnormals } } as const;
    const found = await differences(other, named("distance over gradients"), { params, steps: 1, seed: 5, numbers });
    expect(found.length).toBeGreaterThan(0);
  });
});

onGpu("a step", () => {
  test("is a dispatch for each sweep and bank, and one for a finish", async () => {
    const dispatches = async (on: WebGpuDevice, title: string) => (await create(on, named(title), params)).dispatches;
    expect(await dispatches(device, "clip by global norm and AdamW")).toBe(2 + 1);
    expect(await dispatches(device, "Lamb")).toBe(3 + 2);
    expect(await dispatches(device, "Prodigy")).toBe(2 + 1);
    const cut = await dispatches(narrow(), "Lamb");
    expect(cut).toBeGreaterThan(3 * 4 + 2);
    expect((cut - 2) % 3).toBe(0);
  });

  test("in buffers of the caller's has the same bits: in place, copied, and beside ours, with gradients of either", async () => {
    const ways = ["clip by global norm and AdamW", "Prodigy", "variants that reduce differently"];
    for (const one of ways.map(named)) {
      const list = Object.entries(shapes).filter(([, shape]) => sizeOf(shape) > 0);
      const data = list.map(([, shape], i) => noise(sizeOf(shape), i));
      const ours = await create(
        device,
        one,
        list.map(([name, shape], i) => ({ name, shape, data: data[i]! })),
      );
      const theirs = await create(
        device,
        one,
        list.map(([name, shape], i) =>
          i % 3 === 0 ? { name, shape, data: data[i]! } : { name, shape, buffer: bufferOf(device.gpuDevice, data[i]!) },
        ),
      );
      for (let step = 0; step < 3; step++) {
        const taking = list.filter(([name], i) => !name.startsWith("frozen") && present(i, step));
        const gradients = taking.map(([name, shape], i) => [name, noise(sizeOf(shape), 100 * (step + 1) + i)] as const);
        await ours.step({ gradients: Object.fromEntries(gradients) });
        const mixed = gradients.map(
          ([name, gradient], i) => [name, i % 2 === 0 ? bufferOf(device.gpuDevice, gradient) : gradient] as const,
        );
        await theirs.step({ gradients: Object.fromEntries(mixed) });
      }
      const names = list.map(([name]) => name);
      expect(await bitsOf(theirs, one, names)).toEqual(await bitsOf(ours, one, names));
    }
  });

  test.each(["encoder", "pass"])("encoded into a(n) %s: 16 in one command buffer have the bits of 16 submitted", async (into) => {
    const one = named("Prodigy");
    const make = async () => {
      const list = params.map((param, i) => ({ ...param, data: noise(sizeOf(param.shape), i) }));
      const optimizer = await create(device, one, list);
      for (const [i, { name, shape }] of params.entries()) optimizer.upload(name, noise(sizeOf(shape), 50 + i), "grad");
      return optimizer;
    };
    const [stepped, encoded] = [await make(), await make()];
    for (let step = 0; step < 16; step++) await stepped.step();
    const encoder = device.gpuDevice.createCommandEncoder();
    const pass = into === "pass" ? encoder.beginComputePass() : null;
    for (let step = 0; step < 16; step++) encoded.encode(pass ?? encoder);
    pass?.end();
    device.gpuDevice.queue.submit([encoder.finish()]);
    await encoded.idle();
    const names = params.map(({ name }) => name);
    const bits = await bitsOf(encoded, one, names);
    expect(bits).toEqual(await bitsOf(stepped, one, names));
    expect(await encoded.state("d")).toBeGreaterThan(1e-6);
  });

  test("without a tensor that takes part changes nothing", async () => {
    const one = named("Prodigy");
    const optimizer = await create(device, one, params);
    const names = params.map(({ name }) => name);
    const before = await bitsOf(optimizer, one, names);
    await optimizer.step({ gradients: {} });
    expect(await bitsOf(optimizer, one, names)).toEqual(before);
  });
});

onGpu("states smaller than an element", () => {
  test("start from their initial values, are read and written by key, and are what the next step begins with", async () => {
    const one = named("Novograd");
    const optimizer = await create(device, one, [{ name: "w", shape: [4], data: noise(4, 1) }]);
    const gradient = Float32Array.of(1, 2, 0, 2);
    await optimizer.step({ gradients: { w: gradient } });
    expect(await optimizer.download("w", "v")).toEqual(Float32Array.of(9));
    optimizer.upload("w", Float32Array.of(100), "v");
    await optimizer.step({ gradients: { w: gradient } });
    const beta2 = Math.fround(0.98);
    const expected = Math.fround(Math.fround(beta2 * 100) + Math.fround(Math.fround(1 - 0.98) * 9));
    expect(await optimizer.download("w", "v")).toEqual(Float32Array.of(expected));
    expect(() => optimizer.upload("w", new Float32Array(4), "v")).toThrow(/data for v of "w" has 4 elements/);
  });

  test("of the model: state and setState", async () => {
    const optimizer = await create(device, named("Prodigy"), [{ name: "w", shape: [4], data: noise(4, 1) }]);
    expect(await optimizer.state("d")).toBe(Math.fround(1e-6));
    expect(await optimizer.state("num")).toBe(0);
    optimizer.setState("d", 0.25);
    optimizer.setState("dmax", 0.5);
    expect(await optimizer.state("d")).toBe(0.25);
    await optimizer.step({ gradients: { w: noise(4, 2) } });
    expect(await optimizer.state("d")).toBe(0.25);
    expect(await optimizer.state("dmax")).toBe(0.5);
    await expect(optimizer.state("m")).rejects.toMatchObject({
      code: "invalid-data",
      message: expect.stringMatching(/no state "m".*num/),
    });
    expect(() => optimizer.setState("d", "1" as never)).toThrow(/d is a number, not "1"/);
  });

  test("of a parameter that a rule freezes: there are none", async () => {
    const optimizer = await create(device, named("variants that reduce differently"), [
      { name: "frozen.w", shape: [4] },
      { name: "w", shape: [4] },
    ]);
    expect(await optimizer.download("frozen.w", "v")).toEqual(new Float32Array(0));
    expect(await optimizer.download("w", "v")).toEqual(Float32Array.of(1));
    expect(() => optimizer.upload("frozen.w", new Float32Array(1), "v")).toThrow(/keeps no v/);
  });
});
