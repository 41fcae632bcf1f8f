// Things that are there and do nothing: computed values, hypers, options and states that nothing uses.

import type { Identifier } from "../syntax/ast.js";
import { NEED_CLIP } from "./clip-gradient.js";
import type { Context, StateInfo } from "./context.js";

/** Reports an optimizer that leaves every parameter as it is. */
export function checkMoves({ lastWrite, reporter }: Context, { name, span }: Identifier): void {
  if (!lastWrite.has("param")) reporter.report("param-never-written", { name }, span);
}

/** Reports what the whole text of an optimizer leaves unused. */
export function checkUses(ctx: Context): void {
  const { reporter } = ctx;
  const used = new Set(ctx.locals.filter((local) => local.uses > 0).map((local) => local.span.from));
  for (const { name, span, uses, computed } of ctx.locals) {
    if (computed && uses === 0 && !used.has(span.from)) reporter.report("unused-value", { name }, span);
  }
  for (const { name, span, uses } of ctx.hypers.values())
    if (uses === 0 && !ctx.early.has(name) && name !== NEED_CLIP) reporter.report("unused-hyper", { name, what: "hyper" }, span);
  for (const { name, span, uses } of ctx.options.values()) if (uses === 0) reporter.report("unused-hyper", { name, what: "option" }, span);
  for (const state of ctx.states.values()) if (!state.ofLibrary) checkState(state, ctx);
}

function checkState({ spec, reads, writes }: StateInfo, ctx: Context): void {
  if (ctx.early.has(spec.name)) return;
  // Of an instance: the transform's own name for it.
  const name = spec.name.slice(spec.name.lastIndexOf(".") + 1);
  if (reads === 0) ctx.reporter.report("state-never-read", { name, written: writes > 0 }, spec.span);
  else if (writes === 0 && spec.value.stage === "build") ctx.reporter.report("state-never-written", { name }, spec.span);
}
