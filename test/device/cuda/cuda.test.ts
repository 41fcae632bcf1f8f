// The CUDA device without a GPU: NVRTC is real, the driver pretends.

import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cuda } from "../../../src/runtime/cuda/index.js";
import { createOptimizer, type OptimizerError } from "../../../src/runtime/index.js";
import { countMismatches, randomBits, type Subject } from "../../oracle/random-bits.js";
import { subjects } from "../../oracle/subjects.js";
import {
  allocateOnGpu,
  cacheHome,
  freeOnGpu,
  leftInDriver,
  playMachine,
  pretendCuda,
  pretendDriver,
  readOnGpu,
  whyNoPretence,
} from "./pretend.js";

const all = await subjects();
const subject = all.find(({ name }) => name === "AdamW default")!;
const definitionOf = ({ manifest, wgsl, wasm, cuda: text }: Subject) => ({
  manifest,
  kernels: { [manifest.builds[0]!.key]: { wgsl: async () => wgsl, wasm: async () => wasm, cuda: async () => text } },
});
const refusal = async (promise: Promise<unknown>): Promise<OptimizerError> =>
  promise.then(
    () => {
      throw new Error("it was not refused");
    },
    (error: OptimizerError) => error,
  );
const param = (name: string, length: number, more: object = {}) => ({ name, shape: [length], ...more });
const cubinFolder = join(cacheHome, "optspec/cubin");

beforeEach(() => {
  rmSync(cacheHome, { recursive: true, force: true });
  mkdirSync(cacheHome, { recursive: true });
  playMachine({});
});
afterEach(() => {
  playMachine({});
  expect(whyNoPretence === undefined ? leftInDriver() : 0).toBe(0);
});

describe.skipIf(whyNoPretence !== undefined)("the whole way", () => {
  test.each(all)("$name: NVRTC compiles it, and its steps equal the interpreter's", async (each) => {
    const device = await pretendCuda(each.cuda);
    expect(await countMismatches(device, each, { elements: 60_000, steps: 2, seed: 3 })).toMatchObject({ mismatches: 0, first: null });
    device.destroy();
  });

  test("one launch for a whole model of arenas, own memory and gradients of the caller's at every alignment", async () => {
    const device = await pretendCuda(subject.cuda);
    const lengths = [5, 64, 20_001, 1];
    const numbers = lengths.map((length, i) => randomBits(length + 4, 40 + i).map((x) => (Number.isFinite(x) ? x : 1)));
    const gradients = lengths.map((length, i) => randomBits(length + 4, 90 + i).map((x) => (Number.isFinite(x) ? x : 1)));
    const plain = await createOptimizer(definitionOf(subject), device, {
      params: lengths.map((length, i) => param(`p${i}`, length, { data: numbers[i]!.slice(i, i + length) })),
    });
    const owned = lengths.map((_, i) => allocateOnGpu(numbers[i]!));
    const given = lengths.map((_, i) => allocateOnGpu(gradients[i]!));
    const own = await createOptimizer(definitionOf(subject), device, {
      params: lengths.map((length, i) =>
        param(`p${i}`, length, i === 1 ? { data: numbers[i]!.slice(i, i + length) } : { buffer: owned[i], offset: 4 * i }),
      ) as never,
    });
    expect(own.dispatches).toBe(1);
    for (let step = 0; step < 3; step++) {
      await plain.step({ gradients: Object.fromEntries(lengths.map((length, i) => [`p${i}`, gradients[i]!.slice(i, i + length)])) });
      const there = lengths.map((_, i) => [`p${i}`, { pointer: given[i]!.pointer + BigInt(4 * i), bytes: given[i]!.bytes - 4 * i }]);
      await own.step({ gradients: Object.fromEntries(there) as never });
    }
    for (const [i, length] of lengths.entries()) {
      const expected = await plain.download(`p${i}`);
      expect(await own.download(`p${i}`)).toEqual(expected);
      if (i !== 1) expect(readOnGpu(owned[i]!.pointer + BigInt(4 * i), length)).toEqual(expected);
    }
    // What stands around a caller's tensor is as it was.
    expect(readOnGpu(owned[2]!.pointer, 2)).toEqual(numbers[2]!.slice(0, 2));
    own.destroy();
    plain.destroy();
    for (const memory of [...owned, ...given]) freeOnGpu(memory);
    device.destroy();
  });

  test("two optimizers, disposed of in any order and more than once", async () => {
    const device = await pretendCuda(subject.cuda);
    const [a, b] = await Promise.all([1, 2].map(() => createOptimizer(definitionOf(subject), device, { params: [param("p", 10)] })));
    await a!.step({ gradients: { p: new Float32Array(10).fill(1) } });
    a!.destroy();
    a!.destroy();
    await b!.step({ gradients: { p: new Float32Array(10).fill(1) } });
    expect((await b!.download("p"))[0]).not.toBe(0);
    device.destroy();
    b!.destroy();
    expect(await refusal(b!.step())).toMatchObject({ code: "destroyed" });
    expect(await refusal(createOptimizer(definitionOf(subject), device, { params: [param("p", 10)] }))).toMatchObject({
      code: "device-lost",
    });
  });

  test("1,000 times created and disposed of, nothing is left", async () => {
    const device = await pretendCuda(subject.cuda);
    for (let i = 0; i < 1_000; i++) (await createOptimizer(definitionOf(subject), device, { params: [param("p", 7)] })).destroy();
    device.destroy();
    expect(leftInDriver()).toBe(0);
  });
});

