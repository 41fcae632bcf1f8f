// A plan's step on one tensor, as one chunk: straight from the printed kernels, without the runtime.

import type { Spec } from "../../src/compiler/check/spec.js";
import type { PlannedBuild } from "../../src/compiler/emit/files.js";
import { describeBuild } from "../../src/compiler/emit/manifest.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { CHUNK_WORDS } from "../../src/contract/manifest.js";

const span = { from: 0, to: 0 };
/** A spec with nothing in it, for plans that were made without one. */
const emptySpec: Spec = {
  source: { path: "hand.opt", text: "" },
  name: "Hand",
  doc: null,
  hypers: [],
  options: [],
  states: [],
  body: [],
  rules: { name: "Hand", formulas: [], blocks: [], bounds: [], fixedByConditions: [] },
  rulesets: [],
  schedules: [],
  storage: [],
  span,
};

export const buildOf = (plan: Plan): PlannedBuild => describeBuild(emptySpec, plan, "default");

export interface TensorRun {
  /** Bits in and out: NaNs keep their words. */
  readonly param: Uint32Array<ArrayBuffer>;
  readonly grad: Uint32Array<ArrayBuffer>;
  /** State by state, each as long as the parameter. */
  readonly state: Uint32Array<ArrayBuffer>;
  /** The class's coefficients, from slot 1. */
  readonly coefficients?: readonly number[];
  readonly variant?: number;
}

export function tablesOf(plan: Plan, { param, coefficients = [], variant = 0 }: TensorRun) {
  const vectors = Math.ceil(param.length / 4);
  const chunks = new Uint32Array(CHUNK_WORDS);
  chunks.set([0, 0, vectors, param.length]);
  const row = new Float32Array(plan.programs.at(-1)!.rowWidth);
  row.set([variant, ...coefficients]);
  return { chunks, row, padded: 4 * vectors };
}
