// The optimizer on the WebGPU device, through Dawn in Node.

import { describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS, type OptimizerDefinition } from "../../src/contract/manifest.js";
import { type BaseSettings, createOptimizer, DeviceLost, type Optimizer } from "../../src/runtime/index.js";
import { type BufferRange, type WebGpuOptions, webgpu } from "../../src/runtime/webgpu/index.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { adamStep, createState, defaults, noise } from "./adamw-reference.js";
import { type HandAdamTypes, handAdam } from "./hand-made.js";

const { gpu, why } = await openDawn();
const onGpu = describe.skipIf(why !== undefined);
const definition = handAdam();

async function create(
  settings: BaseSettings & Record<string, unknown>,
  options: WebGpuOptions = {},
  from: OptimizerDefinition = definition,
) {
  const device = await webgpu({ gpu, limits: "default", ...options });
  const optimizer: Optimizer<BufferRange, HandAdamTypes> = await createOptimizer(from, device, settings);
  return { device, optimizer };
}

async function requestDevice(limits: Record<string, number> = {}): Promise<GPUDevice> {
  return (await gpu.requestAdapter())!.requestDevice({ requiredLimits: limits });
}

const shapes = { a: [3, 5], b: [1], c: [CHUNK_ELEMENTS + 3], empty: [0, 4], scalar: [] as number[] };
const params = () =>
  Object.entries(shapes).map(([name, shape], i) => {
    return {
      name,
      shape,
      data: noise(
        shape.reduce((x, y) => x * y, 1),
        i + 1,
      ),
    };
  });

onGpu("numbers", () => {
  test("are those of float32 arithmetic written down by hand", async () => {
    const list = params();
    const { optimizer } = await create({ params: list, lr: 0.01 });
    const expected = list.map(({ data }) => createState(data));
    for (let step = 1; step <= 20; step++) {
      const gradients = Object.fromEntries(list.map(({ name, data }, i) => [name, noise(data.length, 100 * step + i, 0.1)]));
      await optimizer.step({ gradients });
      for (const [i, { name }] of list.entries()) adamStep(expected[i]!, gradients[name]!, { ...defaults, lr: 0.01 }, Math.fround);
    }
    expect(optimizer.dispatches).toBe(1);
    for (const [i, { name }] of list.entries()) {
      expect(await optimizer.download(name)).toEqual(Float32Array.from(expected[i]!.p));
      expect(await optimizer.download(name, "v")).toEqual(Float32Array.from(expected[i]!.v));
    }
  });

  test("do not depend on the number of banks, and states of a tensor cut in two are whole", async () => {
    const bytes = 8 * CHUNK_ELEMENTS; // smaller than any real device's: one chunk with its states, twice
    const data = noise(5 * CHUNK_ELEMENTS + 7, 1);
    const gradient = noise(data.length, 2);
    const settings = { params: [{ name: "w", shape: [data.length], data }], lr: 0.1 };
    const small = await webgpu({ gpu });
    const narrow = { ...small, limits: { ...small.limits, bindingBytes: bytes } };
    const cut: Optimizer<BufferRange, HandAdamTypes> = await createOptimizer(definition, narrow, settings);
    const { optimizer: whole } = await create(settings);
    for (const optimizer of [cut, whole]) await optimizer.step({ gradients: { w: gradient } });
    expect([cut.dispatches, whole.dispatches]).toEqual([6, 1]);
    for (const what of ["param", "m", "v"] as const) expect(await cut.download("w", what)).toEqual(await whole.download("w", what));
    cut.upload("w", data, "v");
    expect(await cut.download("w", "v")).toEqual(data);
  });

  test("many steps in flight use their own coefficients", async () => {
    const data = noise(64, 1);
    const { optimizer } = await create({ params: [{ name: "w", shape: [64], data }], lr: (step: number) => 0.1 / (step + 1) });
    optimizer.upload("w", noise(64, 2), "grad");
    const steps: Promise<void>[] = [];
    for (let i = 0; i < 70; i++) steps.push(optimizer.step());
    await Promise.all(steps);
    await optimizer.idle();
    const expected = createState(data);
    for (let i = 0; i < 70; i++) adamStep(expected, noise(64, 2), { ...defaults, lr: 0.1 / (i + 1) }, Math.fround);
    expect(await optimizer.download("w")).toEqual(Float32Array.from(expected.p));
  });

  test("absent gradients leave parameter and states as they are", async () => {
    const list = ["a", "b"].map((name, i) => ({ name, shape: [5], data: noise(5, i + 1) }));
    const { optimizer } = await create({ params: list, gradients: "some" });
    await optimizer.step({ gradients: { a: noise(5, 3) } });
    await optimizer.step({ gradients: { a: noise(5, 4), b: noise(5, 5) } });
    const expected = createState(list[1]!.data);
    adamStep(expected, noise(5, 5), defaults, Math.fround);
    expect(await optimizer.download("b")).toEqual(Float32Array.from(expected.p));
    expect([optimizer.t("a"), optimizer.t("b")]).toEqual([2, 1]);
  });
});

