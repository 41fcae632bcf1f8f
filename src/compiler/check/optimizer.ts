// One optimizer: declarations and statements in the order of the text, then functions that nothing calls, rules, lints and limits.

import type { RuleSet } from "../../contract/rules.js";
import type { Extent } from "../ir/extent.js";
import type { Ast, FunctionDecl, Item, OptimizerDecl, RulesetDecl, ScheduleDecl } from "../syntax/ast.js";
import { wholeOptimizer } from "./bases.js";
import { isBuiltin } from "./builtins.js";
import { declareNames, isDeclared } from "./collisions.js";
import type { Context, Env, FunctionInfo } from "./context.js";
import { inner } from "./context.js";
import { checkHyper, checkOption, checkState } from "./declarations.js";
import { notAvailable } from "./expressions.js";
import { checkUncalled } from "./functions.js";
import { createLibrary } from "./library.js";
import { checkLimits, LARGEST_OPTIMIZER } from "./limits.js";
import { checkMoves, checkUses } from "./lints.js";
import type { CheckReporter } from "./report-once.js";
import { checkRules } from "./rules.js";
import { partsOf } from "./ruleset.js";
import { checkSchedule } from "./schedules.js";
import type { ScheduleSpec, Spec, TypedStatement } from "./spec.js";
import { checkStatement } from "./statements.js";
import { checkStores } from "./stores.js";

export interface FileScope {
  readonly ast: Ast;
  readonly functions: readonly FunctionDecl[];
  /** The parser left something out: what seems unused may be used there. */
  readonly damaged: boolean;
  readonly hostExtents: Map<string, Extent>;
  /** Rulesets with errors, told at the ruleset itself: what takes them says nothing more. */
  readonly brokenRulesets: ReadonlySet<RulesetDecl>;
  readonly reporter: CheckReporter;
}

/** An empty context with the functions that a text sees. */
export function createContext(file: FileScope): Context {
  const library = createLibrary();
  const ctx: Context = {
    source: file.ast.source,
    reporter: file.reporter,
    hypers: new Map(),
    options: new Map(),
    states: new Map(),
    functions: new Map(library),
    library,
    orders: new Map(),
    refused: new Map(),
    declared: new Map(),
    early: new Set(),
    locals: [],
    lastWrite: new Map(),
    globals: new Map(),
    hostExtents: file.hostExtents,
    size: 0,
    sites: 0,
  };
  declareFunctions(file.functions, ctx);
  return ctx;
}

export function topOf(ctx: Context): Env {
  const outside = { inFunction: false, own: null, binding: [], instance: [], at: null, depth: 0, calls: [] } as const;
  return { ctx, scope: { parent: null, names: new Map() }, place: "body", facts: [], ...outside };
}

export function declareFunctions(decls: readonly FunctionDecl[], ctx: Context): void {
  for (const decl of decls) {
    const { name, span } = decl.name;
    const before = ctx.functions.get(name);
    if (isBuiltin(name)) ctx.reporter.report("function-name-taken", { name }, span);
    else if (before?.home === "file") {
      ctx.reporter.report("duplicate-name", { name }, span, [{ span: before.decl.name.span, text: "declared here as a function" }]);
    } else ctx.functions.set(name, { decl, home: "file", calls: 0 });
  }
}

interface Checked {
  /** Null where the text has errors. */
  readonly spec: Spec | null;
  /** Functions of the file that were called. */
  readonly called: readonly string[];
}

