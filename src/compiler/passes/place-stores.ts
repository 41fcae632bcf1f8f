// Which sweep stores each element cell and makes each reduction, and what every sweep loads: the choice that moves the fewest bytes.
// A sweep may load a cell's old value only while no earlier sweep has stored it; once stored, the new value is a load.
// A sweep sees a reduction only if an earlier phase has finished it. Without reductions there is one level and one choice.

import { formatBytes } from "../../numeric/storage-formats.js";
import { argsOf } from "../ir/builder.js";
import type { CellId, Contribution, Ir, Store, ValueId, Variant } from "../ir/value.js";
import { findCheapest } from "./find-cheapest.js";
import type { Load } from "./plan.js";

/** A reduction of elements that a sweep makes: one of the tensor's own, or what the tensors give to a total. */
export type ElementReduction = { readonly kind: "tensor"; readonly value: ValueId } | { readonly kind: "site"; readonly site: number };

export interface PlacedSweep {
  readonly level: number;
  readonly loads: readonly Load[];
  readonly stores: readonly Store[];
  readonly reductions: readonly ElementReduction[];
}

export interface Placement {
  readonly sweeps: readonly PlacedSweep[];
  /** For each reduction to the tensor: the level of the sweep that makes it, behind which it is finished. */
  readonly reducedAt: ReadonlyMap<ValueId, number>;
  /** Per element. */
  readonly bytes: { readonly read: number; readonly written: number };
}

/** The work of one variant that a sweep has to do, each with the lowest level at which it can be done. */
export interface ElementWork {
  readonly stores: readonly Store[];
  /** Reductions to the tensor, arguments first. */
  readonly reductions: readonly ValueId[];
  /** Contributions of elements. */
  readonly contributions: readonly Contribution[];
  /** Contributions of numbers, which finishes work out. */
  readonly numbers: readonly Contribution[];
  readonly levels: ReadonlySet<number>;
}

/** What the stores of a variant and its contributions ask of sweeps. */
export function elementWork(ir: Ir, { deviceStores, contributions }: Variant): ElementWork {
  const level = (id: ValueId): number => ir.values[id]!.level;
  const stores = deviceStores.filter(({ cell }) => ir.cells[cell]!.extent === "elem");
  const seen = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    argsOf(ir.values[id]!).forEach(visit);
  };
  for (const { value } of deviceStores) visit(value);
  for (const { arg } of contributions) visit(arg);
  const reductions = [...seen].filter((id) => ir.values[id]!.kind === "reduce").sort((a, b) => a - b);
  const ofElements = contributions.filter((given) => given.from === "elem" && !isNothing(ir, given));
  const levels = [
    ...stores.map(({ value }) => level(value)),
    ...reductions.map((id) => level(id) - 1),
    ...ofElements.map(({ arg }) => level(arg)),
  ];
  const numbers = contributions.filter((given) => given.from !== "elem");
  return { stores, reductions, contributions: ofElements, numbers, levels: new Set(levels) };
}

/** A sum of zeros, which no sweep needs to make. */
export function isNothing(ir: Ir, { by, arg }: Contribution): boolean {
  const value = ir.values[arg]!;
  return by === "sum" && value.kind === "literal" && value.value === 0;
}

export interface PlaceOptions {
  /** Levels at which the program has sweeps, ascending. */
  readonly levels: readonly number[];
  /** For each total: the level behind which it is finished; -1: before all sweeps. */
  readonly totalAt: ReadonlyMap<number, number>;
}

/** The cheapest placement of a variant's work where totals are finished at given levels; null where there is none. */
export function placeStores(ir: Ir, work: ElementWork, options: PlaceOptions): Placement | null {
  const { stores, reductions, contributions, numbers } = work;
  const { levels, totalAt } = options;
  const lowest = [...stores.map(({ value }) => ir.values[value]!.level), ...reductions.map((id) => ir.values[id]!.level - 1)];
  const lists = lowest.map((low) => levels.filter((level) => level >= low));
  const found = findCheapest(lists, startsOf(lists, stores.length), (places) => {
    const storedAt = new Map(stores.map(({ cell }, i) => [cell, places[i]!]));
    const reducedAt = new Map(reductions.map((id, i) => [id, places[stores.length + i]!]));
    const made: MadeAt = { reduced: (id) => reducedAt.get(id)!, total: (site) => totalAt.get(site)! };
    if (!numbers.every(({ site, arg }) => finishedAt(ir, arg, made) <= made.total(site))) return null;
    const placement = place(ir, { levels, totalAt, storedAt, reducedAt, stores, contributions });
    return placement && { result: placement, cost: cost(placement) };
  });
  return found?.result ?? null;
}

