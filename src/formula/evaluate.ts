// The one evaluator of host formulas, in f64: Node, browsers, replay and rules all compute a formula here.
// Values are kept per evaluation in a preallocated array, so that shared terms are computed once and nothing is allocated;
// an explicit stack (arguments stand before their users, so it never outgrows the table) makes `select`, `and`, `or` lazy at any depth.

import type { Formula, FormulaTable, HostFact, HostOp, HostValue } from "../contract/host-formula.js";
import { roundToBfloat16 } from "../numeric/bfloat16.js";
import { power } from "../numeric/integer-power.js";

/** Where a formula's leaves come from. A lookup that makes no sense for the caller throws `unavailable`. */
export interface FormulaEnvironment {
  hyper(name: string, form: "value" | "peak" | "base" | "ratio"): number;
  fact(fact: HostFact): number;
  shape(axis: number): number;
  hostState(name: string): number;
  capture(name: string): number;
  order(name: string, form: "rank" | "max"): number;
}

/** Thrown by `error("...")` in a spec; the message is the author's. */
export class RuleError extends Error {
  override readonly name = "RuleError";
}

export interface Evaluator {
  readonly table: FormulaTable;
  /** Forgets every value and takes the leaves from this environment from now on. */
  begin(environment: FormulaEnvironment): void;
  /** A formula's value since `begin`; terms shared with earlier calls are not computed again. Throws RuleError. */
  value(formula: Formula): number;
  /** `begin` and `value`. */
  evaluate(formula: Formula, environment: FormulaEnvironment): number;
}

const unavailable = (kind: string) => (name?: string | number) => {
  throw new Error(`bug: a formula reads ${kind} ${name ?? ""} where there is none`);
};

/** An environment without any leaf: override what there is. */
export const emptyEnvironment: FormulaEnvironment = {
  hyper: unavailable("hyper"),
  fact: unavailable("fact"),
  shape: unavailable("shape axis"),
  hostState: unavailable("host state"),
  capture: unavailable("capture"),
  order: unavailable("order"),
};

/** Makes the evaluator of one table; it owns its memory and must not be shared by interleaved evaluations. */
export function createEvaluator(table: FormulaTable): Evaluator {
  const values = new Float64Array(table.length);
  const stamps = new Uint32Array(table.length);
  const stack = new Uint32Array(table.length);
  let stamp = 0;
  let leaves = emptyEnvironment;

  function begin(environment: FormulaEnvironment): void {
    leaves = environment;
    if (stamp === 0xffff_ffff) stamps.fill((stamp = 0));
    stamp++;
  }

  const known = (index: number) => stamps[index] === stamp;

  /** The argument that must be known first, or -1. */
  function firstUnknown(node: Extract<HostValue, { readonly op: "apply" | "select" }>): number {
    const first = node.args[0]!;
    if (!known(first)) return first;
    if (node.op === "select") {
      const taken = node.args[values[first] !== 0 ? 1 : 2];
      return known(taken) ? -1 : taken;
    }
    if (decides(node.fn, values[first]!)) return -1;
    for (let i = 1; i < node.args.length; i++) if (!known(node.args[i]!)) return node.args[i]!;
    return -1;
  }

  function compute(formula: Formula): void {
    let depth = 0;
    stack[depth++] = formula;
    while (depth > 0) {
      const index = stack[depth - 1]!;
      const node = table[index]!;
      if (node.op === "apply" || node.op === "select") {
        const unknown = firstUnknown(node);
        if (unknown !== -1) {
          if (unknown >= index) throw new Error(`bug: formula ${index} uses ${unknown}, which does not stand before it`);
          stack[depth++] = unknown;
          continue;
        }
        if (node.op === "select") values[index] = values[node.args[values[node.args[0]] !== 0 ? 1 : 2]]!;
        else if (node.args.length !== 2 && (node.fn === "min" || node.fn === "max")) extremeAt(values, index, node.fn, node.args);
        else applyAt(values, index, node.fn, node.args[0]!, node.args[1] ?? node.args[0]!);
      } else {
        values[index] = leaf(node, leaves);
      }
      stamps[index] = stamp;
      depth--;
    }
  }

  function value(formula: Formula): number {
    if (!known(formula)) compute(formula);
    return values[formula]!;
  }

  return {
    table,
    begin,
    value,
    evaluate(formula, environment) {
      begin(environment);
      return value(formula);
    },
  };
}

