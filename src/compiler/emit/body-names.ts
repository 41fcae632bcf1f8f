// The names inside one kernel body. The last value of a name keeps it (`moment1` is the new moment), earlier ones are
// numbered (`param_1`), and what is loaded and then replaced is `old_moment1`.

import type { CellId, Ir, ValueId } from "../ir/value.js";
import type { SweepBody } from "../passes/plan.js";
import { wordsOf } from "./coefficient-words.js";
import { valueAt } from "./expressions.js";
import type { Namer } from "./namer.js";

export interface BodyNames {
  readonly loads: ReadonlyMap<CellId, string>;
  readonly coefficients: ReadonlyMap<ValueId, string>;
  /** Values that the spec names; the printer names others by `fresh` where it must. */
  readonly values: ReadonlyMap<ValueId, string>;
  readonly fresh: () => string;
}

/** Names everything in a body; `namer` holds the frame's names already. */
export function nameBody(ir: Ir, sweep: SweepBody, namer: Namer): BodyNames {
  const values = nameValues(ir, sweep, namer);
  const stored = new Set(sweep.stores.map((store) => store.cell));
  const loads = new Map(
    sweep.loads.map(({ cell }) => {
      const name = ir.cells[cell]?.name ?? `cell${cell}`;
      return [cell, namer(stored.has(cell) ? `old_${name}` : name)] as const;
    }),
  );
  const coefficients = new Map(
    sweep.coefficients.map(({ slot, value }) => [value, namer(wordsOf(ir, value) ?? `coefficient_${slot}`)] as const),
  );
  let count = 0;
  return { loads, coefficients, values, fresh: () => namer(`part_${++count}`) };
}

function nameValues(ir: Ir, sweep: SweepBody, namer: Namer): ReadonlyMap<ValueId, string> {
  const byName = new Map<string, ValueId[]>();
  for (const id of sweep.body) {
    const value = valueAt(ir, id);
    if (value.name === undefined || value.kind === "load") continue;
    const same = byName.get(value.name);
    if (same === undefined) byName.set(value.name, [id]);
    else same.push(id);
  }
  const values = new Map<ValueId, string>();
  for (const [name, ids] of byName) values.set(ids.at(-1)!, namer(name));
  for (const [name, ids] of byName) for (const [i, id] of ids.slice(0, -1).entries()) values.set(id, namer(`${name}_${i + 1}`));
  return values;
}
