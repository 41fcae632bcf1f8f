// A name followed by `(`: an operation, `old`, a function of the text, a member of the prelude.

import { nearest } from "../../nearest-names.js";
import { ops } from "../ir/ops.js";
import { laterPrelude } from "../prelude/prelude.opt.js";
import type { CallExpr } from "../syntax/ast.js";
import { builtinNames, builtinOp } from "./builtins.js";
import { bindLocal, type Env, findLocal, inner, placeOf } from "./context.js";
import { checkExpr, checkTyped, notAvailable } from "./expressions.js";
import { inlineCall } from "./functions.js";
import { isAmbient, readState } from "./names.js";
import { mayKeepStates } from "./transforms.js";
import { allThere, apply, type Checked } from "./typed.js";

export function checkCall(call: CallExpr, env: Env): Checked {
  const { ctx } = env;
  const { name } = call.callee;
  const op = builtinOp(name);
  if (op !== null) return checkOperation(call, op, env);
  if (name === "old") return checkOld(call, env);
  if (name === "error") return checkError(call, env);
  const info = (env.at === null ? ctx.functions : ctx.library).get(name);
  if (info !== undefined && (info.decl.kind === "fn" || mayKeepStates(name, call, env))) return inlineCall(info, call, env);
  checkArguments(call, env);
  if (info !== undefined || ctx.refused.has(name)) return null;
  if ((laterPrelude as readonly string[]).includes(name)) return notAvailable(`\`${name}\``, call.callee, env);
  reportUnknown(call, env);
  return null;
}

function checkArguments(call: CallExpr, env: Env): Checked[] {
  return call.args.map((arg) => (arg.value.kind === "string" ? null : checkExpr(arg.value, env)));
}

function reportUnknown(call: CallExpr, env: Env): void {
  const { ctx } = env;
  const { name } = call.callee;
  const span = placeOf(call.callee, env);
  if (name === "contains") {
    ctx.reporter.report("only-in-rules", { name }, span);
    return;
  }
  const isValue =
    findLocal(env.scope, name) !== null || ctx.hypers.has(name) || ctx.states.has(name) || ctx.options.has(name) || isAmbient(name);
  const known = [...builtinNames, ...ctx.functions.keys(), ...laterPrelude];
  ctx.reporter.report("unknown-function", { name, isValue, nearest: isValue ? [] : nearest(name, known) }, span);
}

function checkOperation(call: CallExpr, op: keyof typeof ops, env: Env): Checked {
  const takes = ops[op].args.length;
  const { name } = call.callee;
  const named = call.args.find((arg) => arg.name !== null);
  const args = call.args.map((arg) => checkTyped(arg.value, "number", env));
  if (named !== undefined) {
    env.ctx.reporter.report("argument-has-no-name", { name, argument: named.name!.name }, placeOf(named, env));
    return null;
  }
  if (call.args.length !== takes) {
    env.ctx.reporter.report("wrong-argument-count", { name, takes, given: call.args.length }, placeOf(call, env));
    return null;
  }
  return allThere(args) ? apply(op, args, placeOf(call, env)) : null;
}

/** `old(s)`: the value at the start of this call, of a state, of `param` or of `grad`. */
function checkOld(call: CallExpr, env: Env): Checked {
  const [arg] = call.args;
  const target = arg?.value;
  if (call.args.length === 1 && target?.kind === "name" && findLocal(env.scope, target.name) === null) {
    const isOwn = env.own?.has(target.name) === true;
    if (!isOwn && env.ctx.refused.has(target.name)) return null;
    if (isOwn || env.ctx.states.has(target.name)) return readState(target, "old", env);
    if ((target.name === "param" || target.name === "grad") && env.place === "body") {
      return { kind: "cell", cell: target.name, version: "old", type: "number", extent: "elem", stage: "device", span: placeOf(call, env) };
    }
  }
  env.ctx.reporter.report("old-of-what", undefined, placeOf(call, env));
  return null;
}

/** `error("...")` in a rule: an arm that refuses the parameter. */
function checkError(call: CallExpr, env: Env): Checked {
  const text = call.args[0]?.value;
  if (env.place !== "ruleValue" && env.place !== "orderValue") {
    env.ctx.reporter.report("only-in-rules", { name: "error" }, placeOf(call, env));
    return null;
  }
  if (call.args.length !== 1 || text?.kind !== "string") {
    env.ctx.reporter.report("error-needs-text", undefined, placeOf(call, env));
    return null;
  }
  const typed = { type: "number", extent: "model", stage: "setup", span: placeOf(call, env) } as const;
  const local = bindLocal(inner(env), "error", call.span, null, {
    rule: { kind: "error", text: text.value },
  });
  return { kind: "local", local: local.id, ...typed };
}
