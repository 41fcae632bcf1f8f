// Which sweep stores each cell and makes each reduction, and what every sweep loads: the choice that moves the fewest bytes.
// A sweep may load a cell's old value only while no earlier sweep has stored it; once stored, the new value is a load.
// A sweep sees a reduction only if an earlier sweep made it. Without reductions there is one level and one choice.

import { argsOf } from "../ir/builder.js";
import type { CellId, Ir, Store, ValueId } from "../ir/value.js";
import type { Load } from "./plan.js";

export interface PlacedSweep {
  readonly level: number;
  readonly loads: readonly Load[];
  readonly stores: readonly Store[];
  readonly partials: readonly ValueId[];
}

export interface Placement {
  readonly sweeps: readonly PlacedSweep[];
  /** Per f32 element. */
  readonly bytes: { readonly read: number; readonly written: number };
}

const BYTES = 4;

/** Places the stores of element cells; what is stored into smaller cells is no sweep's business. */
export function placeStores(ir: Ir, allStores: readonly Store[]): Placement {
  const levelOf = (id: ValueId): number => ir.values[id]!.level;
  const stores = allStores.filter(({ cell }) => ir.cells[cell]!.extent === "elem");
  const reductions = elementReductions(ir, allStores);
  const works = [...stores.map(({ value }) => levelOf(value)), ...reductions.map((id) => levelOf(id) - 1)];
  const levels = [...new Set(works)].sort((a, b) => a - b);
  let best: Placement | null = null;
  for (const places of choices(works.map((level) => levels.filter((l) => l >= level)))) {
    const storedAt = new Map(stores.map(({ cell }, i) => [cell, places[i]!]));
    const reducedAt = new Map(reductions.map((id, i) => [id, places[stores.length + i]!]));
    const placement = place(ir, levels, stores, storedAt, reducedAt);
    if (placement !== null && (best === null || costs(placement) < costs(best))) best = placement;
  }
  if (best === null) throw new Error("bug: no order of sweeps computes these stores");
  return best;
}

/** Bytes decide; of equal bytes, fewer sweeps. */
function costs({ bytes, sweeps }: Placement): number {
  return (bytes.read + bytes.written) * 1000 + sweeps.length;
}

/** The reductions of element values that the stores need, arguments first. */
function elementReductions(ir: Ir, stores: readonly Store[]): readonly ValueId[] {
  const seen = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    argsOf(ir.values[id]!).forEach(visit);
  };
  for (const { value } of stores) visit(value);
  return [...seen]
    .sort((a, b) => a - b)
    .filter((id) => {
      const value = ir.values[id]!;
      return value.kind === "reduce" && ir.values[value.arg]!.extent === "elem";
    });
}

/** Every way to take one item of each list. */
function choices(lists: readonly (readonly number[])[]): readonly (readonly number[])[] {
  return lists.reduce<readonly (readonly number[])[]>((made, list) => made.flatMap((head) => list.map((item) => [...head, item])), [[]]);
}

/** The sweeps of one choice, or null where a sweep would need what is not there. */
function place(
  ir: Ir,
  levels: readonly number[],
  stores: readonly Store[],
  storedAt: ReadonlyMap<CellId, number>,
  reducedAt: ReadonlyMap<ValueId, number>,
): Placement | null {
  const sweeps: PlacedSweep[] = [];
  for (const level of levels) {
    const own = stores.filter(({ cell }) => storedAt.get(cell) === level);
    const partials = [...reducedAt].filter(([, at]) => at === level).map(([id]) => id);
    const loads = loadsOf(
      ir,
      level,
      [...partials.flatMap((id) => argsOf(ir.values[id]!)), ...own.map((store) => store.value)],
      stores,
      storedAt,
      reducedAt,
    );
    if (loads === null) return null;
    if (own.length + partials.length > 0) sweeps.push({ level, loads, stores: own, partials });
  }
  const read = BYTES * sweeps.reduce((sum, sweep) => sum + sweep.loads.length, 0);
  return { sweeps, bytes: { read, written: BYTES * stores.length } };
}

/** What a sweep at `level` loads to compute `roots`, in the order of cells; null where it cannot. */
function loadsOf(
  ir: Ir,
  level: number,
  roots: readonly ValueId[],
  stores: readonly Store[],
  storedAt: ReadonlyMap<CellId, number>,
  reducedAt: ReadonlyMap<ValueId, number>,
): readonly Load[] | null {
  const loads = new Map<CellId, Load>();
  const seen = new Set<ValueId>();
  const storedBefore = (cell: CellId) => (storedAt.get(cell) ?? Number.POSITIVE_INFINITY) < level;

  /** Whether the value can be had in this sweep. */
  function visit(id: ValueId): boolean {
    if (seen.has(id)) return true;
    seen.add(id);
    const value = ir.values[id]!;
    if (value.stage !== "device") return true;
    const stored = stores.find((store) => store.value === id && storedBefore(store.cell));
    if (stored !== undefined) return loads.set(stored.cell, { cell: stored.cell, version: "new" }) !== null;
    if (value.kind === "load") {
      if (storedBefore(value.cell)) return false;
      if (value.extent === "elem") loads.set(value.cell, { cell: value.cell, version: "old" });
      return true;
    }
    const reduced = reducedAt.get(id);
    return reduced === undefined ? argsOf(value).every(visit) : reduced < level;
  }

  return roots.every(visit) ? [...loads.values()].sort((a, b) => a.cell - b.cell) : null;
}
