// `fn`s and `transform`s are inlined at their calls: parameters and locals become locals of the caller's numbering, the body a block.

import type { Argument, CallExpr, FunctionDecl, Item, StateDecl } from "../syntax/ast.js";
import { bindLocal, type Env, type FunctionInfo, findLocal, placeOf } from "./context.js";
import { checkState } from "./declarations.js";
import { checkExpr } from "./expressions.js";
import { isAmbient } from "./names.js";
import type { TypedExpr, TypedStatement } from "./spec.js";
import { checkStatements } from "./statements.js";
import { existsWhere, instanceOf } from "./transforms.js";
import type { Checked } from "./typed.js";

/** A call of a function of the text or of the prelude. */
export function inlineCall(info: FunctionInfo, call: CallExpr, env: Env): Checked {
  info.calls++;
  const matched = matchArguments(info.decl, call, env);
  const values = new Map(call.args.map((arg) => [arg, checkExpr(arg.value, env)]));
  if (matched === null) return null;
  return inline(
    info,
    matched.map((arg) => values.get(arg) ?? null),
    call,
    env,
  );
}

/** Calls a member of the prelude by the compiler's own wish. */
export function inlineLibrary(name: string, args: readonly Checked[], node: { readonly span: CallExpr["span"] }, env: Env): Checked {
  return inline(env.ctx.library.get(name)!, args, node, env);
}

/** Checks a function that nothing calls: its names, not what it does with them. What it would keep is no state of the optimizer. */
export function checkUncalled(info: FunctionInfo, env: Env): void {
  const before = new Set(env.ctx.states.keys());
  inline(
    info,
    info.decl.params.map(() => null),
    info.decl.name,
    env,
  );
  for (const name of env.ctx.states.keys()) if (!before.has(name)) env.ctx.states.delete(name);
}

function inline(info: FunctionInfo, args: readonly Checked[], node: { readonly span: CallExpr["span"] }, env: Env): Checked {
  const { decl } = info;
  const { name } = decl.name;
  if (env.calls.includes(name)) {
    env.ctx.reporter.report("recursive-function", { name }, placeOf(node, env));
    return null;
  }
  const at = info.home === "prelude" ? placeOf(node, env) : env.at;
  const scope = { parent: null, names: new Map() };
  const inside: Env = { ...env, scope, inFunction: true, at, calls: [...env.calls, name], ...kept(decl, env) };
  const statements: TypedStatement[] = [];
  for (const [index, param] of decl.params.entries()) {
    const value = args[index] ?? null;
    const local = bindLocal(inside, param.name.name, placeOf(param.name, inside), value);
    if (value !== null) statements.push({ kind: "define", local: local.id, name: local.name, value, span: value.span });
  }
  const last = decl.body.at(-1);
  const end = last?.kind === "statement" && last.statement.kind === "return" ? last.statement : null;
  const where = decl.kind === "transform" ? existsWhere(env) : null;
  statements.push(...checkItems(end === null ? decl.body : decl.body.slice(0, -1), decl, inside, where));
  if (end === null) env.ctx.reporter.report("function-without-return", { name }, decl.name.span);
  const result = end && checkExpr(end.value, { ...inside, binding: inside.instance });
  return result && block(statements, keepsOnDevice(inside) ? { ...result, stage: "device" } : result, placeOf(node, env));
}

/** Where the states of a call are kept: a `fn` has none. */
function kept(decl: FunctionDecl, env: Env): Pick<Env, "own" | "instance" | "binding"> {
  const instance = decl.kind === "transform" ? instanceOf(decl, env) : [];
  return { own: decl.kind === "transform" ? new Map() : null, instance, binding: instance };
}

/** What an instance keeps on the device governs device work, whatever the call gives back. */
function keepsOnDevice({ own, ctx }: Env): boolean {
  return [...(own?.values() ?? [])].some((name) => ctx.states.get(name)?.spec.home === "device");
}

function checkItems(items: readonly Item[], decl: FunctionDecl, env: Env, exists: TypedExpr | null): TypedStatement[] {
  return items.flatMap((item) => {
    if (item.kind === "statement") return checkStatements([item.statement], env);
    if (item.kind === "state" && env.own !== null) declareOwn(item, env.own, exists, env);
    else {
      const place = "name" in item ? item.name.span : item.span;
      env.ctx.reporter.report("declaration-in-function", { kind: item.kind, of: decl.kind }, place);
    }
    return [];
  });
}

/** A state of the instance at hand. */
function declareOwn(decl: StateDecl, own: Map<string, string>, exists: TypedExpr | null, env: Env): void {
  const { name, span } = decl.name;
  const { ctx } = env;
  const before = findLocal(env.scope, name)?.span ?? ctx.states.get(own.get(name) ?? "")?.spec.span;
  if (isAmbient(name)) ctx.reporter.report("reserved-name", { name, what: "a state" }, span);
  else if (before !== undefined) ctx.reporter.report("duplicate-name", { name }, span, [{ span: before, text: "declared here" }]);
  else {
    const full = [...env.instance, name].join(".");
    checkState(decl, env, { name: full, exists });
    if (ctx.states.has(full)) own.set(name, full);
  }
}

function block(statements: readonly TypedStatement[], result: TypedExpr, span: CallExpr["span"]): TypedExpr {
  const { extent, stage, type } = result;
  return statements.length === 0 ? result : { kind: "block", statements, result, extent, stage, type, span };
}

/** The argument of each parameter, in order; null after an error. Positions come first and count within their half. */
function matchArguments(decl: FunctionDecl, call: CallExpr, env: Env): Argument[] | null {
  const { params } = decl;
  const given = new Map<number, Argument>();
  const next = [0, params.findIndex((param) => param.half === 1)];
  const signature = signatureOf(decl);
  const wrong = (problem: string, node: { readonly span: CallExpr["span"] }): null => {
    env.ctx.reporter.report("wrong-argument", { name: decl.name.name, problem, signature }, placeOf(node, env));
    return null;
  };
  const named = [false, false];
  for (const arg of call.args) {
    if (arg.name === null) {
      const index = next[arg.half]!;
      if (named[arg.half]) return wrong("an argument without a name stands after one with a name", arg);
      if (index < 0 || index >= params.length || params[index]!.half !== arg.half) return wrong(tooMany(decl, arg), arg);
      given.set(index, arg);
      next[arg.half] = index + 1;
    } else {
      named[arg.half] = true;
      const { name } = arg.name;
      const index = params.findIndex((param) => param.name.name === name);
      if (index < 0) return wrong(`it has no parameter \`${name}\``, arg.name);
      if (given.has(index)) return wrong(`\`${name}\` is given twice`, arg.name);
      given.set(index, arg);
    }
  }
  const missing = params.findIndex((_, index) => !given.has(index));
  if (missing >= 0) return wrong(`\`${params[missing]!.name.name}\` is not given`, call);
  return params.map((_, index) => given.get(index)!);
}

function tooMany(decl: FunctionDecl, arg: Argument): string {
  const halves = decl.params.some((param) => param.half === 1);
  if (arg.half === 1 && !halves) return "it has no second half: its arguments are separated by commas alone";
  return halves ? `too many arguments ${arg.half === 0 ? "before" : "after"} the \`;\`` : "too many arguments";
}

/** As it is called: `f(x, y; a)`. */
function signatureOf(decl: FunctionDecl): string {
  const half = (which: 0 | 1) =>
    decl.params
      .filter((param) => param.half === which)
      .map((param) => param.name.name)
      .join(", ");
  return `${decl.name.name}(${half(0)}${half(1) === "" ? "" : `; ${half(1)}`})`;
}
