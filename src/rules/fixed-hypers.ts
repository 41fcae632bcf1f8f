// Hypers that arms are chosen by: read in a condition or an order, or behind an `h.ratio` in a condition. They are taken at registration.

import type { Formula, HostValue } from "../contract/host-formula.js";
import type { Condition, OrderRule, RuleBlock, RuleSet } from "../contract/rules.js";
import { leavesOf } from "./compiled-rules.js";

/** What the choice of arms reads. */
export type FixingRules = Pick<RuleSet, "formulas" | "blocks" | "orders">;

/** The names of those hypers, over all sets: a ratio may be made in one and read in another. */
export function fixedHypers(sets: readonly FixingRules[]): ReadonlySet<string> {
  const fixed = new Set<string>();
  const ratios = new Set<string>();
  const take = (leaves: readonly HostValue[]): void => {
    for (const leaf of leaves) {
      if (leaf.op !== "hyper") continue;
      if (leaf.form !== "ratio") fixed.add(leaf.hyper);
      else if (!ratios.has(leaf.hyper)) {
        ratios.add(leaf.hyper);
        for (const set of sets)
          for (const block of set.blocks) if (block.verb === "scale" && block.hyper === leaf.hyper) take(leavesOfValues(block, set));
      }
    }
  };
  for (const set of sets) {
    for (const decider of [...set.blocks, ...(set.orders ?? [])]) take(leavesOfConditions(decider, set));
    for (const { arms } of set.orders ?? []) take(arms.flatMap(({ tuple }) => tuple.flatMap((formula) => leavesOf(set.formulas, formula))));
  }
  return fixed;
}

/** What the right sides of a block read. */
export function leavesOfValues(block: RuleBlock, { formulas }: Pick<RuleSet, "formulas">): HostValue[] {
  return block.arms.flatMap((arm) => leavesOf(formulas, arm.value));
}

/** What the comparisons of a block or order read. */
export function leavesOfConditions({ arms }: RuleBlock | OrderRule, { formulas }: Pick<RuleSet, "formulas">): HostValue[] {
  const compared: Formula[] = [];
  const visit = (condition: Condition): void => {
    if (condition.kind === "and" || condition.kind === "or") condition.terms.forEach(visit);
    else if (condition.kind === "not") visit(condition.term);
    else if (condition.kind === "compare") compared.push(condition.left, condition.right);
  };
  for (const arm of arms) if (arm.condition !== null) visit(arm.condition);
  return compared.flatMap((formula) => leavesOf(formulas, formula));
}
