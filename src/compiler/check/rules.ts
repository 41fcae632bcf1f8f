// `rules` blocks become a RuleSet: arms in order, their conditions, their right sides as formulas of the class and the step.

import type { IndexBound, RuleArm, RuleBlock, RuleSet } from "../../contract/rules.js";
import { nearest } from "../../nearest-names.js";
import { fixedHypers } from "../../rules/fixed-hypers.js";
import { positionAt, type Span } from "../source.js";
import type { OptimizerDecl, OrderDecl, RuleArmSyntax, RuleBlockSyntax, SetDecl } from "../syntax/ast.js";
import { constantOf } from "./constants.js";
import { type Context, type Env, type HyperInfo, inner } from "./context.js";
import { inRange } from "./declarations.js";
import { boundsOf, exponentsOf, leastExponent } from "./exponents.js";
import { checkTyped } from "./expressions.js";
import { createFormulas, type Formulas } from "./formulas.js";
import { checkOrders } from "./orders.js";
import { checkCase, createCaseList, placeOfArm } from "./rule-cases.js";
import type { Conditions } from "./rule-conditions.js";
import { checkRatioCycles } from "./rule-reads.js";
import type { TypedExpr } from "./spec.js";
import { literal } from "./typed.js";
import { checkUse } from "./use.js";

/** The parts of a text that make one set of rules. */
export interface RulesSyntax {
  readonly name: string;
  readonly blocks: readonly RuleBlockSyntax[];
  readonly sets: readonly SetDecl[];
  readonly orders: readonly OrderDecl[];
  /** Of the same text: what `rules use` may name. */
  readonly optimizers: readonly OptimizerDecl[];
}

/** Checks every block of a set. Hypers that became global have to be known; `before`: blocks of sets that stand above. */
export function checkRules(
  syntax: RulesSyntax,
  env: Env,
  before: readonly RuleBlock[] = [],
  formulas: Formulas = createFormulas(env.ctx),
): RuleSet {
  const { ctx } = env;
  const sets = new Map(syntax.sets.map((decl) => [decl.name.name, { decl, uses: 0 }]));
  const shared: Conditions = { formulas, sets, texts: new Map() };
  const orders = checkOrders(syntax.orders, env, shared);
  const blocks: RuleBlock[] = [];
  const bounds: IndexBound[] = [];
  for (const block of syntax.blocks) {
    const hyper = checkTarget(block, [...before.filter(({ verb }) => verb === "set"), ...blocks], ctx);
    const checked = checkArms(block, hyper, { ...env, scope: { parent: null, names: new Map() } }, { ...shared, texts: new Map() }, syntax);
    checked.forEach((arm, index) => {
      bounds.push(...arm.bounds.map((bound) => ({ ...bound, block: blocks.length, arm: index })));
    });
    const { line } = positionAt(ctx.source, block.span.from);
    const arms = checked.map(({ arm }) => arm);
    blocks.push({ verb: block.verb, hyper: block.target?.name ?? null, override: block.override, line, arms });
  }
  reportUnused(sets, orders.length > 0, ctx);
  checkRatioCycles(blocks, formulas.table, ctx);
  return {
    name: syntax.name,
    formulas: formulas.table,
    blocks,
    bounds,
    fixedByConditions: [...fixedHypers([{ formulas: formulas.table, blocks, orders }])].filter(
      (name) => ctx.hypers.get(name)?.fixed === false,
    ),
    ...(orders.length > 0 && { orders }),
  };
}

function reportUnused(sets: Conditions["sets"], ordered: boolean, ctx: Context): void {
  for (const { decl, uses } of sets.values())
    if (uses === 0) ctx.reporter.report("unused-set", { name: decl.name.name, what: "set" }, decl.name.span);
  if (!ordered) return;
  for (const [name, { span, uses }] of ctx.orders) if (uses === 0) ctx.reporter.report("unused-set", { name, what: "order" }, span);
}

