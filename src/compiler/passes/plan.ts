// The plan: which sweep loads, computes and stores what, and what the host computes before it. Plain data; emitters print it.

import type { CellId, Decision, Ir, Reducer, Store, ValueId } from "../ir/value.js";

export interface Load {
  readonly cell: CellId;
  /** `new` where an earlier sweep of this step has stored the cell. */
  readonly version: "old" | "new";
  /** The value that is had by it. */
  readonly value: ValueId;
}

/** A host value that enters a kernel: rounded once to f32, in this slot of the class's row. Slot 0 is the variant. */
export interface Coefficient {
  readonly slot: number;
  readonly value: ValueId;
}

/** A device number smaller than an element, in the memory of scalars: a slot of the model's, or one that each tensor has. */
export interface ScalarPlace {
  readonly of: "model" | "tensor";
  readonly slot: number;
}

/** Any value whose number stands in memory: a reduction, a total, a state as it was, or what was stored into a state. */
export interface ScalarLoad {
  readonly value: ValueId;
  readonly place: ScalarPlace;
}

/** The value may be a literal, a coefficient, or what the body loads or computes. */
export interface ScalarStore {
  readonly value: ValueId;
  readonly place: ScalarPlace;
}

/** A reduction of elements: every chunk writes what its elements come to, by the tree of the numerics, into its place of a partial slot. */
export interface PartialReduction {
  readonly slot: number;
  readonly by: Reducer;
  /** Of extent elem, or fewer numbers that count once for each element. */
  readonly value: ValueId;
}

/** What one sweep does for the tensors of one variant. Load everything once, compute, store everything once. */
export interface SweepBody {
  readonly loads: readonly Load[];
  readonly scalars: readonly ScalarLoad[];
  readonly coefficients: readonly Coefficient[];
  /** Device values smaller than an element, in order: computed once before the elements. */
  readonly head: readonly ValueId[];
  /** Device values of extent elem in order; literals that enter are printed in place. */
  readonly body: readonly ValueId[];
  readonly stores: readonly Store[];
  readonly partials: readonly PartialReduction[];
  /**
   * A second pass over the chunk, behind the first one, which then stores nothing: a store in blocks has to see a block as a whole, and the
   * tree of reductions does not go block by block. Null: all is done in one pass.
   */
  readonly second: SweepBody | null;
}

/** Numbers of one tensor, or of the model: load everything once, compute, store everything once. */
export interface ScalarBody {
  readonly scalars: readonly ScalarLoad[];
  readonly coefficients: readonly Coefficient[];
  readonly body: readonly ValueId[];
  readonly stores: readonly ScalarStore[];
}

/** A partial slot of all chunks of each tensor comes to that tensor's number. */
export interface Fold {
  readonly partial: number;
  readonly by: Reducer;
  /** Of each tensor. */
  readonly slot: number;
}

/** The numbers of all tensors that take part come to one of the model; a tensor that takes no part counts as nothing. */
export interface Total {
  readonly by: Reducer;
  /** Of each tensor. */
  readonly from: number;
  /** Of the model. */
  readonly slot: number;
}

/**
 * Part of a finish: first each tensor's body (by its variant), then the totals, then the model's body, by the variant of the first tensor
 * that takes part (with its row): which one it is changes no number. Each of the three sees what those before it have stored.
 */
export interface Round {
  /** One for each variant. */
  readonly tensor: readonly (ScalarBody | null)[];
  readonly totals: readonly Total[];
  /** One for each variant. */
  readonly model: readonly (ScalarBody | null)[];
}

/** One small launch after the sweeps of a phase. */
export interface Finish {
  readonly name: string;
  readonly folds: readonly Fold[];
  readonly rounds: readonly Round[];
}

export interface Sweep {
  readonly name: string;
  readonly traversal: "chunks";
  /** One for each variant of the program; null where the variant has nothing to do in this sweep. */
  readonly bodies: readonly (SweepBody | null)[];
}

/** The sweeps of all variants at one level (perhaps none), and what finishes their reductions (null: nothing to finish). */
export interface Phase {
  readonly sweeps: readonly Sweep[];
  readonly finish: Finish | null;
}

/** Slots in the memory of scalars, and slots of partials, one of which is for the work on totals. */
export interface ScalarSlots {
  readonly model: number;
  readonly tensor: number;
  readonly partial: number;
}

export interface VariantPlan {
  readonly when: readonly Decision[];
  /**
   * For each device state cell of extent elem, absent where the state is: how many bytes an element has in the states that stand before it in
   * a segment. Wide formats come first, so that all are aligned.
   */
  readonly stateOffsets: ReadonlyMap<CellId, number>;
  /** The host value in each slot of a row, from slot 1. */
  readonly coefficients: readonly ValueId[];
  readonly hostStores: readonly Store[];
  /** Bytes moved per element, reads and writes, counted from the bodies. */
  readonly bytes: { readonly read: number; readonly written: number };
}

export interface ProgramPlan {
  readonly entry: string;
  readonly variants: readonly VariantPlan[];
  readonly phases: readonly Phase[];
  /** Floats in a coefficient row: a multiple of 4. */
  readonly rowWidth: number;
}

export interface Plan {
  /** The build's options as written, in declaration order. */
  readonly options: Readonly<Record<string, string>>;
  readonly ir: Ir;
  readonly programs: readonly ProgramPlan[];
  /** Null: no program reduces anything or keeps a device state smaller than an element. */
  readonly scalars: ScalarSlots | null;
  /** Of device states of extent tensor and model, the same in all programs and variants. */
  readonly scalarStates: ReadonlyMap<CellId, ScalarPlace>;
}