describe.skipIf(whyNoPretence !== undefined)("compiled code in the user's cache", () => {
  const create = async () => {
    const device = await pretendCuda(subject.cuda);
    const optimizer = await createOptimizer(definitionOf(subject), device, { params: [param("p", 7)] });
    optimizer.destroy();
    device.destroy();
  };
  const entry = () => join(cubinFolder, readdirSync(cubinFolder)[0]!);

  test("is found again, byte for byte, and only there", async () => {
    await create();
    const [before, time] = [readFileSync(entry()), statSync(entry()).mtimeMs];
    await create();
    expect(readdirSync(cubinFolder)).toHaveLength(1);
    expect(statSync(entry())).toMatchObject({ mtimeMs: time });
    expect(before.subarray(32, 36).toString("latin1")).toBe("\x7fELF");
    expect(statSync(cubinFolder).mode & 0o777).toBe(0o700);
  });

  test.each<[string, (file: string) => void]>([
    [
      "poisoned",
      (file) =>
        writeFileSync(
          file,
          readFileSync(file).map((byte, i) => (i === 500 ? byte ^ 1 : byte)),
        ),
    ],
    ["truncated", (file) => writeFileSync(file, readFileSync(file).subarray(0, 400))],
    ["empty", (file) => writeFileSync(file, "")],
    ...(process.getuid?.() === 0
      ? [["owned by somebody else", (file: string) => chownSync(file, 12_345, 12_345)] as [string, (file: string) => void]]
      : []),
    ["writable by others", (file) => chmodSync(file, 0o666)],
  ])("that is %s is made again, never loaded", async (_, spoil) => {
    await create();
    const good = readFileSync(entry());
    spoil(entry());
    await create();
    expect(readFileSync(entry()).equals(good)).toBe(true);
    expect(statSync(entry()).uid).toBe(statSync(cubinFolder).uid);
    expect(statSync(entry()).mode & 0o777).toBe(0o600);
  });

  test("in a folder that others may enter is not used at all", async () => {
    await create();
    chmodSync(cubinFolder, 0o755);
    const before = statSync(entry()).mtimeMs;
    writeFileSync(entry(), "poison");
    await create();
    expect(readFileSync(entry(), "utf8")).toBe("poison");
    expect(before).toBeGreaterThan(0);
  });
});

