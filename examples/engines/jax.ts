// jax-js on WebGPU computes gradients, a generated Adam takes the steps. A parameter is an array that is made once and whose buffer the
// optimizer works in; gradients are new buffers every step, read where they are.

import { getWebGPUDevice, init, numpy as np, valueAndGrad } from "@jax-js/jax";
import { webgpu } from "optspec/webgpu";
import { Adam } from "../../generated/adam/adam.js";
import { INPUTS, parameters, SAMPLES, samples } from "./task.js";

type Arrays = Record<string, np.Array>;

function loss(params: Arrays, x: np.Array, y: np.Array): np.Array {
  const hidden = np.tanh(np.matmul(x, params["hidden.weight"]!).add(params["hidden.bias"]!));
  const errors = np.matmul(hidden, params["output.weight"]!).add(params["output.bias"]!).sub(y);
  return np.mean(np.square(errors));
}

/** Trains and returns the loss before each step. */
export async function trainWithJax(steps: number): Promise<number[]> {
  await init("webgpu");
  const on = { device: "webgpu" } as const;
  const initial = parameters(1);
  const params: Arrays = {};
  for (const { name, shape, data } of initial) params[name] = np.array(data, { shape: [...shape], ...on });
  // `.ref` keeps the array alive, and with it its buffer.
  const specs = initial.map(({ name, shape }) => ({ name, shape, buffer: params[name]!.ref.gpuBufferSync() }));
  await using optimizer = await Adam.create(await webgpu({ device: getWebGPUDevice() }), { params: specs, lr: 0.02 });

  const { inputs, targets } = samples();
  const x = np.array(inputs, { shape: [SAMPLES, INPUTS], ...on });
  const y = np.array(targets, { shape: [SAMPLES, 1], ...on });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const kept = Object.fromEntries(Object.entries(params).map(([name, array]) => [name, array.ref]));
    const [value, grads] = valueAndGrad(loss)(kept, x.ref, y.ref) as [np.Array, Arrays];
    const gradients = Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, gradient.gpuBufferSync()]));
    await optimizer.step({ gradients });
    losses.push((await value.jsAsync()) as number);
  }
  return losses;
}
