// The right side of `rules use`: `this`, the name of another optimizer, or its name with peaks of its hypers.

import type { UseChoice } from "../../contract/rules.js";
import { nearest } from "../../nearest-names.js";
import type { Expr, OptimizerDecl } from "../syntax/ast.js";
import type { Env } from "./context.js";
import { checkTyped } from "./expressions.js";
import type { Formulas } from "./formulas.js";

/** Checks a choice; an optimizer of the same text must have the hypers that are given. */
export function checkUse(expr: Expr, env: Env, optimizers: readonly OptimizerDecl[], formulas: Formulas): UseChoice | null {
  const { reporter } = env.ctx;
  if (expr.kind === "name") return { optimizer: expr.name === "this" ? null : expr.name, peaks: [] };
  if (expr.kind !== "call" || expr.callee.name === "this") {
    reporter.report("use-of-what", undefined, expr.span);
    return null;
  }
  const known = hypersOf(expr.callee.name, optimizers);
  const peaks = expr.args.map(({ name, value, span }) => {
    const checked = checkTyped(value, "number", env);
    if (name === null) reporter.report("use-needs-names", { optimizer: expr.callee.name }, span);
    else if (known !== null && !known.includes(name.name))
      reporter.report("use-unknown-hyper", { name: name.name, optimizer: expr.callee.name, nearest: nearest(name.name, known) }, name.span);
    else if (checked !== null) return { hyper: name.name, value: formulas.add(checked) };
    return null;
  });
  return peaks.every((peak) => peak !== null) ? { optimizer: expr.callee.name, peaks } : null;
}

/** Hypers of an optimizer of this text that is written out; null where they are not known here. */
function hypersOf(name: string, optimizers: readonly OptimizerDecl[]): string[] | null {
  const decl = optimizers.find((optimizer) => optimizer.name.name === name);
  if (decl === undefined || decl.base !== null) return null;
  return decl.body.flatMap((item) => (item.kind === "hyper" ? item.name.name : []));
}
