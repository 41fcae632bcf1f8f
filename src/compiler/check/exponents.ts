// Exponents of layer decay. An exponent is brought to a sum of hypers and captures: `n_layers + 1 - (n + 1)` is n_layers - n.
// Where it is no such sum nothing is said.

import type { IndexBound } from "../../contract/rules.js";
import { applyHostOp } from "../../formula/evaluate.js";
import { isHostOp } from "./constants.js";
import { type Context, definitionOf } from "./context.js";
import type { TypedExpr } from "./spec.js";
import { childrenOf } from "./typed.js";

/** constant + sum of coefficient * name; names are `hyper x` or `capture x`. */
interface Linear {
  readonly constant: number;
  readonly terms: ReadonlyMap<string, number>;
}

/** The exponents of powers in an expression, functions seen through. */
export function exponentsOf(expr: TypedExpr, ctx: Context, seen = new Set<TypedExpr>()): TypedExpr[] {
  if (seen.has(expr)) return [];
  seen.add(expr);
  if (expr.kind === "local") {
    const definition = definitionOf(ctx, expr.local);
    return definition === null ? [] : exponentsOf(definition, ctx, seen);
  }
  const below = childrenOf(expr).flatMap((child) => exponentsOf(child, ctx, seen));
  return expr.kind === "apply" && expr.op === "pow" ? [expr.args[1]!, ...below] : below;
}

/** A capture that is subtracted from one `int` hyper alone must stay below it. */
export function boundsOf(exponent: TypedExpr, ctx: Context): Pick<IndexBound, "capture" | "hyper">[] {
  const sum = linear(exponent, ctx, "named");
  if (sum === null) return [];
  const hypers = [...sum.terms].filter(([name]) => name.startsWith("hyper "));
  const [first] = hypers;
  if (hypers.length !== 1 || first === undefined || first[1] !== 1) return [];
  const hyper = first[0].slice("hyper ".length);
  if (ctx.hypers.get(hyper)?.type !== "int") return [];
  return [...sum.terms]
    .filter(([name, by]) => name.startsWith("capture ") && by === -1)
    .map(([name]) => ({ capture: name.slice("capture ".length), hyper }));
}

/** The least value of an exponent for hypers in their ranges (their defaults where none is given) and captures of 0; null if unknown. */
export function leastExponent(exponent: TypedExpr, ctx: Context): number | null {
  if (isPlainNumber(exponent)) return null;
  const sum = linear(exponent, ctx, "zero");
  if (sum === null) return null;
  let least = sum.constant;
  for (const [name, by] of sum.terms) {
    const hyper = ctx.hypers.get(name.slice("hyper ".length))!;
    const bound = hyper.range === null ? null : by > 0 ? hyper.range.low : hyper.range.high;
    const given = bound ?? (hyper.value.kind === "literal" ? hyper.value.value : null);
    if (given === null) return null;
    least += by * given;
  }
  return Number.isNaN(least) ? null : least;
}

/** An exponent written as a number, also a negative one, is meant. */
function isPlainNumber(expr: TypedExpr): boolean {
  return expr.kind === "literal" || (expr.kind === "apply" && expr.op === "neg" && isPlainNumber(expr.args[0]!));
}

function linear(expr: TypedExpr, ctx: Context, captures: "named" | "zero", known = new Map<TypedExpr, Linear | null>()): Linear | null {
  const before = known.get(expr);
  if (before !== undefined) return before;
  const sum = freshLinear(expr, ctx, captures, known);
  known.set(expr, sum);
  return sum;
}

function freshLinear(expr: TypedExpr, ctx: Context, captures: "named" | "zero", known: Map<TypedExpr, Linear | null>): Linear | null {
  switch (expr.kind) {
    case "literal":
      return { constant: expr.value, terms: new Map() };
    case "hyper":
      return expr.form === "ratio" ? null : { constant: 0, terms: new Map([[`hyper ${expr.hyper}`, 1]]) };
    case "local": {
      const rule = ctx.locals[expr.local]?.rule;
      if (rule?.kind === "capture") return { constant: 0, terms: new Map(captures === "zero" ? [] : [[`capture ${rule.text}`, 1]]) };
      const definition = definitionOf(ctx, expr.local);
      return definition === null ? null : linear(definition, ctx, captures, known);
    }
    case "block":
      return linear(expr.result, ctx, captures, known);
    case "apply": {
      const args = expr.args.map((arg) => linear(arg, ctx, captures, known));
      return args.every((arg) => arg !== null) ? combine(expr.op, args) : null;
    }
    default:
      return null;
  }
}

function combine(op: string, [a, b]: readonly Linear[]): Linear | null {
  if (a === undefined) return null;
  if (op === "neg") return sumOf(zero, a, -1);
  if (b !== undefined && op === "add") return sumOf(a, b, 1);
  if (b !== undefined && op === "sub") return sumOf(a, b, -1);
  if (b !== undefined && op === "mul" && b.terms.size === 0) return sumOf(zero, a, b.constant);
  if (b !== undefined && op === "mul" && a.terms.size === 0) return sumOf(zero, b, a.constant);
  if (b !== undefined && op === "div" && b.terms.size === 0) return sumOf(zero, a, 1 / b.constant);
  if (a.terms.size > 0 || (b !== undefined && b.terms.size > 0) || !isHostOp(op)) return null;
  return { constant: applyHostOp(op, a.constant, b?.constant ?? 0), terms: new Map() };
}

const zero: Linear = { constant: 0, terms: new Map() };

function sumOf(a: Linear, b: Linear, by: number): Linear {
  const terms = new Map(a.terms);
  for (const [name, coefficient] of b.terms) {
    const total = (terms.get(name) ?? 0) + by * coefficient;
    if (total === 0) terms.delete(name);
    else terms.set(name, total);
  }
  return { constant: a.constant + by * b.constant, terms };
}
