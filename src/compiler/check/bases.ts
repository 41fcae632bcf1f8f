// `optimizer B = A with R { ... }` is A's text with B's changes: defaults of hypers and options, the hypers of R, further rules.

import { nearest } from "../../nearest-names.js";
import type { Ast, HyperDecl, Identifier, Item, OptimizerDecl, OptionDecl, RulesetDecl, StoreDecl } from "../syntax/ast.js";
import type { CheckReporter } from "./report-once.js";

export interface WholeOptimizer {
  readonly body: readonly Item[];
  /** Taken by `with`, the base's first. */
  readonly rulesets: readonly RulesetDecl[];
}

/** The text of an optimizer with all that it is made from; null where a name leads nowhere. */
export function wholeOptimizer(
  decl: OptimizerDecl,
  ast: Ast,
  reporter: CheckReporter,
  open: readonly OptimizerDecl[] = [],
): WholeOptimizer | null {
  if (decl.base === null) return { body: decl.body, rulesets: [] };
  if (open.includes(decl)) {
    reporter.report("base-cycle", { name: decl.name.name }, decl.base.span);
    return null;
  }
  const base = find(decl.base, "optimizer", ast, reporter);
  const taken = decl.rulesets.map((name) => find(name, "ruleset", ast, reporter));
  const under = base && wholeOptimizer(base, ast, reporter, [...open, decl]);
  const refused = decl.body.filter((item) => refuseLater(item, reporter));
  const twice = decl.rulesets.filter((_, i) =>
    [...(under?.rulesets ?? []), ...taken.slice(0, i)].some((set) => set !== null && set === taken[i]),
  );
  for (const { name, span } of twice) reporter.report("ruleset-twice", { name }, span);
  if (under === null || twice.length > 0 || refused.length > 0 || !taken.every((set) => set !== null)) return null;
  const has = (items: readonly Item[], name: string) => items.some((item) => item.kind === "hyper" && item.name.name === name);
  const brought: HyperDecl[] = [];
  for (const set of taken)
    for (const item of set.body) if (item.kind === "hyper" && !has([...under.body, ...brought], item.name.name)) brought.push(item);
  const used = new Set<Item>();
  const inherited = [...under.body, ...brought].map((item): Item => {
    const change = decl.body.find((own) => own.kind === item.kind && "name" in own && "name" in item && own.name.name === item.name.name);
    if (item.kind === "hyper" && change?.kind === "hyper") {
      used.add(change);
      return changedHyper(item, change);
    }
    if (item.kind === "option" && change?.kind === "option") {
      used.add(change);
      return changedOption(item, change);
    }
    if (item.kind === "schedule" && change?.kind === "schedule") {
      used.add(change);
      return change;
    }
    if (item.kind === "store") return withoutChanged(item, decl.body);
    return item;
  });
  return { body: [...inherited, ...decl.body.filter((item) => !used.has(item))], rulesets: [...under.rulesets, ...taken] };
}

/** Type, range and doc comment stay unless they are given again. */
function changedHyper(before: HyperDecl, { doc, fixed, name, type, value, interval, span }: HyperDecl): HyperDecl {
  return {
    kind: "hyper",
    doc: doc ?? before.doc,
    fixed: fixed || before.fixed,
    name,
    type: type === "number" ? before.type : type,
    value,
    interval: interval ?? before.interval,
    span,
  };
}

function changedOption(before: OptionDecl, { doc, name, words, value, span }: OptionDecl): OptionDecl {
  return { kind: "option", doc: doc ?? before.doc, name, words: words ?? before.words, value, span };
}

/** What the base keeps, but for what is kept in another way. */
function withoutChanged({ entries, ...store }: StoreDecl, body: readonly Item[]): StoreDecl {
  const changed = new Set(body.flatMap((item) => (item.kind === "store" ? item.entries.map(({ name }) => name.name) : [])));
  return { ...store, entries: entries.filter(({ name }) => !changed.has(name.name)) };
}

interface Found {
  readonly optimizer: OptimizerDecl;
  readonly ruleset: RulesetDecl;
}

function find<Kind extends keyof Found>(name: Identifier, kind: Kind, ast: Ast, reporter: CheckReporter): Found[Kind] | null {
  const all = ast.declarations.filter((decl): decl is Found[Kind] => decl.kind === kind);
  const found = all.find((decl) => decl.name.name === name.name);
  if (found !== undefined) return found;
  const close = nearest(
    name.name,
    all.map((decl) => decl.name.name),
  );
  reporter.report("unknown-base", { name: name.name, what: kind, nearest: close }, name.span);
  return null;
}

/** True, after saying so, for what may not be changed or added yet. */
function refuseLater(item: Item, reporter: CheckReporter): boolean {
  switch (item.kind) {
    case "hyper":
    case "option":
    case "schedule":
    case "store":
    case "rules":
    case "set":
    case "order":
    case "fn":
      return false;
    default:
      reporter.report(
        "not-available-yet",
        { what: "more than other defaults, storage and rules in `optimizer B = A`", instead: "the whole text of the optimizer" },
        "name" in item ? item.name.span : item.span,
      );
      return true;
  }
}
