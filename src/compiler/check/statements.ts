// Statements: definitions, new values, branches. A local's extent and stage follow the text; after a branch it has both sides'.

import { nearest } from "../../nearest-names.js";
import { type Extent, joinExtents, laterStage, type Stage } from "../ir/extent.js";
import type { Identifier, Statement } from "../syntax/ast.js";
import { assignState } from "./assign-state.js";
import { isBuiltin } from "./builtins.js";
import { bindLocal, type Env, type FunctionInfo, findLocal, inner, type Local, localNames, placeOf } from "./context.js";
import { checkExpr, checkTyped, notAvailable, under } from "./expressions.js";
import { isAmbient } from "./names.js";
import type { TypedExpr, TypedStatement } from "./spec.js";

/** Checks the statements of one block in its own scope; what could not be understood is left out. */
export function checkStatements(statements: readonly Statement[], env: Env): TypedStatement[] {
  return statements.flatMap((statement) => checkStatement(statement, env) ?? []);
}

export function checkStatement(statement: Statement, env: Env): TypedStatement | null {
  switch (statement.kind) {
    case "define":
      return checkDefine(statement, env);
    case "assign":
      return checkAssign(statement, env);
    case "if":
      return checkIf(statement, env);
    case "every":
    case "repeat":
      notAvailable(`\`${statement.kind}\``, { span: { from: statement.span.from, to: statement.span.from + statement.kind.length } }, env);
      checkTyped(statement.kind === "every" ? statement.period : statement.count, "number", env);
      if (statement.kind === "every" && statement.from !== null) checkTyped(statement.from, "number", env);
      checkStatements(statement.body, inner(env));
      return null;
    case "return":
      env.ctx.reporter.report(env.inFunction ? "return-not-last" : "return-outside-function", undefined, statement.span);
      checkExpr(statement.value, env);
      return null;
    default:
      throw new Error(`bug: statement ${JSON.stringify(statement satisfies never)}`);
  }
}

function checkDefine(statement: Extract<Statement, { kind: "define" }>, env: Env): TypedStatement | null {
  const { target } = statement;
  const value = checkExpr(statement.value, boundTo(target.name, env));
  if (!checkNewLocal(target, env)) return null;
  const local = bindLocal(env, target.name, placeOf(target, env), value, { computed: env.at === null });
  return value === null ? null : { kind: "define", local: local.id, name: local.name, value, span: placeOf(statement, env) };
}

/** What transforms in the value keep is named after its target; the parameter gives no name. */
function boundTo(target: string, env: Env): Env {
  return { ...env, binding: target === "param" ? env.instance : [...env.instance, target] };
}

/** Whether a local of this name may begin here. */
function checkNewLocal(target: Identifier, env: Env): boolean {
  const { ctx } = env;
  const { name, span } = target;
  const before = env.scope.names.get(name);
  if (before !== undefined) {
    ctx.reporter.report("second-definition", { name }, span, [{ span: before.span, text: "defined here" }]);
    return false;
  }
  if (env.own?.has(name)) {
    ctx.reporter.report("local-hides", { name, what: "a state" }, span);
    return false;
  }
  if (!env.inFunction && hidesDeclared(target, env)) return false;
  const hidden = isAmbient(name) ? "an ambient name" : isBuiltin(name) || hides(ctx.functions.get(name)) ? "a function" : null;
  if (hidden !== null && env.at === null) ctx.reporter.report("shadowed-name", { name, what: hidden }, span);
  return true;
}

/** A transform of the prelude gives its name away: `momentum` is what people call its value. */
function hides(info: FunctionInfo | undefined): boolean {
  return info !== undefined && (info.home === "file" || info.decl.kind === "fn");
}

/** Reports a local that would hide a state, a hyper, `param` or `grad`. */
function hidesDeclared({ name, span }: Identifier, { ctx }: Env): boolean {
  const declared = ctx.declared.get(name);
  if (declared === undefined && name !== "param" && name !== "grad") return false;
  const what = declared?.what ?? (name === "param" ? "the parameter" : "the gradient");
  ctx.reporter.report("local-hides", { name, what }, span, declared === undefined ? [] : [{ span: declared.span, text: "declared here" }]);
  return true;
}

