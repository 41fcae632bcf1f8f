// What rule blocks read: hypers that conditions fix at registration, and ratios that would depend on themselves.

import type { Formula, FormulaTable, HostValue } from "../../contract/host-formula.js";
import type { Condition, OrderRule, RuleBlock } from "../../contract/rules.js";
import { leavesOf } from "../../rules/compiled-rules.js";
import type { Context } from "./context.js";

export function readsCapture(formula: Formula, table: FormulaTable): boolean {
  return leavesOf(table, formula).some((leaf) => leaf.op === "capture");
}

/** Hypers that a condition or an order reads, also behind an `h.ratio` in one; they are taken at registration. */
export function fixedByConditions(blocks: readonly RuleBlock[], orders: readonly OrderRule[], table: FormulaTable, ctx: Context): string[] {
  const fixed = new Set<string>();
  const ratios = new Set<string>();
  const take = (leaves: readonly HostValue[]): void => {
    for (const leaf of leaves) {
      if (leaf.op !== "hyper") continue;
      if (leaf.form !== "ratio") fixed.add(leaf.hyper);
      else if (!ratios.has(leaf.hyper)) {
        ratios.add(leaf.hyper);
        for (const block of blocks) if (block.verb === "scale" && block.hyper === leaf.hyper) take(leavesOfValues(block, table));
      }
    }
  };
  for (const decider of [...blocks, ...orders]) take(leavesOfConditions(decider, table));
  for (const { arms } of orders) take(arms.flatMap(({ tuple }) => tuple.flatMap((formula) => leavesOf(table, formula))));
  return [...fixed].filter((name) => ctx.hypers.get(name)?.fixed === false);
}

function leavesOfValues(block: RuleBlock, table: FormulaTable): HostValue[] {
  return block.arms.flatMap((arm) => leavesOf(table, arm.value));
}

function leavesOfConditions({ arms }: RuleBlock | OrderRule, table: FormulaTable): HostValue[] {
  const formulas: Formula[] = [];
  const visit = (condition: Condition): void => {
    if (condition.kind === "and" || condition.kind === "or") condition.terms.forEach(visit);
    else if (condition.kind === "not") visit(condition.term);
    else if (condition.kind === "compare") formulas.push(condition.left, condition.right);
  };
  for (const arm of arms) if (arm.condition !== null) visit(arm.condition);
  return formulas.flatMap((formula) => leavesOf(table, formula));
}

/** A `scale` whose arms read, over other ratios or directly, the ratio that they make. */
export function checkRatioCycles(blocks: readonly RuleBlock[], table: FormulaTable, ctx: Context): void {
  const reads = (hyper: string): string[] =>
    blocks
      .filter((block) => block.verb === "scale" && block.hyper === hyper)
      .flatMap((block) => [...leavesOfConditions(block, table), ...leavesOfValues(block, table)])
      .flatMap((leaf) => (leaf.op === "hyper" && leaf.form === "ratio" ? leaf.hyper : []));
  for (const start of new Set(blocks.flatMap((block) => block.hyper ?? []))) {
    const seen = new Set<string>();
    const pending = reads(start);
    while (pending.length > 0) {
      const name = pending.pop()!;
      if (seen.has(name)) continue;
      seen.add(name);
      pending.push(...reads(name));
    }
    const hyper = ctx.hypers.get(start);
    if (seen.has(start) && hyper !== undefined) ctx.reporter.report("ratio-cycle", { name: start }, hyper.span);
  }
}