/** Checks one optimizer with the extents of its host states as far as they are known. */
export function checkOptimizer(decl: OptimizerDecl, file: FileScope): Checked {
  const ctx = createContext(file);
  const whole = wholeOptimizer(decl, file.ast, ctx.reporter);
  if (whole === null || whole.rulesets.some((set) => file.brokenRulesets.has(set))) return { spec: null, called: [] };
  const env = topOf(ctx);
  const ofFile = new Map(ctx.functions);
  const local = whole.body.filter((item): item is FunctionDecl => item.kind === "fn" || item.kind === "transform");
  declareFunctions(local, ctx);
  declareNames(whole.body, ctx);
  const items = whole.body.filter((item) => stands(item, ctx));
  for (const item of items) if (item.kind === "option") checkOption(item, env);
  for (const item of items) if (item.kind === "hyper") checkHyper(item, env);
  const body = items.flatMap((item) => checkItem(item, env) ?? []);
  const ofKind = <K extends Item["kind"]>(kind: K) => items.filter((item): item is Extract<Item, { kind: K }> => item.kind === kind);
  const schedules = checkSchedules(ofKind("schedule"), env);
  const storage = checkStores(ofKind("store"), env);
  const optimizers = file.ast.declarations.filter((other): other is OptimizerDecl => other.kind === "optimizer");
  const syntax = { blocks: ofKind("rules"), sets: ofKind("set"), orders: ofKind("order"), optimizers };
  const rules = checkRules({ name: decl.name.name, ...syntax }, env);
  const rulesets: RuleSet[] = [];
  for (const set of whole.rulesets)
    rulesets.push(checkTaken(set, { ...env, ctx: { ...ctx, functions: new Map(ofFile) } }, file, [rules, ...rulesets]));
  for (const info of ctx.functions.values()) {
    if (info.calls === 0 && info.home === "file" && local.includes(info.decl)) checkUncalled(info, env);
  }
  if (ctx.size <= LARGEST_OPTIMIZER) {
    if (!file.damaged && !items.some(hidesUses)) {
      checkUses(ctx);
      checkMoves(ctx, decl.name);
    }
    checkLimits({ body, storage }, ctx, decl.name);
  }
  const called = [...ctx.functions.values()].filter((info: FunctionInfo) => info.calls > 0).map((info) => info.decl.name.name);
  return { spec: ctx.reporter.errors > 0 ? null : specOf(decl, ctx, { body, schedules, storage, rules, rulesets }), called };
}

function checkSchedules(decls: readonly ScheduleDecl[], env: Env): readonly ScheduleSpec[] {
  return decls.flatMap((decl, index) => {
    const before = decls.slice(0, index).find((other) => other.name.name === decl.name.name);
    if (before === undefined) return checkSchedule(decl, env) ?? [];
    env.ctx.reporter.report("schedule-twice", { name: decl.name.name }, decl.name.span, [
      { span: before.name.span, text: "the other one" },
    ]);
    return [];
  });
}

/** A ruleset of `with`: its own functions, sets and orders, the hypers of the optimizer. */
function checkTaken(decl: RulesetDecl, env: Env, file: FileScope, before: readonly RuleSet[]): RuleSet {
  const { functions, rules } = partsOf(decl, file);
  const own: Env = { ...env, ctx: { ...env.ctx, orders: new Map() } };
  declareFunctions(functions, own.ctx);
  return checkRules(
    rules,
    own,
    before.flatMap((set) => set.blocks),
  );
}

/** False for a declaration whose name could not be taken. */
function stands(item: Item, ctx: Context): boolean {
  return !isDeclared(item) || ctx.declared.get(item.name.name)?.span === item.name.span;
}

/** True for what is refused without being read: names may be used there alone. */
function hidesUses(item: Item): boolean {
  switch (item.kind) {
    case "before":
    case "after":
      return true;
    default:
      return false;
  }
}

function checkItem(item: Item, env: Env): TypedStatement | null {
  switch (item.kind) {
    case "statement":
      return checkStatement(item.statement, env);
    case "state":
      checkState(item, env);
      return null;
    case "hyper":
    case "option":
    case "fn":
    case "transform":
    case "rules":
    case "set":
    case "order":
    case "schedule":
    case "store":
      return null;
    case "input":
      env.ctx.refused.set(item.name.name, item.name.span);
      notAvailable(`\`${item.kind}\``, item.name, env);
      return null;
    case "entry":
      notAvailable("`entry`", item.name, env);
      checkBody(item.body, env);
      return null;
    case "before":
    case "after":
      notAvailable(`\`${item.kind}\``, { span: { from: item.span.from, to: item.span.from + item.kind.length } }, env);
      return null;
    default:
      throw new Error(`bug: item ${JSON.stringify(item satisfies never)}`);
  }
}

/** The statements of a construct that is not compiled: they use names like any others. */
function checkBody(items: readonly Item[], env: Env): void {
  const inside = inner(env);
  for (const item of items) if (item.kind === "statement") checkStatement(item.statement, inside);
}

function specOf(decl: OptimizerDecl, ctx: Context, checked: Pick<Spec, "body" | "schedules" | "storage" | "rules" | "rulesets">): Spec {
  return {
    source: ctx.source,
    name: decl.name.name,
    doc: decl.doc,
    hypers: [...ctx.hypers.values()].map(({ uses: _, ...hyper }) => ({ ...hyper, globalBecause: ctx.globals.get(hyper.name) ?? null })),
    options: [...ctx.options.values()].map(({ uses: _, ...option }) => option),
    states: [...ctx.states.values()].map((state) => state.spec),
    ...checked,
    span: decl.name.span,
  };
}