function checkAssign(statement: Extract<Statement, { kind: "assign" }>, env: Env): TypedStatement | null {
  const { ctx } = env;
  const { target } = statement;
  const span = placeOf(statement, env);
  const bound = boundTo(target.name, env);
  const local = findLocal(env.scope, target.name);
  if (local !== null) return assignLocal(statement, local, bound);
  const ofOptimizer = !env.inFunction && (target.name === "param" || ctx.states.has(target.name));
  const cell = env.own?.get(target.name) ?? (ofOptimizer ? target.name : null);
  if (cell === null) {
    checkExpr(statement.value, env);
    reportTarget(target, env);
    return null;
  }
  const value = checkTyped(statement.value, "number", bound);
  if (cell !== "param") return assignState({ name: cell, span: placeOf(target, env) }, value, span, env);
  ctx.lastWrite.set("param", ctx.locals.length);
  return value === null ? null : { kind: "assign-cell", cell: "param", value, span };
}

function assignLocal(statement: Extract<Statement, { kind: "assign" }>, local: Local, env: Env): TypedStatement | null {
  const value = local.type === null ? checkExpr(statement.value, env) : checkTyped(statement.value, local.type, env);
  if (local.pinned) {
    env.ctx.reporter.report("pinned-local", { name: local.name }, placeOf(statement.target, env));
    return null;
  }
  local.sources.push(value);
  if (value === null) return null;
  local.extent = value.extent;
  local.stage = value.stage;
  return { kind: "assign-local", local: local.id, value, span: placeOf(statement, env) };
}

function reportTarget(target: Identifier, env: Env): void {
  const { ctx } = env;
  const { name, span } = target;
  if (ctx.refused.has(name)) return;
  const declared = ctx.declared.get(name);
  if (env.inFunction && (declared?.what === "a state" || name === "param" || name === "grad")) {
    ctx.reporter.report("function-writes", { name, kind: env.own === null ? "fn" : "transform" }, span);
  } else if (declared !== undefined || isAmbient(name)) {
    ctx.reporter.report("cannot-assign", { name, what: declared?.what ?? (name === "grad" ? "the gradient" : "an ambient name") }, span);
  } else {
    const cells = env.inFunction ? (env.own?.keys() ?? []) : [...ctx.states.keys(), "param"];
    const known = [...localNames(env.scope), ...cells];
    ctx.reporter.report("assign-to-unknown", { name, nearest: nearest(name, known) }, span);
  }
}

function checkIf(statement: Extract<Statement, { kind: "if" }>, env: Env): TypedStatement | null {
  const condition = checkTyped(statement.condition, "boolean", env);
  const locals = visibleLocals(env);
  const before = locals.map(flowOf);
  const then = checkStatements(statement.then, inner(under(env, condition, true)));
  const afterThen = locals.map(flowOf);
  for (const [index, local] of locals.entries()) Object.assign(local, { extent: before[index]!.extent, stage: before[index]!.stage });
  const otherwise = checkStatements(statement.otherwise ?? [], inner(under(env, condition, false)));
  for (const [index, local] of locals.entries()) meet(local, before[index]!, afterThen[index]!, condition);
  return condition === null ? null : { kind: "if", condition, then, otherwise, span: placeOf(statement, env) };
}

interface Flow {
  readonly extent: Extent;
  readonly stage: Stage;
  readonly sources: number;
}

function flowOf(local: Local): Flow {
  return { extent: local.extent, stage: local.stage, sources: local.sources.length };
}

/** After both branches: a local that either has given a value depends on both and on the condition. */
function meet(local: Local, before: Flow, then: Flow, condition: TypedExpr | null): void {
  if (local.sources.length === before.sources) return;
  local.extent = joinExtents(joinExtents(local.extent, then.extent), condition?.extent ?? "model");
  local.stage = laterStage(laterStage(local.stage, then.stage), condition?.stage ?? "build");
  local.sources.push(condition);
}

function visibleLocals(env: Env): Local[] {
  const locals: Local[] = [];
  for (let scope: Env["scope"] | null = env.scope; scope !== null; scope = scope.parent) locals.push(...scope.names.values());
  return locals;
}
