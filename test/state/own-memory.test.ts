// Parameters in buffers of the caller's are saved from there and loaded into them.

import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { describe, expect, test } from "vitest";
import { AdamW } from "../../generated/adamw/adamw.js";
import { allocateOnGpu, freeOnGpu, playMachine, pretendCuda, readOnGpu, whyNoPretence } from "../device/cuda/pretend.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { bufferOf, contents } from "../oracle/caller-buffers.js";
import { noise } from "../runtime/adamw-reference.js";

const { gpu, why } = await openDawn();
const STORAGE = 0x80;
const COPY_SRC = 0x4;
const LENGTH = 1_003;
const GUARD = 64;

const gradients = { own: noise(LENGTH, 5), ours: noise(7, 6) };

describe.skipIf(why !== undefined).each([0, 64, 3])("on WebGPU, from element %i of a buffer", (first) => {
  const around = () => {
    const made = new Float32Array(first + LENGTH + GUARD).fill(-7);
    made.set(noise(LENGTH, 1), first);
    return made;
  };

  test("a run goes on in other buffers, and touches nothing around them", async () => {
    const device = await webgpu({ gpu });
    const create = (buffer: GPUBuffer) =>
      AdamW.create(device, {
        params: [
          { name: "own", shape: [LENGTH], buffer, offset: first * 4 },
          { name: "ours", shape: [7] },
        ],
      });
    const [before, after] = [bufferOf(device.gpuDevice, around()), bufferOf(device.gpuDevice, around().fill(-7))];
    const whole = await create(before);
    await whole.step({ gradients });
    const file = await whole.save();
    await whole.step({ gradients });
    const resumed = await create(after);
    await resumed.load(file);
    await resumed.step({ gradients });
    expect(await contents(device.gpuDevice, after)).toEqual(await contents(device.gpuDevice, before));
    const plain = await AdamW.create(await cpu(), {
      params: [
        { name: "ours", shape: [7] },
        { name: "own", shape: [LENGTH] },
      ],
    });
    expect((await plain.load(file)).missing).toEqual([]);
    for (const optimizer of [whole, resumed]) optimizer.destroy();
    device.destroy();
  });
});

test.skipIf(why !== undefined)("an added parameter leaves the caller's buffers where they are", async () => {
  const device = await webgpu({ gpu });
  const [own, added] = [1, 2].map((seed) => bufferOf(device.gpuDevice, noise(LENGTH + 1, seed), STORAGE | COPY_SRC));
  const optimizer = await AdamW.create(device, { params: [{ name: "own", shape: [LENGTH + 1], buffer: own! }] });
  const reference = await AdamW.create(device, { params: [{ name: "own", shape: [LENGTH + 1], data: noise(LENGTH + 1, 1) }] });
  const gradient = noise(LENGTH + 1, 5);
  for (const one of [optimizer, reference]) await one.step({ gradients: { own: gradient } });
  await optimizer.addParams([{ name: "added", shape: [LENGTH + 1], buffer: added! }]);
  await optimizer.step({ gradients: { own: gradient, added: gradient } });
  await reference.step({ gradients: { own: gradient } });
  expect(await contents(device.gpuDevice, own!)).toEqual(await reference.download("own"));
  expect(await contents(device.gpuDevice, added!)).not.toEqual(noise(LENGTH + 1, 2));
  for (const one of [optimizer, reference]) one.destroy();
  device.destroy();
});

test.skipIf(why !== undefined)("a buffer that cannot be written is found before anything is changed", async () => {
  const device = await webgpu({ gpu });
  const data = noise(7, 9);
  const optimizer = await AdamW.create(device, {
    params: [
      { name: "ours", shape: [7], data },
      { name: "own", shape: [LENGTH + 1], buffer: bufferOf(device.gpuDevice, noise(LENGTH + 1, 1), STORAGE | COPY_SRC) },
    ],
  });
  const other = await AdamW.create(await cpu(), {
    params: [
      { name: "own", shape: [LENGTH + 1] },
      { name: "ours", shape: [7] },
    ],
  });
  await other.step({ gradients: { own: noise(LENGTH + 1, 5), ours: noise(7, 6) } });
  const file = await other.save();
  await expect(optimizer.load(file)).rejects.toMatchObject({ code: "invalid-data", message: expect.stringContaining("COPY_DST") });
  expect([await optimizer.download("ours"), optimizer.t("ours"), optimizer.steps]).toEqual([data, 0, 0]);
  await optimizer.load(file, { params: false });
  expect(await optimizer.download("own", "m")).toEqual(await other.download("own", "m"));
  optimizer.destroy();
  device.destroy();
});

test.skipIf(why !== undefined)("steps that are encoded and not known to be submitted are not saved over", async () => {
  const device = await webgpu({ gpu });
  const optimizer = await AdamW.create(device, { params: [{ name: "ours", shape: [7] }] });
  const encoder = device.gpuDevice.createCommandEncoder();
  optimizer.encode(encoder);
  const unsubmitted = { code: "encode", message: expect.stringContaining("Submit the commands, then await idle()") };
  await expect(optimizer.save()).rejects.toMatchObject(unsubmitted);
  await expect(optimizer.load(new Uint8Array())).rejects.toMatchObject(unsubmitted);
  device.gpuDevice.queue.submit([encoder.finish()]);
  await optimizer.idle();
  await optimizer.load(await optimizer.save());
  expect(optimizer.steps).toBe(1);
  optimizer.destroy();
  device.destroy();
});

test.skipIf(whyNoPretence !== undefined)("on CUDA, at any alignment of the caller's memory", async () => {
  playMachine({});
  const device = await pretendCuda(await AdamW.definition.kernels.default!.cuda!());
  const [before, after] = [1, 2].map((seed) => allocateOnGpu(noise(LENGTH + 8, seed)));
  const create = (buffer: ReturnType<typeof allocateOnGpu>) =>
    AdamW.create(device, {
      params: [
        { name: "own", shape: [LENGTH], buffer, offset: 4 },
        { name: "ours", shape: [7] },
      ],
    });
  const whole = await create(before!);
  await whole.step({ gradients });
  const file = await whole.save();
  await whole.step({ gradients });
  const resumed = await create(after!);
  await resumed.load(file);
  await resumed.step({ gradients });
  expect(readOnGpu(after!.pointer + 4n, LENGTH)).toEqual(readOnGpu(before!.pointer + 4n, LENGTH));
  expect(readOnGpu(after!.pointer, 1)).toEqual(noise(1, 2));
  expect(readOnGpu(after!.pointer + 4n + BigInt(4 * LENGTH), 7)).toEqual(noise(LENGTH + 8, 2).slice(LENGTH + 1));
  for (const optimizer of [whole, resumed]) optimizer.destroy();
  for (const memory of [before!, after!]) freeOnGpu(memory);
  device.destroy();
});
