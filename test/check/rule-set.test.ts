// What `rules` become: arms with conditions, formulas without repetitions, index bounds. Names resolve to what the page says.

import { expect, test } from "vitest";
import { createEvaluator, emptyEnvironment } from "../../src/formula/evaluate.js";
import { around, checkText, specOf } from "./marked.js";

const wdl = `optimizer W {
  hyper lr = 1e-3, layerwise_decay = 0.8 in (0, 1]
  fixed hyper n_layers: int = 12 in [1, inf)
  param <- param - lr * grad
  rules scale lr {
    "*encoder.layers.{layer}" => layerwise_decay ^ (n_layers - layer)
    "*embedding*"             => layerwise_decay ^ (n_layers + 1)   // the lowest
    else                      => 1
  }
}`;

test("layer-wise decay: arms with their places, values, and the bound of the index", () => {
  const { rules } = specOf(wdl);
  const [block] = rules.blocks;
  expect(block).toMatchObject({ verb: "scale", hyper: "lr", override: false, line: 5 });
  expect(block!.arms.map(({ line, column, text }) => ({ line, column, text }))).toEqual([
    { line: 6, column: 5, text: '"*encoder.layers.{layer}" => layerwise_decay ^ (n_layers - layer)' },
    { line: 7, column: 5, text: '"*embedding*" => layerwise_decay ^ (n_layers + 1)' },
    { line: 8, column: 5, text: "else => 1" },
  ]);
  expect(rules.bounds).toEqual([{ capture: "layer", hyper: "n_layers", block: 0, arm: 0 }]);
  expect(rules.fixedByConditions).toEqual([]);
  const evaluator = createEvaluator(rules.formulas);
  const values = block!.arms.map(({ value }) =>
    evaluator.evaluate(value, {
      ...emptyEnvironment,
      hyper: (name) => (name === "n_layers" ? 12 : 0.8),
      capture: (name) => (name === "layer" ? 3 : Number.NaN),
    }),
  );
  expect(values[0]).toBeCloseTo(0.8 ** 9, 15);
  expect(values[1]).toBeCloseTo(0.8 ** 13, 15);
  expect(values[2]).toBe(1);
});

test("arguments stand before their users and nothing stands twice", () => {
  const { formulas } = specOf(wdl).rules;
  expect(new Set(formulas.map((value) => JSON.stringify(value))).size).toBe(formulas.length);
  formulas.forEach((value, index) => {
    if (value.op === "apply" || value.op === "select") for (const arg of value.args) expect(arg).toBeLessThan(index);
  });
});

const rulesOf = (lines: string) => specOf(around(lines)).rules;

test("bounds are found through functions and after what cancels, for one int hyper alone", () => {
  const bounds = (arm: string, hypers = "hyper d = 0.5, n: int = 12, k: int = 2") =>
    rulesOf(`${hypers}  fn at(id) = d ^ (n + 1 - id)  param <- param * d * n * k  rules scale lr { ${arm}  else => at(0) }`).bounds.map(
      ({ capture, hyper }) => `${capture} < ${hyper}`,
    );
  expect(bounds('"a.{i}" => at(i + 1)')).toEqual(["i < n"]);
  expect(bounds('"a.{i}" => max(0.1, d ^ (k + (n - i) - k))')).toEqual(["i < n"]);
  expect(bounds('"a.{i}" => d ^ (n + k - i)')).toEqual([]);
  expect(bounds('"a.{i}" => d ^ i')).toEqual([]);
  expect(bounds('"a.{i}" => n - i')).toEqual([]);
});

test("conditions: structure, captures over `and`, what they fix", () => {
  const rules = rulesOf(`hyper k = 2, w = 3  param <- param * k * w
  set norms = contains("norm") or "ln"
  rules scale lr { "a.{n}" and n >= k and not norms => n   dtype != "F32" and w.ratio > 1 => 2   else => 1 }
  rules scale w { else => k }`);
  const [first, second] = rules.blocks[0]!.arms;
  expect(first!.condition).toMatchObject({
    kind: "and",
    terms: [
      { kind: "pattern" },
      { kind: "compare", op: ">=" },
      { kind: "not", term: { kind: "or", terms: [{ kind: "contains", text: "norm" }, { kind: "pattern" }] } },
    ],
  });
  expect(second!.condition).toMatchObject({ kind: "and", terms: [{ kind: "dtype", op: "!=", dtype: "F32" }, { kind: "compare" }] });
  expect([...rules.fixedByConditions].sort()).toEqual(["k"]);
});

test("an arm's comparison of its own capture makes no other arm unreachable", () => {
  rulesOf('rules scale lr { "{n}" and n >= 3 => n   "a.{n}" and n >= 3 => n + 1   else => 1 }');
});

test("`error` is lazy, `index` and a function with branches become formulas", () => {
  const { formulas, blocks } = rulesOf(`fn f(x) { y = x  if x > 2 { y <- y * 10 } else { y <- -y }  return y }
  rules scale lr { "a.{n}" => if n > 5 then error("too deep: \\u{41}") else f(n)   else => 1 }`);
  const evaluator = createEvaluator(formulas);
  const at = (n: number) => evaluator.evaluate(blocks[0]!.arms[0]!.value, { ...emptyEnvironment, capture: () => n });
  expect([at(2), at(3)]).toEqual([-2, 30]);
  expect(() => at(6)).toThrow("too deep: A");
});

test("a rule is silent about what came from damaged text", () => {
  const { diagnostics } = checkText(around('rules scale lr { "a.{n}" => n +   else => 1 }'));
  expect(diagnostics.length).toBeGreaterThan(0);
  expect(diagnostics.filter(({ code }) => ["unused-capture", "unreachable-arm", "missing-else"].includes(code))).toEqual([]);
});
