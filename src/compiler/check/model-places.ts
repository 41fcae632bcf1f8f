// Places of extent model. A hyper has extent tensor; where it flows into such a place it becomes global, and `t` becomes the
// number of steps that the optimizer has taken.

import { within } from "../ir/extent.js";
import type { Span } from "../source.js";
import type { Context } from "./context.js";
import { LARGEST_OPTIMIZER } from "./limits.js";
import type { TypedExpr } from "./spec.js";
import { apply, childrenOf, select } from "./typed.js";

/** Everything that an expression is computed from, locals seen through, each local once. */
function* leavesOf(expr: TypedExpr, ctx: Context, seen = new Set<number>()): Generator<TypedExpr> {
  if (expr.kind === "local") {
    if (seen.has(expr.local)) return;
    seen.add(expr.local);
    for (const source of ctx.locals[expr.local]!.sources) if (source !== null) yield* leavesOf(source, ctx, seen);
  } else if (expr.kind === "reduce") {
    yield expr;
  } else {
    const children = childrenOf(expr);
    if (children.length === 0) yield expr;
    for (const child of children) yield* leavesOf(child, ctx, seen);
  }
}

const isStepCount = (leaf: TypedExpr) => leaf.kind === "ambient" && leaf.ambient === "t";

/**
 * Fits an expression into a place of extent model: makes the hypers that it reads global, and gives it back with the optimizer's
 * steps for `t`. Null where it has one number for each parameter for any other reason.
 */
export function intoModel(expr: TypedExpr, place: Span, ctx: Context): TypedExpr | null {
  const leaves = [...leavesOf(expr, ctx)];
  const fits = leaves.every((leaf) => leaf.kind === "hyper" || isStepCount(leaf) || within(leaf.extent, "model"));
  if (!fits) return null;
  const rewritten = leaves.some(isStepCount) ? withOptimizerSteps(expr, ctx) : expr;
  if (rewritten === null) return null;
  for (const leaf of leaves) if (leaf.kind === "hyper" && !ctx.globals.has(leaf.hyper)) ctx.globals.set(leaf.hyper, place);
  return rewritten;
}

/** The expression with `step` for `t`; null where a local that counts steps was given more than one value. */
function withOptimizerSteps(expr: TypedExpr, ctx: Context): TypedExpr | null {
  if (++ctx.size > LARGEST_OPTIMIZER) return null;
  switch (expr.kind) {
    case "ambient":
      return expr.ambient === "t" ? { ...expr, ambient: "step", extent: "model" } : expr;
    case "local": {
      if (![...leavesOf(expr, ctx)].some(isStepCount)) return expr;
      const { sources } = ctx.locals[expr.local]!;
      return sources.length === 1 && sources[0] ? withOptimizerSteps(sources[0], ctx) : null;
    }
    case "block":
      return [...leavesOf(expr, ctx)].some(isStepCount) ? withOptimizerSteps(expr.result, ctx) : expr;
    case "apply": {
      const args = expr.args.map((arg) => withOptimizerSteps(arg, ctx));
      return args.some((arg) => arg === null) ? null : apply(expr.op, args as TypedExpr[], expr.span);
    }
    case "select": {
      const [condition, then, otherwise] = childrenOf(expr).map((child) => withOptimizerSteps(child, ctx));
      return condition && then && otherwise ? select(condition, then, otherwise, expr.span) : null;
    }
    default:
      return expr;
  }
}
