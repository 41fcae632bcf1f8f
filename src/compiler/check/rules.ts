// `rules` blocks become a RuleSet: arms in order, their conditions, their right sides as formulas of the class and the step.

import type { Condition, IndexBound, RuleArm, RuleBlock, RuleSet } from "../../contract/rules.js";
import { nearest } from "../diagnostics/did-you-mean.js";
import { positionAt, type Span } from "../source.js";
import type { RuleArmSyntax, RuleBlockSyntax, SetDecl } from "../syntax/ast.js";
import { constantOf } from "./constants.js";
import { bindLocal, type Context, type Env, type HyperInfo, inner, type Local } from "./context.js";
import { inRange } from "./declarations.js";
import { boundsOf, exponentsOf, leastExponent } from "./exponents.js";
import { checkTyped, notAvailable } from "./expressions.js";
import { createFormulas } from "./formulas.js";
import { covers } from "./pattern-cover.js";
import { type Conditions, checkCondition } from "./rule-conditions.js";
import { checkRatioCycles, fixedByConditions, readsCapture } from "./rule-reads.js";
import type { TypedExpr } from "./spec.js";

type Verb = "scale" | "set" | "freeze";

/** Checks every block of an optimizer. Hypers that became global have to be known. */
export function checkRules(name: string, syntax: readonly RuleBlockSyntax[], sets: readonly SetDecl[], env: Env): RuleSet {
  const { ctx } = env;
  const formulas = createFormulas(ctx);
  const shared: Conditions = { formulas, sets: new Map(sets.map((decl) => [decl.name.name, { decl, uses: 0 }])), texts: new Map() };
  const blocks: RuleBlock[] = [];
  const bounds: IndexBound[] = [];
  for (const block of syntax) {
    if (block.verb === "use") {
      notAvailable("`rules use`", { span: headOf(block) }, env);
      continue;
    }
    const hyper = checkTarget(block, blocks, ctx);
    const armBounds = (arm: number, found: readonly Pick<IndexBound, "capture" | "hyper">[]) =>
      bounds.push(...found.map((bound) => ({ ...bound, block: blocks.length, arm })));
    const arms = checkArms(
      block,
      block.verb,
      hyper,
      { ...env, scope: { parent: null, names: new Map() } },
      { ...shared, texts: new Map() },
      armBounds,
    );
    const { line } = positionAt(ctx.source, block.span.from);
    blocks.push({ verb: block.verb, hyper: block.target?.name ?? null, override: block.override, line, arms });
  }
  for (const { decl, uses } of shared.sets.values())
    if (uses === 0) ctx.reporter.report("unused-set", { name: decl.name.name }, decl.name.span);
  checkRatioCycles(blocks, formulas.table, ctx);
  return { name, formulas: formulas.table, blocks, bounds, fixedByConditions: fixedByConditions(blocks, formulas.table, ctx) };
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

type AddBounds = (arm: number, found: readonly Pick<IndexBound, "capture" | "hyper">[]) => void;

function checkArms(
  block: RuleBlockSyntax,
  verb: Verb,
  hyper: HyperInfo | null,
  env: Env,
  shared: Conditions,
  addBounds: AddBounds,
): RuleArm[] {
  const { ctx } = env;
  const arms: RuleArm[] = [];
  const earlier: { readonly condition: Condition | null; readonly line: number }[] = [];
  const fixed = (formula: number) => !readsCapture(formula, shared.formulas.table);
  for (const syntax of block.arms) {
    const { line, column } = positionAt(ctx.source, syntax.span.from);
    const arm = checkArm(syntax, verb, hyper, inner(env), shared);
    if (arm === null) continue;
    const shadow = earlier.find(
      (other) => other.condition === null || (arm.condition !== null && covers(other.condition, arm.condition, fixed)),
    );
    if (shadow !== undefined)
      ctx.reporter.report("unreachable-arm", { line: shadow.line, afterElse: shadow.condition === null }, syntax.span);
    earlier.push({ condition: arm.condition, line });
    addBounds(arms.length, arm.bounds);
    const text = oneLine(ctx.source.text.slice(syntax.span.from, syntax.span.to));
    arms.push({ line, column, text, optional: syntax.optional, condition: arm.condition, value: arm.value });
  }
  if (!block.arms.some((arm) => arm.condition === null)) {
    const neutral = verb === "scale" ? "1" : verb === "freeze" ? "false" : (block.target?.name ?? "");
    ctx.reporter.report("missing-else", { neutral }, headOf(block));
  }
  return arms;
}

/** Where messages about a whole block point: its hyper, or its verb. */
function headOf(block: RuleBlockSyntax): Span {
  return block.target?.span ?? { from: block.span.from, to: block.span.from + block.verb.length };
}

interface CheckedArm extends Pick<RuleArm, "condition" | "value"> {
  readonly bounds: readonly Pick<IndexBound, "capture" | "hyper">[];
}

function checkArm(syntax: RuleArmSyntax, verb: Verb, hyper: HyperInfo | null, env: Env, shared: Conditions): CheckedArm | null {
  const { ctx } = env;
  const firstLocal = ctx.locals.length;
  const condition = syntax.condition === null ? null : checkCondition(syntax.condition, { ...env, place: "ruleCondition" }, shared);
  const captured = ctx.locals.slice(firstLocal).filter((local) => local.rule !== undefined);
  const bare = inner(env);
  for (const local of captured) {
    if (!env.scope.names.has(local.name)) bindLocal(bare, local.name, local.span, null, { rule: { kind: "unbound", text: local.name } });
  }
  const type = verb === "freeze" || hyper?.type === "bool" ? "boolean" : "number";
  const value = checkTyped(syntax.value, type, { ...bare, place: "ruleValue" });
  if (value === null || (syntax.condition !== null && condition === null)) return null;
  reportUnusedCaptures(captured, ctx.locals.slice(firstLocal), ctx);
  checkValue(value, verb, hyper, ctx);
  const exponents = exponentsOf(value, ctx);
  for (const exponent of exponents) {
    const least = leastExponent(exponent, ctx);
    if (least !== null && least < 0) ctx.reporter.report("negative-exponent", { least }, exponent.span);
  }
  return { condition, value: shared.formulas.add(value), bounds: exponents.flatMap((exponent) => boundsOf(exponent, ctx)) };
}

function reportUnusedCaptures(captured: readonly Local[], locals: readonly Local[], ctx: Context): void {
  for (const { name, rule, span } of captured) {
    const used = locals.some((local) => local.name === name && local.uses > 0);
    if (!used && rule?.kind === "capture" && !isBounded(name, span, ctx)) ctx.reporter.report("unused-capture", { name }, span);
  }
}

/** `{n: 0..11}`: the bound is its use. */
function isBounded(name: string, span: Local["span"], ctx: Context): boolean {
  return new RegExp(`\\{\\s*${name}\\s*:`).test(ctx.source.text.slice(span.from, span.to));
}

function checkValue(value: TypedExpr, verb: Verb, hyper: HyperInfo | null, ctx: Context): void {
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

/** An arm as tables show it: comments gone, white space as one blank. */
function oneLine(text: string): string {
  return text
    .replace(/("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*/g, (_, string: string | undefined) => string ?? "")
    .replace(/\s+/g, " ")
    .trim();
}
