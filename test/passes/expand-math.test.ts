import { describe, expect, test } from "vitest";
import { createInterpreter } from "../../src/compiler/ir/interpret.js";
import { type Op, ops } from "../../src/compiler/ir/ops.js";
import { verifyIr } from "../../src/compiler/ir/verify.js";
import { expandMath } from "../../src/compiler/passes/expand-math.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { type ArithmeticProfile, flushing, ieee } from "../../src/numeric/float32.js";
import { fromBits } from "../numeric/exact.js";
import { assign, cell, hyper, num, type Operand, op, spec } from "./handmade.js";

const NORMAL = 2 ** -126;
const LARGEST = fromBits(0x7f7fffff);

/** The bounds that the functions promise, in ulps of f32 against the same function in f64. */
const functions = {
  exp: { bound: 1, f64: (x: number, _: number) => Math.exp(x) },
  log: { bound: 1, f64: (x: number, _: number) => Math.log(x) },
  cbrt: { bound: 1, f64: (x: number, _: number) => Math.cbrt(x) },
  tanh: { bound: 1.5, f64: (x: number, _: number) => Math.tanh(x) },
  softplus: { bound: 2, f64: (x: number, _: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) },
  atan2: { bound: 2.5, f64: Math.atan2 as (y: number, x: number) => number },
  pow: { bound: 3, f64: (x: number, y: number) => x ** y },
} as const;
type Function = keyof typeof functions;
const names = Object.keys(functions) as Function[];

const edges = [
  0,
  1,
  2,
  3,
  0.5,
  1 / 3,
  Infinity,
  fromBits(1),
  NORMAL / 2,
  NORMAL,
  fromBits(0x7fffff),
  LARGEST,
  88.7,
  89,
  90,
  103,
  104,
  105,
  128,
  149,
]
  .concat([1e-30, 1e30, 2 ** 24, 2 ** 24 + 2, 2 ** 23 + 1, fromBits(0x3f7fffff), fromBits(0x3f800001)])
  .flatMap((x) => [Math.fround(x), Math.fround(-x)])
  .concat(NaN);

/** Reproducible: bit patterns, numbers of everyday size, and numbers near 1. */
function samples(count: number, seed: number): Float32Array {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const kinds = [
    () => fromBits(Math.floor(random() * 2 ** 32)),
    () => (random() - 0.5) * 200,
    () => 1 + (random() - 0.5) / 1000,
    () => Math.round(random() * 40 - 20),
  ];
  return Float32Array.from({ length: count }, () => kinds[Math.floor(random() * kinds.length)]!());
}

/** Every pair of edges, then random pairs. */
function inputs(name: Function): { readonly x: Float32Array; readonly y: Float32Array } {
  const seconds = ops[name].args.length === 2 ? edges : [0];
  const pairs = edges.flatMap((x) => seconds.map((y) => [x, y] as const));
  const random = { x: samples(100_000, 1), y: samples(100_000, 2) };
  return { x: Float32Array.from([...pairs.map(([x]) => x), ...random.x]), y: Float32Array.from([...pairs.map(([, y]) => y), ...random.y]) };
}

function evaluate(expression: ReturnType<typeof op>, x: Float32Array, y: Float32Array, profile: ArithmeticProfile, h = 0): Float32Array {
  const ir = expandMath(lower(spec({ body: [assign("param", expression)] }), {}));
  verifyIr(ir, { device: "exact" });
  const run = createInterpreter(ir, { arithmetic: "f32", profile, params: [{ name: "w", shape: [x.length], data: x }], hyper: () => h });
  run.step(new Map([["w", y]]));
  return run.param("w") as Float32Array;
}

function call(name: Op, x: Operand, y: Operand) {
  return ops[name].args.length === 2 ? op(name, x, y) : op(name, x);
}

function ulp(x: number): number {
  return Math.abs(x) < NORMAL ? 2 ** -149 : 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23);
}

/** How far a result is from the f64 value: in ulps, Infinity where it is of another kind (NaN, infinite, other sign of zero). */
function distance(result: number, value: number): number {
  const nearest = Math.fround(value);
  if (Object.is(result, nearest)) return 0;
  if (Number.isNaN(result) || Number.isNaN(nearest) || (result === 0 && nearest === 0)) return Infinity;
  if (Number.isFinite(result) && Number.isFinite(nearest)) return Math.abs(result - value) / ulp(value);
  // Either side of the largest number: as if the format went on.
  const other = Number.isFinite(result) ? result : Math.sign(result) * 2 ** 128;
  return Math.abs(other - (Number.isFinite(value) ? value : Math.sign(value) * 2 ** 129)) / 2 ** 104;
}

describe.each(names)("%s", (name) => {
  const { bound, f64 } = functions[name];
  const { x, y } = inputs(name);
  const cases = Array.from(x, (a, i) => ({ x: a, y: y[i]!, value: f64(a, y[i]!) }));

  test(`is within ${bound} ulp of f64, also at its edges`, () => {
    const results = evaluate(call(name, cell("param"), cell("grad")), x, y, ieee);
    const wrong = cases.flatMap((c, i) => (distance(results[i]!, c.value) <= bound ? [] : [{ ...c, result: results[i] }]));
    expect(wrong.slice(0, 5)).toEqual([]);
  });

  test("holds the same bound where subnormals are flushed", () => {
    const results = evaluate(call(name, cell("param"), cell("grad")), x, y, flushing);
    const flush = (value: number) => (Math.abs(value) < NORMAL ? value * 0 : value);
    const wrong = cases.flatMap((c, i) => {
      const value = f64(flush(c.x), flush(c.y));
      if (Math.abs(value) <= NORMAL * (1 + 1e-6) && Math.abs(results[i]!) <= NORMAL) return [];
      return distance(results[i]!, value) <= bound ? [] : [{ ...c, value, result: results[i] }];
    });
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});

describe("a number of the host as one argument", () => {
  const x = Float32Array.from([...edges, ...samples(2000, 3)]);
  test.each([0.3, -2.5, 3, 0, -0, 1e30])("%d is rounded once and then treated as an element", (value) => {
    const [param, constant] = [cell("param"), num(value)];
    for (const name of ["atan2", "pow"] as const) {
      const y = new Float32Array(x.length).fill(value);
      const [right, left] = [op(name, param, cell("grad")), op(name, cell("grad"), param)];
      expect(evaluate(op(name, param, hyper("h")), x, y, ieee, value)).toEqual(
        evaluate(
          right,
          x,
          Float32Array.from(y, (v) => v + 0),
          ieee,
        ),
      );
      expect(evaluate(op(name, hyper("h"), param), x, y, ieee, value)).toEqual(
        evaluate(
          left,
          x,
          Float32Array.from(y, (v) => v + 0),
          ieee,
        ),
      );
      expect(evaluate(op(name, constant, param), x, y, ieee)).toEqual(
        evaluate(
          left,
          x,
          Float32Array.from(y, (v) => v + 0),
          ieee,
        ),
      );
    }
  });
});

test("the host keeps its own functions", () => {
  const ir = lower(spec({ body: [assign("param", op("mul", op("exp", hyper("h")), cell("grad")))] }), {});
  expect(expandMath(ir)).toEqual(ir);
});
