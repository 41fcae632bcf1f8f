// Trains with gradients by rows on a device, and beside it, in the interpreter, what a lazy step is meant to be: models that are nothing but
// the rows present, or where numbers are reduced the pieces of which the rows present are. Lists where the numbers differ in a bit.

import { createInterpreter } from "../../src/compiler/ir/interpret.js";
import type { Piece } from "../../src/compiler/ir/interpret-body.js";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer, type Gradients, type Optimizer, type OptimizerTypes, type RowsGradient } from "../../src/runtime/index.js";
import { type Compiled, noise } from "./against-interpreter.js";
import type { ScaleSettings } from "./skipping-run.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

export interface RowRun {
  readonly params: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly seed: number;
  /** For each step and parameter: indices of rows, a gradient of all ("dense"), or none (null). */
  readonly steps: readonly (readonly (readonly number[] | "dense" | null)[])[];
  /** Makes the list that the optimizer gets. */
  readonly list?: (indices: readonly number[]) => RowsGradient["indices"];
}

const rowOf = (shape: readonly number[]) => shape.slice(1).reduce((product, axis) => product * axis, 1);
const lengthOf = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);

/** The sum of what is given for each row, in the order of the list, as float32 arithmetic has it. */
export function sumOfRows(indices: readonly number[], values: Float32Array, row: number): Map<number, Float32Array> {
  const sums = new Map<number, Float32Array>();
  for (const [i, index] of indices.entries()) {
    const given = values.slice(i * row, (i + 1) * row);
    const before = sums.get(index);
    sums.set(index, before === undefined ? given : before.map((sum, k) => Math.fround(sum + given[k]!)));
  }
  return sums;
}

/** Everything that differs between lazy steps on a device and in the interpreter. Empty where all is equal. */
export async function lazyDifferences(device: Device, { definition, plans }: Compiled, run: RowRun): Promise<readonly string[]> {
  const { manifest } = definition;
  const { states } = manifest.builds[0]!;
  const params = run.params.map(({ name, shape }, i) => ({ name, shape, data: noise(lengthOf(shape), run.seed + i) }));
  const optimizer: Optimizer<unknown, AnyTypes> = await createOptimizer<unknown, AnyTypes>(definition, device, {
    params,
    gradients: "some",
    lazyRows: true,
  });
  const known = await Promise.all(
    params.map(async ({ name }) => {
      const arrays = await Promise.all(["param", ...states.map(({ key }) => key)].map((what) => optimizer.download(name, what as never)));
      return { arrays, host: new Map<string, Float64Array>(), t: 0 };
    }),
  );
  const hyper = (_: number, name: string, form: string) =>
    form === "ratio" ? 1 : Number(optimizer.hypers[manifest.hypers.find((h) => h.name === name)!.key]);

  /** A step of a tensor's rows alone, in the interpreter. */
  function stepRows(param: number, rows: readonly number[], gradient: Float32Array, completed: number): void {
    const { name, shape } = params[param]!;
    const { arrays, host, t } = known[param]!;
    const row = rowOf(shape);
    const gather = (all: Float32Array) => Float32Array.from(rows.flatMap((index) => [...all.subarray(index * row, (index + 1) * row)]));
    const only = { name, shape: [rows.length, ...shape.slice(1)], data: gather(arrays[0]!) };
    const interpreter = createInterpreter(plans[0]!.ir, { arithmetic: "f32", profile: device.profile, params: [only], hyper });
    for (const [i, state] of states.entries()) interpreter.state(name, state.name)?.set(gather(arrays[i + 1]!));
    for (const { name: state } of manifest.builds[0]!.hostStates)
      if (host.has(state)) interpreter.state(name, state)!.set(host.get(state)!);
    interpreter.resume(completed, () => t);
    interpreter.step(new Map([[name, gradient]]));
    const scatter = (all: Float32Array, from: ArrayLike<number>) => {
      for (const [i, index] of rows.entries()) for (let k = 0; k < row; k++) all[index * row + k] = from[i * row + k]!;
    };
    scatter(arrays[0]!, interpreter.param(name));
    for (const [i, state] of states.entries()) {
      const after = interpreter.state(name, state.name);
      if (after !== null) scatter(arrays[i + 1]!, after);
    }
    for (const { name: state } of manifest.builds[0]!.hostStates)
      host.set(state, Float64Array.from(interpreter.state(name, state) as Float64Array));
    known[param]!.t++;
  }

  const found: string[] = [];
  for (const [step, present] of run.steps.entries()) {
    const gradients: Record<string, Float32Array | RowsGradient> = {};
    for (const [param, rows] of present.entries()) {
      if (rows === null) continue;
      const { name, shape } = params[param]!;
      const seed = run.seed + 1000 * (step + 1) + param;
      const row = rowOf(shape);
      if (rows === "dense") {
        const gradient = noise(lengthOf(shape), seed);
        gradients[name] = gradient;
        stepRows(param, [...Array(shape.length === 0 ? 1 : shape[0]!).keys()], gradient, step);
        continue;
      }
      const values = noise(rows.length * row, seed);
      gradients[name] = { indices: run.list?.(rows) ?? rows, values };
      const sums = sumOfRows(rows, values, row);
      stepRows(param, [...sums.keys()], Float32Array.from([...sums.values()].flatMap((sum) => [...sum])), step);
    }
    await optimizer.step({ gradients: gradients as Gradients });
    for (const [param, { name }] of params.entries()) {
      if (optimizer.t(name) !== known[param]!.t) found.push(`t of ${name} is ${optimizer.t(name)}, not ${known[param]!.t}`);
      for (const [i, what] of ["param", ...states.map(({ key }) => key)].entries())
        compare(await optimizer.download(name, what as never), known[param]!.arrays[i]!, `${what} of ${name} at step ${step}`, found);
    }
  }
  optimizer.destroy();
  return found;
}

