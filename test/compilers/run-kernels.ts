// Runs a plan's step on one tensor, as one chunk: straight from the printed kernels, without the runtime.

import type { Spec } from "../../src/compiler/check/spec.js";
import type { PlannedBuild } from "../../src/compiler/emit/files.js";
import { describeBuild } from "../../src/compiler/emit/manifest.js";
import { assemble } from "../../src/compiler/emit/wasm/assemble.js";
import { printWat } from "../../src/compiler/emit/wasm/print-wat.js";
import { printWgsl } from "../../src/compiler/emit/wgsl/print-wgsl.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { CHUNK_WORDS } from "../../src/contract/manifest.js";

const span = { from: 0, to: 0 };
/** A spec with nothing in it, for plans that were made without one. */
export const emptySpec: Spec = {
  source: { path: "hand.opt", text: "" },
  name: "Hand",
  doc: null,
  hypers: [],
  options: [],
  states: [],
  body: [],
  rules: { name: "Hand", formulas: [], blocks: [], bounds: [], fixedByConditions: [] },
  span,
};

export const buildOf = (plan: Plan): PlannedBuild => describeBuild(emptySpec, plan, "default");
export const wgslOf = (plan: Plan): string => printWgsl(buildOf(plan), "// by hand");
export const watOf = (plan: Plan): string => printWat(buildOf(plan), ";; by hand");

export interface TensorRun {
  /** Bits in and out: NaNs keep their words. */
  readonly param: Uint32Array<ArrayBuffer>;
  readonly grad: Uint32Array<ArrayBuffer>;
  /** State by state, each as long as the parameter. */
  readonly state: Uint32Array<ArrayBuffer>;
  /** The class's coefficients, from slot 1. */
  readonly coefficients?: readonly number[];
  readonly variant?: number;
}

function tablesOf(plan: Plan, { param, coefficients = [], variant = 0 }: TensorRun) {
  const vectors = Math.ceil(param.length / 4);
  const chunks = new Uint32Array(CHUNK_WORDS);
  chunks.set([0, 0, vectors, param.length, 0, 0, 0, 0]);
  const row = new Float32Array(plan.programs.at(-1)!.rowWidth);
  row.set([variant, ...coefficients]);
  return { chunks, row, padded: 4 * vectors };
}

/** The tensor after one step in WebAssembly. */
export async function runWasm(plan: Plan, run: TensorRun): Promise<Pick<TensorRun, "param" | "state">> {
  const { chunks, row, padded } = tablesOf(plan, run);
  const states = run.state.length / run.param.length;
  const at = { param: 0, grad: padded, state: 2 * padded, chunks: (2 + states) * padded, row: (2 + states) * padded + CHUNK_WORDS };
  const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * (at.row + row.length)) / 65_536) });
  const words = new Uint32Array(memory.buffer);
  words.set(run.param, at.param);
  words.set(run.grad, at.grad);
  for (let s = 0; s < states; s++) words.set(run.state.subarray(s * run.param.length, (s + 1) * run.param.length), at.state + s * padded);
  words.set(chunks, at.chunks);
  new Float32Array(memory.buffer).set(row, at.row);
  const binary = await assemble("hand.wat", watOf(plan), "by hand");
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  const { step } = instance.exports as { step: (...addresses: number[]) => void };
  step(4 * at.param, 4 * at.grad, 4 * at.state, 4 * at.chunks, 1, 4 * at.row);
  const state = new Uint32Array(run.state.length);
  for (let s = 0; s < states; s++)
    state.set(words.subarray(at.state + s * padded, at.state + s * padded + run.param.length), s * run.param.length);
  return { param: words.slice(at.param, at.param + run.param.length), state };
}

/** The tensor after one step on a WebGPU device; lengths must be multiples of 4. */
export async function runWgsl(device: GPUDevice, plan: Plan, run: TensorRun): Promise<Pick<TensorRun, "param" | "state">> {
  const { chunks, row } = tablesOf(plan, run);
  const module = device.createShaderModule({ code: wgslOf(plan) });
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
