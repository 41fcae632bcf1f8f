// A condition that the host knows and that governs device work is decided before lowering goes on: the program is lowered
// once for every truth assignment of the conditions that it asks about, in the order in which it asks.

import type { Builder } from "../ir/builder.js";
import type { Decision, ValueId } from "../ir/value.js";
import { createImplied, type Implied } from "./implied.js";

export interface Decisions {
  /** The truth of a host condition on this path; forks where it is open. */
  decide(condition: ValueId): boolean;
  /** The truth that earlier decisions imply, or null. */
  known(condition: ValueId): boolean | null;
}

/** Declarations are values of the host and need no decision: their selects stay lazy. */
export const undecided: Decisions = {
  known: () => null,
  decide() {
    throw new Error("bug: a declaration of the host asked for a decision");
  },
};

const MOST_VARIANTS = 254;

/** Runs `lowerOnce` for each path through its decisions: first all true, the last one made false next. */
export function eachAssignment<T>(
  builder: Builder,
  lowerOnce: (decisions: Decisions) => T,
): readonly { when: readonly Decision[]; result: T }[] {
  const found: { when: readonly Decision[]; result: T }[] = [];
  const implied = createImplied(builder);
  let path: readonly Decision[] = [];
  for (;;) {
    const taken = createDecisions(builder, implied, path);
    found.push({ result: lowerOnce(taken), when: taken.made });
    if (found.length > MOST_VARIANTS) throw new Error("bug: more variants than the checker admits");
    const open = taken.made.findLastIndex((decision) => decision.is);
    if (open === -1) return found;
    path = [...taken.made.slice(0, open), { condition: taken.made[open]!.condition, is: false }];
  }
}

function createDecisions(
  builder: Builder,
  implied: Implied,
  path: readonly Decision[],
): Decisions & { readonly made: readonly Decision[] } {
  const made: Decision[] = [];
  const known = (condition: ValueId) => settledAs(condition) ?? implied(made, condition);

  /** What needs no table: decided itself, or through its parts. */
  function settledAs(condition: ValueId): boolean | null {
    const decided = made.find((decision) => decision.condition === condition);
    if (decided !== undefined) return decided.is;
    const value = builder.value(condition);
    if (value.kind === "literal") return value.value === 1;
    if (value.kind !== "apply") return null;
    const args = value.op === "not" || value.op === "and" || value.op === "or" ? value.args.map(settledAs) : [];
    if (value.op === "not") return args[0] === null ? null : !args[0];
    const absorbing = value.op === "or";
    if (args.includes(absorbing)) return absorbing;
    return args.length > 0 && !args.includes(null) ? !absorbing : null;
  }

  function decide(condition: ValueId): boolean {
    const value = builder.value(condition);
    if (value.stage === "device") throw new Error("bug: the host cannot decide a device value");
    const settled = known(condition);
    if (settled !== null) return settled;
    if (value.kind === "apply" && value.op === "not") return !decide(value.args[0]!);
    if (value.kind === "apply" && (value.op === "and" || value.op === "or")) {
      const open = value.args.filter((arg) => known(arg) === null);
      if (open.length === 1) return decide(open[0]!);
    }
    const next = path[made.length] ?? { condition, is: true };
    if (next.condition !== condition) throw new Error("bug: lowering asked another question on the same path");
    made.push(next);
    return next.is;
  }

  return { made, decide, known };
}