/** The hyper that a block decides; null where there is none or it may not be decided by rules. */
function checkTarget(block: RuleBlockSyntax, before: readonly RuleBlock[], ctx: Context): HyperInfo | null {
  const { reporter } = ctx;
  const { target } = block;
  const again = before.find(
    (other) => other.verb === block.verb && other.hyper === (target?.name ?? null) && other.override === block.override,
  );
  if (again !== undefined && block.verb !== "scale") {
    reporter.report("block-twice", { verb: block.verb, hyper: target?.name ?? null, line: again.line }, headOf(block));
  }
  if (target === null || ctx.refused.has(target.name)) return null;
  const { name, span } = target;
  const hyper = ctx.hypers.get(name);
  const place = ctx.globals.get(name);
  if (hyper === undefined) {
    const what = ctx.declared.get(name)?.what ?? null;
    reporter.report("rule-for-unknown", { name, what, nearest: nearest(name, ctx.hypers.keys()) }, span);
    return null;
  }
  if (hyper.fixed) reporter.report("rule-for-fixed", { name }, span, [{ span: hyper.span, text: "declared `fixed`" }]);
  else if (place !== undefined)
    reporter.report("rule-for-global", { name }, span, [{ span: place, text: "one number for the whole model" }]);
  else if (block.verb === "scale" && hyper.type === "bool") reporter.report("scale-of-bool", { name }, span);
  return hyper;
}

type Bound = Pick<IndexBound, "capture" | "hyper">;

interface CheckedArm {
  readonly arm: RuleArm;
  readonly bounds: readonly Bound[];
}

function checkArms(block: RuleBlockSyntax, hyper: HyperInfo | null, env: Env, shared: Conditions, syntax: RulesSyntax): CheckedArm[] {
  const { ctx } = env;
  const cases = createCaseList(env, shared);
  const places = { condition: "ruleCondition", value: "ruleValue" } as const;
  const arms = block.arms.flatMap((arm): CheckedArm[] => {
    const checked = checkCase(arm, places, inner(env), shared, (inside) => checkRight(arm, block.verb, hyper, inside, shared, syntax));
    if (checked === null) return [];
    const { bounds, ...right } = checked.right;
    cases.add(checked.condition, JSON.stringify(right), arm.span);
    return [{ arm: { ...placeOfArm(arm, ctx), optional: arm.optional, condition: checked.condition, ...right }, bounds }];
  });
  if (!block.arms.some((arm) => arm.condition === null)) ctx.reporter.report("missing-else", { neutral: neutralOf(block) }, headOf(block));
  return arms;
}

/** What changes nothing. */
function neutralOf({ verb, target }: RuleBlockSyntax): string {
  switch (verb) {
    case "scale":
      return "1";
    case "set":
      return target?.name ?? "";
    case "freeze":
      return "false";
    case "use":
      return "this";
    default:
      return verb satisfies never;
  }
}

/** Where messages about a whole block point: its hyper, or its verb. */
function headOf(block: RuleBlockSyntax): Span {
  return block.target?.span ?? { from: block.span.from, to: block.span.from + block.verb.length };
}

interface Right extends Pick<RuleArm, "value" | "use"> {
  readonly bounds: readonly Bound[];
}

function checkRight(
  arm: RuleArmSyntax,
  verb: RuleBlockSyntax["verb"],
  hyper: HyperInfo | null,
  env: Env,
  { formulas }: Conditions,
  syntax: RulesSyntax,
): Right | null {
  const { ctx } = env;
  if (verb === "use") {
    const use = checkUse(arm.value, env, syntax.optimizers, formulas);
    return use && { value: formulas.add(literal(0, arm.value.span)), use, bounds: [] };
  }
  const value = checkTyped(arm.value, verb === "freeze" || hyper?.type === "bool" ? "boolean" : "number", env);
  if (value === null) return null;
  checkValue(value, verb, hyper, ctx);
  const exponents = exponentsOf(value, ctx);
  for (const exponent of exponents) {
    const least = leastExponent(exponent, ctx);
    if (least !== null && least < 0) ctx.reporter.report("negative-exponent", { least }, exponent.span);
  }
  return { value: formulas.add(value), bounds: exponents.flatMap((exponent) => boundsOf(exponent, ctx)) };
}

function checkValue(value: TypedExpr, verb: RuleBlockSyntax["verb"], hyper: HyperInfo | null, ctx: Context): void {
  if (verb === "freeze" && value.stage === "step") ctx.reporter.report("freeze-not-setup", undefined, value.span);
  const constant = constantOf(value, ctx);
  if (constant === null || hyper === null || verb !== "set" || hyper.type === "bool") return;
  const outside = hyper.range === null ? !Number.isFinite(constant) : !inRange(constant, hyper.range);
  if (outside || (hyper.type === "int" && !Number.isInteger(constant))) {
    ctx.reporter.report("rule-value-out-of-range", { name: hyper.name, value: constant }, value.span, [
      { span: hyper.span, text: "declared here" },
    ]);
  }
}
