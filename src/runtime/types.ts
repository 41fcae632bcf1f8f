// What callers and generated wrappers see: settings, values, and the optimizer itself. Types only.

import type { RulesetModule } from "../contract/rules.js";
import type { ExplainTable } from "../rules/explain.js";
import type { NamedParam, Waiver } from "../rules/settings.js";
import type { MemoryFormats } from "./device.js";
import type { LossScale } from "./loss-scale.js";
import type { StateTarget } from "./state/byte-sinks.js";
import type { StateSource } from "./state/byte-sources.js";
import type { LoadOptions, LoadReport } from "./state/load-state.js";
import type { SaveOptions } from "./state/save-state.js";

/** What a generated wrapper says of its optimizer. */
export interface OptimizerTypes {
  /** Value of every hyper by its settings key. */
  readonly hypers: { readonly [key: string]: number | boolean };
  /** Keys of `hypers` that may change after creation. */
  readonly mutable: string;
  /** Keys of the parameters' states, "never" where there are none. */
  readonly states: string;
  /** Keys of the states that the whole model has once, "never" where there are none. */
  readonly modelStates: string;
  /** How parameters and gradients are kept; absent: f32. */
  readonly formats?: MemoryFormats;
}

/** What `tensor` shows of an array kept in a format: of 16 bits on the CPU, the bits. */
export type KeptView<View, Format> = View extends Float32Array ? (Format extends "f32" ? View : Uint16Array<ArrayBuffer>) : View;

type FormatsOf<T extends OptimizerTypes> = T extends { readonly formats: infer F extends MemoryFormats }
  ? F
  : { readonly param: "f32"; readonly grad: "f32" };

/** A number, or a function of the completed steps before this one, from 0, such as a schedule of "optspec/schedules". */
export type HyperValue = number | ((step: number) => number);

/** In a group: a factor on the optimizer's learning rate, or a learning rate in its place. */
export type GroupLr = HyperValue | { readonly absolute: HyperValue };

/** Hypers as a group takes them: each in place of the optimizer's own, but `lr`, which multiplies it. */
export type GroupHypers<Hypers> = { readonly [K in keyof Hypers]: K extends "lr" ? GroupLr : Hypers[K] };

/** A group of parameters, with hypers of its own. */
export type ParamGroup<Hypers> = { readonly params: readonly string[] } & GroupHypers<Hypers>;

/** The setting `groups`: every parameter stands in exactly one of them. */
export interface GroupSettings<Hypers> {
  readonly groups?: readonly ParamGroup<Hypers>[];
}

/** What may be given for a hyper of this type. */
export type HyperInput<Value extends number | boolean> = Value extends boolean ? boolean : HyperValue;

/** A GPUBuffer, by what is asked of one, so that programs without WebGPU need no types of it. */
export interface GpuBuffer {
  readonly size: number;
  readonly usage: number;
  readonly mapState: "unmapped" | "pending" | "mapped";
  unmap(): unknown;
}

/** A range of a GPUBuffer, in bytes; `size`, where it is given, is the tensor's. */
export interface GpuRange {
  readonly buffer: GpuBuffer;
  readonly offset?: number;
  readonly size?: number;
}

/** Memory of an NVIDIA GPU, for cuda: a CUdeviceptr. In gradients it may have an `offset` in bytes. */
export interface GpuPointer {
  readonly pointer: bigint;
  readonly bytes: number;
}

/** A GPUCommandEncoder or a GPUComputePassEncoder. */
export type GpuEncoder = { beginComputePass(): unknown } | { dispatchWorkgroups(x: number): unknown };

/** A parameter to train. */
export interface ParamSpec {
  readonly name: string;
  /** Whole numbers from 0; `[]` is one number. */
  readonly shape: readonly number[];
  /**
   * Initial values in row-major order, copied; zeros where it is left out, or what stands in `buffer`. With `paramDtype` of 16 bits they are
   * rounded (a master has them whole), or given as their bits.
   */
  readonly data?: Float32Array | Uint16Array;
  /** Where the parameter is to live: a WebGPU buffer or CUDA memory of yours, which is never freed here. Left out: in memory of the optimizer's. */
  readonly buffer?: GpuBuffer | GpuPointer;
  /** First byte in `buffer`, a multiple of 4. On WebGPU, multiples of 256 and lengths in multiples of 4 are worked on in place, others are copied. */
  readonly offset?: number;
  /** Further names of a tied tensor: a rule matches any of them. */
  readonly aliases?: readonly string[];
  /** False: gradient clipping neither scales this gradient nor counts it in the norm of all. */
  readonly needClip?: boolean;
}