/** Reductions as soon as can be; stores last of all, which always can be, or as soon as can be. */
function startsOf(lists: readonly (readonly number[])[], stores: number): readonly (readonly number[])[] {
  const last = (list: readonly number[]) => list.at(-1)!;
  const first = (list: readonly number[]) => list[0]!;
  return [lists.map((list, i) => (i < stores ? last(list) : first(list))), lists.map(first)];
}

/** Bytes decide; of equal bytes, fewer launches. */
export function cost({ bytes, sweeps }: Placement): number {
  const finishes = sweeps.filter(({ reductions }) => reductions.length > 0).length;
  return (bytes.read + bytes.written) * 1000 + sweeps.length + finishes;
}

interface Choice extends PlaceOptions {
  readonly storedAt: ReadonlyMap<CellId, number>;
  readonly reducedAt: ReadonlyMap<ValueId, number>;
  readonly stores: readonly Store[];
  readonly contributions: readonly Contribution[];
}

/** The sweeps of one choice, or null where a sweep would need what is not there. */
function place(ir: Ir, choice: Choice): Placement | null {
  const { levels, totalAt, storedAt, reducedAt, stores, contributions } = choice;
  const sweeps: PlacedSweep[] = [];
  for (const level of levels) {
    const own = stores.filter(({ cell }) => storedAt.get(cell) === level);
    const reduced = [...reducedAt].filter(([, at]) => at === level).map(([value]) => value);
    const given = contributions.filter(({ site }) => totalAt.get(site) === level);
    const roots = [...reduced.flatMap((id) => argsOf(ir.values[id]!)), ...given.map(({ arg }) => arg), ...own.map((store) => store.value)];
    const loads = loadsOf(ir, level, roots, choice);
    if (loads === null) return null;
    if (roots.length === 0) continue;
    const reductions: ElementReduction[] = [
      ...given.map(({ site }) => ({ kind: "site", site }) as const),
      ...reduced.map((value) => ({ kind: "tensor", value }) as const),
    ];
    sweeps.push({ level, loads, stores: own, reductions });
  }
  return {
    sweeps,
    reducedAt,
    bytes: {
      read: bytesOf(
        ir,
        sweeps.flatMap((sweep) => sweep.loads),
      ),
      written: bytesOf(ir, stores),
    },
  };
}

/** What an element has in some cells. */
function bytesOf({ cells }: Ir, touched: readonly { readonly cell: CellId }[]): number {
  return touched.reduce((sum, { cell }) => sum + formatBytes[cells[cell]!.format], 0);
}

/** What a sweep at `level` loads to compute `roots`, in the order of cells; null where it cannot. */
function loadsOf(ir: Ir, level: number, roots: readonly ValueId[], choice: Choice): readonly Load[] | null {
  const { stores, storedAt, reducedAt, totalAt } = choice;
  const loads = new Map<CellId, Load>();
  const seen = new Set<ValueId>();
  const storedBefore = (cell: CellId) => (storedAt.get(cell) ?? Number.POSITIVE_INFINITY) < level;

  /** Whether the value can be had in this sweep. */
  function visit(id: ValueId): boolean {
    if (seen.has(id)) return true;
    seen.add(id);
    const value = ir.values[id]!;
    if (value.stage !== "device") return true;
    // What is kept in less than f32 is not the value that a later sweep needs.
    const stored = stores.find((store) => store.value === id && storedBefore(store.cell) && ir.cells[store.cell]!.format === "f32");
    if (stored !== undefined) return loads.set(stored.cell, { cell: stored.cell, version: "new", value: id }) !== null;
    if (value.kind === "load") {
      if (storedBefore(value.cell)) return false;
      if (value.extent === "elem") loads.set(value.cell, { cell: value.cell, version: "old", value: id });
      return true;
    }
    if (value.kind === "total") return totalAt.get(value.site)! < level;
    if (value.kind === "reduce") return reducedAt.get(id)! < level;
    return argsOf(value).every(visit);
  }

  return roots.every(visit) ? [...loads.values()].sort((a, b) => a.cell - b.cell) : null;
}

/** The level behind which a reduction is finished. */
export interface MadeAt {
  reduced(id: ValueId): number;
  total(site: number): number;
}

/** The level behind which all reductions that a value needs are finished; -1 where it needs none. In one finish, a total of a total takes another round. */
export function finishedAt(ir: Ir, id: ValueId, made: MadeAt): number {
  const known = new Map<ValueId, number>();
  function visit(id: ValueId): number {
    const found = known.get(id);
    if (found !== undefined) return found;
    const value = ir.values[id]!;
    const at =
      value.kind === "reduce"
        ? made.reduced(id)
        : value.kind === "total"
          ? made.total(value.site)
          : argsOf(value).reduce((last, arg) => Math.max(last, visit(arg)), -1);
    known.set(id, at);
    return at;
  }
  return visit(id);
}
