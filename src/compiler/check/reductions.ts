// Reductions, and `max` and `min` of two or more, which are element by element. Reductions are typed, so that the rest of the
// text is checked against what they give, and refused as not available yet.

import type { Extent } from "../ir/extent.js";
import type { Expr, ExtentSyntax } from "../syntax/ast.js";
import { constantOf } from "./constants.js";
import { type Env, placeOf } from "./context.js";
import { checkTyped, notAvailable } from "./expressions.js";
import { allThere, apply, type Checked } from "./typed.js";

type ReductionExpr = Extract<Expr, { kind: "reduction" }>;

export function checkReduction(expr: ReductionExpr, env: Env): Checked {
  const span = placeOf(expr, env);
  const of = expr.by === "any" ? "boolean" : "number";
  const args: readonly Checked[] = expr.args.map((arg) => checkTyped(arg, of, env));
  if ((expr.by === "max" || expr.by === "min") && expr.to === null && expr.args.length > 1) {
    const op = expr.by;
    if (!allThere(args)) return null;
    return args.slice(1).reduce((all, arg) => apply(op, [all, arg], span), args[0]!);
  }
  const takes = expr.by === "dot" ? 2 : 1;
  if (expr.args.length !== takes) {
    env.ctx.reporter.report("wrong-argument-count", { name: expr.by, takes, given: expr.args.length }, span);
    return null;
  }
  const to = expr.to === null ? "tensor" : extentOf(expr.to, env);
  notAvailable(`the reduction \`${expr.by}\``, expr, env);
  if (to === null || !allThere(args)) return null;
  return { kind: "reduce", by: "sum", to, arg: args[0]!, site: 0, type: of, extent: to, stage: "device", span };
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
      env.ctx.reporter.report("not-available-yet", { what: "`like`" }, placeOf(syntax, env));
      return null;
    default:
      return syntax.kind;
  }
}
