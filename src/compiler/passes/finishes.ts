// The finishes of a program: where every number smaller than an element stands in memory, and what is computed of such numbers between
// sweeps. All states of extent tensor and model are stored in the last finish; where a later launch needs what such a state was before,
// that finish saves it in a slot of its own. Inside a finish everything reads the old states.

import { argsOf } from "../ir/builder.js";
import type { CellId, Ir, Program, Reducer, Store, ValueId } from "../ir/value.js";
import { type CoefficientSlots, scalarBody } from "./bodies.js";
import { type ElementReduction, isNothing } from "./place-stores.js";
import type { ProgramPlacement } from "./place-totals.js";
import type { Finish, Fold, PartialReduction, Round, ScalarBody, ScalarPlace, ScalarSlots, ScalarStore, Total } from "./plan.js";

export interface Finishes {
  /** Levels that have a finish. */
  readonly levels: readonly number[];
  readonly slots: ScalarSlots;
  /** What a sweep of a variant writes of a reduction that it makes. */
  partial(variant: number, level: number, reduction: ElementReduction): PartialReduction;
  /** Where a number smaller than an element stands for a sweep at a level; null where it has to be computed. */
  placeOf(variant: number, id: ValueId, level: number): ScalarPlace | null;
  /** Null where nothing is finished. Its name is given later. */
  at(level: number): Finish | null;
}

export interface FinishesOptions {
  /** Of device states smaller than an element. */
  readonly states: ReadonlyMap<CellId, ScalarPlace>;
  /** One for each variant. */
  readonly coefficients: readonly CoefficientSlots[];
}

interface SlotOfFold extends Fold {
  readonly level: number;
}

