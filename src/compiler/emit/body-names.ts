// The names inside one kernel body. The last value of a name keeps it (`moment1` is the new moment), earlier ones are
// numbered (`param_1`), and what is loaded and then replaced is `old_moment1`.

import type { CellId, Ir, ValueId } from "../ir/value.js";
import { wordsOf } from "./coefficient-words.js";
import type { Computation } from "./computation.js";
import { valueAt } from "./expressions.js";
import type { Namer } from "./namer.js";

export interface BodyNames {
  readonly loads: ReadonlyMap<CellId, string>;
  readonly scalars: ReadonlyMap<ValueId, string>;
  readonly coefficients: ReadonlyMap<ValueId, string>;
  /** Values that the spec names; the printer names others by `fresh` where it must. */
  readonly values: ReadonlyMap<ValueId, string>;
  readonly fresh: () => string;
}

/** Names everything in a body; `namer` holds the frame's names already. */
export function nameBody(ir: Ir, computation: Computation, namer: Namer): BodyNames {
  const values = nameValues(ir, computation, namer);
  const loads = new Map(
    computation.loads.map(({ cell, version }) => {
      const name = ir.cells[cell]?.name ?? `cell${cell}`;
      const isReplaced = version === "old" && computation.storedCells.has(cell);
      return [cell, namer(isReplaced ? `old_${name}` : name)] as const;
    }),
  );
  const scalars = nameScalars(ir, computation, namer);
  const coefficients = new Map(
    computation.coefficients.map(({ slot, value }) => [value, namer(wordsOf(ir, value) ?? `coefficient_${slot}`)] as const),
  );
  let count = 0;
  return { loads, scalars, coefficients, values, fresh: () => namer(`part_${++count}`) };
}

function nameValues(ir: Ir, { head, body }: Computation, namer: Namer): ReadonlyMap<ValueId, string> {
  const byName = new Map<string, ValueId[]>();
  for (const id of [...head, ...body]) {
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

/** Numbers of the memory of scalars: reductions by the spec's name or what they do, states by their own. */
function nameScalars(ir: Ir, { scalars, head, body, stored }: Computation, namer: Namer): ReadonlyMap<ValueId, string> {
  const computed = new Set([...head, ...body, ...stored].map((id) => valueAt(ir, id).name));
  return new Map(
    scalars.map(({ value: id }) => {
      const value = valueAt(ir, id);
      if (value.kind === "load") {
        const name = ir.cells[value.cell]?.name ?? `cell${value.cell}`;
        return [id, namer(computed.has(name) ? `old_${name}` : name)];
      }
      const plain = value.kind === "reduce" || value.kind === "total" ? value.by : "scalar";
      return [id, namer(value.name ?? plain)];
    }),
  );
}
