// Names that meet: declared twice, taken by the language, or spelled alike in generated code.

import { camelCase } from "../spelling.js";
import type { Identifier, Item, OptimizerDecl, RulesetDecl } from "../syntax/ast.js";
import type { Context } from "./context.js";
import { isAmbient } from "./names.js";

const whats = {
  hyper: "a hyper",
  option: "an option",
  state: "a state",
  input: "an input",
  order: "an order",
  set: "a set",
} as const satisfies Partial<Record<Item["kind"], string>>;

/** Items that declare a name of the optimizer; functions have names of their own. */
export function isDeclared(item: Item): item is Extract<Item, { kind: keyof typeof whats }> {
  return Object.hasOwn(whats, item.kind);
}

/** Notes every declared name; those that cannot stand are refused, and using them says nothing more. */
export function declareNames(items: readonly Item[], ctx: Context): void {
  const spelled = new Map<string, Identifier>();
  const settings = new Map<string, Identifier>();
  for (const item of items) {
    if (!isDeclared(item)) continue;
    const { name } = item;
    if (!declareName(name, whats[item.kind], ctx)) continue;
    const setting = item.kind === "hyper" || item.kind === "option";
    if (setting && meets(name, camelCase(name.name).toLowerCase(), settings, ctx)) continue;
    if (item.kind !== "order" && item.kind !== "set") meets(name, camelCase(name.name), spelled, ctx);
  }
}

function declareName(name: Identifier, what: string, ctx: Context): boolean {
  const before = ctx.declared.get(name.name);
  if (before !== undefined) {
    ctx.reporter.report("duplicate-name", { name: name.name }, name.span, [{ span: before.span, text: `declared here as ${before.what}` }]);
    return false;
  }
  if (isAmbient(name.name)) {
    ctx.reporter.report("reserved-name", { name: name.name, what }, name.span);
    ctx.refused.set(name.name, name.span);
    return false;
  }
  ctx.declared.set(name.name, { what, span: name.span });
  return true;
}

/** Reports a name whose spelling another one has; returns whether it did. */
function meets(name: Identifier, spelling: string, taken: Map<string, Identifier>, ctx: Context): boolean {
  const other = taken.get(spelling);
  if (other === undefined) {
    taken.set(spelling, name);
    return false;
  }
  if (other.name === name.name) return false;
  ctx.reporter.report("names-collide", { name: name.name, other: other.name, spelled: camelCase(name.name) }, name.span, [
    { span: other.span, text: "the other one" },
  ]);
  return true;
}

/** Optimizers and rulesets become folders and exports: no two of one name, nor of names that differ only in case. */
export function checkBuiltNames(
  built: readonly (OptimizerDecl | RulesetDecl)[],
  report: (name: Identifier, other: Identifier) => void,
): void {
  const taken = new Map<string, Identifier>();
  for (const { name } of built) {
    const spelling = camelCase(name.name).toLowerCase();
    const other = taken.get(spelling);
    if (other === undefined) taken.set(spelling, name);
    else report(name, other);
  }
}
