// An expression's meaning, extent, stage and type. Null means that an error has been reported.

import type { ValueType } from "../ir/ops.js";
import type { HyperForm } from "../ir/value.js";
import type { Span } from "../source.js";
import type { CallExpr, Expr } from "../syntax/ast.js";
import { checkCall } from "./calls.js";
import { constantOf } from "./constants.js";
import { type Env, findLocal, placeOf } from "./context.js";
import { LARGEST_EXPRESSION, LARGEST_OPTIMIZER } from "./limits.js";
import { checkName, readHyper, readOrder, refuse } from "./names.js";
import { checkBinary } from "./operators.js";
import { checkReduction } from "./reductions.js";
import type { TypedExpr } from "./spec.js";
import { apply, type Checked, literal, select } from "./typed.js";

/** Checks an expression of any type. */
export function checkExpr(expr: Expr, env: Env): Checked {
  const { ctx } = env;
  if (env.depth >= LARGEST_EXPRESSION) {
    ctx.reporter.report("nested-too-deeply", { most: LARGEST_EXPRESSION }, placeOf(expr, env));
    return null;
  }
  if (ctx.size > LARGEST_OPTIMIZER) return null;
  if (++ctx.size > LARGEST_OPTIMIZER) {
    ctx.reporter.report("optimizer-too-large", { most: LARGEST_OPTIMIZER }, placeOf(expr, env));
    return null;
  }
  return checkKind(expr, { ...env, depth: env.depth + 1 });
}

function checkKind(expr: Expr, env: Env): Checked {
  switch (expr.kind) {
    case "number":
      return checkNumberLiteral(expr, env);
    case "string":
      env.ctx.reporter.report("string-outside-rules", undefined, placeOf(expr, env));
      return null;
    case "name":
      return checkName(expr, env);
    case "member":
      return checkMember(expr, env);
    case "index":
      return checkIndex(expr, env);
    case "call":
      return checkCall(expr, env);
    case "pipe":
      return checkCall(pipedCall(expr.value, expr.call), env);
    case "reduction":
      return checkReduction(expr, env);
    case "unary": {
      const operand = checkTyped(expr.operand, expr.op === "not" ? "boolean" : "number", env);
      return operand === null ? null : apply(expr.op === "not" ? "not" : "neg", [operand], placeOf(expr, env));
    }
    case "binary":
      return checkBinary(expr, env);
    case "if":
      return checkSelect(expr, env);
    case "missing":
      return null;
    default:
      throw new Error(`bug: expression ${JSON.stringify(expr satisfies never)}`);
  }
}

/** Checks an expression that must be of this type. */
export function checkTyped(expr: Expr, type: ValueType, env: Env): Checked {
  const checked = checkExpr(expr, env);
  if (checked === null || checked.type === type) return checked;
  env.ctx.reporter.report(type === "number" ? "needs-number" : "needs-condition", undefined, placeOf(expr, env));
  return null;
}

function checkNumberLiteral(expr: Extract<Expr, { kind: "number" }>, env: Env): Checked {
  const becomesZero = expr.value === 0 && /[1-9]/.test(expr.text.replace(/[eE].*/, ""));
  if (Number.isFinite(expr.value) && !becomesZero) return literal(expr.value, placeOf(expr, env));
  env.ctx.reporter.report("literal-out-of-range", { text: expr.text, becomes: becomesZero ? "zero" : "infinity" }, placeOf(expr, env));
  return null;
}

/** `x |> f(a)` is `f(x, a)`. */
function pipedCall(value: Expr, call: CallExpr): CallExpr {
  return { ...call, args: [{ name: null, value, half: 0, span: value.span }, ...call.args] };
}

const forms: readonly HyperForm[] = ["peak", "base", "ratio"];

