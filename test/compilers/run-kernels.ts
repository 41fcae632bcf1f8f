// Runs a plan's step from its printed kernels. Two files, because a page or Deno takes the WGSL half without the assembler.

export { runWasm } from "./run-wasm.js";
export { runWgsl } from "./run-wgsl.js";
export type { TensorRun } from "./tensor-run.js";
