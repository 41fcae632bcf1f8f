// Orders: every parameter of the model, frozen ones too, gets the dense rank of its tuple. Tuples are compared from the left, a prefix
// stands before what it begins; `last` joins the greatest tuple that starts with the components before it.

import { RuleError } from "../formula/evaluate.js";
import type { CompiledOrder, CompiledRules } from "./compiled-rules.js";
import type { Decision, HyperValues, OrderRank, RuledMember } from "./hyper-values.js";

export type Tuple = readonly number[];

/** A parameter, and where its ranks go. */
interface Ranked extends RuledMember {
  readonly orders: OrderRank[];
}

interface Placed<Param> {
  readonly param: Param;
  readonly decision: Decision;
  readonly tuple: Tuple;
  readonly last: boolean;
}

/** Fills the ranks of all parameters; those without one, for a problem that `failed` is told, are left out of it all. */
export function rankParams<Param extends Ranked>(
  rules: CompiledRules,
  params: readonly Param[],
  values: HyperValues,
  decide: (order: CompiledOrder, param: Param) => Decision | undefined,
  failed: (param: Param, error: RuleError) => void,
): void {
  for (const order of rules.orders) {
    const placed = params.flatMap((param): Placed<Param>[] => {
      try {
        const decision = decide(order, param);
        return decision ? [{ param, decision, ...tupleOf(order, param, decision, values) }] : [];
      } catch (error) {
        if (!(error instanceof RuleError)) throw error;
        failed(param, error);
        return [];
      }
    });
    const ranks = denseRanks(placed.map(({ tuple, last }) => ({ tuple, last })));
    const max = ranks.reduce((most, rank) => Math.max(most, rank), 0);
    placed.forEach(({ param, decision }, i) => {
      param.orders[order.number] = { rank: ranks[i]!, max, decision };
    });
  }
}

function tupleOf(order: CompiledOrder, member: RuledMember, decision: Decision, values: HyperValues): { tuple: Tuple; last: boolean } {
  const { arm } = order.arms[decision.arm]!;
  const tuple = arm.tuple.map((formula) => values.evaluate(order, formula, member, decision.captures));
  const wrong = tuple.find((component) => !Number.isFinite(component));
  if (wrong !== undefined) throw new RuleError(`a component of \`${order.title}\` is ${wrong}, by line ${arm.line}: ${arm.text}`);
  return { tuple, last: arm.last };
}

/** The rank of each tuple among all of them. */
export function denseRanks(tuples: readonly { readonly tuple: Tuple; readonly last: boolean }[]): readonly number[] {
  const plain = distinct(tuples.filter(({ last }) => !last).map(({ tuple }) => tuple));
  const joined = new Map<string, Tuple>();
  const resolved = tuples.map(({ tuple, last }) => {
    if (!last) return tuple;
    const key = tuple.join();
    const greatest = joined.get(key) ?? plain.findLast((other) => startsWith(other, tuple)) ?? tuple;
    joined.set(key, greatest);
    return greatest;
  });
  const ranks = new Map(distinct(resolved).map((tuple, rank) => [tuple.join(), rank]));
  return resolved.map((tuple) => ranks.get(tuple.join())!);
}

/** Sorted, each once. */
function distinct(tuples: readonly Tuple[]): readonly Tuple[] {
  return [...new Map(tuples.map((tuple) => [tuple.join(), tuple])).values()].sort(compareTuples);
}

function compareTuples(a: Tuple, b: Tuple): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

function startsWith(tuple: Tuple, start: Tuple): boolean {
  return start.every((component, i) => component === tuple[i]);
}
