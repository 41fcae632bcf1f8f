// An expression of a declaration that reads locals of the body carries their definitions with it, because a declaration is
// computed apart from the body. Such a local is pinned: it keeps its one value.

import type { Context } from "./context.js";
import type { TypedExpr, TypedStatement } from "./spec.js";
import { childrenOf } from "./typed.js";

/** The expression with the locals that it reads defined inside; null where one of them has had several values. */
export function closeOver(expr: TypedExpr, ctx: Context): TypedExpr | null {
  const free = new Set<number>();
  gather(expr, new Set(), free, ctx);
  if (free.size === 0) return expr;
  const statements: TypedStatement[] = [];
  for (const id of [...free].sort((a, b) => a - b)) {
    const local = ctx.locals[id]!;
    const [value] = local.sources;
    if (local.sources.length !== 1 || !value) return null;
    local.pinned = true;
    statements.push({ kind: "define", local: id, name: local.name, value, span: local.span });
  }
  const { extent, stage, type, span } = expr;
  return { kind: "block", statements, result: expr, extent, stage, type, span };
}

/** Locals that an expression reads and does not define itself, and those behind them. */
function gather(expr: TypedExpr, own: Set<number>, free: Set<number>, ctx: Context): void {
  if (expr.kind === "local") {
    if (own.has(expr.local) || free.has(expr.local)) return;
    free.add(expr.local);
    for (const source of ctx.locals[expr.local]!.sources) if (source !== null) gather(source, new Set(), free, ctx);
    return;
  }
  if (expr.kind === "block") gatherStatements(expr.statements, own, free, ctx);
  for (const child of childrenOf(expr)) gather(child, own, free, ctx);
}

function gatherStatements(statements: readonly TypedStatement[], own: Set<number>, free: Set<number>, ctx: Context): void {
  for (const statement of statements) {
    if (statement.kind === "if") {
      gather(statement.condition, own, free, ctx);
      gatherStatements([...statement.then, ...statement.otherwise], own, free, ctx);
      continue;
    }
    gather(statement.value, own, free, ctx);
    if (statement.kind === "define") own.add(statement.local);
  }
}
