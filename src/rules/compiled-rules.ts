// Rule sets made ready for use: matchers built, and for every arm what its right side reads, which decides what may share a class.
// The blocks of all sets form one list; a block's place in it is its number in every decision.

import type { FormulaTable, HostValue } from "../contract/host-formula.js";
import type { Condition, OrderArm, OrderRule, RuleArm, RuleBlock, RuleSet } from "../contract/rules.js";
import { createEvaluator, type Evaluator } from "../formula/evaluate.js";
import { createMatcher, type Matcher, plainSegment } from "./match.js";

export type CompiledCondition =
  | { readonly kind: "pattern"; readonly matcher: Matcher }
  | Extract<Condition, { readonly kind: "contains" | "compare" | "dtype" }>
  | { readonly kind: "and" | "or"; readonly terms: readonly CompiledCondition[] }
  | { readonly kind: "not"; readonly term: CompiledCondition };

export interface CompiledCase<Arm extends RuleArm | OrderArm = RuleArm | OrderArm> {
  readonly arm: Arm;
  /** Null for `else`. */
  readonly condition: CompiledCondition | null;
  /** Captures that the right side reads. */
  readonly captures: readonly string[];
}

export interface CompiledArm extends CompiledCase<RuleArm> {
  /** Exponents of the right side that read a capture or an order; those that an index bound guards are left out. */
  readonly exponents: readonly number[];
  /** Leaves of the right side that differ between parameters: facts, axes, ratios. */
  readonly leaves: readonly HostValue[];
}

/** What decides by arms: a block or an order. */
export interface Decider {
  readonly set: RuleSet;
  /** As messages call it: `rules scale lr`. */
  readonly title: string;
  /** The hyper that is set here: its name means the caller's own number. */
  readonly sets: string | null;
  readonly evaluator: Evaluator;
  /** Number of each order of the set. */
  readonly orders: ReadonlyMap<string, number>;
  readonly arms: readonly CompiledCase[];
  readonly index: ArmIndex;
}

/** Which arms a name can match at all, by its segments: most arms name one in full. */
export interface ArmIndex {
  /** Arms to be asked whatever the segments. */
  readonly always: readonly number[];
  /** Arms that need this segment. */
  readonly bySegment: ReadonlyMap<string, readonly number[]>;
}

export interface CompiledOrder extends Decider {
  readonly order: OrderRule;
  /** The order's number among all orders. */
  readonly number: number;
  readonly arms: readonly CompiledCase<OrderArm>[];
}

export interface CompiledBlock extends Decider {
  readonly block: RuleBlock;
  /** The block's number among all blocks, and inside its own set. */
  readonly number: number;
  readonly inSet: number;
  readonly arms: readonly CompiledArm[];
  /** Hypers whose ratio a condition or a right side reads. */
  readonly ratios: ReadonlySet<string>;
}

export interface CompiledRules {
  readonly sets: readonly RuleSet[];
  /** By number. */
  readonly orders: readonly CompiledOrder[];
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
  /** A `scale` block whose ratio depends on itself, over blocks of several sets. */
  readonly cycle: CompiledBlock | null;
}

/** Prepares rule sets for resolving. */
export function compileRules(sets: readonly RuleSet[]): CompiledRules {
  const blocks: CompiledBlock[] = [];
  const orders: CompiledOrder[] = [];
  for (const set of sets) {
    const shared = { set, evaluator: createEvaluator(set.formulas), orders: new Map<string, number>() };
    for (const order of set.orders ?? []) {
      const arms = order.arms.map((arm) => compileCase(arm, arm.tuple, set.formulas));
      shared.orders.set(order.name, orders.length);
      orders.push({ ...shared, order, arms, index: indexArms(arms), number: orders.length, title: `order ${order.name}`, sets: null });
    }
    set.blocks.forEach((block, inSet) => {
      const { verb, hyper } = block;
      const arms = block.arms.map((arm, i) => {
        const guarded = set.bounds.some((bound) => bound.block === inSet && bound.arm === i);
        return compileArm(arm, set.formulas, guarded);
      });
      blocks.push({
        ...shared,
        block,
        number: blocks.length,
        inSet,
        title: hyper === null ? `rules ${verb}` : `rules ${verb} ${hyper}`,
        sets: verb === "set" ? hyper : null,
        arms,
        index: indexArms(arms),
        ratios: ratiosRead(block, set.formulas),
      });
    });
  }
  const { setting, clashes } = settingBlocks(blocks);
  const scaling = new Map<string, CompiledBlock[]>();
  for (const compiled of blocks) {
    const { verb, hyper } = compiled.block;
    if (verb === "scale" && hyper !== null) scaling.set(hyper, [...(scaling.get(hyper) ?? []), compiled]);
  }
  const ruled = [...new Set(blocks.flatMap(({ block }) => block.hyper ?? []))];
  return { sets, orders, blocks, ...orderByRatios(blocks, scaling), setting, scaling, ruled, clashes };
}