/** True where the first argument alone settles `and` or `or`. */
function decides(fn: HostOp, first: number): boolean {
  return (fn === "and" && first === 0) || (fn === "or" && first !== 0);
}

function leaf(node: Exclude<HostValue, { readonly op: "apply" | "select" }>, leaves: FormulaEnvironment): number {
  switch (node.op) {
    case "literal":
      return literalValue(node.value);
    case "hyper":
      return leaves.hyper(node.hyper, node.form);
    case "fact":
      return leaves.fact(node.fact);
    case "shape":
      return leaves.shape(node.axis);
    case "hostState":
      return leaves.hostState(node.state);
    case "capture":
      return leaves.capture(node.capture);
    case "order":
      return leaves.order(node.order, node.form);
    case "error":
      throw new RuleError(node.message);
    default:
      throw new Error(`bug: unknown formula ${JSON.stringify(node satisfies never)}`);
  }
}

/** The number of a literal, whose infinities and NaN are spelled out. */
function literalValue(value: number | "inf" | "-inf" | "nan"): number {
  if (typeof value === "number") return value;
  return value === "inf" ? Number.POSITIVE_INFINITY : value === "-inf" ? Number.NEGATIVE_INFINITY : Number.NaN;
}

/** Three or more arguments of min and max; one alone is its own least and greatest. */
function extremeAt(values: Float64Array, at: number, fn: "min" | "max", args: readonly number[]): void {
  values[at] = values[args[0]!]!;
  for (let i = 1; i < args.length; i++) applyAt(values, at, fn, at, args[i]!);
}

/** One host operation in f64; `y` is ignored by operations of one argument. Booleans are 0 and 1. */
export function applyHostOp(fn: HostOp, x: number, y: number): number {
  operands[0] = x;
  operands[1] = y;
  applyAt(operands, 2, fn, 0, 1);
  return operands[2]!;
}

const operands = new Float64Array(3);

/** The same on places of an array: a number that crosses a call would be put on the heap. */
function applyAt(values: Float64Array, at: number, fn: HostOp, x: number, y: number): void {
  switch (fn) {
    case "add":
      values[at] = values[x]! + values[y]!;
      return;
    case "sub":
      values[at] = values[x]! - values[y]!;
      return;
    case "mul":
      values[at] = values[x]! * values[y]!;
      return;
    case "div":
      values[at] = values[x]! / values[y]!;
      return;
    case "neg":
      values[at] = -values[x]!;
      return;
    case "abs":
      values[at] = Math.abs(values[x]!);
      return;
    case "sqrt":
      values[at] = Math.sqrt(values[x]!);
      return;
    case "min":
      values[at] = Math.min(values[x]!, values[y]!);
      return;
    case "max":
      values[at] = Math.max(values[x]!, values[y]!);
      return;
    case "sign":
      values[at] = Math.sign(values[x]!);
      return;
    case "floor":
      values[at] = Math.floor(values[x]!);
      return;
    case "ceil":
      values[at] = Math.ceil(values[x]!);
      return;
    case "bf16":
      values[at] = roundToBfloat16(values[x]!);
      return;
    case "isfinite":
      values[at] = Number.isFinite(values[x]!) ? 1 : 0;
      return;
    case "lt":
      values[at] = values[x]! < values[y]! ? 1 : 0;
      return;
    case "le":
      values[at] = values[x]! <= values[y]! ? 1 : 0;
      return;
    case "eq":
      values[at] = values[x]! === values[y]! ? 1 : 0;
      return;
    case "and":
      values[at] = values[x]! !== 0 && values[y]! !== 0 ? 1 : 0;
      return;
    case "or":
      values[at] = values[x]! !== 0 || values[y]! !== 0 ? 1 : 0;
      return;
    case "not":
      values[at] = values[x]! === 0 ? 1 : 0;
      return;
    case "pow":
      values[at] = power(values[x]!, values[y]!);
      return;
    case "exp":
      values[at] = Math.exp(values[x]!);
      return;
    case "log":
      values[at] = Math.log(values[x]!);
      return;
    case "tanh":
      values[at] = Math.tanh(values[x]!);
      return;
    case "cbrt":
      values[at] = Math.cbrt(values[x]!);
      return;
    case "atan2":
      values[at] = Math.atan2(values[x]!, values[y]!);
      return;
    case "softplus":
      values[at] = Math.max(values[x]!, 0) + Math.log1p(Math.exp(-Math.abs(values[x]!)));
      return;
    default:
      throw new Error(`bug: unknown host operation ${fn satisfies never}`);
  }
}
