// Places of extent model. A hyper has extent tensor; where it flows into such a place it becomes global, and `t` becomes the
// number of steps that the optimizer has taken.

import { within } from "../ir/extent.js";
import type { Span } from "../source.js";
import { bindLocal, type Context, definitionOf, type Env, inner } from "./context.js";
import type { TypedExpr, TypedStatement } from "./spec.js";
import { allThere, apply, childrenOf, select } from "./typed.js";

/** Everything that an expression is computed from, locals seen through, each local once. */
export function* leavesOf(expr: TypedExpr, ctx: Context, seen = new Set<number>()): Generator<TypedExpr> {
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

/** Such a statement cannot be computed a second time. */
function storesCell(statement: TypedStatement): boolean {
  if (statement.kind !== "if") return statement.kind === "assign-cell";
  return [...statement.then, ...statement.otherwise].some(storesCell);
}

const isStepCount = (leaf: TypedExpr) => leaf.kind === "ambient" && leaf.ambient === "t";

/**
 * Fits an expression into a place of extent model: makes the hypers that it reads global, and gives it back with the optimizer's
 * steps for `t`. Null where it has one number for each parameter for any other reason.
 */
export function intoModel(expr: TypedExpr, place: Span, env: Env): TypedExpr | null {
  const { ctx } = env;
  const leaves = [...leavesOf(expr, ctx)];
  const fits = leaves.every((leaf) => leaf.kind === "hyper" || isStepCount(leaf) || within(leaf.extent, "model"));
  if (!fits) return null;
  const rewritten = leaves.some(isStepCount) ? withOptimizerSteps(expr, env) : expr;
  if (rewritten === null) return null;
  for (const leaf of leaves) if (leaf.kind === "hyper" && !ctx.globals.has(leaf.hyper)) ctx.globals.set(leaf.hyper, place);
  return rewritten;
}

/** The expression with `step` for `t`; null where a local that counts steps reads what has changed. */
function withOptimizerSteps(expr: TypedExpr, env: Env): TypedExpr | null {
  const { ctx } = env;
  const statements: TypedStatement[] = [];
  const renamed = new Map<number, TypedExpr | null>();
  const counts = (e: TypedExpr) => [...leavesOf(e, ctx)].some(isStepCount);

  /** True where computing a local again, further down, gives the same: nothing that it read has changed since. What counts no steps is read, not computed. */
  function stands(local: number, seen = new Set<number>()): boolean {
    if (seen.has(local)) return true;
    seen.add(local);
    const definition = definitionOf(ctx, local);
    const holds = (e: TypedExpr): boolean => {
      if (e.kind === "cell") return e.version === "old" || (ctx.lastWrite.get(e.cell) ?? 0) <= local;
      if (e.kind === "local") return counts(e) ? stands(e.local, seen) : definitionOf(ctx, e.local) !== null;
      return childrenOf(e).every(holds);
    };
    return definition !== null && holds(definition);
  }

  function rewrite(e: TypedExpr): TypedExpr | null {
    switch (e.kind) {
      case "ambient":
        return e.ambient === "t" ? { ...e, ambient: "step", extent: "model" } : e;
      case "local":
        return counts(e) ? rewriteLocal(e) : e;
      case "block":
        if (!counts(e)) return e;
        // What the result reads besides a count is defined as before.
        if (e.statements.some(storesCell)) return null;
        statements.push(...e.statements.filter((statement) => statement.kind !== "define" || !counts(statement.value)));
        return rewrite(e.result);
      case "apply": {
        const args = e.args.map(rewrite);
        return allThere(args) ? apply(e.op, args, e.span) : null;
      }
      case "select": {
        const [condition, then, otherwise] = childrenOf(e).map(rewrite);
        return condition && then && otherwise ? select(condition, then, otherwise, e.span) : null;
      }
      default:
        return e;
    }
  }

  /** A local of the same name with the other count; defined once, however often it is read. */
  function rewriteLocal(e: Extract<TypedExpr, { kind: "local" }>): TypedExpr | null {
    const before = renamed.get(e.local);
    if (before !== undefined) return before;
    const { sources, name, span } = ctx.locals[e.local]!;
    const value = sources[0] && stands(e.local) ? rewrite(sources[0]) : null;
    const local = value && bindLocal(inner(env), name, span, value);
    if (local !== null) statements.push({ kind: "define", local: local.id, name, value: value!, span });
    const read = local && { ...e, local: local.id, extent: local.extent };
    renamed.set(e.local, read);
    return read;
  }

  const result = rewrite(expr);
  if (result === null || statements.length === 0) return result;
  return { kind: "block", statements, result, extent: result.extent, stage: result.stage, type: result.type, span: result.span };
}