function compare(ours: Float32Array, theirs: Float32Array, place: string, found: string[]): void {
  const a = new Uint32Array(ours.buffer, ours.byteOffset, ours.length);
  const b = new Uint32Array(theirs.buffer, theirs.byteOffset, theirs.length);
  const at = a.findIndex((bits, i) => bits !== b[i] && !(Number.isNaN(ours[i]!) && Number.isNaN(theirs[i]!)));
  if (ours.length !== theirs.length || at !== -1) found.push(`${place}, element ${at}: ${ours[at]} here, ${theirs[at]} in the interpreter`);
}

export interface ReducingRun extends RowRun {
  /** More settings: hypers and what the build takes. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Parameters whose gradients are not clipped. */
  readonly unclipped?: readonly string[];
  /** What is given at a step, changed in place. */
  readonly change?: (values: Float32Array, param: number, step: number) => void;
  readonly scale?: ScaleSettings;
  /** Numbers are compared after so many steps, and after the last one; so the host may be ahead of the device. 1 unless given. */
  readonly compareEvery?: number;
}

/** Elements of a chunk, as docs/sparse.md has it. */
const CHUNK = 16_384;

/** What a lazy step reduces as a chunk is: runs of neighbouring rows, cut at multiples of a chunk from the tensor's start. */
export function piecesOf(rows: Iterable<number>, row: number): readonly Piece[] {
  const pieces: { first: number; length: number }[] = [];
  for (const index of [...new Set(rows)].toSorted((a, b) => a - b)) {
    for (let element = index * row; element < (index + 1) * row; element += 4) {
      const last = pieces.at(-1);
      if (last !== undefined && last.first + last.length === element && element % CHUNK !== 0) last.length += 4;
      else pieces.push({ first: element, length: 4 });
    }
  }
  return pieces;
}

/**
 * The same for optimizers that reduce, over the whole model at once; elements that the device may not read are NaN on it and in the
 * interpreter. Numbers of tensors and of the model, counts and the scale are compared too.
 */