function indexArms(arms: readonly CompiledCase[]): ArmIndex {
  const always: number[] = [];
  const bySegment = new Map<string, number[]>();
  arms.forEach(({ condition }, arm) => {
    const segment = condition && neededSegment(condition);
    if (segment === null) always.push(arm);
    else bySegment.set(segment, [...(bySegment.get(segment) ?? []), arm]);
  });
  return { always, bySegment };
}

/** A segment without which the condition cannot hold, or null. */
function neededSegment(condition: CompiledCondition): string | null {
  if (condition.kind === "pattern") return plainSegment(condition.matcher.pattern);
  if (condition.kind !== "and") return null;
  for (const term of condition.terms) {
    const segment = neededSegment(term);
    if (segment !== null) return segment;
  }
  return null;
}

/** One `set` block for each hyper: the one marked `override` where there are two. */
function settingBlocks(blocks: readonly CompiledBlock[]): Pick<CompiledRules, "setting" | "clashes"> {
  const setting = new Map<string, CompiledBlock>();
  const clashes: [CompiledBlock, CompiledBlock][] = [];
  for (const compiled of blocks) {
    const { verb, hyper, override } = compiled.block;
    if (verb !== "set" || hyper === null) continue;
    const other = setting.get(hyper);
    if (other && other.block.override === override) clashes.push([other, compiled]);
    if (!other || override) setting.set(hyper, compiled);
  }
  return { setting, clashes };
}

function orderByRatios(
  blocks: readonly CompiledBlock[],
  scaling: ReadonlyMap<string, readonly CompiledBlock[]>,
): Pick<CompiledRules, "order" | "cycle"> {
  const ordered = new Set<CompiledBlock>();
  const open = new Set<CompiledBlock>();
  let cycle: CompiledBlock | null = null;
  const visit = (block: CompiledBlock): void => {
    if (ordered.has(block)) return;
    if (open.has(block)) {
      cycle ??= block;
      return;
    }
    open.add(block);
    for (const hyper of block.ratios) scaling.get(hyper)?.forEach(visit);
    ordered.add(block);
  };
  blocks.forEach(visit);
  return { order: [...ordered], cycle };
}

function compileCase<Arm extends RuleArm | OrderArm>(arm: Arm, right: readonly number[], table: FormulaTable): CompiledCase<Arm> {
  const read = right.flatMap((formula) => leavesOf(table, formula));
  return {
    arm,
    condition: arm.condition && compileCondition(arm.condition),
    captures: [...new Set(read.flatMap((leaf) => (leaf.op === "capture" ? leaf.capture : [])))],
  };
}

function compileArm(arm: RuleArm, table: FormulaTable, guarded: boolean): CompiledArm {
  const right = formulasOf(arm);
  const read = right.flatMap((formula) => leavesOf(table, formula));
  return {
    ...compileCase(arm, right, table),
    leaves: read.filter((leaf) => leaf.op === "fact" || leaf.op === "shape" || leaf.op === "order"),
    exponents: guarded ? [] : right.flatMap((formula) => exponentsOf(table, formula)),
  };
}

/** Exponents in a formula that differ between parameters. */
function exponentsOf(table: FormulaTable, formula: number): number[] {
  const exponents = nodesOf(table, formula).flatMap((node) => (node.op === "apply" && node.fn === "pow" ? [node.args[1]!] : []));
  return exponents.filter((exponent) => leavesOf(table, exponent).some(({ op }) => op === "capture" || op === "order"));
}

/** The formulas of an arm's right side. */
function formulasOf({ value, use }: RuleArm): readonly number[] {
  return use ? use.peaks.map((peak) => peak.value) : [value];
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
  return nodesOf(table, formula).filter((node) => node.op !== "apply" && node.op !== "select");
}

/** Every value that a formula is made of, each once. */
function nodesOf(table: FormulaTable, formula: number): HostValue[] {
  const nodes: HostValue[] = [];
  const seen = new Set<number>();
  const pending = [formula];
  while (pending.length > 0) {
    const index = pending.pop()!;
    if (seen.has(index)) continue;
    seen.add(index);
    const node = table[index]!;
    nodes.push(node);
    if (node.op === "apply" || node.op === "select") pending.push(...node.args);
  }
  return nodes;
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
    formulas.push(...formulasOf(arm));
  }
  const leaves = formulas.flatMap((formula) => leavesOf(table, formula));
  return new Set(leaves.flatMap((leaf) => (leaf.op === "hyper" && leaf.form === "ratio" ? leaf.hyper : [])));
}
