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

const wordsOf = (numbers: readonly number[]) => [...new Uint32Array(new Float32Array(numbers).buffer)];
const words = [...wordsOf(specialNumbers), ...nanWords];
/** Every pair of special numbers, and what is rounded at random, by random bits and by those where a rounding turns. */
const pairs = [...words.flatMap((x) => words.map((y) => [x, y] as const)), ...roundedAtRandom()];

function roundedAtRandom(): readonly (readonly [number, number])[] {
  const edges = [2 ** -14, 2 ** -15, 2 ** -24, 2 ** -25, 2 ** -40, 2 ** -41, 2 ** -126, 65_504, 65_520, 65_535, 65_536, 1.0009765625];
  const near = wordsOf(edges.flatMap((edge) => [edge, -edge])).flatMap((word) => [word - 1, word, word + 1]);
  const draws = wordsOf([0, 1, 7, 8, 9, 4_095, 4_096, 8_191, 8_192, 32_767, 32_768, 65_527, 65_528, 65_535]);
  let state = 1;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  // Half of them between 2^-30 and 2^17, where binary16 is.
  const any = Array.from({ length: 20_000 }, (_, i): [number, number] => {
    const word = i % 2 === 0 ? next() : (next() & 0x807fffff) | ((97 + ((next() >>> 16) % 48)) << 23);
    return [word >>> 0, wordsOf([(next() >>> 16) - (i % 3 === 0 ? 32_768 : 0)])[0]!];
  });
  return [...near.flatMap((x) => draws.map((y) => [x, y] as const)), ...any];
}

const stateCount = deviceOps.length + 1 + literals.length;

function input(): TensorRun {
  const length = 4 * Math.ceil(pairs.length / 4);
  const param = new Uint32Array(length);
  const grad = new Uint32Array(length);
  for (const [i, [x, y]] of pairs.entries()) [param[i], grad[i]] = [x, y];
  return { param, grad, state: new Uint32Array(length * stateCount) };
}

const floats = (bits: Uint32Array<ArrayBuffer>) => new Float32Array(bits.buffer, bits.byteOffset, bits.length);

const isWhole = (y: number, least: number) => Number.isInteger(y) && !Object.is(y, -0) && y >= least && y < least + 65_536;

/** These are made by the compiler for some arguments only. */
function isMeant(op: DeviceOp, x: number, y: number): boolean {
  if (op === "bf16_random" || op === "f16_random") return isWhole(y, 0);
  // The upper half is a bfloat16; a NaN with lower bits is none.
  if (op === "join_halves") return isWhole(y, -32_768) && !Number.isNaN(x);
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
    compare(op, slot, (i) => (isMeant(op, x[i]!, y[i]!) ? operations[op](...operands(i)) : null));
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