/** A ruleset with its hypers: what `swinLayerDecay({ layerDecay: 0.8 })` returns. */
export interface Rules {
  readonly ruleSet: RulesetModule;
  /** By settings key. */
  readonly hypers: { readonly [key: string]: unknown };
}

/** Settings that every optimizer has besides its own hypers and options. */
export interface BaseSettings {
  readonly params: readonly ParamSpec[];
  /** "all" (the default): a missing gradient is an error. "some": its parameter, its states and its `t` stay as they are. */
  readonly gradients?: "all" | "some";
  /**
   * What a gradient given by rows means for the rows that it leaves out. False (the default): their gradient is zero, they are updated like
   * all others. True: they and their states stay as they are, and a step costs what its rows cost.
   */
  readonly lazyRows?: boolean;
  /** From a parameter's own name to the name that rules see. */
  readonly names?: Readonly<Record<string, string>>;
  /** False: this parameter's weight_decay is 0. */
  readonly applyDecay?: (param: NamedParam) => boolean;
  /** A further factor on this parameter's learning rate. */
  readonly lrRatio?: (param: NamedParam) => number;
  /** Rules made by the functions of generated rulesets; they add to the optimizer's own. */
  readonly rules?: Rules | readonly Rules[];
  /**
   * What you multiply the loss by: gradients are divided by it as they are read, and a step is skipped where one of them is not finite. A
   * number stays as it is; "dynamic", or its settings, shrinks and grows as PyTorch's GradScaler does. Needs a build with `non_finite: "skip"`.
   */
  readonly lossScale?: LossScale;
  /** Checks to waive: "layer-index" lets a layer number reach or pass the number of layers, "matches-nothing" an arm match no parameter. */
  readonly allow?: readonly Waiver[];
}

/** A parameter as callbacks see it; `staticName`, which rules see, is `names[name]` where given, else `name`. */
export type { NamedParam } from "../rules/settings.js";

/** Gradients in memory of the device's, for devices whose views are not arrays. */
export type DeviceGradient<View> = View extends Float32Array ? never : View extends GpuPointer ? GpuPointer : GpuBuffer | GpuRange;

/**
 * A gradient by rows, those of the parameter's first axis: `values` has one for each index, all that stands below that axis. In any order;
 * what is given for the same row is added in this one.
 */
export interface RowsGradient {
  readonly indices: Int32Array | Uint32Array | readonly number[];
  readonly values: Float32Array;
}

/** Gradients of a step by parameter name; each may stand in another buffer every step. */
export type Gradients<Gradient = Float32Array> = Readonly<Record<string, Gradient>> | ReadonlyMap<string, Gradient>;

export interface StepOptions<View = unknown> {
  /** Arrays are copied in; with `gradDtype` of 16 bits they are rounded, or given as their bits (Uint16Array). Left out: the gradients are those that stand in the optimizer's own memory, `tensor(name).grad`. */
  readonly gradients?: Gradients<Float32Array | Uint16Array | RowsGradient | DeviceGradient<View>>;
}

export interface EncodeOptions<View = unknown> {
  /** Buffers that keep their contents until the commands have run. Left out: `tensor(name).grad`. */
  readonly gradients?: Gradients<DeviceGradient<View>>;
}

export type { DynamicLossScale, LossScale } from "./loss-scale.js";
export type { StateTarget } from "./state/byte-sinks.js";
export type { StateSource } from "./state/byte-sources.js";
export type { LoadOptions, LoadReport } from "./state/load-state.js";
export type { SaveOptions } from "./state/save-state.js";

/** How parameters are added. */
export interface AddOptions {
  /** With groups: the number of the group that they join, or the hypers of a new one. */
  readonly group?: number | { readonly [hyper: string]: unknown };
}

/** A parameter's ranges in the device's memory, for an engine that works there; they stay valid until `destroy()`. */
export interface TensorViews<View, Formats extends MemoryFormats = { readonly param: "f32"; readonly grad: "f32" }> {
  /** With a master, change the parameter by `upload` alone: the master is what a step begins with. */
  readonly param: KeptView<View, Formats["param"]>;
  readonly grad: KeptView<View, Formats["grad"]>;
}

