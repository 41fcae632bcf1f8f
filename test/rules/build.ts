// Rule sets by hand, for tests that need no compiler.

import type { HostOp, HostValue } from "../../src/contract/host-formula.js";
import type { CompareOp, Condition, IndexBound, RuleArm, RuleBlock, RuleSet } from "../../src/contract/rules.js";
import { pattern } from "./pattern.js";

/** A formula as a tree, written to a table by `ruleSet`. */
export type Tree = number | HostValue | { readonly fn: HostOp; readonly args: readonly Tree[] };
type CompareTree = { readonly kind: "compare"; readonly op: CompareOp; readonly left: Tree; readonly right: Tree };
type ConditionTree =
  | string
  | CompareTree
  | Exclude<Condition, { readonly kind: "compare" | "and" | "or" | "not" }>
  | { readonly kind: "and" | "or"; readonly terms: readonly ConditionTree[] }
  | { readonly kind: "not"; readonly term: ConditionTree };

export const apply = (fn: HostOp, ...args: Tree[]): Tree => ({ fn, args });
export const hyper = (name: string, form: "value" | "peak" | "base" | "ratio" = "value"): HostValue => ({ op: "hyper", hyper: name, form });
export const capture = (name: string): HostValue => ({ op: "capture", capture: name });
export const fact = (name: "rank" | "numel" | "rows" | "cols" | "index"): HostValue => ({ op: "fact", fact: name });
export const compare = (left: Tree, op: CompareOp, right: Tree): CompareTree => ({ kind: "compare", op, left, right });
export const and = (...terms: ConditionTree[]): ConditionTree => ({ kind: "and", terms });
export const or = (...terms: ConditionTree[]): ConditionTree => ({ kind: "or", terms });
export const not = (term: ConditionTree): ConditionTree => ({ kind: "not", term });

interface BlockTree {
  readonly verb: RuleBlock["verb"];
  readonly hyper?: string;
  readonly override?: boolean;
  /** Condition ("else" for none; other texts are patterns), value. */
  readonly arms: readonly (readonly [condition: ConditionTree, value: Tree, optional?: "optional"])[];
}

/** A rule set; its lines count from `line` in the order of the arms. */
export function ruleSet(blocks: readonly BlockTree[], bounds: readonly IndexBound[] = [], line = 1): RuleSet {
  const formulas: HostValue[] = [];
  const write = (tree: Tree): number => {
    if (typeof tree === "number") return formulas.push({ op: "literal", value: tree }) - 1;
    if ("op" in tree) return formulas.push(tree) - 1;
    const args = tree.args.map(write);
    return formulas.push({ op: "apply", fn: tree.fn, args }) - 1;
  };
  const condition = (tree: ConditionTree): Condition => {
    if (typeof tree === "string") return { kind: "pattern", pattern: pattern(tree) };
    if (tree.kind === "compare") return { kind: "compare", op: tree.op, left: write(tree.left), right: write(tree.right) };
    if ("terms" in tree) return { kind: tree.kind, terms: tree.terms.map(condition) };
    return "term" in tree ? { kind: "not", term: condition(tree.term) } : tree;
  };
  let next = line;
  const made = blocks.map((block): RuleBlock => {
    const arms = block.arms.map(([when, value, optional]): RuleArm => {
      const text = `${typeof when === "string" ? (when === "else" ? when : `"${when}"`) : JSON.stringify(when)} => ${typeof value === "number" ? value : "formula"}`;
      return {
        line: next++,
        column: 5,
        text,
        optional: optional !== undefined,
        condition: when === "else" ? null : condition(when),
        value: write(value),
      };
    });
    return { verb: block.verb, hyper: block.hyper ?? null, override: block.override ?? false, line: arms[0]!.line, arms };
  });
  return { name: "Test", formulas, blocks: made, bounds, fixedByConditions: [] };
}

/** The rules of AdamWDL. */
export const layerwise = ruleSet(
  [
    {
      verb: "scale",
      hyper: "lr",
      arms: [
        ["*encoder.layers.{layer}", apply("pow", hyper("layerwise_decay"), apply("sub", hyper("n_layers"), capture("layer")))],
        ["*embedding*", apply("pow", hyper("layerwise_decay"), apply("add", hyper("n_layers"), 1))],
        ["else", 1],
      ],
    },
  ],
  [{ capture: "layer", hyper: "n_layers", block: 0, arm: 0 }],
);
