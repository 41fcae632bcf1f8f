// Parameters and gradients in buffers of the caller's on WebGPU: numbers, what is refused and how, encoding, and lifetimes.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { webgpu } from "optspec/webgpu";
import { describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import { type BaseSettings, createOptimizer, DeviceLost, type Optimizer, type ParamSpec } from "../../src/runtime/index.js";
import type { BufferRange, WebGpuDevice } from "../../src/runtime/webgpu/index.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { bufferOf, contents } from "../oracle/caller-buffers.js";
import { noise } from "./adamw-reference.js";
import { type HandAdamTypes, handAdam } from "./hand-made.js";

const { gpu, why } = await openDawn();
const onGpu = describe.skipIf(why !== undefined);
const definition = handAdam();
const [STORAGE, COPY_SRC, COPY_DST] = [0x80, 0x4, 0x8];
const ALL = STORAGE | COPY_SRC | COPY_DST;

type HandAdam = Optimizer<BufferRange, HandAdamTypes>;

const open = () => webgpu({ gpu, limits: "default" });
const create = (device: WebGpuDevice, settings: BaseSettings & Record<string, unknown>): Promise<HandAdam> =>
  createOptimizer(definition, device, settings);

/** A parameter in a buffer that is its own. */
const own = (device: WebGpuDevice, name: string, data: Float32Array): ParamSpec & { buffer: GPUBuffer } => {
  return { name, shape: [data.length], buffer: bufferOf(device.gpuDevice, data) };
};

/** Counts submissions and compute passes from now on. */
function countCalls(device: GPUDevice): { submits: number; passes: number } {
  const calls = { submits: 0, passes: 0 };
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (commands) => {
    calls.submits++;
    return submit(commands);
  };
  const createCommandEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = createCommandEncoder(descriptor);
    const beginComputePass = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (passDescriptor) => {
      calls.passes++;
      return beginComputePass(passDescriptor);
    };
    return encoder;
  };
  return calls;
}

/** Compiled, never run: what the types refuse. */
async function refusedByTypes(
  gpuAdam: HandAdam,
  cpuAdam: Optimizer<Float32Array, HandAdamTypes>,
  w: GPUBuffer,
  encoder: GPUCommandEncoder,
) {
  await gpuAdam.step({ gradients: { w: { buffer: w, offset: 256 } } });
  // @ts-expect-error: the dtype is float32
  await gpuAdam.step({ gradients: { w: new Float64Array(4) } });
  // @ts-expect-error: a range has a buffer
  await gpuAdam.step({ gradients: { w: { offset: 256 } } });
  // @ts-expect-error: arrays cannot be encoded
  gpuAdam.encode(encoder, { gradients: { w: new Float32Array(4) } });
  // @ts-expect-error: the CPU takes arrays
  await cpuAdam.step({ gradients: { w } });
  // @ts-expect-error: a parameter's buffer is no array
  await create(await open(), { params: [{ name: "w", shape: [4], buffer: new Float32Array(4) }] });
}
void refusedByTypes;