function checkMember(expr: Extract<Expr, { kind: "member" }>, env: Env): Checked {
  const { ctx } = env;
  const { object, member } = expr;
  if (member.name === "T") {
    checkExpr(object, env);
    return notAvailable("`.T` (matrices)", member, env);
  }
  if (object.kind === "name" && ctx.refused.has(object.name)) return null;
  if (object.kind === "name" && findLocal(env.scope, object.name) === null && ctx.orders.has(object.name) && member.name === "max")
    return readOrder(object, "orderMax", env);
  const isHyper = object.kind === "name" && findLocal(env.scope, object.name) === null && ctx.hypers.has(object.name);
  const form = forms.find((f) => f === member.name);
  if (isHyper && form !== undefined && env.place === "default") {
    return refuse(`${object.name}.${form}`, "known once rules are decided", `write \`${object.name}\``, expr, env);
  }
  if (isHyper && form === "ratio" && (env.place === "orderValue" || env.place === "orderCondition")) {
    return refuse(`${object.name}.ratio`, "known once rules are decided", "orders are made before", expr, env);
  }
  if (isHyper && form !== undefined) {
    if (ctx.hypers.get(object.name)!.type !== "bool") return { ...readHyper(object, form, env), span: placeOf(expr, env) };
    readHyper(object, form, env);
    ctx.reporter.report("needs-number", undefined, placeOf(expr, env));
    return null;
  }
  if (object.kind === "name" && !isHyper) checkName(object, env);
  if (object.kind !== "name") checkExpr(object, env);
  if (isHyper) readHyper(object, "value", env);
  ctx.reporter.report("unknown-member", { member: member.name, hyper: isHyper ? object.name : null }, placeOf(member, env));
  return null;
}

function checkIndex(expr: Extract<Expr, { kind: "index" }>, env: Env): Checked {
  const { ctx } = env;
  const { name } = expr.object;
  const span = placeOf(expr, env);
  if (ctx.refused.has(name)) {
    checkExpr(expr.index, env);
    return null;
  }
  if ((env.place === "default" || env.place === "schedule") && (name === "numel" || name === "shape")) {
    const what = env.place === "default" ? "a default is one value" : "a schedule is one multiplier";
    return refuse(name, "a fact of the parameters", `${what} that needs no model`, expr, env);
  }
  if (name === "numel" && expr.index.kind === "name" && expr.index.name === "model") {
    return { kind: "ambient", ambient: "modelNumel", type: "number", extent: "model", stage: "setup", span };
  }
  if (name !== "shape") {
    ctx.reporter.report("cannot-index", { name }, span);
    return null;
  }
  const index = checkTyped(expr.index, "number", env);
  if (index === null) return null;
  const axis = constantOf(index, ctx);
  if (axis !== null && Number.isInteger(axis) && axis >= 0 && axis < 64) {
    return { kind: "shape", axis, type: "number", extent: "tensor", stage: "setup", span };
  }
  ctx.reporter.report("axis-not-whole", undefined, placeOf(expr.index, env));
  return null;
}

function checkSelect(expr: Extract<Expr, { kind: "if" }>, env: Env): Checked {
  const condition = checkTyped(expr.condition, "boolean", env);
  const then = checkExpr(expr.then, under(env, condition, true));
  const otherwise = checkExpr(expr.otherwise, under(env, condition, false));
  if (condition === null || then === null || otherwise === null) return null;
  if (then.type === otherwise.type) return select(condition, then, otherwise, placeOf(expr, env));
  env.ctx.reporter.report("branches-differ", { yes: then.type, no: otherwise.type }, placeOf(expr, env));
  return null;
}

/** The environment of a branch. */
export function under(env: Env, condition: TypedExpr | null, holds: boolean): Env {
  return condition === null ? env : { ...env, facts: [...env.facts, { condition, holds }] };
}

/** Reports a construct that the grammar knows and this version does not compile. */
export function notAvailable(what: string, node: { readonly span: Span }, env: Env): null {
  env.ctx.reporter.report("not-available-yet", { what }, placeOf(node, env));
  return null;
}
