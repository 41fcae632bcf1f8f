// Parameters with equal keys have equal values of every hyper at every step, so they can share a row of coefficients.

import type { CompiledRules } from "./compiled-rules.js";
import { axisLength, isShapeFact, shapeFact } from "./facts.js";
import { armOf } from "./hyper-values.js";
import type { ResolvedParam } from "./resolution.js";

/**
 * Key of a parameter: its group, its arms, the captures and facts that their right sides read, callbacks, and further facts that the caller's
 * own formulas read (`"rank"`, `"numel"`, `"rows"`, `"cols"`, `"shape[1]"`; other words are left out).
 */
export function classKey(rules: CompiledRules, param: ResolvedParam, facts: readonly string[] = []): string {
  const parts: unknown[] = [param.frozen, param.lrRatio, param.decays, param.group];
  for (const block of rules.blocks) {
    const decision = param.decisions[block.number];
    if (!decision) {
      parts.push(null);
      continue;
    }
    const arm = armOf(block, decision);
    parts.push(decision.arm);
    for (const name of arm.captures) parts.push(decision.captures.get(name));
    for (const leaf of arm.leaves) {
      if (leaf.op === "shape") parts.push(axisLength(param.shape, leaf.axis));
      if (leaf.op === "order") parts.push(param.orders[block.orders.get(leaf.order)!]![leaf.form]);
      if (leaf.op === "fact") parts.push(leaf.fact === "index" ? param.index : factOf(param, leaf.fact));
    }
  }
  for (const fact of facts) parts.push(factOf(param, fact));
  return JSON.stringify(parts);
}

const axis = /^shape\[(\d+)\]$/;

function factOf({ shape }: ResolvedParam, fact: string): number | null {
  if (isShapeFact(fact)) return shapeFact(shape, fact);
  const match = axis.exec(fact);
  return match ? axisLength(shape, Number(match[1])) : null;
}
