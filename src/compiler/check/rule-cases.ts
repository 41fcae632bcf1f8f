// What arms of blocks and of orders have in common: a condition, what it captures, and a right side that sees the captures.

import type { Condition } from "../../contract/rules.js";
import { positionAt, type Span } from "../source.js";
import type { Expr } from "../syntax/ast.js";
import { bindLocal, type Context, type Env, inner, type Local, type Place } from "./context.js";
import { covers } from "./pattern-cover.js";
import { overlapExample } from "./pattern-overlap.js";
import { type Conditions, checkCondition } from "./rule-conditions.js";
import { readsCapture } from "./rule-reads.js";

export interface CaseSyntax {
  /** Null for `else`. */
  readonly condition: Expr | null;
  readonly span: Span;
}

/** The condition and what `right` makes of the right side; null where either is wrong. */
export function checkCase<Right>(
  syntax: CaseSyntax,
  places: { readonly condition: Place; readonly value: Place },
  env: Env,
  shared: Conditions,
  right: (env: Env) => Right | null,
): { readonly condition: Condition | null; readonly right: Right } | null {
  const { ctx } = env;
  const scope = inner(env);
  const firstLocal = ctx.locals.length;
  const condition = syntax.condition === null ? null : checkCondition(syntax.condition, { ...scope, place: places.condition }, shared);
  const captured = ctx.locals.slice(firstLocal).filter((local) => local.rule !== undefined);
  const bare = inner(scope);
  for (const local of captured) {
    if (!scope.scope.names.has(local.name)) bindLocal(bare, local.name, local.span, null, { rule: { kind: "unbound", text: local.name } });
  }
  const value = right({ ...bare, place: places.value });
  if (value === null || (syntax.condition !== null && condition === null)) return null;
  reportUnusedCaptures(captured, ctx.locals.slice(firstLocal), ctx);
  return { condition, right: value };
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

export interface CaseList {
  /** Takes the next arm, after telling where no parameter can reach it or an arm above crosses it. `right`: equal for equal right sides. */
  add(condition: Condition | null, right: string, span: Span): void;
}

/** Watches the arms of one block or order. */
export function createCaseList({ ctx }: Env, { formulas }: Conditions): CaseList {
  const earlier: { readonly condition: Condition | null; readonly right: string; readonly span: Span }[] = [];
  const lineOf = (span: Span) => positionAt(ctx.source, span.from).line;
  const fixed = (formula: number) => !readsCapture(formula, formulas.table);
  return {
    add(condition, right, span) {
      const shadow = earlier.find((other) => other.condition === null || (condition !== null && covers(other.condition, condition, fixed)));
      if (shadow !== undefined) {
        ctx.reporter.report("unreachable-arm", { line: lineOf(shadow.span), afterElse: shadow.condition === null }, span);
      } else if (condition?.kind === "pattern") {
        const { pattern } = condition;
        for (const other of earlier) {
          const example =
            other.condition?.kind === "pattern" && other.right !== right ? overlapExample(other.condition.pattern, pattern) : null;
          if (example !== null) ctx.reporter.report("order-decides", { line: lineOf(other.span), example }, span);
        }
      }
      earlier.push({ condition, right, span });
    },
  };
}

/** Where an arm stands, and its text as tables show it: comments gone, white space as one blank. */
export function placeOfArm({ span }: CaseSyntax, { source }: Context): { line: number; column: number; text: string } {
  const { line, column } = positionAt(source, span.from);
  const text = source.text
    .slice(span.from, span.to)
    .replace(/("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*/g, (_, string: string | undefined) => string ?? "")
    .replace(/\s+/g, " ")
    .trim();
  return { line, column, text };
}
