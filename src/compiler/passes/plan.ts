// The plan: which sweep loads, computes and stores what, and what the host computes before it. Plain data; emitters print it.

import type { CellId, Decision, Ir, Store, ValueId } from "../ir/value.js";

export interface Load {
  readonly cell: CellId;
  /** `new` where an earlier sweep of this step has stored the cell. */
  readonly version: "old" | "new";
}

/** A host value that enters a kernel: rounded once to f32, in this slot of the class's row. Slot 0 is the variant. */
export interface Coefficient {
  readonly slot: number;
  readonly value: ValueId;
}

/** What one sweep does for the tensors of one variant. Load everything once, compute, store everything once. */
export interface SweepBody {
  readonly loads: readonly Load[];
  readonly coefficients: readonly Coefficient[];
  /** Device values of extent elem in order; literals that enter are printed in place. */
  readonly body: readonly ValueId[];
  readonly stores: readonly Store[];
  /** Reductions whose partial sums this sweep writes (none yet). */
  readonly partials: readonly ValueId[];
}

export interface Sweep {
  readonly name: string;
  readonly traversal: "chunks";
  /** One for each variant of the program; null where the variant has nothing to do in this sweep. */
  readonly bodies: readonly (SweepBody | null)[];
}

/** The sweeps of all variants at one level, and what finishes their reductions (null: nothing to finish). */
export interface Phase {
  readonly sweeps: readonly Sweep[];
  readonly finish: null;
}

export interface VariantPlan {
  readonly when: readonly Decision[];
  /** For each device state cell of extent elem: its slot in a segment of the state buffer, absent where the state is. */
  readonly stateSlots: ReadonlyMap<CellId, number>;
  readonly hostStores: readonly Store[];
  /** Bytes moved per f32 element, reads and writes, counted from the bodies. */
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
}
