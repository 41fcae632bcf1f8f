// The intermediate representation: a flat array of readonly values, arguments before their users, made by the builder
// (hash-consed, folded). Every value has an extent (which axes it keeps), a stage (when it is known) and a level
// (how many reductions across workgroups lie behind it). Stage before "device": the host computes it in f64.

import type { StorageFormat } from "../../numeric/storage-formats.js";
import type { Span } from "../source.js";
import type { Extent, Stage } from "./extent.js";
import type { Op, ValueType } from "./ops.js";

declare const valueBrand: unique symbol;
declare const cellBrand: unique symbol;
export type ValueId = number & { readonly [valueBrand]: true };
export type CellId = number & { readonly [cellBrand]: true };

export type HyperForm = "value" | "peak" | "base" | "ratio";

interface Base {
  readonly extent: Extent;
  readonly stage: Stage;
  readonly level: number;
  readonly type: ValueType;
  /** The spec's own name for it, for kernels and dumps; not part of its identity. */
  readonly name?: string;
  readonly span?: Span;
}

export type Value = Base &
  /** Booleans are 0 and 1. f64 here; rounded to f32 where it enters a kernel. */
  (
    | { readonly kind: "literal"; readonly value: number }
    | { readonly kind: "hyper"; readonly hyper: string; readonly form: HyperForm }
    /** `t`: steps this parameter has taken, this one included; `step`: the optimizer's completed steps, this one included. */
    | { readonly kind: "ambient"; readonly ambient: "t" | "step" | "rank" | "numel" | "rows" | "cols" | "modelNumel" }
    | { readonly kind: "shape"; readonly axis: number }
    /** The value at the start of this call. Whether a sweep must read the new version is placeStores' business. */
    | { readonly kind: "load"; readonly cell: CellId }
    /** 16 random bits of an element, as a whole number: of the tensor and the element, and of two numbers of the host, whole and from 0. */
    | { readonly kind: "random"; readonly seed: ValueId; readonly step: ValueId }
    | { readonly kind: "apply"; readonly op: Op; readonly args: readonly ValueId[] }
    /** Host values: only the taken side is evaluated. Device values: both sides are computed. */
    | { readonly kind: "select"; readonly condition: ValueId; readonly then: ValueId; readonly otherwise: ValueId }
    /** Over all numbers that `from` has for each of `to`; an argument of fewer numbers is repeated. Never to the model: see `total`. */
    | { readonly kind: "reduce"; readonly by: Reducer; readonly to: Extent; readonly from: Extent; readonly arg: ValueId }
    /** A reduction over the whole model, by its number in the text: each variant says what its tensors contribute to it. */
    | { readonly kind: "total"; readonly site: number; readonly by: Reducer }
  );

export type Reducer = "sum" | "max" | "min";

/**
 * What a state is to the scaler of losses: the scale; factors by which it grows and shrinks, and steps between growing; steps since it changed;
 * counts of the steps that were taken and of all that were asked for, modulo the pages of rows.
 */
export type ScalerRole = "scale" | "growth" | "backoff" | "interval" | "streak" | "taken" | "calls";

/** What keeps a parameter's f32 number beside its 16 bits: all of it, or what the bfloat16 lacks. */
export type MasterRole = "master" | "remainder";

/** What is kept between steps, and the two arrays that every parameter has. */
export interface Cell {
  readonly name: string;
  readonly role: "param" | "grad" | "state" | "input";
  readonly home: "host" | "device";
  readonly extent: Extent;
  /** How its numbers are kept: a store rounds to it, to the nearest, ties to even. */
  readonly format: StorageFormat;
  /** Value at registration; null for param, grad, inputs, and where the `init` program stores it. */
  readonly init: ValueId | null;
  /** Set-up condition of its existence; null: always there. */
  readonly when: ValueId | null;
  /** Absent in states of the text. A step that leaves "taken" as it was is not taken: the host takes nothing of it over. */
  readonly scaler?: ScalerRole;
  /** Of a state that `storage` adds. */
  readonly master?: MasterRole;
}

export interface Store {
  readonly cell: CellId;
  readonly value: ValueId;
}

/** What the tensors of a variant give to a `total`; an argument of fewer numbers than `from` has is repeated. */
export interface Contribution {
  readonly site: number;
  readonly by: Reducer;
  readonly from: Extent;
  readonly arg: ValueId;
}

export interface Decision {
  readonly condition: ValueId;
  readonly is: boolean;
}

/**
 * One optimizer body for one truth assignment of the conditions that the host knows (set-up or step) and that govern
 * device work: no such condition is left inside. The host picks a class's variant before every step.
 */
export interface Variant {
  readonly when: readonly Decision[];
  /** The cells that exist under this assignment. */
  readonly cells: readonly CellId[];
  readonly deviceStores: readonly Store[];
  readonly hostStores: readonly Store[];
  /** One for each `total` behind the stores of the program, in the order of sites; every variant contributes to all of them. */
  readonly contributions: readonly Contribution[];
}

/** `step`, or `init` (only where an initial value is not a plain constant); later the named entries. */
export interface Program {
  readonly entry: string;
  readonly variants: readonly Variant[];
}

export interface Ir {
  readonly values: readonly Value[];
  readonly cells: readonly Cell[];
  readonly programs: readonly Program[];
}
