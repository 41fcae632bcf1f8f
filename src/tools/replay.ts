// Feeds a recorded run to an optimizer, whatever runs it, and keeps what it becomes.

import { type Tensor, tensorOf } from "../runtime/state/safetensors.js";
import type { RecordedRun } from "./run-file.js";

type Numbers = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

export interface ReplayedState {
  readonly name: string;
  readonly extent: "elem" | "tensor" | "model";
}

/** Something that takes steps: the interpreter, or an optimizer on a device. */
export interface ReplayTarget {
  readonly states: readonly ReplayedState[];
  step(gradients: ReadonlyMap<string, Float32Array<ArrayBuffer>>): Promise<void>;
  /** A copy of the parameter, or of one of its states; null where it has no such state. */
  read(param: string, state: string | null): Promise<Numbers | null>;
  destroy(): void;
}

export interface ReplayOptions {
  readonly steps: number;
  /** The steps to keep. */
  readonly keep: ReadonlySet<number>;
  readonly progress: (step: number) => void;
}

/** Replays a run and returns `param/<step>/<param>`, `state/<step>/<param>/<state>` and `state/<step>/@all/<state>` of the kept steps. */
export async function replay(run: RecordedRun, target: ReplayTarget, options: ReplayOptions): Promise<ReadonlyMap<string, Tensor>> {
  const kept = new Map<string, Tensor>();
  for (let step = 1; step <= options.steps; step++) {
    await target.step(run.gradients(step));
    if (options.keep.has(step)) await keepStep(run, target, step, kept);
    options.progress(step);
  }
  return kept;
}

async function keepStep(run: RecordedRun, target: ReplayTarget, step: number, kept: Map<string, Tensor>): Promise<void> {
  for (const { name, shape } of run.params) {
    const values = await target.read(name, null);
    if (values === null) throw new Error(`bug: the target lost parameter ${name}`);
    kept.set(`param/${step}/${name}`, tensorOf(shape, values));
    for (const state of target.states) {
      const numbers = state.extent === "model" ? null : await target.read(name, state.name);
      if (numbers !== null) kept.set(`state/${step}/${name}/${state.name}`, tensorOf(state.extent === "elem" ? shape : [], numbers));
    }
  }
  for (const state of target.states) {
    const numbers = state.extent === "model" ? await target.read(run.params[0]!.name, state.name) : null;
    if (numbers !== null) kept.set(`state/${step}/@all/${state.name}`, tensorOf([], numbers));
  }
}
