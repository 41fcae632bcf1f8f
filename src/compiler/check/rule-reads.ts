// What rule blocks read: captures, and ratios that would depend on themselves.

import type { Formula, FormulaTable } from "../../contract/host-formula.js";
import type { RuleBlock } from "../../contract/rules.js";
import { leavesOf } from "../../rules/compiled-rules.js";
import { leavesOfConditions, leavesOfValues } from "../../rules/fixed-hypers.js";
import type { Context } from "./context.js";

export function readsCapture(formula: Formula, table: FormulaTable): boolean {
  return leavesOf(table, formula).some((leaf) => leaf.op === "capture");
}

/** A `scale` whose arms read, over other ratios or directly, the ratio that they make. */
export function checkRatioCycles(blocks: readonly RuleBlock[], formulas: FormulaTable, ctx: Context): void {
  const reads = (hyper: string): string[] =>
    blocks
      .filter((block) => block.verb === "scale" && block.hyper === hyper)
      .flatMap((block) => [...leavesOfConditions(block, { formulas }), ...leavesOfValues(block, { formulas })])
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
