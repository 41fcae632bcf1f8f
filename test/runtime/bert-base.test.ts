// A whole BERT-base on WebGPU: 7 dispatches at the default limits, 1 at what the adapter has, and the same bits.

import { expect, test } from "vitest";
import { createOptimizer } from "../../src/runtime/index.js";
import { webgpu } from "../../src/runtime/webgpu/index.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { noise } from "./adamw-reference.js";
import { bertBase } from "./bert-base.js";
import { handAdam } from "./hand-made.js";

const { gpu, why } = await openDawn();

/** FNV-1a over the words of an array. */
function hash(values: Float32Array<ArrayBuffer>): number {
  let sum = 0x811c9dc5;
  for (const word of new Uint32Array(values.buffer, values.byteOffset, values.length)) sum = Math.imul(sum ^ word, 0x01000193);
  return sum >>> 0;
}

/** One step from equal values for all; returns the number of dispatches and a hash of every parameter and state. */
async function run(limits: "adapter" | "default"): Promise<{ readonly dispatches: number; readonly hashes: readonly number[] }> {
  const pattern = noise(30522 * 768, 1, 0.1);
  const device = await webgpu({ gpu, limits });
  const optimizer = await createOptimizer(handAdam(), device, { params: bertBase, lrRatio: ({ name }) => 1 / name.length });
  for (const { name, shape } of bertBase) {
    const values = pattern.subarray(
      0,
      shape.reduce((a, b) => a * b, 1),
    );
    optimizer.upload(name, values);
    optimizer.upload(name, values, "grad");
    await optimizer.idle();
  }
  await optimizer.step();
  const hashes: number[] = [];
  for (const { name } of bertBase) for (const what of ["param", "m", "v"]) hashes.push(hash(await optimizer.download(name, what)));
  expect(hashes[0]).not.toBe(hash(pattern)); // the step did move the embedding
  optimizer.destroy();
  device.destroy();
  return { dispatches: optimizer.dispatches, hashes };
}

test.skipIf(why !== undefined)("the number of dispatches does not change a bit", async () => {
  const many = await run("default");
  const one = await run("adapter");
  expect([many.dispatches, one.dispatches]).toEqual([7, 1]);
  expect(many.hashes).toEqual(one.hashes);
});
