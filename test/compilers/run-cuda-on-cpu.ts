// Runs a plan's step from its CUDA text, compiled by g++.

import koffi from "koffi";
import { printCuda } from "../../src/compiler/emit/cuda/print-cuda.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { compileForCpu, startWith } from "./cuda-on-cpu.js";
import { buildOf, type TensorRun, tablesOf } from "./tensor-run.js";

/** The tensor after one step. */
export function runCudaOnCpu(plan: Plan, run: TensorRun): Pick<TensorRun, "param" | "state"> {
  const build = buildOf(plan);
  const { row } = tablesOf(plan, run);
  const [param, grad, state] = [run.param.slice(), run.grad.slice(), run.state.slice()];
  const address = (numbers: Uint32Array | Float32Array) => koffi.address(numbers) as bigint;
  const length = BigInt(param.length);
  const operands = [address(param), address(grad), address(state), length, length, address(row)];
  startWith(compileForCpu(printCuda(build, "// by hand")), `${build.space}_step_tensor`, 1, 32, operands);
  return { param, state };
}
