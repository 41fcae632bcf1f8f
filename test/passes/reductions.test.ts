// Reductions in the interpreter: against sums written plainly in f64, and in f32 by the tree.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createInterpreter, type InterpretedParam } from "../../src/compiler/ir/interpret.js";
import { printIr } from "../../src/compiler/ir/print.js";
import { verifyIr } from "../../src/compiler/ir/verify.js";
import { expandMath } from "../../src/compiler/passes/expand-math.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { float32Operations, ieee } from "../../src/numeric/float32.js";
import { reduceElements, reducePairs } from "../../src/numeric/reduction-tree.js";
import { specOf } from "../check/marked.js";

const lr = 0.5;

/** An optimizer that uses its hyper and reads its states. */
function textOf(body: string): string {
  const read = [...body.matchAll(/state (\w+)/g)].map(([, name]) => `param <- param + 0 * ${name}`);
  return `optimizer A {\n  hyper lr = 0.5\n  ${body}\n  ${read.join("  ")}  param <- param + 0 * lr\n}`;
}

function start(body: string, params: readonly InterpretedParam[], arithmetic: "f32" | "f64" = "f64", options: Record<string, string> = {}) {
  const lowered = lower(specOf(textOf(body)), options);
  verifyIr(lowered, { device: "any" });
  const ir = arithmetic === "f64" ? lowered : expandMath(lowered);
  return createInterpreter(ir, { arithmetic, params, hyper: (_, name) => ({ lr })[name] ?? Number.NaN });
}

const shapes = fc.array(fc.constantFrom<number[]>([], [1], [3], [2, 3], [40, 30], [0]), { minLength: 1, maxLength: 5 });
const numbers = (length: number, seed: number) => Array.from({ length }, (_, i) => Math.sin(seed * 12.9898 + i * 78.233) * 3);
const model = (list: readonly number[][], seed: number) =>
  list.map((shape, i) => ({
    name: `p${i}`,
    shape,
    data: numbers(
      shape.reduce((a, b) => a * b, 1),
      seed + i,
    ),
  }));
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);

/** What each reduction comes to, of all numbers at once. */
const plain = {
  "sum(param)": sum,
  "mean(param)": (x: readonly number[]) => sum(x) / x.length,
  "norm(param)": (x: readonly number[]) => Math.hypot(...x),
  "rms(param)": (x: readonly number[]) => Math.sqrt(sum(x.map((v) => v * v)) / x.length),
  "max(param)": (x: readonly number[]) => Math.max(...x),
  "min(param)": (x: readonly number[]) => Math.min(...x),
  "dot(param, grad)": (x: readonly number[]) => sum(x.map((v) => v * (v / 2))),
  "(if any(param > 2.5) then 1 else 0)": (x: readonly number[]) => (x.some((v) => v > 2.5) ? 1 : 0),
} as const satisfies Record<string, (x: readonly number[]) => number>;

