// `order` declarations become ranks by tuples of captures, shapes and hypers.

import type { Formula } from "../../contract/host-formula.js";
import type { OrderArm, OrderRule } from "../../contract/rules.js";
import { positionAt } from "../source.js";
import type { Expr, OrderDecl } from "../syntax/ast.js";
import { type Env, inner } from "./context.js";
import { checkTyped } from "./expressions.js";
import { checkCase, createCaseList, placeOfArm } from "./rule-cases.js";
import type { Conditions } from "./rule-conditions.js";

/** Checks orders; from here on rules know their names. */
export function checkOrders(decls: readonly OrderDecl[], env: Env, shared: Conditions): OrderRule[] {
  for (const { name } of decls) env.ctx.orders.set(name.name, { span: name.span, uses: 0 });
  return decls.map((decl) => checkOrder(decl, env, { ...shared, texts: new Map() }));
}

function checkOrder(decl: OrderDecl, env: Env, shared: Conditions): OrderRule {
  const { ctx } = env;
  const cases = createCaseList(env, shared);
  const places = { condition: "orderCondition", value: "orderValue" } as const;
  const arms = decl.arms.flatMap((syntax): OrderArm[] => {
    const arm = checkCase(syntax, places, inner(env), shared, (inside) => checkTuple(syntax.tuple, inside, shared));
    if (arm === null) return [];
    cases.add(arm.condition, JSON.stringify(arm.right), syntax.span);
    return [{ ...placeOfArm(syntax, ctx), ...(syntax.optional && { optional: true }), condition: arm.condition, ...arm.right }];
  });
  if (!decl.arms.some((arm) => arm.condition === null)) ctx.reporter.report("missing-else", { neutral: "0" }, decl.name.span);
  return { name: decl.name.name, line: positionAt(ctx.source, decl.span.from).line, arms };
}

/** The components, and whether `last` stands after them. */
function checkTuple(components: readonly Expr[], env: Env, { formulas }: Conditions): Pick<OrderArm, "tuple" | "last"> | null {
  const isLast = (component: Expr | undefined) => component?.kind === "name" && component.name === "last";
  const last = isLast(components.at(-1));
  const tuple: (Formula | null)[] = (last ? components.slice(0, -1) : components).map((component) => {
    if (isLast(component)) {
      env.ctx.reporter.report("last-not-at-end", undefined, component.span);
      return null;
    }
    const value = checkTyped(component, "number", env);
    return value && formulas.add(value);
  });
  return tuple.every((component) => component !== null) ? { tuple, last } : null;
}
