// Reductions, the only way down in extent, and `max` and `min` of two or more, which are element by element. What kernels reduce
// is sums and extremes: a mean is a sum divided by how many numbers took part, a norm the root of a sum of squares.

import { type Extent, within } from "../ir/extent.js";
import type { Span } from "../source.js";
import type { Expr, ExtentSyntax } from "../syntax/ast.js";
import { constantOf } from "./constants.js";
import { type Env, placeOf } from "./context.js";
import { checkTyped, notAvailable } from "./expressions.js";
import { intoModel } from "./model-places.js";
import { checkName, refuse } from "./names.js";
import type { TypedExpr } from "./spec.js";
import { allThere, apply, type Checked, literal, select } from "./typed.js";

type ReductionExpr = Extract<Expr, { kind: "reduction" }>;
type Landing = "tensor" | "model";

export function checkReduction(expr: ReductionExpr, env: Env): Checked {
  const span = placeOf(expr, env);
  const { by } = expr;
  const args: readonly Checked[] = expr.args.map((arg) => checkTyped(arg, by === "any" ? "boolean" : "number", env));
  if ((by === "max" || by === "min") && expr.to === null && expr.args.length > 1) {
    return allThere(args) ? args.slice(1).reduce((all, arg) => apply(by, [all, arg], span), args[0]!) : null;
  }
  const takes = by === "dot" ? 2 : 1;
  if (expr.args.length !== takes) {
    env.ctx.reporter.report("wrong-argument-count", { name: by, takes, given: expr.args.length }, span);
    return null;
  }
  const to = expr.to === null ? "tensor" : extentOf(expr.to, env);
  if (to === null || !allThere(args)) return null;
  const arg = by === "dot" ? apply("mul", args, span) : args[0]!;
  if (to !== "tensor" && to !== "model") {
    notAvailable(`the reduction \`${by}[${expr.to!.kind}]\``, expr, env);
    const typed = { kind: "reduce", by: "sum", to, arg, site: 0, type: "number", extent: to, stage: "device", span } as const;
    return by === "any" ? null : typed;
  }
  return standsHere(expr, to, arg, env) ? reduction(by, to, arg, span, env) : null;
}

/** Whether there is something to reduce, and every element that should take part gets there. */
function standsHere(expr: ReductionExpr, to: Landing, arg: TypedExpr, env: Env): boolean {
  const { reporter } = env.ctx;
  const name = expr.by;
  if (env.place !== "body" && env.place !== "initial") {
    refuse(name, "a reduction, which the device computes", "it is decided from names, shapes and hypers", expr, env);
    return false;
  }
  if (within(arg.extent, to)) {
    reporter.report("nothing-to-reduce", { name, to, of: arg.extent }, placeOf(expr, env));
    return false;
  }
  for (const { condition } of env.facts) {
    if (within(condition.extent, to)) continue;
    if (to === "model" && intoModel(condition, placeOf(expr, env), env) === condition) continue;
    reporter.report("reduction-under-condition", { name, to, of: condition.extent }, placeOf(expr, env), [
      { span: condition.span, text: "under this condition" },
    ]);
    return false;
  }
  return true;
}

function reduction(by: ReductionExpr["by"], to: Landing, arg: TypedExpr, span: Span, env: Env): TypedExpr {
  const reduce = (how: "sum" | "max" | "min", of: TypedExpr): TypedExpr => {
    const site = to === "model" ? env.ctx.sites++ : 0;
    return { kind: "reduce", by: how, to, arg: of, site, type: "number", extent: to, stage: "device", span };
  };
  const square = () => apply("pow", [arg, literal(2, span)], span);
  switch (by) {
    case "sum":
    case "max":
    case "min":
      return reduce(by, arg);
    case "dot":
      return reduce("sum", arg);
    case "norm":
      return apply("sqrt", [reduce("sum", square())], span);
    case "mean":
      return apply("div", [reduce("sum", arg), countOf(to, arg, reduce, span)], span);
    case "rms":
      return apply("sqrt", [apply("div", [reduce("sum", square()), countOf(to, arg, reduce, span)], span)], span);
    case "any": {
      const counted = select(arg, literal(1, span), literal(0, span), span);
      return apply("lt", [literal(0, span), reduce("max", counted)], span);
    }
    default:
      throw new Error(`bug: reduction ${by satisfies never}`);
  }
}

/** How many numbers a mean is over; of the model, those of the parameters that take part in the step. */
function countOf(to: Landing, arg: TypedExpr, reduce: (how: "sum", of: TypedExpr) => TypedExpr, span: Span): TypedExpr {
  const numel: TypedExpr = { kind: "ambient", ambient: "numel", type: "number", extent: "tensor", stage: "setup", span };
  if (to === "tensor") return numel;
  return reduce("sum", arg.extent === "tensor" ? { ...literal(1, span), extent: "tensor" } : numel);
}

/** The extent that a text names; null after an error. */
export function extentOf(syntax: ExtentSyntax, env: Env): Extent | null {
  switch (syntax.kind) {
    case "axis":
    case "block": {
      const argument = checkTyped(syntax.argument, "number", env);
      if (argument === null) return null;
      const number = constantOf(argument, env.ctx);
      const least = syntax.kind === "axis" ? 0 : 1;
      if (number !== null && Number.isInteger(number) && number >= least) return `${syntax.kind}:${number}`;
      env.ctx.reporter.report("extent-not-whole", { kind: syntax.kind }, placeOf(syntax.argument, env));
      return null;
    }
    case "like":
      return checkName({ kind: "name", ...syntax.of }, env)?.extent ?? null;
    default:
      return syntax.kind;
  }
}
