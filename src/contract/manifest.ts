// What a generated optimizer says of itself: plain JSON, versioned; `manifest.schema.json` is its published schema.
// The runtime reads nothing else (besides the kernels) and never meets the compiler.

import type { NumberFormat, StorageFormat } from "../numeric/storage-formats.js";
import type { Formula, FormulaTable } from "./host-formula.js";
import type { RuleSet } from "./rules.js";

export const MANIFEST_VERSION = 2;
/** Invocations of a WGSL workgroup. */
export const WORKGROUP = 256;
/** Elements of a chunk, the unit of work; a chunk never straddles tensors or banks. A multiple of 1,024. */
export const CHUNK_ELEMENTS = 16_384;
/**
 * u32 words of a chunk table entry, in this order. `param`: the chunk's first element in its bank's parameters and gradients, in units of 4
 * elements. `state`: where the states of its segment begin in the bank's, in units of 16 bytes. `stateStride`, `place`: elements that each
 * state has in the segment, and those before the chunk, in units of 4. `count`: its elements. `first`: its first element in the tensor.
 * `piece`: its number among the pieces that its tensor is worked on in, chunks of the whole or parts of runs of rows.
 */
export const CHUNK_WORDS = 9;
export const CHUNK_FIELDS = ["param", "state", "stateStride", "count", "row", "tensor", "first", "place", "piece"] as const;
/**
 * The table of tensors of programs with scalars, u32: a header of TENSOR_WORDS (numbers of the memory: how many tensors, places of a
 * partial slot, first tensor scalar, first partial), then a record for each tensor in the order of registration: its first place in a
 * partial slot, how many pieces it is worked on in, its class's row, 0. Piece k has place `partial + k`; a tensor has places for the most
 * pieces that it may come to, and one if it is empty, so that the last partial slot, the work space of totals, has room for a number of each
 * tensor.
 * The memory of scalars, f32: the model's slots, for each tensor its slots, then the partial slots one after the other.
 */
export const TENSOR_WORDS = 4;
export const TENSOR_HEADER = ["tensors", "places", "firstTensor", "firstPartial"] as const;
export const TENSOR_FIELDS = ["partial", "pieces", "row", "reserved"] as const;
/** The tree of reductions: a leaf is so many elements, added by so many lanes. */
export const LEAF_ELEMENTS = 1024;
export const LEAF_LANES = 32;
/** Invocations of a WGSL workgroup of a sweep that reduces: each adds four lanes of a leaf. */
export const REDUCE_WORKGROUP = ((CHUNK_ELEMENTS / LEAF_ELEMENTS) * LEAF_LANES) / 4;
/** Pages of the ring of coefficient rows. */
export const ROW_PAGES = 16;
/** Row value of slot 0 for a class that takes no part in this step: the kernel returns at once. */
export const IDLE_VARIANT = 255;

export interface RangeInfo {
  /** Null: unbounded on this side. */
  readonly low: number | null;
  readonly high: number | null;
  readonly lowClosed: boolean;
  readonly highClosed: boolean;
}

export interface HyperInfo {
  readonly name: string;
  /** The camelCase key of the typed settings. */
  readonly key: string;
  readonly doc: string | null;
  readonly type: "number" | "int" | "bool";
  readonly fixed: boolean;
  /** Formula of `defaults`. */
  readonly value: Formula;
  /** Null: any finite number. */
  readonly range: RangeInfo | null;
  /** "line:column" of the place of extent model it flows into; null: may differ per parameter. */
  readonly globalBecause: string | null;
}

export interface OptionInfo {
  readonly name: string;
  readonly key: string;
  readonly doc: string | null;
  readonly kind: "words" | "numbers" | "boolean";
  readonly words: readonly string[];
  readonly value: string;
}

export interface DeviceStateInfo {
  readonly name: string;
  readonly key: string;
  readonly doc: string | null;
  readonly extent: "elem" | "tensor" | "model";
  /** How its numbers are kept. Two states of one name are one state, kept in two ways: every parameter has at most one of them. */
  readonly format: StorageFormat;
  /** Of extent tensor or model: its slot in the memory of scalars. */
  readonly scalarSlot: number | null;
  /** The constant every element starts from; null: the `init` program stores it. */
  readonly init: number | null;
  /** What it is to the scaler of losses; absent in states of the text. */
  readonly scaler?: ScalerRole;
  /** What it is to the parameter: its f32 number, or the lower half of it. Absent in states of the text. */
  readonly master?: MasterRole;
}

export type MasterRole = "master" | "remainder";

/**
 * The scale; factors by which it grows and shrinks, and steps between growing; steps since it changed; counts of the steps that were taken
 * and of all that were asked for, modulo ROW_PAGES.
 */
