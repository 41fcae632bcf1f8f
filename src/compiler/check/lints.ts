// Things that are there and do nothing: computed values, hypers, options and states that nothing uses.

import type { Identifier, StateDecl } from "../syntax/ast.js";
import type { Context } from "./context.js";

/** Reports an optimizer that leaves every parameter as it is. */
export function checkMoves({ lastWrite, reporter }: Context, { name, span }: Identifier): void {
  if (!lastWrite.has("param")) reporter.report("param-never-written", { name }, span);
}

/** Reports what the whole text of an optimizer leaves unused. */
export function checkUses(ctx: Context, states: readonly StateDecl[]): void {
  const { reporter } = ctx;
  const used = new Set(ctx.locals.filter((local) => local.uses > 0).map((local) => local.span.from));
  for (const { name, span, uses, computed } of ctx.locals) {
    if (computed && uses === 0 && !used.has(span.from)) reporter.report("unused-value", { name }, span);
  }
  for (const { name, span, uses } of ctx.hypers.values())
    if (uses === 0 && !ctx.early.has(name)) reporter.report("unused-hyper", { name, what: "hyper" }, span);
  for (const { name, span, uses } of ctx.options.values()) if (uses === 0) reporter.report("unused-hyper", { name, what: "option" }, span);
  for (const decl of states) checkState(decl, ctx);
}

function checkState(decl: StateDecl, ctx: Context): void {
  const { name, span } = decl.name;
  const state = ctx.states.get(name);
  if (state === undefined || ctx.early.has(name) || state.spec.span.from !== span.from) return;
  if (state.reads === 0) ctx.reporter.report("state-never-read", { name, written: state.writes > 0 }, span);
  else if (state.writes === 0 && state.spec.value.stage === "build") ctx.reporter.report("state-never-written", { name }, span);
}
