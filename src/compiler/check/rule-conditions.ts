// Conditions of rule arms: patterns and what they capture, `contains`, facts and comparisons, sets by name.
// `and` hands captures on to its right, `or` keeps those of every branch, `not` binds nothing.

import type { CompareOp, Condition } from "../../contract/rules.js";
import { nearest } from "../../nearest-names.js";
import { parsePattern } from "../../rules/pattern.js";
import type { Span } from "../source.js";
import type { Expr, SetDecl } from "../syntax/ast.js";
import { bindLocal, type Env, findLocal, inner, type Local } from "./context.js";
import { checkExpr, checkTyped } from "./expressions.js";
import type { Formulas } from "./formulas.js";
import { isAmbient } from "./names.js";
import type { TypedExpr } from "./spec.js";
import { literal } from "./typed.js";

/** What the conditions of an optimizer share. */
export interface Conditions {
  readonly formulas: Formulas;
  readonly sets: Map<string, { readonly decl: SetDecl; uses: number }>;
  /** Texts of the patterns of this block, to find two that differ only in case. */
  readonly texts: Map<string, string>;
}

type StringExpr = Extract<Expr, { kind: "string" }>;

const compares: readonly CompareOp[] = ["==", "!=", "<", "<=", ">", ">="];

/** Checks a condition; its captures are bound in the scope of `env`. */
export function checkCondition(expr: Expr, env: Env, shared: Conditions): Condition | null {
  if (expr.kind === "string") return checkPattern(expr, env, shared);
  if (expr.kind === "call" && expr.callee.name === "contains") return checkContains(expr, env);
  if (expr.kind === "name" && findLocal(env.scope, expr.name) === null && shared.sets.has(expr.name)) {
    const set = shared.sets.get(expr.name)!;
    set.uses++;
    return checkCondition(set.decl.condition, env, { ...shared, sets: setsAbove(set.decl, shared) });
  }
  if (expr.kind === "unary" && expr.op === "not") {
    const term = checkCondition(expr.operand, inner(env), shared);
    return term && { kind: "not", term };
  }
  if (expr.kind === "binary" && expr.op === "and") {
    const [left, right] = [checkCondition(expr.left, env, shared), checkCondition(expr.right, env, shared)];
    return left && right && { kind: "and", terms: [left, right].flatMap((term) => (term.kind === "and" ? term.terms : [term])) };
  }
  if (expr.kind === "binary" && expr.op === "or") return checkOr(expr, env, shared);
  if (expr.kind === "binary" && compares.some((op) => op === expr.op)) return checkCompare(expr, expr.op as CompareOp, env, shared);
  const value = checkTyped(expr, "boolean", env);
  return value && { kind: "compare", op: "!=", left: shared.formulas.add(value), right: shared.formulas.add(literal(0, expr.span)) };
}

function setsAbove(decl: SetDecl, shared: Conditions): Conditions["sets"] {
  return new Map([...shared.sets].filter(([, set]) => set.decl.span.from < decl.span.from));
}

function checkOr(expr: Extract<Expr, { kind: "binary" }>, env: Env, shared: Conditions): Condition | null {
  const [a, b] = [inner(env), inner(env)];
  const [left, right] = [checkCondition(expr.left, a, shared), checkCondition(expr.right, b, shared)];
  for (const [name, local] of a.scope.names) if (b.scope.names.has(name)) bindCapture(name, local.span, local.rule!.kind, env);
  return left && right && { kind: "or", terms: [left, right].flatMap((term) => (term.kind === "or" ? term.terms : [term])) };
}

function bindCapture(name: string, span: Span, kind: NonNullable<Local["rule"]>["kind"], env: Env): void {
  const value: TypedExpr = { ...literal(0, span), extent: "tensor", stage: "setup" };
  bindLocal(env, name, span, value, { rule: { kind, text: name } });
}

function checkPattern(expr: StringExpr, env: Env, shared: Conditions): Condition | null {
  const { reporter } = env.ctx;
  const parsed = parsePattern(expr.value);
  const place = (note: { readonly from: number; readonly to: number }): Span => {
    const asWritten = expr.raw.replace(/^"|"$/g, "") === expr.value && expr.span.to - expr.span.from === expr.value.length + 2;
    return asWritten && note.to > note.from ? { from: expr.span.from + 1 + note.from, to: expr.span.from + 1 + note.to } : expr.span;
  };
  if ("problem" in parsed) {
    const { message, help } = parsed.problem;
    reporter.report("pattern", { message, help: help ?? null }, place(parsed.problem));
    return null;
  }
  for (const hint of parsed.hints) reporter.report("pattern-hint", { message: hint.message, help: hint.help ?? null }, place(hint));
  const { pattern } = parsed;
  const other = shared.texts.get(pattern.text.toLowerCase());
  if (other !== undefined && other !== pattern.text) reporter.report("patterns-differ-in-case", { text: pattern.text, other }, expr.span);
  shared.texts.set(pattern.text.toLowerCase(), pattern.text);
  for (const segment of pattern.segments) {
    for (const part of segment.kind === "parts" ? segment.parts : []) {
      if (part.kind === "number") addCapture(part.name, "capture", expr, env);
      if (part.kind === "word") addCapture(part.name, "word", expr, env);
    }
  }
  return { kind: "pattern", pattern };
}

function addCapture(name: string, kind: "capture" | "word", expr: StringExpr, env: Env): void {
  const { ctx } = env;
  const declared = ctx.declared.get(name);
  if (declared !== undefined || isAmbient(name) || name === "index") {
    ctx.reporter.report("capture-hides", { name, what: declared?.what ?? "an ambient name" }, expr.span);
  } else if (findLocal(env.scope, name) !== null) {
    ctx.reporter.report("capture-twice", { name }, expr.span);
  } else {
    bindCapture(name, expr.span, kind, env);
  }
}

function checkContains(expr: Extract<Expr, { kind: "call" }>, env: Env): Condition | null {
  const text = expr.args[0]?.value;
  if (expr.args.length === 1 && text?.kind === "string" && text.value !== "") return { kind: "contains", text: text.value };
  env.ctx.reporter.report("contains-needs-text", undefined, expr.span);
  return null;
}

const dtypes = ["F32", "F16", "BF16", "F64", "F8_E4M3", "F8_E5M2", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "BOOL"];

function checkCompare(expr: Extract<Expr, { kind: "binary" }>, op: CompareOp, env: Env, shared: Conditions): Condition | null {
  for (const [side, other] of [
    [expr.left, expr.right],
    [expr.right, expr.left],
  ] as const) {
    if (side.kind === "name" && side.name === "dtype" && findLocal(env.scope, "dtype") === null) return checkDtype(expr, op, other, env);
  }
  const [left, right] = [checkExpr(expr.left, env), checkExpr(expr.right, env)];
  if (left === null || right === null) return null;
  if (left.type !== "number" || right.type !== "number") {
    env.ctx.reporter.report("compared-with-other-type", undefined, expr.span);
    return null;
  }
  return { kind: "compare", op, left: shared.formulas.add(left), right: shared.formulas.add(right) };
}

function checkDtype(expr: Expr, op: CompareOp, other: Expr, env: Env): Condition | null {
  if ((op === "==" || op === "!=") && other.kind === "string" && dtypes.includes(other.value))
    return { kind: "dtype", op, dtype: other.value };
  const close = other.kind === "string" ? nearest(other.value.toUpperCase(), dtypes) : [];
  env.ctx.reporter.report("dtype-comparison", { nearest: close }, other.kind === "string" ? other.span : expr.span);
  return null;
}
