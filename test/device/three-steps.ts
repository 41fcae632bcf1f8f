// Three steps of the generated AdamW on any device: the same parameters, gradients and hypers everywhere.

import type { Device } from "optspec/runtime";
import { AdamW } from "../../generated/adamw/adamw.js";

const SHAPES = { "layer.weight": [37, 11], "layer.bias": [11], scale: [] } as const;

/** Numbers in [-1, 1), the same in every engine. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Parameters and states by name, as plain arrays. */
export async function threeSteps(device: Device): Promise<Record<string, number[]>> {
  const tensors = Object.entries(SHAPES).map(([name, shape], index) => {
    const count = shape.reduce((product: number, size) => product * size, 1);
    return { name, shape, count, seed: 100 * index };
  });
  const params = tensors.map(({ name, shape, count, seed }) => ({ name, shape, data: numbers(count, seed) }));
  const optimizer = await AdamW.create(device, { params, lr: (step) => 0.01 / (1 + step), weightDecay: 0.1 });
  for (let step = 1; step <= 3; step++) {
    await optimizer.step({ gradients: Object.fromEntries(tensors.map(({ name, count, seed }) => [name, numbers(count, seed + step)])) });
  }
  const results: Record<string, number[]> = {};
  for (const { name } of tensors) {
    for (const what of ["param", "m", "v"] as const) results[`${name} ${what}`] = [...(await optimizer.download(name, what))];
  }
  optimizer.destroy();
  return results;
}
