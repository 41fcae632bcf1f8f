// Every operation of the dialects, on numbers that are hard to get right, against `numeric/float32`, which is tested against exact arithmetic.

import { describe, expect, test } from "vitest";
import { type DeviceOp, ops } from "../../src/compiler/ir/ops.js";
import { type ArithmeticProfile, float32Operations, flushing, ieee } from "../../src/numeric/float32.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { whyNoGcc } from "./cuda-on-cpu.js";
import { deviceOps, nanWords, planEveryOperation, specialNumbers } from "./every-operation.js";
import { runCudaOnCpu } from "./run-cuda-on-cpu.js";
import { runWasm, runWgsl, type TensorRun } from "./run-kernels.js";

const literals = [0, -0, 0.1, -1e-8, 3.4028234663852886e38, 2 ** -126, 1e-45, 1e-40, 65_504.5, Infinity, -Infinity, NaN];
const plan = planEveryOperation({ also: literals });

const words = [...new Uint32Array(new Float32Array(specialNumbers).buffer), ...nanWords];
/** Every pair of special numbers. */
const pairs = words.flatMap((x) => words.map((y) => [x, y] as const));
const stateCount = deviceOps.length + 1 + literals.length;

function input(): TensorRun {
  const length = 4 * Math.ceil(pairs.length / 4);
  const param = new Uint32Array(length);
  const grad = new Uint32Array(length);
  for (const [i, [x, y]] of pairs.entries()) [param[i], grad[i]] = [x, y];
  return { param, grad, state: new Uint32Array(length * stateCount) };
}

const floats = (bits: Uint32Array<ArrayBuffer>) => new Float32Array(bits.buffer, bits.byteOffset, bits.length);

/** exp2i, exponent and mantissa are made by the compiler for these arguments only. */
function isMeant(op: DeviceOp, x: number): boolean {
  if (op === "exp2i") return Number.isInteger(x) && x >= -126 && x <= 127;
  if (op === "exponent" || op === "mantissa") return x >= 2 ** -126 && x < Infinity;
  return true;
}

/** Every result that differs in its bits; any NaN equals any NaN. */
function mismatches(run: TensorRun, state: Uint32Array<ArrayBuffer>, profile: ArithmeticProfile): string[] {
  const operations = float32Operations(profile);
  const [x, y, results] = [floats(run.param), floats(run.grad), floats(state)];
  const length = run.param.length;
  const wrong: string[] = [];
  const compare = (name: string, slot: number, expected: (i: number) => number | null) => {
    for (let i = 0; i < length; i++) {
      const [is, should] = [results[slot * length + i]!, expected(i)];
      if (should !== null && !Object.is(is, Math.fround(should))) wrong.push(`${name}(${x[i]}, ${y[i]}) = ${is}, not ${should}`);
    }
  };
  const truths = (i: number) => [operations.lt(x[i]!, y[i]!), operations.le(Math.abs(x[i]!), 1)] as const;
  for (const [slot, op] of deviceOps.entries()) {
    const operands = (i: number) => (ops[op].args[0] === "boolean" ? truths(i) : ([x[i]!, y[i]!] as const));
    compare(op, slot, (i) => (isMeant(op, x[i]!) ? operations[op](...operands(i)) : null));
  }
  compare("select", deviceOps.length, (i) => (truths(i)[0] ? x[i]! : -y[i]!));
  for (const [i, literal] of literals.entries()) compare("literal", deviceOps.length + 1 + i, () => literal);
  return wrong;
}

const noGcc = whyNoGcc();

describe("every operation on special numbers", () => {
  test("in WebAssembly", async () => {
    const run = input();
    const { state } = await runWasm(plan, run);
    expect(mismatches(run, state, ieee)).toEqual([]);
  });

  test.skipIf(noGcc !== undefined)("in the text of CUDA, by g++", async () => {
    const run = input();
    const { state } = runCudaOnCpu(plan, run);
    expect(mismatches(run, state, ieee)).toEqual([]);
  });

  test("the comparison sees a wrong bit", async () => {
    const run = input();
    const { state } = await runWasm(plan, run);
    state[7]! ^= 1;
    expect(mismatches(run, state, ieee)).toHaveLength(1);
  });
});

const { gpu, why } = await openDawn();
test.skipIf(why !== undefined)("every operation on special numbers in WGSL, by Dawn on SwiftShader", async () => {
  const adapter = await gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const run = input();
  const { state } = await runWgsl(device, plan, run);
  expect(mismatches(run, state, flushing)).toEqual([]);
  device.destroy();
});