describe("what is missing is said", () => {
  test.skipIf(existsSync("/usr/lib/x86_64-linux-gnu/libcuda.so.1"))("no driver", async () => {
    expect(await refusal(cuda())).toMatchObject({ code: "no-device", message: expect.stringMatching(/no NVIDIA driver here.*cpu\(\)/) });
  });

  test("a library by no absolute path is not loaded", async () => {
    expect(await refusal(cuda({ driver: "libcuda.so.1" }))).toMatchObject({ code: "invalid-setting" });
  });

  test.skipIf(whyNoPretence !== undefined).each([
    [{ VERSION: "11080" }, "no-device", /supports CUDA 11\.8; 12\.0 or newer/],
    [{ INIT: "100" }, "no-device", /finds no GPU/],
    [{ INIT: "804" }, "no-device", /does not start: CUDA error 804/],
    [{ COUNT: "0" }, "no-device", /finds no GPU/],
    [{ CAPABILITY: "70" }, "no-device", /7\.0; 7\.5/],
  ] as const)("%j", async (machine, code, message) => {
    playMachine(machine);
    expect(await refusal(pretendCuda(subject.cuda))).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test.skipIf(whyNoPretence !== undefined).each([
    [{ VERSION: "12040" }, {}, "kernel", /CUDA 12\.4, which is older than NVRTC 13\.\d.*NVRTC 12\.x/],
    [{ CAPABILITY: "990" }, {}, "kernel", /does not know sm_990.*a newer one: pip install nvidia-cuda-nvrtc/],
    [{ REFUSES_MODULE: "222" }, {}, "kernel", /does not take this machine code.*Update the driver/],
    [{ MEMORY: "1000" }, {}, "out-of-memory", /no \d+ bytes for parameters, gradients and states; 1000 of its 1000 bytes are free/],
    [{}, { nvrtc: "/nowhere/libnvrtc.so.13" }, "no-device", /NVRTC does not load from "\/nowhere/],
    [{}, { nvrtc: pretendDriver }, "kernel", /lacks a function/],
  ] as const)("%j %j", async (machine, options, code, message) => {
    playMachine(machine);
    const device = await pretendCuda(subject.cuda, options);
    const error = await refusal(createOptimizer(definitionOf(subject), device, { params: [param("p", 100)] }));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    device.destroy();
  });

  test.skipIf(whyNoPretence !== undefined)("a text that NVRTC refuses is shown with its words", async () => {
    const device = await pretendCuda(subject.cuda);
    const wrong = { ...subject, cuda: subject.cuda.replace("add_rn(mul_rn", "add_rn(mulrn") };
    const error = await refusal(createOptimizer(definitionOf(wrong), device, { params: [param("p", 3)] }));
    expect(error).toMatchObject({ code: "kernel", message: expect.stringContaining('identifier "mulrn" is undefined') });
    device.destroy();
  });

  test.skipIf(whyNoPretence !== undefined)("a failing kernel loses the device, and says so from then on", async () => {
    const device = await pretendCuda(subject.cuda);
    const optimizer = await createOptimizer(definitionOf(subject), device, { params: [param("p", 3)] });
    playMachine({ LAUNCH: "719" });
    expect(await refusal(optimizer.step({ gradients: { p: new Float32Array(3) } }))).toMatchObject({ code: "device-lost" });
    playMachine({});
    expect(await refusal(optimizer.step({ gradients: { p: new Float32Array(3) } }))).toMatchObject({ code: "device-lost" });
    expect((await device.lost).reason).toContain("a kernel failed");
    optimizer.destroy();
    device.destroy();
  });
});

describe.skipIf(whyNoPretence !== undefined)("memory of the caller's is checked before anything is written", () => {
  const address = 0x7000_0000_0000n;
  test.each<[string, object, RegExp]>([
    ["null", { buffer: { pointer: 0n, bytes: 400 } }, /pointer is null/],
    ["misaligned", { buffer: { pointer: address + 2n, bytes: 400 } }, /not a multiple of 4/],
    ["too small", { buffer: { pointer: address, bytes: 399 } }, /100 elements need 400 bytes; 399 are there/],
    ["too small behind an offset", { buffer: { pointer: address, bytes: 400 }, offset: 8 }, /392 are there/],
    ["unknown to CUDA", { buffer: { pointer: address, bytes: 400 } }, /no address that CUDA knows/],
    ["no memory", { buffer: new Float32Array(100) }, /\{ pointer, bytes \}/],
  ])("%s", async (_, given, message) => {
    const device = await pretendCuda(subject.cuda);
    const error = await refusal(createOptimizer(definitionOf(subject), device, { params: [param("p", 100, given)] as never }));
    expect(error).toMatchObject({ code: "invalid-parameter", message: expect.stringMatching(message) });
    device.destroy();
  });

  test.each<[string, (address: bigint) => unknown, RegExp]>([
    ["null", () => ({ pointer: 0n, bytes: 400 }), /gradient of .*: the pointer is null/],
    ["misaligned", (at) => ({ pointer: at + 1n, bytes: 404 }), /not a multiple of 4/],
    ["too small", (at) => ({ pointer: at, bytes: 396 }), /100 elements need 400 bytes; 396 are there/],
    ["unknown to CUDA", () => ({ pointer: address, bytes: 400 }), /no address that CUDA knows/],
    ["longer than its memory", (at) => ({ pointer: at + 8n, bytes: 400 }), /no address that CUDA knows/],
    ["without bytes", (at) => ({ pointer: at }), /must be/],
    ["a number that is no address", () => ({ pointer: 1.5, bytes: 400 }), /pointer must be an address as a bigint, not 1\.5/],
    ["of another type", () => new Float64Array(100), /not Float64Array/],
  ])("a gradient: %s, and nothing is written", async (_, make, message) => {
    const device = await pretendCuda(subject.cuda);
    const memory = allocateOnGpu(new Float32Array(100).fill(1));
    const data = new Float32Array(100).fill(3);
    const optimizer = await createOptimizer(definitionOf(subject), device, { params: [param("p", 100, { data }), param("q", 1)] });
    const step = optimizer.step({ gradients: { q: new Float32Array(1), p: make(memory.pointer) } as never });
    expect(await refusal(step)).toMatchObject({ code: "invalid-gradient", message: expect.stringMatching(message) });
    expect(optimizer.steps).toBe(0);
    expect(await optimizer.download("p")).toEqual(data);
    optimizer.destroy();
    freeOnGpu(memory);
    device.destroy();
  });

  test("another GPU's, shared between parameters, or a gradient in what is written", async () => {
    const device = await pretendCuda(subject.cuda);
    const memory = allocateOnGpu(new Float32Array(100));
    const create = (...params: object[]) => createOptimizer(definitionOf(subject), device, { params: params as never });
    const own = param("p", 100, { buffer: memory });
    playMachine({ ORDINAL: "1" });
    expect(await refusal(create(own))).toMatchObject({ message: expect.stringContaining("on GPU 1, the optimizer on GPU 0") });
    playMachine({});
    expect(await refusal(create(own, param("q", 1, { buffer: memory, offset: 396 })))).toMatchObject({
      message: expect.stringContaining("share memory"),
    });
    const optimizer = await create(own);
    expect(await refusal(optimizer.step({ gradients: { p: memory } as never }))).toMatchObject({ code: "invalid-gradient" });
    expect(optimizer.steps).toBe(0);
    optimizer.destroy();
    freeOnGpu(memory);
    device.destroy();
  });
});
