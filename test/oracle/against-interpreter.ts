// Trains a model on a device and in the interpreter, and lists where their numbers differ in a bit. Any NaN equals any NaN.
// Parameters whose names begin with "frozen" take no part where the spec freezes them; others may be left out of single steps.

import type { CompiledOptimizer } from "../../src/compiler/compile.js";
import { createInterpreter } from "../../src/compiler/ir/interpret.js";
import type { OptimizerDefinition } from "../../src/contract/manifest.js";
import type { Device } from "../../src/runtime/device.js";
import {
  type BaseSettings,
  createOptimizer,
  type Gradients,
  type Optimizer,
  type OptimizerTypes,
  type RowsGradient,
} from "../../src/runtime/index.js";

/** A compiled build: what the runtime gets, and the plan that the interpreter's oracle is of. */
export interface Compiled extends Pick<CompiledOptimizer, "definition" | "name"> {
  readonly plans: readonly Pick<CompiledOptimizer["plans"][number], "ir">[];
}

export interface TrainingRun {
  readonly params: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly steps: number;
  readonly seed: number;
  /** Whether a parameter has a gradient at a step; always unless given. Steps count from 0. */
  readonly present?: (param: number, step: number) => boolean;
  /** The numbers of a gradient or of a parameter at its start (step -1). */
  readonly numbers?: (length: number, seed: number, param: number, step: number) => Float32Array<ArrayBuffer>;
  /** The rows, each once, of a gradient that is given by rows; null: it is given whole. Always null unless given. */
  readonly rows?: (param: number, step: number) => readonly number[] | null;
  /** More settings: hypers, `lazyRows`. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

type Gradient = Float32Array | RowsGradient;

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

/** Numbers as a training run has them, of very different sizes. */
export function noise(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = (seed * 2_654_435_761 + 1_013_904_223) | 1;
  return Float32Array.from({ length }, (_, i) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state / 2 ** 31) * 10 ** ((i % 5) - 2);
  });
}

/** Everything that differs: which number of which array at which step, in hexadecimal bits. Empty where all is equal. */
export async function differences(device: Device, { definition, plans }: Compiled, run: TrainingRun): Promise<readonly string[]> {
  const { manifest } = definition;
  const make = run.numbers ?? noise;
  const params = run.params.map(({ name, shape }, i) => ({ name, shape, data: make(lengthOf(shape), run.seed + i, i, -1) }));
  const isFrozen = (name: string) => name.startsWith("frozen");
  const settings: BaseSettings = { params, gradients: "some", ...run.settings };
  const optimizer: Optimizer<unknown, AnyTypes> = await createOptimizer<unknown, AnyTypes>(
    definition as OptimizerDefinition,
    device,
    settings,
  );
  const interpreter = createInterpreter(plans[0]!.ir, {
    arithmetic: "f32",
    profile: device.profile,
    params,
    hyper: (_, name, form) => (form === "ratio" ? 1 : Number(optimizer.hypers[manifest.hypers.find((h) => h.name === name)!.key])),
  });
  const states = manifest.builds[0]!.states.filter(({ scaler }) => scaler === undefined);
  /** Arrays of elements that a lazy step leaves as they are in the rows that it is not given. */
  const arraysOf = (name: string) =>
    [
      interpreter.param(name),
      ...states.flatMap(({ extent, name: state }) => (extent === "elem" ? [interpreter.state(name, state)] : [])),
    ].flatMap((array) => array ?? []);
  const found: string[] = [];
  for (let step = 0; step < run.steps; step++) {
    const dense = new Map<string, Float32Array<ArrayBuffer>>();
    const given: Record<string, Gradient> = {};
    const restore: (() => void)[] = [];
    for (const [index, { name, shape }] of params.entries()) {
      if (isFrozen(name) || run.present?.(index, step) === false) continue;
      const numbers = make(lengthOf(shape), run.seed + 1000 * (step + 1) + index, index, step);
      const rows = run.rows?.(index, step) ?? null;
      dense.set(name, numbers);
      given[name] = numbers;
      if (rows === null) continue;
      const row = numbers.length / shape[0]!;
      const isAbsent = (_: number, i: number) => !rows.includes(Math.floor(i / row));
      given[name] = { indices: rows, values: Float32Array.from(rows.flatMap((r) => [...numbers.subarray(r * row, (r + 1) * row)])) };
      dense.set(
        name,
        numbers.map((x, i) => (isAbsent(x, i) ? 0 : x)),
      );
      if (run.settings?.lazyRows !== true) continue;
      for (const array of arraysOf(name)) {
        const before = array.slice();
        restore.push(() => array.set(array.map((x, i) => (isAbsent(x, i) ? before[i]! : x))));
      }
    }
    await optimizer.step({ gradients: given as Gradients });
    interpreter.step(dense);
    for (const one of restore) one();
    for (const { name } of params) {
      compare(await optimizer.download(name), interpreter.param(name), `${name} at step ${step}`, found);
      for (const state of isFrozen(name) ? [] : states) {
        const theirs = interpreter.state(name, state.name);
        if (theirs === null) continue;
        compare(await optimizer.download(name, state.key as never), theirs, `${state.name} of ${name} at step ${step}`, found);
      }
    }
  }
  optimizer.destroy();
  return found;
}

const lengthOf = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);

function compare(ours: Float32Array, theirs: Float32Array | Float64Array, place: string, found: string[]): void {
  const expected = theirs as Float32Array;
  if (ours.length !== expected.length) {
    found.push(`${place}: ${ours.length} numbers here, ${expected.length} in the interpreter`);
    return;
  }
  const a = new Uint32Array(ours.buffer, ours.byteOffset, ours.length);
  const b = new Uint32Array(expected.buffer, expected.byteOffset, expected.length);
  for (const [i, bits] of a.entries()) {
    if (bits === b[i] || (Number.isNaN(ours[i]!) && Number.isNaN(expected[i]!))) continue;
    found.push(`${place}, element ${i}: 0x${bits.toString(16)} here, 0x${b[i]!.toString(16)} in the interpreter`);
    return;
  }
}
