// A `ruleset` by itself: its hypers are its own, the hypers that it decides are those of the optimizer that takes it.

import type {
  Expr,
  FunctionDecl,
  HyperDecl,
  Item,
  OptimizerDecl,
  OrderDecl,
  RuleBlockSyntax,
  RulesetDecl,
  SetDecl,
} from "../syntax/ast.js";
import { declareNames } from "./collisions.js";
import type { Context, Env } from "./context.js";
import { checkHyper } from "./declarations.js";
import { createFormulas } from "./formulas.js";
import { checkUncalled } from "./functions.js";
import { checkUses } from "./lints.js";
import { createContext, declareFunctions, type FileScope, topOf } from "./optimizer.js";
import { checkRules, type RulesSyntax } from "./rules.js";
import type { RulesetSpec } from "./spec.js";
import { literal } from "./typed.js";

/** Checks a ruleset; null where it has errors. */
export function checkRuleset(
  decl: RulesetDecl,
  file: FileScope,
): { readonly spec: RulesetSpec | null; readonly called: readonly string[] } {
  const ctx = createContext(file);
  const env = topOf(ctx);
  const parts = partsOf(decl, file);
  declareFunctions(parts.functions, ctx);
  declareNames(decl.body, ctx);
  for (const item of parts.hypers) if (ctx.declared.get(item.name.name)?.span === item.name.span) checkHyper(item, env);
  const own = [...ctx.hypers.values()];
  const requires = requiredOf(parts, ctx);
  for (const name of requires) declareRequired(name, decl, ctx);
  const formulas = createFormulas(ctx);
  const defaults = own.map((hyper) => formulas.add(hyper.value));
  const rules = checkRules(parts.rules, env, [], formulas);
  checkUncalledOf(parts.functions, env);
  if (!file.damaged) checkUses(ctx);
  const called = [...ctx.functions.values()].filter((info) => info.calls > 0).map((info) => info.decl.name.name);
  if (ctx.reporter.errors > 0) return { spec: null, called };
  const hypers = own.map(({ uses: _, ...hyper }) => ({ ...hyper, globalBecause: null }));
  const { name, doc } = decl;
  return { spec: { source: ctx.source, name: name.name, doc, span: name.span, hypers, defaults, requires, rules }, called };
}

function checkUncalledOf(functions: readonly FunctionDecl[], env: Env): void {
  for (const info of env.ctx.functions.values()) {
    if (info.calls === 0 && info.home === "file" && functions.includes(info.decl)) checkUncalled(info, env);
  }
}

export interface RulesetParts {
  readonly hypers: readonly HyperDecl[];
  readonly functions: readonly FunctionDecl[];
  readonly rules: RulesSyntax;
}

/** A ruleset's items by kind. */
export function partsOf(decl: RulesetDecl, { ast }: Pick<FileScope, "ast">): RulesetParts {
  const ofKind = <K extends Item["kind"]>(kind: K) => decl.body.filter((item): item is Extract<Item, { kind: K }> => item.kind === kind);
  return {
    hypers: ofKind("hyper"),
    functions: ofKind("fn") as readonly FunctionDecl[],
    rules: {
      name: decl.name.name,
      blocks: ofKind("rules") satisfies readonly RuleBlockSyntax[],
      sets: ofKind("set") satisfies readonly SetDecl[],
      orders: ofKind("order") satisfies readonly OrderDecl[],
      optimizers: ast.declarations.filter((other): other is OptimizerDecl => other.kind === "optimizer"),
    },
  };
}

/** Hypers that blocks decide, and those of which a form is read (`lr.ratio`) without being the ruleset's own. */
function requiredOf({ rules }: RulesetParts, ctx: Context): string[] {
  const decided = rules.blocks.flatMap(({ target }) => target?.name ?? []);
  const read = formsRead([...rules.blocks, ...rules.sets]).filter((name) => !ctx.declared.has(name));
  return [...new Set([...decided, ...read])];
}

/** The names `h` of every `h.peak`, `h.base` and `h.ratio` in a piece of the tree. */
function formsRead(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const below = Object.values(node).flatMap(formsRead);
  if (!isMember(node)) return below;
  const { object, member } = node;
  const isForm = ["peak", "base", "ratio"].includes(member.name);
  return isForm && object.kind === "name" ? [object.name, ...below] : below;
}

function isMember(node: object): node is Extract<Expr, { kind: "member" }> {
  return "kind" in node && node.kind === "member";
}

/** A hyper of whatever optimizer takes the rules: a number, of which nothing else is known. */
function declareRequired(name: string, decl: RulesetDecl, ctx: Context): void {
  if (ctx.declared.has(name)) return;
  const { span } = decl.name;
  ctx.declared.set(name, { what: "a hyper of the optimizer", span });
  ctx.hypers.set(name, { name, doc: null, type: "number", fixed: false, value: literal(1, span), range: null, span, uses: 1 });
}
