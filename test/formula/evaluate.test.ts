import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FormulaTable, HostOp, HostValue } from "../../src/contract/host-formula.js";
import { createEvaluator, emptyEnvironment, type FormulaEnvironment, RuleError } from "../../src/formula/evaluate.js";

const literal = (value: number | "inf" | "-inf" | "nan"): HostValue => ({ op: "literal", value });
const apply = (fn: HostOp, ...args: number[]): HostValue => ({ op: "apply", fn, args });
const hypers = (values: Record<string, number>): FormulaEnvironment => ({ ...emptyEnvironment, hyper: (name) => values[name]! });
const evaluate = (table: FormulaTable, environment = emptyEnvironment) => createEvaluator(table).evaluate(table.length - 1, environment);

/** Each operation written directly in JavaScript. */
const direct: Record<Exclude<HostOp, "pow" | "bf16" | "softplus">, (x: number, y: number) => number> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  min: Math.min,
  max: Math.max,
  sign: Math.sign,
  floor: Math.floor,
  ceil: Math.ceil,
  isfinite: (x) => Number(Number.isFinite(x)),
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(x <= y),
  eq: (x, y) => Number(x === y),
  and: (x, y) => Number(x !== 0 && y !== 0),
  or: (x, y) => Number(x !== 0 || y !== 0),
  not: (x) => Number(x === 0),
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
  cbrt: Math.cbrt,
  atan2: Math.atan2,
};
const unary = new Set(["neg", "abs", "sqrt", "sign", "floor", "ceil", "isfinite", "not", "exp", "log", "tanh", "cbrt"]);

describe("operations", () => {
  it.each(Object.entries(direct))("%s is JavaScript's", (fn, expected) => {
    fc.assert(
      fc.property(fc.double(), fc.double(), (x, y) => {
        const args = unary.has(fn) ? [0] : [0, 1];
        const table = [
          { op: "hyper", hyper: "x", form: "value" },
          { op: "hyper", hyper: "y", form: "value" },
          apply(fn as HostOp, ...args),
        ];
        expect(evaluate(table as FormulaTable, hypers({ x, y }))).toBe(expected(x, y));
      }),
    );
  });

  it("folds min and max over any number of arguments, NaN first", () => {
    expect(evaluate([literal(3), literal(-1), literal(2), apply("min", 0, 1, 2)])).toBe(-1);
    expect(evaluate([literal(3), literal(-1), literal(2), apply("max", 1, 2, 0)])).toBe(3);
    expect(evaluate([literal(3), literal("nan"), literal(2), apply("max", 0, 1, 2)])).toBeNaN();
    expect(evaluate([literal(-3), apply("max", 0)])).toBe(-3);
  });

  it("spells infinities and NaN", () => {
    expect(evaluate([literal("inf")])).toBe(Number.POSITIVE_INFINITY);
    expect(evaluate([literal("-inf")])).toBe(Number.NEGATIVE_INFINITY);
    expect(evaluate([literal("nan")])).toBeNaN();
  });

  it("softplus neither overflows nor loses small values", () => {
    expect(evaluate([literal(800), apply("softplus", 0)])).toBe(800);
    expect(evaluate([literal(-40), apply("softplus", 0)])).toBeCloseTo(Math.exp(-40), 30);
    expect(evaluate([literal(0), apply("softplus", 0)])).toBe(Math.LN2);
  });
});

describe("evaluation", () => {
  it("takes only the chosen side of a select", () => {
    const table: FormulaTable = [
      { op: "hyper", hyper: "c", form: "value" },
      { op: "error", message: "no rule for this parameter" },
      literal(7),
      { op: "select", args: [0, 1, 2] },
    ];
    expect(evaluate(table, hypers({ c: 0 }))).toBe(7);
    expect(() => evaluate(table, hypers({ c: 1 }))).toThrow(new RuleError("no rule for this parameter"));
  });

  it("does not look past what settles `and` and `or`", () => {
    const table: FormulaTable = [literal(0), { op: "error", message: "looked" }, apply("and", 0, 1), apply("not", 0), apply("or", 3, 1)];
    const evaluator = createEvaluator(table);
    expect(evaluator.evaluate(2, emptyEnvironment)).toBe(0);
    expect(evaluator.evaluate(4, emptyEnvironment)).toBe(1);
  });

  it("computes a shared term once between two calls of begin, and again after", () => {
    let asked = 0;
    const environment = { ...emptyEnvironment, hyper: () => ++asked };
    const evaluator = createEvaluator([{ op: "hyper", hyper: "x", form: "value" }, apply("add", 0, 0), apply("mul", 0, 1)]);
    evaluator.begin(environment);
    expect([evaluator.value(1), evaluator.value(2), asked]).toEqual([2, 2, 1]);
    evaluator.begin(environment);
    expect([evaluator.value(2), asked]).toEqual([8, 2]);
  });

  it("evaluates a chain of a million terms", () => {
    const table: HostValue[] = [literal(1)];
    for (let i = 1; i <= 1_000_000; i++) table.push(apply("add", i - 1, 0));
    expect(evaluate(table)).toBe(1_000_001);
  });

  it("refuses a table whose arguments do not stand before their users", () => {
    expect(() => evaluate([literal(1), apply("add", 0, 2), apply("add", 1, 0)])).toThrow(/^bug:/);
  });
});
