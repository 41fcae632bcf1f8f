// What a test runs in Deno and in a page: steps in the caller's buffers, taken and encoded, beside steps in the optimizer's memory.

import { webgpu } from "optspec/webgpu";
import { AdamW } from "../../generated/adamw/adamw.js";

/** Elements and first byte: in place, in place at an offset, copied for its length, copied for its place. */
const PLACES = { whole: [64, 0], aligned: [64, 256], odd: [7, 0], unaligned: [64, 20] } as const;
const ALL = 0x80 | 0x4 | 0x8;

const numbers = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 37 * i));

/** For each parameter, how many elements differ; and what a destroyed gradient is answered with. */
export async function run(): Promise<{ differing: Record<string, number>; refusal: string }> {
  const device = await webgpu();
  const { gpuDevice } = device;
  const bufferOf = (data: Float32Array<ArrayBuffer>, offset: number) => {
    const buffer = gpuDevice.createBuffer({ size: offset + data.byteLength + 64, usage: ALL });
    gpuDevice.queue.writeBuffer(buffer, offset, data);
    return { buffer, offset };
  };
  const tensors = Object.entries(PLACES).map(([name, [count, offset]], i) => ({ name, shape: [count], offset, data: numbers(count, i) }));
  const plain = await AdamW.create(device, { params: tensors.map(({ name, shape, data }) => ({ name, shape, data })), lr: 0.1 });
  const params = tensors.map(({ name, shape, data, offset }) => ({ name, shape, ...bufferOf(data, offset) }));
  const optimizer = await AdamW.create(device, { params, lr: 0.1 });
  const encoder = gpuDevice.createCommandEncoder();
  for (let step = 0; step < 4; step++) {
    const arrays = Object.fromEntries(tensors.map(({ name, shape }, i) => [name, numbers(shape[0]!, 10 * step + i)]));
    const gradients = Object.fromEntries(tensors.map(({ name, offset }) => [name, bufferOf(arrays[name]!, offset)]));
    await plain.step({ gradients: arrays });
    if (step < 2) await optimizer.step({ gradients });
    else optimizer.encode(encoder, { gradients });
  }
  gpuDevice.queue.submit([encoder.finish()]);
  const differing: Record<string, number> = {};
  for (const { name } of tensors) {
    const expected = await plain.download(name);
    differing[name] = (await optimizer.download(name)).filter((value, i) => value !== expected[i]).length;
  }
  const { buffer } = bufferOf(numbers(64, 1), 0);
  buffer.destroy();
  const gradients = Object.fromEntries(tensors.map(({ name }) => [name, buffer]));
  const refusal = await optimizer.step({ gradients }).then(
    () => "none",
    ({ code }) => `${code}, ${optimizer.steps} steps`,
  );
  return { differing, refusal };
}
