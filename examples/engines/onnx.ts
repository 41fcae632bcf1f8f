// onnxruntime-web on WebGPU only infers. Where a model's gradient is itself a graph, that is enough to train: its weights are an input in
// a buffer that a generated Adam works in, its gradient an output that stays on the device.

import * as ort from "onnxruntime-web/webgpu";
import { webgpu } from "optspec/webgpu";
import { Adam } from "../../generated/adam/adam.js";
import { linearModel } from "./onnx-model.js";
import { INPUTS, SAMPLES, samples } from "./task.js";

export interface OnnxTraining {
  /** Before each step. */
  readonly losses: readonly number[];
  readonly weights: Float32Array;
}

/** Fits a linear model. */
export async function trainWithOnnx(steps: number): Promise<OnnxTraining> {
  const onGpu = { executionProviders: ["webgpu"], preferredOutputLocation: { loss: "cpu", gradient: "gpu-buffer" } } as const;
  const session = await ort.InferenceSession.create(linearModel(SAMPLES, INPUTS), onGpu);
  const device = (await ort.env.webgpu.device) as GPUDevice;

  const buffer = device.createBuffer({
    size: INPUTS * 4,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  await using optimizer = await Adam.create(await webgpu({ device }), { params: [{ name: "W", shape: [INPUTS, 1], buffer }], lr: 0.05 });
  const W = ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: [INPUTS, 1] });

  const { inputs, targets } = samples();
  const X = new ort.Tensor("float32", inputs, [SAMPLES, INPUTS]);
  const Y = new ort.Tensor("float32", targets, [SAMPLES, 1]);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss, gradient } = await session.run({ X, Y, W });
    losses.push((loss!.data as Float32Array)[0]!);
    const { gpuBuffer } = gradient!;
    await optimizer.step({ gradients: { W: gpuBuffer as GPUBuffer } });
    gradient!.dispose();
  }
  return { losses, weights: await optimizer.download("W") };
}