/** A running optimizer. Every method throws or rejects with OptimizerError, and what failed changed nothing. */
export interface Optimizer<View = unknown, T extends OptimizerTypes = OptimizerTypes> {
  /** The spec's name. */
  readonly name: string;
  /** Options of the build in use, by their names in the spec. */
  readonly options: Readonly<Record<string, string>>;
  /** Completed steps. */
  readonly steps: number;
  /** Dispatches (webgpu) or kernel calls (cpu) in a step in which every parameter takes part. */
  readonly dispatches: number;
  /** Values of the hypers, as of the last step or change. */
  readonly hypers: Readonly<T["hypers"]>;
  /** One step. Resolves when it is submitted (webgpu; waits where the device is many steps behind) or done (cpu). */
  step(options?: StepOptions<View>): Promise<void>;
  /**
   * Writes a step into commands of yours instead (webgpu), counting it at once: submit them before anything else is asked of the optimizer.
   * Up to 16 steps may be encoded before `idle()`, which frees the places of their coefficients, so what was encoded must be submitted by then.
   */
  encode(target: GpuEncoder, options?: EncodeOptions<View>): void;
  /**
   * Records the kernels of a step into a CUstream of yours that is being captured (cuda); counts nothing. Each replay of the graph is one
   * step and needs one `prepare()` before it, on the device's stream; then no host work is left in it.
   */
  capture(stream: bigint): void;
  /** One step but for its kernels: hypers, gradients and coefficients for the next replay. Up to 16 may be ahead of the replays (cuda). */
  prepare(options?: StepOptions<View>): Promise<void>;
  /** Changes hypers from the next step on: all of them, or on an error none. */
  set(hypers: { readonly [K in T["mutable"] & keyof T["hypers"]]?: HyperInput<T["hypers"][K]> }): void;
  /** The same in one group, by its place in `groups`. */
  set(
    hypers: GroupHypers<{ readonly [K in T["mutable"] & keyof T["hypers"]]?: HyperInput<T["hypers"][K]> }>,
    options: { readonly group: number },
  ): void;
  /** Steps that this parameter has taken. */
  t(name: string): number;
  tensor(name: string): TensorViews<View, FormatsOf<T>>;
  /**
   * A copy of a parameter, its gradient or one of its states: an element for each of its own, or the one number that it has. An empty array
   * where the parameter has no such state.
   */
  download(name: string, what?: "param" | "grad" | T["states"]): Promise<Float32Array<ArrayBuffer>>;
  upload(name: string, data: Float32Array | Uint16Array, what?: "param" | "grad" | T["states"]): void;
  /** A state that the whole model has once, such as Prodigy's `d`: read back from the device. */
  state(key: T["modelStates"]): Promise<number>;
  setState(key: T["modelStates"], value: number): void;
  /** Which rule decided what for which parameter, with the hypers as they are now. */
  explain(): ExplainTable;
  /** Sets all gradients to zero. */
  zeroGrad(): void;
  /** What the loss is to be multiplied by now, read back from the device; 1 where nothing is scaled. */
  lossScale(): Promise<number>;
  /** Whether every element of every parameter is a finite number: reads all of them back. */
  paramsFinite(): Promise<boolean>;
  /**
   * Writes everything that a run needs to go on, by parameter name, as safetensors: to a Blob, where nothing else is given. Nothing may
   * change meanwhile. A stream is closed at the end; a file of `file(path)` is the old one or all of the new one at any moment.
   */
  save(target?: null, options?: SaveOptions): Promise<Blob>;
  save(target: StateTarget, options?: SaveOptions): Promise<void>;
  /** Goes on where a saved run was. Rejects with "state-file" or "state-mismatch", having changed nothing, where the file does not fit. */
  load(source: StateSource, options?: LoadOptions): Promise<LoadReport>;
  /** Leaves parameters out of all steps from now on: they and their states stay as they are, and no gradient of theirs is needed. */
  freeze(names: string | readonly string[]): void;
  /** Takes parameters in again, with their states and step counts as they were. */
  unfreeze(names: string | readonly string[]): void;
  /**
   * Adds parameters; all others keep every bit. The memory is made anew, so views of before (`tensor`) and captured graphs are void, and
   * for a moment both are there. Rules are decided over all parameters again.
   */
  addParams(params: readonly ParamSpec[], options?: AddOptions): Promise<void>;
  /** Resolves when the device has done everything submitted; everything encoded must be. */
  idle(): Promise<void>;
  /** Gives the memory back; the device stays. */
  destroy(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}
