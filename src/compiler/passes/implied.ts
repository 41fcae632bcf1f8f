// What decisions say of a further condition, by the table by which the checker has proved that states exist where they are used.

import { comparisons, connectives } from "../check/conditions.js";
import { combine, compareRank, constantTerm, follows, type Term, variableTerm } from "../check/truth-table.js";
import type { Builder } from "../ir/builder.js";
import type { Decision, Value, ValueId } from "../ir/value.js";

/** The truth that decisions imply, or null. */
export type Implied = (decisions: readonly Decision[], condition: ValueId) => boolean | null;

/** Remembers the terms of conditions. */
export function createImplied({ value }: Builder): Implied {
  const terms = new Map<ValueId, Term>();

  function termOf(id: ValueId): Term {
    const known = terms.get(id) ?? makeTerm(id);
    terms.set(id, known);
    return known;
  }

  function makeTerm(id: ValueId): Term {
    const found = value(id);
    if (found.kind === "literal") return constantTerm(found.value);
    if (found.kind === "select")
      return combine([found.condition, found.then, found.otherwise].map(termOf), (c, a, b) => (c !== 0 ? a! : b!));
    if (found.kind !== "apply") return variableTerm(`is ${id}`, [0, 1]);
    if (found.op === "and" || found.op === "or" || found.op === "not") return combine(found.args.map(termOf), connectives[found.op]);
    if (found.op === "lt" || found.op === "le" || found.op === "eq") return compare(found.op, found.args[0]!, found.args[1]!);
    return variableTerm(`is ${id}`, [0, 1]);
  }

  function compare(op: "lt" | "le" | "eq", a: ValueId, b: ValueId): Term {
    const [x, y] = [value(a), value(b)];
    const holds = comparisons[op];
    if (isRank(x) && y.kind === "literal") return compareRank(y.value, (rank) => holds(rank, y.value));
    if (x.kind === "literal" && isRank(y)) return compareRank(x.value, (rank) => holds(x.value, rank));
    if (op === "eq") return variableTerm(`eq ${[a, b].sort().join(" ")}`, [0, 1]);
    if (op === "le" && isNumber(x) && isNumber(y)) return combine([variableTerm(`lt ${b} ${a}`, [0, 1])], (greater) => 1 - greater!);
    return variableTerm(`${op} ${a} ${b}`, [0, 1]);
  }

  return (decisions, condition) =>
    follows(
      decisions.map(({ condition: decided, is }) => ({ term: termOf(decided), holds: is })),
      termOf(condition),
    );
}

const isRank = (found: Value) => found.kind === "ambient" && found.ambient === "rank";

/** As in the checker: certainly no NaN. */
function isNumber(found: Value): boolean {
  if (found.kind === "literal") return !Number.isNaN(found.value);
  return found.kind === "hyper" || (found.kind === "ambient" && found.ambient !== "rows" && found.ambient !== "cols");
}
