// Exponents that come out negative for a real parameter: a factor below 1 would become one above.

import type { CompiledBlock } from "./compiled-rules.js";
import { armOf, type Decision, type HyperValues, type RuledMember } from "./hyper-values.js";
import type { ArmPlace, ProblemCollector } from "./problems.js";

/** Evaluates the exponents of the deciding arm that read captures or orders, where they are used. */
export function checkExponents(
  block: CompiledBlock,
  decision: Decision,
  member: RuledMember,
  values: HyperValues,
  at: { readonly param: string; readonly arm: ArmPlace },
  problems: ProblemCollector,
): void {
  const { arm, exponents } = armOf(block, decision);
  if (exponents.length === 0) return;
  const evaluate = (formula: number) => values.evaluate(block, formula, member, decision.captures);
  const used = usedFormulas(block, arm.value, evaluate);
  const negative = exponents.find((exponent) => used.has(exponent) && evaluate(exponent) < 0);
  if (negative === undefined) return;
  problems.addOnce(
    "negative-exponent",
    `an exponent is ${evaluate(negative)} for \`${at.param}\`, by line ${at.arm.line}: ${at.arm.text}`,
    { ...at, help: "count so that the exponent is 0 or more for every parameter" },
  );
}

/** What a formula is made of, without the sides of choices that are not taken. */
function usedFormulas(block: CompiledBlock, formula: number, evaluate: (formula: number) => number): ReadonlySet<number> {
  const { table } = block.evaluator;
  const used = new Set<number>();
  const pending = [formula];
  while (pending.length > 0) {
    const index = pending.pop()!;
    if (used.has(index)) continue;
    used.add(index);
    const node = table[index]!;
    if (node.op === "apply") pending.push(...node.args);
    if (node.op === "select") pending.push(node.args[0], evaluate(node.args[0]) !== 0 ? node.args[1] : node.args[2]);
  }
  return used;
}
