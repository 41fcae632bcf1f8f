// Runs a plan's step from its CUDA text, compiled by g++.

import koffi from "koffi";
import { printCuda } from "../../src/compiler/emit/cuda/print-cuda.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { compileForCpu, loadCpuKernels } from "./cuda-on-cpu.js";
import { buildOf, type TensorRun, tablesOf } from "./tensor-run.js";

/** The tensor after one step. */
export function runCudaOnCpu(plan: Plan, run: TensorRun): Pick<TensorRun, "param" | "state"> {
  const build = buildOf(plan);
  const { row } = tablesOf(plan, run);
  const [param, grad, state] = [run.param.slice(), run.grad.slice(), run.state.slice()];
  const symbol = `${build.space}_step`;
  const { tensor } = loadCpuKernels(compileForCpu(printCuda(build, "// by hand")), symbol);
  const address = (numbers: Uint32Array | Float32Array) => koffi.address(numbers) as bigint;
  const length = BigInt(param.length);
  tensor(1, 32, address(param), address(grad), address(state), length, length, address(row));
  return { param, state };
}
