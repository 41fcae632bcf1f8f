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

  function value(formula: Formula): number {
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
        values[index] = node.op === "select" ? values[node.args[values[node.args[0]] !== 0 ? 1 : 2]]! : apply(node.fn, node.args, values);
      } else {
        values[index] = leaf(node, leaves);
      }
      stamps[index] = stamp;
      depth--;
    }
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

function apply(fn: HostOp, args: readonly number[], values: Float64Array): number {
  const x = values[args[0]!]!;
  const y = args.length > 1 ? values[args[1]!]! : 0;
  if (args.length !== 2 && (fn === "min" || fn === "max")) return extreme(fn, args, values);
  return applyHostOp(fn, x, y);
}

function extreme(fn: "min" | "max", args: readonly number[], values: Float64Array): number {
  let result = values[args[0]!]!;
  for (let i = 1; i < args.length; i++) result = applyHostOp(fn, result, values[args[i]!]!);
  return result;
}

/** One host operation in f64; `y` is ignored by operations of one argument. Booleans are 0 and 1. */
export function applyHostOp(fn: HostOp, x: number, y: number): number {
  switch (fn) {
    case "add":
      return x + y;
    case "sub":
      return x - y;
    case "mul":
      return x * y;
    case "div":
      return x / y;
    case "neg":
      return -x;
    case "abs":
      return Math.abs(x);
    case "sqrt":
      return Math.sqrt(x);
    case "min":
      return Math.min(x, y);
    case "max":
      return Math.max(x, y);
    case "sign":
      return Math.sign(x);
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    case "bf16":
      return roundToBfloat16(x);
    case "isfinite":
      return Number.isFinite(x) ? 1 : 0;
    case "lt":
      return x < y ? 1 : 0;
    case "le":
      return x <= y ? 1 : 0;
    case "eq":
      return x === y ? 1 : 0;
    case "and":
      return x !== 0 && y !== 0 ? 1 : 0;
    case "or":
      return x !== 0 || y !== 0 ? 1 : 0;
    case "not":
      return x === 0 ? 1 : 0;
    case "pow":
      return power(x, y);
    case "exp":
      return Math.exp(x);
    case "log":
      return Math.log(x);
    case "tanh":
      return Math.tanh(x);
    case "cbrt":
      return Math.cbrt(x);
    case "atan2":
      return Math.atan2(x, y);
    case "softplus":
      return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    default:
      throw new Error(`bug: unknown host operation ${fn satisfies never}`);
  }
}