describe.each(Object.entries(plain))("%s", (text, oracle) => {
  const run = (written: string, list: readonly number[][], seed: number) => {
    const params = model(list, seed);
    const it = start(`param <- ${written}`, params);
    it.step(new Map(params.map(({ name, data }) => [name, data.map((v) => v / 2)])));
    return { params, it };
  };
  test("of a tensor", () => {
    fc.assert(
      fc.property(shapes, fc.nat(1000), (list, seed) => {
        const { params, it } = run(text, list, seed);
        for (const { name, data } of params) for (const got of it.param(name)) expect(got).toBeCloseTo(oracle(data), 9);
      }),
      { numRuns: 30 },
    );
  });
  test("of the model", () => {
    fc.assert(
      fc.property(shapes, fc.nat(1000), (list, seed) => {
        const { params, it } = run(text.replace(/^(\(if )?(\w+)\(/, "$1$2[model]("), list, seed);
        const all = params.flatMap(({ data }) => data);
        for (const { name } of params) for (const got of it.param(name)) expect(got).toBeCloseTo(oracle(all), 9);
      }),
      { numRuns: 30 },
    );
  });
});

test("of numbers that tensors have: each counts once", () => {
  const params = model([[3], [2, 2], []], 1);
  const it = start("n = norm(param)  param <- sum[model](n) + 100 * mean[model](rank) + 1e4 * max[model](numel) + 0 * grad", params);
  it.step(new Map(params.map(({ name, data }) => [name, data])));
  const norms = params.map(({ data }) => Math.hypot(...data));
  expect(it.param("p0")[0]).toBeCloseTo(sum(norms) + 100 + 4e4, 9);
});

test("in f32, bits are those of the tree", () => {
  const params = [[70, 333], [5], [1025]].map((shape, i) => ({
    name: `p${i}`,
    shape,
    data: Float32Array.from(
      numbers(
        shape.reduce((a, b) => a * b, 1),
        i,
      ),
    ),
  }));
  const it = start("state all: model = 0  state own: tensor = 0  all <- norm[model](grad)  own <- sum(grad * 3)", params, "f32");
  it.step(new Map(params.map(({ name, data }) => [name, data])));
  const { add, mul } = float32Operations(ieee);
  const combine = { of: add, nothing: 0 };
  const squares = params.map(({ data }) =>
    reduceElements(
      data.map((x) => mul(x, x)),
      combine,
    ),
  );
  expect(it.state("p1", "all")![0]).toBe(Math.fround(Math.sqrt(reducePairs(squares, combine))));
  for (const { name, data } of params)
    expect(it.state(name, "own")![0]).toBe(
      reduceElements(
        data.map((x) => mul(x, 3)),
        combine,
      ),
    );
});

describe("tensors without a gradient", () => {
  const params = model([[2], [3], [4]], 7);
  const gradients = new Map(params.slice(0, 2).map(({ name, data }) => [name, data]));
  test("are left out of reductions over the model, and of the count of a mean", () => {
    const it = start("state n: model = 0  state m: model = 0  n <- sum[model](grad)  m <- mean[model](grad)", params);
    it.step(gradients);
    const there = params.slice(0, 2).flatMap(({ data }) => data);
    expect(it.state("p2", "n")![0]).toBeCloseTo(sum(there), 12);
    expect(it.state("p2", "m")![0]).toBeCloseTo(sum(there) / 5, 12);
  });
  test("keep their states of extent tensor", () => {
    const it = start("state v: tensor = 3  v <- v + sum(grad)", params);
    it.step(gradients);
    expect(it.state("p2", "v")![0]).toBe(3);
    expect(it.state("p0", "v")![0]).toBeCloseTo(3 + sum(params[0]!.data), 12);
  });
});

describe("states smaller than an element", () => {
  const params = model([[2], [3]], 3);
  const gradients = new Map(params.map(({ name, data }) => [name, data]));
  test("start from hypers and reductions", () => {
    const body = "state d: model = lr / 2  state w: tensor = norm(param)  state all: model = norm[model](param)";
    const it = start(
      `${body}  d <- d + 1  w <- w + d  all <- all + 0 * w_max  param <- param + grad * 0`.replace("0 * w_max", "max[model](w) * 0"),
      params,
    );
    expect(it.state("p0", "d")![0]).toBe(lr / 2);
    expect(it.state("p1", "w")![0]).toBeCloseTo(Math.hypot(...params[1]!.data), 12);
    expect(it.state("p1", "all")![0]).toBeCloseTo(Math.hypot(...params.flatMap(({ data }) => data)), 12);
    it.step(gradients);
    expect(it.state("p1", "w")![0]).toBeCloseTo(Math.hypot(...params[1]!.data) + 1 + lr / 2, 12);
  });
  test("the steps of the optimizer count where `t` flows into one", () => {
    const it = start("state d: model = 0  d <- d + t  param <- param + grad * d", params);
    it.step(new Map([["p0", params[0]!.data]]));
    it.step(gradients);
    expect([it.t("p0"), it.t("p1"), it.state("p1", "d")![0]]).toEqual([2, 1, 3]);
  });
  test("every tensor sees the model as it was", () => {
    const it = start("state d: model = 1  param <- param * 0 + d + grad * 0  d <- d + 1 + 0 * max[model](abs(old(param)))", params);
    it.step(gradients);
    expect([...it.param("p0"), ...it.param("p1")]).toEqual([1, 1, 1, 1, 1]);
    expect(it.state("p0", "d")![0]).toBe(2);
  });
});

describe("branches", () => {
  const params = model([[2], [3]], 3);
  const gradients = new Map(params.map(({ name }, i) => [name, params[i]!.data.map(() => i + 1)]));
  test("a device condition of one number chooses tensor by tensor; reductions stand inside", () => {
    const it = start("if norm(grad) > 2 { param <- param * 0 + sum(grad) } else { param <- param * 0 + max(grad) }", params);
    it.step(gradients);
    expect([...it.param("p0"), ...it.param("p1")]).toEqual([1, 1, 6, 6, 6]);
  });
  test("a variant that does not reduce contributes nothing", () => {
    const body = "state n: model = 0  if lr > 0 { n <- sum[model](grad) }  param <- param + n * 0";
    const it = start(body, params);
    it.step(gradients);
    expect(it.state("p0", "n")![0]).toBe(8);
    expect(printIr(lower(specOf(textOf(body)), {}))).toContain("sum[model] 0 of 0");
  });
});

test("frozen parameters are left out of initial values of the model", () => {
  const params = model([[2], [3]], 5);
  const ir = lower(specOf(textOf("state n: model = norm[model](param)  n <- n + 0 * sum[model](grad)")), {});
  const it = createInterpreter(ir, { arithmetic: "f64", params, frozen: new Set(["p1"]), hyper: () => lr });
  expect(it.state("p0", "n")![0]).toBeCloseTo(Math.hypot(...params[0]!.data), 12);
});