onGpu("numbers", () => {
  test("buffers, arrays, and memory of the optimizer's give the same bits, in one submission", async () => {
    const device = await open();
    const sizes = { a: 8, b: CHUNK_ELEMENTS + 4, odd: 7, one: 1 };
    const names = Object.keys(sizes) as (keyof typeof sizes)[];
    const data = (name: keyof typeof sizes) => noise(sizes[name], names.indexOf(name) + 1);
    const plain = await create(device, { params: names.map((name) => ({ name, shape: [sizes[name]], data: data(name) })) });
    const placed = names.map((name) => own(device, name, data(name)));
    const optimizer = await create(device, { params: placed });
    const calls = countCalls(device.gpuDevice);
    for (let step = 0; step < 6; step++) {
      const arrays = Object.fromEntries(names.map((name, i) => [name, noise(sizes[name], 10 * step + i, 0.1)]));
      const buffers = Object.fromEntries(names.map((name) => [name, bufferOf(device.gpuDevice, arrays[name]!)]));
      await plain.step({ gradients: arrays });
      calls.submits = calls.passes = 0;
      await optimizer.step({ gradients: step === 3 ? arrays : { ...buffers, ...(step === 4 && { a: arrays.a! }) } });
      expect([calls.submits, calls.passes]).toEqual([1, 1]);
    }
    expect([plain.dispatches, optimizer.dispatches]).toEqual([1, 4]);
    for (const [i, name] of names.entries()) {
      expect(await contents(device.gpuDevice, placed[i]!.buffer)).toEqual(await plain.download(name));
      expect(await optimizer.download(name)).toEqual(await plain.download(name));
      expect(await optimizer.download(name, "v")).toEqual(await plain.download(name, "v"));
    }
  });

  test("a tensor of several banks in place, and gradients of the optimizer's own memory", async () => {
    const real = await open();
    const device = { ...real, limits: { ...real.limits, bindingBytes: 8 * CHUNK_ELEMENTS } };
    const data = noise(3 * CHUNK_ELEMENTS + 8, 1);
    const gradient = noise(data.length, 2, 0.1);
    const param = own(device, "w", data);
    const optimizer = await create(device, { params: [param] });
    const plain = await create(real, { params: [{ name: "w", shape: [data.length], data }] });
    await expect(optimizer.step()).rejects.toMatchObject({
      code: "missing-gradient",
      message: expect.stringContaining("tensor(name).grad"),
    });
    const { grad } = optimizer.tensor("w");
    real.gpuDevice.queue.writeBuffer(grad.buffer, grad.offset, gradient as Float32Array<ArrayBuffer>);
    plain.upload("w", gradient, "grad");
    await Promise.all([optimizer.step(), plain.step()]);
    expect(optimizer.dispatches).toBe(4);
    await optimizer.step({ gradients: { w: bufferOf(real.gpuDevice, gradient) } });
    await plain.step();
    expect(await contents(real.gpuDevice, param.buffer)).toEqual(await plain.download("w"));
    optimizer.zeroGrad();
    expect(await optimizer.download("w", "grad")).toEqual(new Float32Array(data.length));
  });

  test("parameters that share a buffer, and gradients that do, one of them in the optimizer's memory", async () => {
    const device = await open();
    const firsts = { a: 0, b: 64, c: 75 };
    const lengths = { a: 64, b: 11, c: 20 };
    const names = ["a", "b", "c"] as const;
    const buffer = bufferOf(device.gpuDevice, noise(100, 1));
    const gradients = bufferOf(device.gpuDevice, noise(100, 2));
    const list = names.map((name) => ({ name, shape: [lengths[name]], buffer, offset: 4 * firsts[name] }));
    const optimizer = await create(device, { params: [...list, { name: "arena", shape: [20], data: noise(20, 9) }] });
    optimizer.upload("arena", noise(20, 8), "grad");
    const ranges = Object.fromEntries(names.map((name) => [name, { buffer: gradients, offset: 4 * firsts[name] }]));
    await optimizer.step({ gradients: { ...ranges, arena: optimizer.tensor("arena").grad } });
    const parts = names.map((name) => ({
      name,
      shape: [lengths[name]],
      data: noise(100, 1).subarray(firsts[name]).slice(0, lengths[name]),
    }));
    const plain = await create(device, { params: [...parts, { name: "arena", shape: [20], data: noise(20, 9) }] });
    const arrays = names.map((name) => [name, noise(100, 2).subarray(firsts[name]).slice(0, lengths[name])]);
    await plain.step({ gradients: { ...Object.fromEntries(arrays), arena: noise(20, 8) } });
    for (const name of [...names, "arena"]) expect(await optimizer.download(name)).toEqual(await plain.download(name));
    expect((await contents(device.gpuDevice, buffer)).slice(95)).toEqual(noise(100, 1).slice(95));
  });

  test("data is written into the buffer, what is absent from a step stays, and empty tensors are no matter", async () => {
    const device = await open();
    const list = [own(device, "a", noise(4, 1)), own(device, "b", noise(5, 2)), own(device, "empty", new Float32Array(0))];
    const optimizer = await create(device, { params: [{ ...list[0]!, data: noise(4, 9) }, ...list.slice(1)], gradients: "some" });
    expect(await optimizer.download("a")).toEqual(noise(4, 9));
    await optimizer.step({ gradients: { b: bufferOf(device.gpuDevice, noise(5, 3)) } });
    expect(await optimizer.download("a")).toEqual(noise(4, 9));
    expect(await optimizer.download("b")).not.toEqual(noise(5, 2));
    expect([optimizer.t("a"), optimizer.t("b")]).toEqual([0, 1]);
    optimizer.upload("b", noise(5, 7));
    expect(await contents(device.gpuDevice, list[1]!.buffer)).toEqual(noise(5, 7));
    expect(optimizer.tensor("b").param).toMatchObject({ buffer: list[1]!.buffer, offset: 0, size: 20 });
  });
});