export function createFinishes(ir: Ir, program: Program, placement: ProgramPlacement, options: FinishesOptions): Finishes {
  const { variants } = program;
  const { totalAt } = placement;
  const { states, coefficients } = options;
  const used = { model: count(states, "model"), tensor: count(states, "tensor") };
  const scalarStores = variants.map(({ deviceStores }) => deviceStores.filter(({ cell }) => ir.cells[cell]!.extent !== "elem"));
  const reducers = new Map(variants.flatMap(({ contributions }) => contributions.map(({ site, by }) => [site, by] as const)));

  // Slots: of totals, of what tensors give to them, of folds, of saved states.
  const totalSlots = new Map([...totalAt.keys()].map((site) => [site, used.model++]));
  const givenSlots = new Map<number, number>();
  const folds: SlotOfFold[] = [];
  const foldOf = new Map<string, SlotOfFold>();
  const saved = new Map<CellId, ScalarPlace>();

  function fold(level: number, by: Reducer, key: string): SlotOfFold {
    const known = foldOf.get(key);
    if (known !== undefined) return known;
    const partial = folds.filter((other) => other.level === level).length;
    const made = { level, by, partial, slot: used.tensor++ };
    folds.push(made);
    foldOf.set(key, made);
    return made;
  }

  for (const [site, level] of totalAt) {
    const given = variants.flatMap(({ contributions }) => contributions.filter((contribution) => contribution.site === site));
    const isSwept = given.some((contribution) => contribution.from === "elem" && !isNothing(ir, contribution));
    givenSlots.set(site, isSwept ? fold(level, reducers.get(site)!, `site ${site}`).slot : used.tensor++);
  }
  // The k-th reduction of a kind at a level shares its slot among variants.
  const tensorFolds = placement.variants.map(({ reducedAt }) => {
    const counts = new Map<string, number>();
    const mine = new Map<ValueId, SlotOfFold>();
    for (const [id, level] of reducedAt) {
      const value = ir.values[id]!;
      if (value.kind !== "reduce") throw new Error("bug: no reduction is placed");
      const kind = `${level} ${value.by}`;
      const k = counts.get(kind) ?? 0;
      counts.set(kind, k + 1);
      mine.set(id, fold(level, value.by, `${kind} ${k}`));
    }
    return mine;
  });

  const levels = new Set([...folds.map(({ level }) => level), ...totalAt.values()]);
  const sweepLevels = placement.variants.flatMap(({ sweeps }) => sweeps.map(({ level }) => level));
  if (levels.size === 0 && scalarStores.some((stores) => stores.length > 0)) levels.add(Math.max(-1, ...sweepLevels));
  const last = Math.max(...levels);

  /** Where a number stands once the finish at `level` begins, or for sweeps at that level. Null where it has to be computed. */
  function placeOf(variant: number, id: ValueId, level: number): ScalarPlace | null {
    const stored = level > last ? scalarStores[variant]!.find((store) => store.value === id) : undefined;
    if (stored !== undefined) return states.get(stored.cell)!;
    const value = ir.values[id]!;
    if (value.kind === "total") return { of: "model", slot: totalSlots.get(value.site)! };
    if (value.kind === "reduce") return { of: "tensor", slot: tensorFolds[variant]!.get(id)!.slot };
    if (value.kind !== "load") return null;
    const place = states.get(value.cell)!;
    if (level <= last || !scalarStores[variant]!.some(({ cell }) => cell === value.cell)) return place;
    const slot = saved.get(value.cell) ?? { of: place.of, slot: used[place.of]++ };
    saved.set(value.cell, slot);
    return slot;
  }

  const bodyOf = (variant: number, stores: readonly ScalarStore[]): ScalarBody | null =>
    scalarBody(ir, stores, {
      coefficients: coefficients[variant]!,
      loaded: new Set(),
      placeOf: (id) => placeOf(variant, id, last),
    });

  /** In which round of the finish at a level a value is known: behind the totals of that finish which it needs. */
  function roundOf(variant: number, id: ValueId, level: number): number {
    const value = ir.values[id]!;
    if (value.kind === "total") return totalAt.get(value.site) === level ? 1 + roundOfTotal(value.site, level) : 0;
    return argsOf(value).reduce((round, arg) => Math.max(round, roundOf(variant, arg, level)), 0);
  }

  function roundOfTotal(site: number, level: number): number {
    const rounds = variants.map(({ contributions }, variant) => {
      const given = contributions.find((contribution) => contribution.site === site);
      return given === undefined || given.from === "elem" ? 0 : roundOf(variant, given.arg, level);
    });
    return Math.max(...rounds);
  }

  /** What a variant's tensors store of their own accord for the totals of a round. */
  function givenStores(variant: number, sites: readonly number[]): readonly ScalarStore[] {
    return variants[variant]!.contributions.filter(
      (given) => sites.includes(given.site) && (given.from !== "elem" || isNothing(ir, given)),
    ).map(({ site, arg }) => ({ value: arg, place: { of: "tensor", slot: givenSlots.get(site)! } }));
  }

  /** The stores of states, and the saving of what they were, for numbers of one kind. */
  function stateStores(stores: readonly Store[], of: ScalarPlace["of"]): readonly ScalarStore[] {
    const own = stores.filter(({ cell }) => states.get(cell)!.of === of);
    const kept = own.filter(({ cell }) => saved.has(cell)).map(({ cell }) => ({ value: loadOf(ir, cell), place: saved.get(cell)! }));
    return [...kept, ...own.map(({ cell, value }) => ({ value, place: states.get(cell)! }))];
  }

  function finishAt(level: number): Finish | null {
    if (!levels.has(level)) return null;
    const sites = [...totalAt].filter(([, at]) => at === level).map(([site]) => site);
    const roundCount = Math.max(0, ...sites.map((site) => 1 + roundOfTotal(site, level)));
    const rounds: Round[] = Array.from({ length: roundCount }, (_, round) => {
      const here = sites.filter((site) => roundOfTotal(site, level) === round);
      return {
        tensor: variants.map((_, variant) => bodyOf(variant, givenStores(variant, here))),
        totals: here.map((site): Total => ({ by: reducers.get(site)!, from: givenSlots.get(site)!, slot: totalSlots.get(site)! })),
        model: variants.map(() => null),
      };
    });
    if (level === last) addStateStores(rounds);
    const own = folds.filter((made) => made.level === level).map(({ partial, by, slot }) => ({ partial, by, slot }));
    return { name: "", folds: own, rounds };
  }

  /** Tensors' states behind all totals; the model's in the same round, or in the last one where tensors have none. */
  function addStateStores(rounds: Round[]): void {
    const tensor = variants.map((_, variant) => bodyOf(variant, stateStores(scalarStores[variant]!, "tensor")));
    const model = variants.map((_, variant) => bodyOf(variant, stateStores(scalarStores[variant]!, "model")));
    const final = tensor.every((body) => body === null) ? rounds.pop() : undefined;
    if ([...tensor, ...model].some((body) => body !== null) || final !== undefined)
      rounds.push(final === undefined ? { tensor, totals: [], model } : { ...final, model });
  }

  return {
    levels: [...levels],
    get slots() {
      const partials = Math.max(0, ...[...levels].map((level) => folds.filter((made) => made.level === level).length));
      return { model: used.model, tensor: used.tensor, partial: partials + (totalAt.size > 0 ? 1 : 0) };
    },
    partial(variant, level, reduction) {
      if (reduction.kind === "tensor") {
        const { partial, by } = tensorFolds[variant]!.get(reduction.value)!;
        const value = ir.values[reduction.value]!;
        return { slot: partial, by, value: argsOf(value)[0]! };
      }
      const { partial, by } = fold(level, reducers.get(reduction.site)!, `site ${reduction.site}`);
      const given = variants[variant]!.contributions.find(({ site }) => site === reduction.site)!;
      return { slot: partial, by, value: given.arg };
    },
    placeOf,
    at: finishAt,
  };
}

function count(states: ReadonlyMap<CellId, ScalarPlace>, of: ScalarPlace["of"]): number {
  return [...states.values()].filter((place) => place.of === of).length;
}

/** The value that loads a cell: there is one where it is saved. */
function loadOf(ir: Ir, cell: CellId): ValueId {
  return ir.values.findIndex((value) => value.kind === "load" && value.cell === cell) as ValueId;
}
