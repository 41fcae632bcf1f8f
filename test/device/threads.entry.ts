// What a page and a process of its own run: the generated AdamW on one and on several threads, and what they answer.

import { cpu } from "optspec/cpu";
import { OptimizerError } from "optspec/runtime";
import { AdamW } from "../../generated/adamw/adamw.js";

const ELEMENTS = 300_000;

/** A digest of all bits after three steps on so many threads; `shared`: whether the memory is. */
async function train(threads: number | "all"): Promise<{ digest: number; shared: boolean; name: string }> {
  const device = await cpu({ threads });
  const data = Float32Array.from({ length: ELEMENTS }, (_, i) => Math.sin(i));
  const optimizer = await AdamW.create(device, { params: [{ name: "w", shape: [ELEMENTS], data }], lr: 0.01 });
  const { param, grad } = optimizer.tensor("w");
  for (let step = 1; step <= 3; step++) {
    for (let i = 0; i < ELEMENTS; i++) grad[i] = Math.cos(i * step) * param[i]!;
    await optimizer.step();
  }
  let digest = 0;
  for (const word of new Uint32Array((await optimizer.download("w")).buffer)) digest = (Math.imul(digest, 31) + word) | 0;
  return { digest, shared: !(param.buffer instanceof ArrayBuffer), name: device.name };
}

/** Leaves its pools alive: the process, or the page, has to end all the same. */
export async function run() {
  const [alone, all] = [await train(1), await train("all")];
  const three = await train(3).catch((error: unknown) =>
    error instanceof OptimizerError ? `${error.code}: ${error.message}` : String(error),
  );
  return { alone, all, three };
}

/** Bytes by which the heap has grown after 10,000 steps on two threads. */
export async function growth(): Promise<number> {
  const { gc, process } = globalThis as unknown as { gc(): void; process: { memoryUsage(): { heapUsed: number } } };
  const device = await cpu({ threads: 2, elementsPerThread: 1 });
  const optimizer = await AdamW.create(device, { params: [{ name: "w", shape: [20_000] }] });
  for (let i = 0; i < 3_000; i++) await optimizer.step();
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 10_000; i++) await optimizer.step();
  gc();
  const grown = process.memoryUsage().heapUsed - before;
  device.destroy();
  return grown;
}

/** Bytes of short-lived garbage that a step leaves, at best: the engine compiles when it likes, and until then boxes numbers. */
export async function garbage(): Promise<number> {
  const { gc, process } = globalThis as unknown as { gc(): void; process: { memoryUsage(): { heapUsed: number } } };
  const device = await cpu({ threads: 1 });
  const optimizer = await AdamW.create(device, { params: [{ name: "w", shape: [64] }] });
  let least = Number.POSITIVE_INFINITY;
  for (let window = 0; window < 60; window++) {
    for (let i = 0; i < 2_000; i++) await optimizer.step();
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 1_000; i++) await optimizer.step();
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / 1_000);
  }
  device.destroy();
  return least;
}
