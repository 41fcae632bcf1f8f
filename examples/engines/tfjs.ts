// TensorFlow.js on WebGPU computes gradients, a generated Adam takes the steps: both work on the same buffers of the same GPUDevice.
// Parameters are tensors over buffers of ours (zeroCopy); a gradient is handed over as a buffer by dataToGPU().

import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import "@tensorflow/tfjs-backend-webgpu";
import { webgpu } from "optspec/webgpu";
import { Adam } from "../../generated/adam/adam.js";
import { INPUTS, parameters, SAMPLES, samples } from "./task.js";

/** Trains and returns the loss before each step. */
export async function trainWithTfjs(steps: number): Promise<number[]> {
  await tf.setBackend("webgpu");
  const { device } = tf.backend() as WebGPUBackend;

  const params = parameters(1).map(({ name, shape, data }) => {
    const buffer = device.createBuffer({
      size: data.byteLength,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const variable = tf.variable(tf.tensor({ buffer, zeroCopy: true }, [...shape], "float32"), true, name);
    return { name, shape, data, buffer, variable };
  });
  await using optimizer = await Adam.create(await webgpu({ device }), { params: params.map(({ variable: _, ...spec }) => spec), lr: 0.02 });

  const { inputs, targets } = samples();
  const x = tf.tensor(inputs, [SAMPLES, INPUTS]);
  const y = tf.tensor(targets, [SAMPLES, 1]);
  const [w1, b1, w2, b2] = params.map(({ variable }) => variable) as [tf.Variable, tf.Variable, tf.Variable, tf.Variable];
  const loss = () => x.matMul<tf.Tensor2D>(w1).add(b1).tanh().matMul<tf.Tensor2D>(w2).add(b2).sub(y).square().mean() as tf.Scalar;

  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { value, grads } = tf.variableGrads(loss);
    const onGpu = Object.entries(grads).map(([name, gradient]) => ({ name, ...gradient.dataToGPU() }));
    await optimizer.step({ gradients: Object.fromEntries(onGpu.map(({ name, buffer }) => [name, buffer!])) });
    losses.push((await value.data())[0]!);
    tf.dispose([value, grads, onGpu.map(({ tensorRef }) => tensorRef)]);
  }
  return losses;
}