onGpu("what creation refuses", () => {
  const refused = async (make: (device: WebGpuDevice) => ParamSpec[] | Promise<ParamSpec[]>, message: RegExp) => {
    const device = await open();
    const wanted = create(device, { params: await make(device) });
    await expect(wanted).rejects.toMatchObject({ code: "invalid-parameter", message: expect.stringMatching(message) });
  };
  const make = (device: GPUDevice, size: number, usage = ALL, more = {}) => device.createBuffer({ size, usage, ...more });

  test.each([
    ["a buffer that is too small", 15 * 4, {}, /"w" needs 64 bytes from byte 0 on; its buffer has 60/],
    ["an offset past the end", 320, { offset: 260 }, /needs 64 bytes from byte 260 on; its buffer has 320/],
    ["an offset inside a number", 320, { offset: 2 }, /offset 2; .* multiple of 4/],
    ["an offset below zero", 320, { offset: -256 }, /offset -256/],
  ] as const)("%s", (_, size, more, message) => {
    return refused((device) => [{ name: "w", shape: [16], buffer: make(device.gpuDevice, size), ...more }], message);
  });

  test.each([
    ["STORAGE", COPY_SRC | COPY_DST, [16], /without GPUBufferUsage\.STORAGE, which a kernel that works in place needs/],
    ["COPY_DST, where it is copied", STORAGE | COPY_SRC, [15], /without GPUBufferUsage\.COPY_DST, which a length of 15 at byte 0/],
  ] as const)("a buffer without %s", (_, usage, shape, message) => {
    return refused((device) => [{ name: "w", shape, buffer: make(device.gpuDevice, 64, usage) }], message);
  });

  test("data for a buffer that nothing can be written into", () =>
    refused((device) => {
      const buffer = make(device.gpuDevice, 64, STORAGE);
      return [own(device, "a", noise(4, 1)), { name: "w", shape: [16], buffer, data: noise(16, 1) }];
    }, /"w" is in a buffer without GPUBufferUsage\.COPY_DST, which writing data into it needs/));

  test("parameters that overlap", () =>
    refused((device) => {
      const buffer = make(device.gpuDevice, 512);
      return [
        { name: "b", shape: [16], buffer, offset: 256 },
        { name: "a", shape: [65], buffer },
      ];
    }, /parameter "a" and parameter "b" overlap.*aliases/));

  test("a buffer that is mapped", () =>
    refused(
      (device) => [{ name: "w", shape: [4], buffer: make(device.gpuDevice, 16, ALL, { mappedAtCreation: true }) }],
      /mapped: unmap it/,
    ));

  test.each([4, 5])("a buffer that is destroyed, %i elements", (length) =>
    refused((device) => {
      const { name, shape, buffer } = own(device, "w", noise(length, 1));
      buffer.destroy();
      return [{ name, shape, buffer }];
    }, /refuses the parameters' buffers: .*destroyed.*Is a buffer destroyed/s),
  );

  test.each([4, 5])("a buffer of another device, %i elements", (length) =>
    refused(async () => [own(await open(), "w", noise(length, 1))], /refuses the parameters' buffers: .*another GPUDevice/s),
  );

  test("what is no buffer, an offset without a buffer, and any buffer on the CPU", async () => {
    await refused(() => [{ name: "w", shape: [4], buffer: noise(4, 1) as unknown as GPUBuffer }], /must be .* a GPUBuffer/);
    await refused(() => [{ name: "w", shape: [4], offset: 4 }], /offset is a place in buffer/);
    const device = await open();
    const onCpu = createOptimizer(definition, await cpu(), { params: [own(device, "w", noise(4, 1))] });
    await expect(onCpu).rejects.toMatchObject({
      code: "invalid-parameter",
      message: expect.stringContaining("give data instead of buffer"),
    });
  });
});

onGpu("what a step refuses", () => {
  test.each([
    ["the buffer of a parameter", (_: GPUDevice, params: GPUBuffer[]) => params[1], /is in the buffer of parameter "b"/],
    ["a small buffer", (device: GPUDevice) => device.createBuffer({ size: 12, usage: ALL }), /needs 16 bytes/],
    ["no STORAGE", (device: GPUDevice) => device.createBuffer({ size: 16, usage: COPY_SRC }), /without GPUBufferUsage\.STORAGE/],
    [
      "an unknown key",
      (device: GPUDevice) => ({ buffer: device.createBuffer({ size: 16, usage: ALL }), ofset: 0 }),
      /did you mean "offset"/,
    ],
    ["another size", (device: GPUDevice) => ({ buffer: device.createBuffer({ size: 32, usage: ALL }), size: 32 }), /size of 32 bytes/],
    ["a number", () => 3, /must be a Float32Array of 4 elements, a GPUBuffer or/],
    ["float64", () => new Float64Array(4), /must be a Float32Array of 4 elements, not Float64Array/],
  ])("%s, before anything is written", async (_, make, message) => {
    const device = await open();
    const params = [own(device, "a", noise(4, 1)), own(device, "b", noise(4, 2))];
    const optimizer = await create(device, { params });
    const bad = make(
      device.gpuDevice,
      params.map(({ buffer }) => buffer),
    ) as unknown as Float32Array;
    const step = optimizer.step({ gradients: { a: bad, b: noise(4, 3) } });
    await expect(step).rejects.toMatchObject({ code: "invalid-gradient", message: expect.stringMatching(message) });
    expect(optimizer.steps).toBe(0);
    expect(await optimizer.download("b")).toEqual(noise(4, 2));
  });

  test.each(["own", "arena"])(
    "a gradient that is destroyed or of another device: nothing is done and nothing counted (%s)",
    async (where) => {
      const device = await open();
      const data = noise(4, 1);
      const optimizer = await create(device, { params: [where === "own" ? own(device, "w", data) : { name: "w", shape: [4], data }] });
      const destroyed = bufferOf(device.gpuDevice, noise(4, 2));
      destroyed.destroy();
      const foreign = bufferOf((await open()).gpuDevice, noise(4, 2));
      for (const gradient of [destroyed, foreign, foreign]) {
        const step = optimizer.step({ gradients: { w: gradient } });
        await expect(step).rejects.toMatchObject({ code: "refused", message: expect.stringMatching(/of which nothing was done/) });
        expect([optimizer.steps, optimizer.t("w")]).toEqual([0, 0]);
      }
      expect(await optimizer.download("w")).toEqual(data);
      const plain = await create(device, { params: [{ name: "w", shape: [4], data }] });
      await optimizer.step({ gradients: { w: bufferOf(device.gpuDevice, noise(4, 2)) } });
      await plain.step({ gradients: { w: noise(4, 2) } });
      expect(await optimizer.download("w")).toEqual(await plain.download("w"));
    },
  );

  test("a parameter's buffer that its owner destroyed", async () => {
    const device = await open();
    const param = own(device, "w", noise(4, 1));
    const optimizer = await create(device, { params: [param] });
    await optimizer.step({ gradients: { w: noise(4, 2) } });
    param.buffer.destroy();
    await expect(optimizer.step({ gradients: { w: noise(4, 2) } })).rejects.toMatchObject({ code: "refused" });
    expect(optimizer.steps).toBe(1);
  });

  test("reading and writing a buffer that cannot be copied", async () => {
    const device = await open();
    const buffer = device.gpuDevice.createBuffer({ size: 16, usage: STORAGE });
    const optimizer = await create(device, { params: [{ name: "w", shape: [4], buffer }] });
    await optimizer.step({ gradients: { w: noise(4, 2) } });
    await expect(optimizer.download("w")).rejects.toMatchObject({ code: "invalid-data", message: expect.stringContaining("COPY_SRC") });
    expect(() => optimizer.upload("w", noise(4, 3))).toThrow(/COPY_DST/);
  });
});

onGpu("encode", () => {
  const schedule = { lr: (step: number) => 0.1 / (step + 1) };

  test.each([
    ["in place", 8, true, "pass"],
    ["in place", 8, true, "encoder"],
    ["copied", 7, true, "encoder"],
    ["in the optimizer's memory", 7, false, "pass"],
    ["in the optimizer's memory", 7, false, "encoder"],
  ] as const)(
    "16 steps in one command buffer equal 16 steps, bit for bit: %s, %i elements, own %s, into a(n) %s",
    async (_, length, isOwn, into) => {
      const device = await open();
      const data = noise(length, 1);
      const param = isOwn ? own(device, "w", data) : { name: "w", shape: [length], data };
      const optimizer = await create(device, { params: [param], ...schedule });
      const plain = await create(device, { params: [{ name: "w", shape: [length], data }], ...schedule });
      const fromArena = !isOwn && into === "pass"; // a gradient of the caller's is copied into an arena, which a pass cannot do
      const buffers = Array.from({ length: 16 }, (_, i) => bufferOf(device.gpuDevice, noise(length, fromArena ? 5 : i + 5)));
      if (fromArena) optimizer.upload("w", noise(length, 5), "grad");
      const encoder = device.gpuDevice.createCommandEncoder();
      const pass = into === "pass" ? encoder.beginComputePass() : null;
      for (const buffer of buffers) optimizer.encode(pass ?? encoder, fromArena ? {} : { gradients: { w: buffer } });
      pass?.end();
      expect(() => optimizer.encode(encoder, fromArena ? {} : { gradients: { w: buffers[0]! } })).toThrow(/16 steps.*await idle\(\)/);
      await expect(optimizer.step({ gradients: { w: data } })).rejects.toMatchObject({ code: "encode" });
      device.gpuDevice.queue.submit([encoder.finish()]);
      for (let i = 0; i < 16; i++) await plain.step({ gradients: { w: noise(length, fromArena ? 5 : i + 5) } });
      for (const what of ["param", "m", "v"] as const) expect(await optimizer.download("w", what)).toEqual(await plain.download("w", what));
      expect([optimizer.steps, optimizer.t("w")]).toEqual([16, 16]);
      await optimizer.idle();
      await Promise.all([optimizer, plain].map((one) => one.step({ gradients: { w: noise(length, 99) } })));
      expect(await optimizer.download("w")).toEqual(await plain.download("w"));
    },
  );

  test("what cannot be encoded is refused and not counted", async () => {
    const device = await open();
    const optimizer = await create(device, {
      params: [own(device, "odd", noise(5, 1)), { name: "arena", shape: [4] }],
      gradients: "some",
    });
    const encoder = device.gpuDevice.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const buffer = bufferOf(device.gpuDevice, noise(5, 2));
    const cases: [unknown, Record<string, unknown>, RegExp][] = [
      [pass, { odd: buffer }, /parameter "odd" is copied .* encode into the GPUCommandEncoder/],
      [encoder, { arena: noise(4, 1) }, /the gradient of "arena" is an array/],
      [device.gpuDevice, { odd: buffer }, /takes a GPUCommandEncoder or a GPUComputePassEncoder/],
      [null, { odd: buffer }, /not null/],
    ];
    for (const [target, gradients, message] of cases) {
      expect(() => optimizer.encode(target as GPUCommandEncoder, { gradients: gradients as Record<string, GPUBuffer> })).toThrow(message);
    }
    pass.end();
    expect(optimizer.steps).toBe(0);
    optimizer.encode(encoder, { gradients: { odd: buffer } });
    expect(() => optimizer.encode(encoder, { gradients: { arena: buffer } })).toThrow(/other parameters take part than in the 1 steps/);
    device.gpuDevice.queue.submit([encoder.finish()]);
    await optimizer.idle();
    await optimizer.step({ gradients: { arena: buffer } });
    expect([optimizer.t("odd"), optimizer.t("arena")]).toEqual([1, 1]);
    const onCpu = await createOptimizer(definition, await cpu(), { params: [{ name: "w", shape: [4] }] });
    expect(() => onCpu.encode(encoder)).toThrow(/the cpu device has no commands/);
  });
});

onGpu("lifetimes", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  async function heap(): Promise<number> {
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
    }
    return process.memoryUsage().heapUsed;
  }

  test.each([
    ["the optimizer's memory", false],
    ["the caller's buffers", true],
  ])("10,000 steps in %s", async (_, isOwn) => {
    const device = await open();
    const param = isOwn ? own(device, "w", noise(4, 1)) : { name: "w", shape: [4] };
    const optimizer = await create(device, { params: [param] });
    const options = isOwn ? { gradients: { w: bufferOf(device.gpuDevice, noise(4, 2)) } } : {};
    const run = async (count: number) => {
      for (let i = 0; i < count; i++) await optimizer.step(options);
      await optimizer.idle();
    };
    await run(2_000);
    // What leaks, leaks every time; what the engine compiles or caches meanwhile, once.
    let growth = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3 && growth >= 1e5; attempt++) {
      const before = await heap();
      await run(10_000);
      growth = (await heap()) - before;
    }
    expect(growth).toBeLessThan(1e5);
  });

  test("10,000 different gradient buffers leave nothing behind", async () => {
    const device = await open();
    const optimizer = await create(device, { params: [own(device, "w", noise(4, 1))] });
    const run = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const buffer = device.gpuDevice.createBuffer({ size: 16, usage: STORAGE });
        await optimizer.step({ gradients: { w: buffer } });
        buffer.destroy();
      }
    };
    await run(1_000);
    const before = await heap();
    await run(10_000);
    expect(optimizer.steps).toBe(11_000);
    expect((await heap()) - before).toBeLessThan(1e6); // a bind group and a buffer kept for each would be several megabytes
  });

  test("two optimizers on one device, given back in any order; the caller's buffers and device live on", async () => {
    const device = await open();
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const params = [own(device, "a", noise(4, 1)), own(device, "b", noise(5, 2))];
      const optimizers = await Promise.all(params.map((param) => create(device, { params: [param] })));
      const gradient = bufferOf(device.gpuDevice, noise(5, 3));
      for (const [i, optimizer] of optimizers.entries()) await optimizer.step({ gradients: { [params[i]!.name]: gradient } });
      optimizers[order[0]]!.destroy();
      await optimizers[order[1]]!.step({ gradients: { [params[order[1]]!.name]: gradient } });
      optimizers[order[1]]!.destroy();
      expect((await contents(device.gpuDevice, params[0]!.buffer)).every(Number.isFinite)).toBe(true);
      expect(await contents(device.gpuDevice, gradient)).toEqual(noise(5, 3));
      await expect(optimizers[0]!.step()).rejects.toMatchObject({ code: "destroyed" });
      expect(() => optimizers[0]!.encode(device.gpuDevice.createCommandEncoder())).toThrow(/was destroyed/);
    }
  });

  test("a thousand optimizers come and go on one device", async () => {
    const device = await open();
    const param = own(device, "w", noise(5, 1));
    const gradient = bufferOf(device.gpuDevice, noise(5, 2));
    const cycles = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const optimizer = await create(device, { params: [param, { name: "arena", shape: [64] }] });
        await optimizer.step({ gradients: { w: gradient, arena: noise(64, 1) } });
        optimizer.destroy();
      }
    };
    await cycles(100);
    const before = await heap();
    await cycles(1_000);
    expect((await heap()) - before).toBeLessThan(2e6); // one cycle's optimizer is about 40 kB
    expect((await contents(device.gpuDevice, param.buffer)).every(Number.isFinite)).toBe(true);
  });

  test("a lost device is told by every way, and disposal still works", async () => {
    const device = await open();
    const optimizer = await create(device, { params: [own(device, "w", noise(5, 1))] });
    const gradient = bufferOf(device.gpuDevice, noise(5, 2));
    const encoder = device.gpuDevice.createCommandEncoder();
    device.gpuDevice.destroy();
    await device.lost;
    await expect(optimizer.step({ gradients: { w: gradient } })).rejects.toBeInstanceOf(DeviceLost);
    expect(() => optimizer.encode(encoder, { gradients: { w: gradient } })).toThrow(DeviceLost);
    expect(optimizer.steps).toBe(0);
    await optimizer[Symbol.asyncDispose]();
  });
});
