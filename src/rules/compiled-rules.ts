// Rule sets made ready for use: matchers built, and for every arm what its right side reads, which decides what may share a class.
// The blocks of all sets form one list; a block's place in it is its number in every decision.

import type { FormulaTable, HostValue } from "../contract/host-formula.js";
import type { Condition, RuleArm, RuleBlock, RuleSet } from "../contract/rules.js";
import { createEvaluator, type Evaluator } from "../formula/evaluate.js";
import { createMatcher, type Matcher } from "./match.js";

export type CompiledCondition =
  | { readonly kind: "pattern"; readonly matcher: Matcher }
  | Extract<Condition, { readonly kind: "contains" | "compare" | "dtype" }>
  | { readonly kind: "and" | "or"; readonly terms: readonly CompiledCondition[] }
  | { readonly kind: "not"; readonly term: CompiledCondition };

export interface CompiledArm {
  readonly arm: RuleArm;
  /** Null for `else`. */
  readonly condition: CompiledCondition | null;
  /** Captures that the right side reads. */
  readonly captures: readonly string[];
  /** Leaves of the right side that differ between parameters: facts, axes, ratios. */
  readonly leaves: readonly HostValue[];
}

export interface CompiledBlock {
  readonly set: RuleSet;
  readonly block: RuleBlock;
  /** The block's number among all blocks, and inside its own set. */
  readonly number: number;
  readonly inSet: number;
  readonly evaluator: Evaluator;
  readonly arms: readonly CompiledArm[];
  /** Hypers whose ratio a condition or a right side reads. */
  readonly ratios: ReadonlySet<string>;
}

export interface CompiledRules {
  readonly sets: readonly RuleSet[];
  /** By number. */
  readonly blocks: readonly CompiledBlock[];
  /** So ordered that a block stands after the `scale` blocks whose `h.ratio` it reads. */
  readonly order: readonly CompiledBlock[];
  /** The `set` block in force for each hyper, and all `scale` blocks. */
  readonly setting: ReadonlyMap<string, CompiledBlock>;
  readonly scaling: ReadonlyMap<string, readonly CompiledBlock[]>;
  /** Hypers that a `set` or `scale` decides, in the order of the text. */
  readonly ruled: readonly string[];
  /** Pairs of `set` blocks for one hyper of which none, or more than one, is marked `override`. */
  readonly clashes: readonly (readonly [CompiledBlock, CompiledBlock])[];
}

/** Prepares rule sets for resolving. */
export function compileRules(sets: readonly RuleSet[]): CompiledRules {
  const blocks: CompiledBlock[] = [];
  for (const set of sets) {
    const evaluator = createEvaluator(set.formulas);
    set.blocks.forEach((block, inSet) => {
      const arms = block.arms.map((arm) => compileArm(arm, block, set.formulas));
      blocks.push({ set, block, number: blocks.length, inSet, evaluator, arms, ratios: ratiosRead(block, set.formulas) });
    });
  }
  const setting = new Map<string, CompiledBlock>();
  const scaling = new Map<string, CompiledBlock[]>();
  const clashes: [CompiledBlock, CompiledBlock][] = [];
  for (const compiled of blocks) {
    const { verb, hyper, override } = compiled.block;
    if (hyper === null) continue;
    if (verb === "scale") scaling.set(hyper, [...(scaling.get(hyper) ?? []), compiled]);
    if (verb !== "set") continue;
    const other = setting.get(hyper);
    if (other && other.block.override === override) clashes.push([other, compiled]);
    if (!other || override) setting.set(hyper, compiled);
  }
  const ruled = [...new Set(blocks.flatMap(({ block }) => block.hyper ?? []))];
  return { sets, blocks, order: orderByRatios(blocks, scaling), setting, scaling, ruled, clashes };
}

function orderByRatios(blocks: readonly CompiledBlock[], scaling: ReadonlyMap<string, readonly CompiledBlock[]>): CompiledBlock[] {
  const ordered = new Set<CompiledBlock>();
  const open = new Set<CompiledBlock>();
  const visit = (block: CompiledBlock): void => {
    if (ordered.has(block) || open.has(block)) return;
    open.add(block);
    for (const hyper of block.ratios) scaling.get(hyper)?.forEach(visit);
    ordered.add(block);
  };
  blocks.forEach(visit);
  return [...ordered];
}

function compileArm(arm: RuleArm, block: RuleBlock, table: FormulaTable): CompiledArm {
  const read = block.verb === "use" ? [] : leavesOf(table, arm.value);
  return {
    arm,
    condition: arm.condition && compileCondition(arm.condition),
    captures: [...new Set(read.flatMap((leaf) => (leaf.op === "capture" ? leaf.capture : [])))],
    leaves: read.filter((leaf) => leaf.op === "fact" || leaf.op === "shape" || leaf.op === "order"),
  };
}

function compileCondition(condition: Condition): CompiledCondition {
  switch (condition.kind) {
    case "pattern":
      return { kind: "pattern", matcher: createMatcher(condition.pattern) };
    case "and":
    case "or":
      return { kind: condition.kind, terms: condition.terms.map(compileCondition) };
    case "not":
      return { kind: "not", term: compileCondition(condition.term) };
    case "contains":
    case "compare":
    case "dtype":
      return condition;
    default:
      throw new Error(`bug: unknown condition ${JSON.stringify(condition satisfies never)}`);
  }
}

/** The values without arguments that a formula reads, each once. */
export function leavesOf(table: FormulaTable, formula: number): HostValue[] {
  const leaves: HostValue[] = [];
  const seen = new Set<number>();
  const pending = [formula];
  while (pending.length > 0) {
    const index = pending.pop()!;
    if (seen.has(index)) continue;
    seen.add(index);
    const node = table[index]!;
    if (node.op === "apply" || node.op === "select") pending.push(...node.args);
    else leaves.push(node);
  }
  return leaves;
}

function ratiosRead(block: RuleBlock, table: FormulaTable): ReadonlySet<string> {
  const formulas: number[] = [];
  const visit = (condition: Condition): void => {
    if (condition.kind === "and" || condition.kind === "or") condition.terms.forEach(visit);
    else if (condition.kind === "not") visit(condition.term);
    else if (condition.kind === "compare") formulas.push(condition.left, condition.right);
  };
  for (const arm of block.arms) {
    if (arm.condition) visit(arm.condition);
    if (block.verb !== "use") formulas.push(arm.value);
  }
  const leaves = formulas.flatMap((formula) => leavesOf(table, formula));
  return new Set(leaves.flatMap((leaf) => (leaf.op === "hyper" && leaf.form === "ratio" ? leaf.hyper : [])));
}
