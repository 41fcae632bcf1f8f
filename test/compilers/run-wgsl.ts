// Runs a plan's step on a WebGPU device: in Node, in Deno.

import { printWgsl } from "../../src/compiler/emit/wgsl/print-wgsl.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { buildOf, type TensorRun, tablesOf } from "./tensor-run.js";

/** The tensor after one step on a WebGPU device; lengths must be multiples of 4. */
export async function runWgsl(device: GPUDevice, plan: Plan, run: TensorRun): Promise<Pick<TensorRun, "param" | "state">> {
  const { chunks, row } = tablesOf(plan, run);
  const module = device.createShaderModule({ code: printWgsl(buildOf(plan), "// by hand") });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "step" } });
  const usage = 0x80 | 0x8 | 0x4; // STORAGE, COPY_DST, COPY_SRC
  const buffers = [run.param, run.grad, run.state, chunks, row].map((data) => {
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  );
  pass.dispatchWorkgroups(1);
  pass.end();
  const [param, state] = [buffers[0]!, buffers[2]!].map((buffer) => {
    const copy = device.createBuffer({ size: buffer.size, usage: 0x8 | 0x1 }); // COPY_DST, MAP_READ
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
    return copy;
  });
  device.queue.submit([encoder.finish()]);
  const read = async (buffer: GPUBuffer): Promise<Uint32Array<ArrayBuffer>> => {
    await buffer.mapAsync(1); // READ
    return new Uint32Array(buffer.getMappedRange().slice(0));
  };
  return { param: await read(param!), state: await read(state!) };
}