export async function reducingDifferences(device: Device, { definition, plans }: Compiled, run: ReducingRun): Promise<readonly string[]> {
  const { manifest } = definition;
  const states = manifest.builds[0]!.states.filter(({ scaler }) => scaler === undefined);
  const params = run.params.map(({ name, shape }, i) => ({ name, shape, data: noise(lengthOf(shape), run.seed + i) }));
  const needClip = ({ name }: { readonly name: string }) => run.unclipped?.includes(name) !== true;
  const optimizer: Optimizer<unknown, AnyTypes> = await createOptimizer<unknown, AnyTypes>(definition, device, {
    ...run.settings,
    ...(run.scale !== undefined && { lossScale: run.scale }),
    params: params.map((param) => (needClip(param) ? param : { ...param, needClip: false })),
    gradients: "some",
    lazyRows: true,
  } as never);
  const interpreter = createInterpreter(plans[0]!.ir, {
    arithmetic: "f32",
    profile: device.profile,
    params,
    hyper: (param, name, form) => {
      if (form === "ratio") return 1;
      if (name === "need_clip") return needClip(params[param]!) ? 1 : 0;
      return Number(optimizer.hypers[manifest.hypers.find((hyper) => hyper.name === name)!.key]);
    },
  });
  if (run.scale !== undefined) {
    const { init, growthFactor, backoffFactor, growthInterval } = run.scale;
    const start = {
      loss_scale: init,
      loss_scale_growth: growthFactor,
      loss_scale_backoff: backoffFactor,
      loss_scale_interval: growthInterval,
    };
    for (const [state, value] of Object.entries(start)) interpreter.state(params[0]!.name, state)![0] = value;
  }

  const found: string[] = [];
  for (const [step, present] of run.steps.entries()) {
    const gradients: Record<string, Float32Array | RowsGradient> = {};
    const whole = new Map<string, Float32Array>();
    const pieces = new Map<string, readonly Piece[]>();
    for (const [param, rows] of present.entries()) {
      if (rows === null) continue;
      const { name, shape } = params[param]!;
      const row = rowOf(shape);
      const values = noise(rows === "dense" ? lengthOf(shape) : rows.length * row, run.seed + 1000 * (step + 1) + param);
      run.change?.(values, param, step);
      if (rows === "dense") {
        gradients[name] = values;
        whole.set(name, values);
        continue;
      }
      const unread = new Float32Array(lengthOf(shape)).fill(Number.NaN);
      optimizer.upload(name, unread, "grad" as never);
      gradients[name] = { indices: run.list?.(rows) ?? rows, values };
      for (const [index, sum] of sumOfRows(rows, values, row)) unread.set(sum, index * row);
      whole.set(name, unread);
      pieces.set(name, piecesOf(rows, row));
    }
    await optimizer.step({ gradients: gradients as Gradients });
    interpreter.step(whole, pieces);
    if ((step + 1) % (run.compareEvery ?? 1) !== 0 && step + 1 < run.steps.length) continue;
    await optimizer.idle();
    const counts = (of: { readonly steps: number; t(name: string): number }) =>
      [of.steps, ...params.map(({ name }) => of.t(name))].join(" ");
    if (counts(optimizer) !== counts(interpreter))
      found.push(`counts at step ${step}: ${counts(optimizer)} here, ${counts(interpreter)} in the interpreter`);
    const scale = Float32Array.of(await optimizer.lossScale());
    if (run.scale !== undefined)
      compare(scale, interpreter.state(params[0]!.name, "loss_scale") as Float32Array, `the scale at step ${step}`, found);
    for (const { name } of params) {
      compare(await optimizer.download(name), interpreter.param(name) as Float32Array, `${name} at step ${step}`, found);
      for (const { name: state, key } of name.startsWith("frozen") ? [] : states) {
        const theirs = interpreter.state(name, state);
        if (theirs !== null)
          compare(await optimizer.download(name, key as never), theirs as Float32Array, `${state} of ${name} at step ${step}`, found);
      }
    }
  }
  optimizer.destroy();
  return found;
}
