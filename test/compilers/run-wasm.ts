// Runs a plan's step in WebAssembly.

import { assemble } from "../../src/compiler/emit/wasm/assemble.js";
import { printWat } from "../../src/compiler/emit/wasm/print-wat.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { CHUNK_WORDS } from "../../src/contract/manifest.js";
import { buildOf, type TensorRun, tablesOf } from "./tensor-run.js";

/** The tensor after one step in WebAssembly. */
export async function runWasm(plan: Plan, run: TensorRun): Promise<Pick<TensorRun, "param" | "state">> {
  const { chunks, row, padded } = tablesOf(plan, run);
  const states = run.state.length / run.param.length;
  const at = { param: 0, grad: padded, state: 2 * padded, chunks: (2 + states) * padded, row: (2 + states) * padded + CHUNK_WORDS };
  const pages = Math.ceil((4 * (at.row + row.length)) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const words = new Uint32Array(memory.buffer);
  words.set(run.param, at.param);
  words.set(run.grad, at.grad);
  for (let s = 0; s < states; s++) words.set(run.state.subarray(s * run.param.length, (s + 1) * run.param.length), at.state + s * padded);
  words.set(chunks, at.chunks);
  new Float32Array(memory.buffer).set(row, at.row);
  const binary = await assemble("hand.wat", printWat(buildOf(plan), ";; by hand"), "by hand");
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  const { step } = instance.exports as { step: (...addresses: number[]) => void };
  step(4 * at.param, 4 * at.grad, 4 * at.state, 4 * at.chunks, 1, 4 * at.row);
  const state = new Uint32Array(run.state.length);
  for (let s = 0; s < states; s++)
    state.set(words.subarray(at.state + s * padded, at.state + s * padded + run.param.length), s * run.param.length);
  return { param: words.slice(at.param, at.param + run.param.length), state };
}