onGpu("memory", () => {
  test("views are ranges that another kernel or copy can use", async () => {
    const { device, optimizer } = await create({ params: params() });
    const { param, grad } = optimizer.tensor("c");
    expect(param.offset % 256).toBe(0);
    expect(param.size).toBe(4 * (CHUNK_ELEMENTS + 3));
    device.gpuDevice.queue.writeBuffer(grad.buffer, grad.offset, noise(CHUNK_ELEMENTS + 3, 9));
    expect(await optimizer.download("c", "grad")).toEqual(noise(CHUNK_ELEMENTS + 3, 9));
    optimizer.zeroGrad();
    expect(await optimizer.download("c", "grad")).toEqual(new Float32Array(CHUNK_ELEMENTS + 3));
  });

  test("a tensor above the device's buffers is refused, naming the limit", async () => {
    await expect(create({ params: [{ name: "w", shape: [2 ** 27] }] })).rejects.toMatchObject({
      code: "parameter-too-large",
      message: expect.stringContaining("268435456"),
    });
  });

  test("a device gives what its adapter has, unless told otherwise", async () => {
    const adapter = (await gpu.requestAdapter())!;
    const all = await webgpu({ gpu });
    expect(all.limits.arenaBytes).toBe(adapter.limits.maxBufferSize);
    expect((await webgpu({ adapter, limits: "default" })).limits).toEqual({ arenaBytes: 2 ** 28, bindingBytes: 2 ** 27, unified: false });
  });
});

onGpu("kernels", () => {
  test("the driver's own words reject create()", async () => {
    const broken: OptimizerDefinition = {
      ...definition,
      kernels: { base: { ...definition.kernels.base!, wgsl: async () => "fn step() { let x = undefined_name; }" } },
    };
    await expect(create({ params: params() }, {}, broken)).rejects.toMatchObject({
      code: "kernel",
      message: expect.stringMatching(/1:21 error: .*undefined_name/s),
    });
  });

  test("an entry point that is missing rejects create()", async () => {
    const other: OptimizerDefinition = {
      ...definition,
      kernels: { base: { ...definition.kernels.base!, wgsl: async () => "@compute @workgroup_size(1) fn other() {}" } },
    };
    await expect(create({ params: params() }, {}, other)).rejects.toMatchObject({ code: "kernel" });
  });
});

onGpu("devices", () => {
  test("a caller's device gets no handlers, is used by several optimizers, and is never destroyed", async () => {
    const own = await requestDevice();
    let handlers = 0;
    own.addEventListener = () => void handlers++;
    const device = await webgpu({ device: own });
    const optimizers = await Promise.all([1, 2].map(() => createOptimizer(definition, device, { params: params() })));
    optimizers[0]!.destroy();
    await optimizers[1]!.step();
    optimizers[1]!.destroy();
    device.destroy();
    expect(handlers).toBe(0);
    expect(own.onuncapturederror ?? null).toBe(null);
    const buffer = own.createBuffer({ size: 16, usage: 0x8 });
    own.queue.writeBuffer(buffer, 0, new Float32Array(4));
    await own.queue.onSubmittedWorkDone();
    expect(await Promise.race([own.lost, "alive"])).toBe("alive");
  });

  test("a driver without subnormals is found out, and one that is told is believed", async () => {
    const device = await webgpu({ gpu });
    expect(device.profile).toEqual({ subnormals: "flush", division: "exact", fuses: false }); // SwiftShader
    const told = { subnormals: "keep", division: "2.5ulp", fuses: true } as const;
    expect((await webgpu({ gpu, profile: told })).profile).toEqual(told);
  });

  test("once the device is lost, every method that needs it says so", async () => {
    const { device, optimizer } = await create({ params: params() });
    device.gpuDevice.destroy();
    await device.lost;
    await expect(optimizer.step()).rejects.toBeInstanceOf(DeviceLost);
    await expect(optimizer.download("a")).rejects.toBeInstanceOf(DeviceLost);
    await expect(optimizer.idle()).rejects.toBeInstanceOf(DeviceLost);
    expect(() => optimizer.upload("a", new Float32Array(15))).toThrow(DeviceLost);
    expect(() => optimizer.tensor("a")).toThrow(DeviceLost);
    expect(() => optimizer.zeroGrad()).toThrow(DeviceLost);
    expect(optimizer.steps).toBe(0);
    await expect(createOptimizer(definition, device, { params: params() })).rejects.toBeInstanceOf(DeviceLost);
    await optimizer[Symbol.asyncDispose]();
  });

  test("a loss during a download is a loss", async () => {
    const { device, optimizer } = await create({ params: params() });
    const download = optimizer.download("c");
    device.gpuDevice.destroy();
    await expect(download).rejects.toBeInstanceOf(DeviceLost);
  });

  test("no WebGPU is an error with ways out", async () => {
    const none = { requestAdapter: async () => null } as unknown as GPU;
    await expect(webgpu({ gpu: none })).rejects.toMatchObject({ code: "no-device", message: expect.stringContaining("cpu()") });
    await expect(webgpu()).rejects.toMatchObject({ code: "no-device", message: expect.stringContaining("webgpu({ gpu:") });
  });

  test("memory that the driver does not have rejects create() and leaves nothing behind", async () => {
    const device = await webgpu({ gpu });
    const boundless = { ...device, limits: { ...device.limits, arenaBytes: 2 ** 50 } };
    const wanted = createOptimizer(definition, boundless, { params: [{ name: "w", shape: [2 ** 31] }] });
    await expect(wanted).rejects.toMatchObject({ code: "out-of-memory", message: expect.stringMatching(/has no \d+ bytes/) });
    const { optimizer } = await create({ params: params() });
    await optimizer.step();
  });
});
