// Operators of two operands: arithmetic, comparisons, logic, and options compared with their words.

import { nearest } from "../../nearest-names.js";
import type { Op } from "../ir/ops.js";
import type { Span } from "../source.js";
import type { BinaryOperator, Expr } from "../syntax/ast.js";
import { constantOf } from "./constants.js";
import { type Env, findLocal, type OptionInfo, placeOf } from "./context.js";
import { checkExpr, checkTyped, notAvailable } from "./expressions.js";
import { inlineLibrary } from "./functions.js";
import { optionAllowed } from "./names.js";
import { apply, type Checked } from "./typed.js";

type BinaryExpr = Extract<Expr, { kind: "binary" }>;

const arithmetic: Partial<Record<BinaryOperator, Op>> = { "+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow" };

export function checkBinary(expr: BinaryExpr, env: Env): Checked {
  switch (expr.op) {
    case "+":
    case "-":
    case "*":
    case "/":
    case "^":
    case "%":
      return checkArithmetic(expr, env);
    case "and":
    case "or": {
      const [left, right] = [checkTyped(expr.left, "boolean", env), checkTyped(expr.right, "boolean", env)];
      return left === null || right === null ? null : apply(expr.op, [left, right], placeOf(expr, env));
    }
    case "==":
    case "!=":
      return checkEquality(expr, env);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return checkOrder(expr, env);
    case "@":
      checkExpr(expr.left, env);
      checkExpr(expr.right, env);
      return notAvailable("`@` (matrix products)", { span: expr.opSpan }, env);
    default:
      throw new Error(`bug: operator ${expr.op satisfies never}`);
  }
}

function checkArithmetic(expr: BinaryExpr, env: Env): Checked {
  const [left, right] = [checkTyped(expr.left, "number", env), checkTyped(expr.right, "number", env)];
  if (right !== null && (expr.op === "/" || expr.op === "%") && constantOf(right, env.ctx) === 0) {
    env.ctx.reporter.report("division-by-zero", undefined, placeOf(expr.right, env));
    return null;
  }
  if (left === null || right === null) return null;
  const op = arithmetic[expr.op];
  return op === undefined ? inlineLibrary("floored_modulo", [left, right], expr, env) : apply(op, [left, right], placeOf(expr, env));
}

function checkOrder(expr: BinaryExpr, env: Env): Checked {
  const [left, right] = [checkTyped(expr.left, "number", env), checkTyped(expr.right, "number", env)];
  if (left === null || right === null) return null;
  const op = expr.op === "<" || expr.op === ">" ? "lt" : "le";
  return apply(op, expr.op === "<" || expr.op === "<=" ? [left, right] : [right, left], placeOf(expr, env));
}

function checkEquality(expr: BinaryExpr, env: Env): Checked {
  const span = placeOf(expr, env);
  const negate = (equal: Checked): Checked => (equal === null || expr.op === "==" ? equal : apply("not", [equal], span));
  const left = optionNamed(expr.left, env);
  const right = optionNamed(expr.right, env);
  if (left !== null && expr.left.kind === "name") {
    const chosen = compareOption(left, expr.left, expr.right, span, env);
    if (chosen !== "ordinary") return negate(chosen);
  } else if (right !== null && expr.right.kind === "name") {
    const chosen = compareOption(right, expr.right, expr.left, span, env);
    if (chosen !== "ordinary") return negate(chosen);
  }
  const [a, b] = [checkExpr(expr.left, env), checkExpr(expr.right, env)];
  if (a === null || b === null) return null;
  if (a.type !== b.type) {
    env.ctx.reporter.report("compared-with-other-type", undefined, span);
    return null;
  }
  return negate(a.type === "number" ? apply("eq", [a, b], span) : inlineLibrary("both_or_neither", [a, b], expr, env));
}

/** The option that a bare name means at this place, if any. */
function optionNamed(expr: Expr, env: Env): OptionInfo | null {
  if (expr.kind !== "name" || findLocal(env.scope, expr.name) !== null || env.ctx.hypers.has(expr.name) || env.ctx.states.has(expr.name)) {
    return null;
  }
  return env.ctx.options.get(expr.name) ?? null;
}

/** An option compared with one of its words; anything else that has a value is compared as a value. */
function compareOption(option: OptionInfo, name: Extract<Expr, { kind: "name" }>, other: Expr, span: Span, env: Env): Checked | "ordinary" {
  const word = wordOf(other, option);
  if (word === null && (option.kind !== "words" || optionNamed(other, env) !== null)) {
    if (other.kind !== "number") return "ordinary";
  }
  option.uses++;
  if (!optionAllowed(name, env)) return null;
  if (word !== null) return { kind: "option-is", option: option.name, word, type: "boolean", extent: "model", stage: "build", span };
  const written = other.kind === "name" ? other.name : other.kind === "number" ? other.text : null;
  const { words } = option;
  const close = written === null ? [] : nearest(written, words);
  env.ctx.reporter.report("unknown-option-word", { option: option.name, word: written, words, nearest: close }, placeOf(other, env));
  return null;
}

function wordOf(expr: Expr, option: OptionInfo): string | null {
  if (expr.kind === "name") return option.words.includes(expr.name) ? expr.name : null;
  if (expr.kind !== "number" || option.kind === "boolean") return null;
  return option.words.find((word) => Number(word) === expr.value) ?? null;
}