export type ScalerRole = "scale" | "growth" | "backoff" | "interval" | "streak" | "taken" | "calls";

export interface HostStateInfo {
  readonly name: string;
  readonly key: string;
  readonly extent: "model" | "tensor";
  /** Formula of the build's host table. */
  readonly init: Formula;
}

export interface VariantInfo {
  /** Host formulas of conditions, in the order to ask them; the first variant whose every answer fits is the class's own. */
  readonly when: readonly { readonly condition: Formula; readonly is: boolean }[];
  /** coefficients[i] goes to slot i + 1 of the row; rounded once to f32. */
  readonly coefficients: readonly { readonly name: string; readonly value: Formula }[];
  /**
   * For each device state of the build: how many bytes an element has in the states before it in a segment (0 for a smaller extent), or -1
   * where this variant has no such state. 8-bit scales stand behind the codes.
   */
  readonly stateOffsets: readonly number[];
  readonly hostStores: readonly { readonly state: string; readonly value: Formula }[];
}

/** What one launch does: a sweep over the chunks, or a finish in one workgroup for the whole model. */
export interface SweepInfo {
  readonly kind: "sweep" | "finish";
  /** Entry point in the WGSL and export of the WASM module. */
  readonly name: string;
  /** Name of the CUDA kernel, unique over optimizers and builds; absent in what older versions built. */
  readonly symbol?: string;
  /** Invocations of a WGSL workgroup, threads of a CUDA block. */
  readonly workgroup: number;
  /** Whether it binds the memory of scalars and the table of tensors. */
  readonly scalars: boolean;
  readonly reads: { readonly param: boolean; readonly grad: boolean; readonly state: boolean };
  readonly writes: { readonly param: boolean; readonly state: boolean };
}

export interface ProgramInfo {
  readonly entry: string;
  /** Floats of a coefficient row, a multiple of 4; slot 0 is the variant's number. */
  readonly rowWidth: number;
  readonly variants: readonly VariantInfo[];
  /** In the order of launch. */
  readonly sweeps: readonly SweepInfo[];
  /** Bytes moved per element by each variant. */
  readonly bytesPerElement: readonly { readonly read: number; readonly written: number }[];
}

export interface BuildInfo {
  /** File-name-safe, unique in the optimizer: the option words joined, or "default". */
  readonly key: string;
  readonly options: Readonly<Record<string, string>>;
  /** Host formulas of this build: conditions, coefficients, host states. */
  readonly host: FormulaTable;
  /** Facts and hyper forms the table reads besides `t` and `step`: what separates parameters into classes. */
  readonly facts: readonly string[];
  /** How parameters and gradients are kept. */
  readonly formats: { readonly param: NumberFormat; readonly grad: NumberFormat };
  readonly states: readonly DeviceStateInfo[];
  /** Slots of the memory of scalars; null where no program needs it. */
  readonly scalars: { readonly model: number; readonly tensor: number; readonly partial: number } | null;
  readonly hostStates: readonly HostStateInfo[];
  /** "step", and "init" where needed. */
  readonly programs: readonly ProgramInfo[];
}

export interface Manifest {
  readonly manifestVersion: typeof MANIFEST_VERSION;
  readonly generator: { readonly name: "optspec"; readonly version: string };
  readonly source: { readonly file: string; readonly sha256: string };
  readonly optimizer: { readonly name: string; readonly doc: string | null };
  readonly hypers: readonly HyperInfo[];
  /** Table of the hypers' default values. */
  readonly defaults: FormulaTable;
  /** The spec's schedules: formulas of `defaults`, over peaks and `step` (this one included), that multiply a hyper. Absent where there are none. */
  readonly schedules?: readonly { readonly hyper: string; readonly value: Formula }[];
  readonly options: readonly OptionInfo[];
  readonly rules: RuleSet;
  /** Taken by `with`, in the order of the text; their hypers are the optimizer's. Absent where there are none. */
  readonly rulesets?: readonly RuleSet[];
  readonly builds: readonly BuildInfo[];
}

/** Kernels of one build, loaded when a device of that kind asks for them. */
export interface BuildKernels {
  /** WGSL text. */
  readonly wgsl: () => Promise<string>;
  /** WebAssembly module, base64. */
  readonly wasm: () => Promise<string>;
  /** CUDA C++ text; absent in what older versions built. */
  readonly cuda?: () => Promise<string>;
}

/** What a generated module hands to the runtime. */
export interface OptimizerDefinition {
  readonly manifest: Manifest;
  readonly kernels: Readonly<Record<string, BuildKernels>>;
}
