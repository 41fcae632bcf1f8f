// What an emitter is given and what it gives back. Emitters are pure: the command line writes the files.

import type { BuildInfo, Manifest } from "../../contract/manifest.js";
import type { Spec } from "../check/spec.js";
import type { Finish, Plan, Sweep } from "../passes/plan.js";

export interface OutputFile {
  /** Relative to the output folder, with `/`: `adamwdl/base.wgsl`. */
  readonly path: string;
  readonly content: string | Uint8Array;
}

export interface PlannedBuild {
  readonly plan: Plan;
  readonly info: BuildInfo;
  /** Begins the names of its kernels where all programs share one space of names: `AdamWDL_base`. */
  readonly space: string;
  /** The name of each sweep and finish in every target: entry point, exported function. */
  readonly sweepNames: ReadonlyMap<Sweep | Finish, string>;
}

export interface EmitRequest {
  readonly spec: Spec;
  readonly manifest: Manifest;
  readonly builds: readonly PlannedBuild[];
  /** Stem of the wrapper's files, and name of the folder. */
  readonly folder: string;
}
