// What a run can be replayed on: the interpreter of the IR, in f32 or f64, and an optimizer on a device.

import { createInterpreter, type Interpreter } from "../compiler/ir/interpret.js";
import type { Ir } from "../compiler/ir/value.js";
import type { OptimizerDefinition } from "../contract/manifest.js";
import type { ArithmeticProfile } from "../numeric/float32.js";
import { type NumberFormat, widen } from "../numeric/storage-formats.js";
import type { NumberArray } from "../runtime/arrays.js";
import { createDecisions } from "../runtime/decisions.js";
import type { Device } from "../runtime/device.js";
import { createHypers, surroundingsOf } from "../runtime/hypers.js";
import { createOptimizer } from "../runtime/optimizer.js";
import { readSettings } from "../runtime/settings.js";
import type { BaseSettings } from "../runtime/types.js";
import type { ReplayedState, ReplayTarget } from "./replay.js";

/** Settings of the optimizer as its wrapper takes them: `params`, `names`, `allow`, hypers and options by their keys. */
export type ReplaySettings = BaseSettings & Readonly<Record<string, unknown>>;

export interface InterpretedOptimizer {
  readonly definition: OptimizerDefinition;
  /** The IR of the one build; for f32 with its functions expanded. */
  readonly ir: Ir;
  readonly arithmetic: "f32" | "f64";
  /** For f32; IEEE 754 if left out. */
  readonly profile?: ArithmeticProfile;
}

/** The interpreter as a target. Rules and hypers are those of the runtime; the arithmetic is the oracle's. */
export function interpreterTarget(
  { definition, ir, arithmetic, profile }: InterpretedOptimizer,
  given: ReplaySettings,
): ReplayTarget & { readonly interpreter: Interpreter } {
  const { manifest } = definition;
  const settings = readSettings(definition, given);
  const hypers = createHypers(manifest, settings.hypers, surroundingsOf(settings));
  const decisions = createDecisions(manifest, settings, hypers);
  const { param: format } = settings.build.formats;
  const params = settings.params.map(({ name, shape, data }) => ({ name, shape, ...(data !== null && { data: numbersOf(data, format) }) }));
  const taken = params.map(() => 0);
  const frozen = new Set(decisions.resolution.params.filter((param) => param.frozen).map((param) => param.name));
  decisions.begin(1);
  const interpreter = createInterpreter(ir, {
    arithmetic,
    ...(profile !== undefined && { profile }),
    params,
    frozen,
    hyper(param, name, form) {
      decisions.compute(param, Math.max(1, taken[param]!));
      return decisions.values[form][decisions.values.indexOf(name)]!;
    },
  });
  const states = statesOf(definition);
  return {
    states,
    interpreter,
    async step(gradients) {
      const step = interpreter.steps;
      hypers.refresh(step);
      decisions.begin(step + 1);
      const moved = new Map([...gradients].filter(([name]) => !frozen.has(name)));
      for (const [i, { name }] of params.entries()) taken[i] = interpreter.t(name) + (moved.has(name) ? 1 : 0);
      interpreter.step(moved);
    },
    async read(param, state) {
      const live = state === null ? interpreter.param(param) : interpreter.state(param, state);
      return live === null ? null : live instanceof Float32Array ? new Float32Array(live) : new Float64Array(live);
    },
    destroy() {},
  };
}

/** An optimizer on a device as a target; states that live on the host are not shown. */
export async function deviceTarget(definition: OptimizerDefinition, device: Device, given: ReplaySettings): Promise<ReplayTarget> {
  const optimizer = await createOptimizer(definition, device, given);
  const build = definition.manifest.builds[0]!;
  const kept = new Map(build.states.map((state) => [state.name, state]));
  return {
    states: [...kept.values()].map(({ name, extent }) => ({ name, extent })),
    step: (gradients) => optimizer.step({ gradients }),
    async read(param, state) {
      if (state === null) return optimizer.download(param, "param");
      const { key, extent } = kept.get(state)!;
      if (extent === "model") return Float32Array.of(await optimizer.state(key));
      const values = await optimizer.download(param, key);
      return values.length === 0 ? null : values;
    },
    destroy: () => optimizer.destroy(),
  };
}

/** A copy, of bits as numbers. */
function numbersOf(data: NumberArray, format: NumberFormat): Float32Array {
  const copy = data.slice();
  return copy instanceof Uint16Array ? widen(format, new Uint8Array(copy.buffer)) : copy;
}

/** Those of the host too. */
function statesOf({ manifest }: OptimizerDefinition): readonly ReplayedState[] {
  const build = manifest.builds[0]!;
  const named = new Map([...build.states, ...build.hostStates].map(({ name, extent }) => [name, { name, extent }]));
  return [...named.values()];
}
