// Training runs in which some steps must be skipped, on a device and in the interpreter; and what PyTorch's GradScaler does to a scale.

import { createInterpreter, type Interpreter } from "../../src/compiler/ir/interpret.js";
import type { Device } from "../../src/runtime/device.js";
import { type BaseSettings, createOptimizer, type LossScale, type Optimizer, type OptimizerTypes } from "../../src/runtime/index.js";
import { type Compiled, noise } from "./against-interpreter.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}
export type AnyOptimizer<View = unknown> = Optimizer<View, AnyTypes>;

export interface ScaleSettings {
  readonly init: number;
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
}

/** The scale after each step, in f32; a step is skipped where `found`. As the kernel amp_update_scale of PyTorch has it. */
export function gradScaler({ init, growthFactor, backoffFactor, growthInterval }: ScaleSettings, found: readonly boolean[]): number[] {
  let [scale, tracker] = [Math.fround(init), 0];
  return found.map((isFound) => {
    if (isFound) [scale, tracker] = [Math.fround(scale * backoffFactor), 0];
    else if (tracker + 1 === growthInterval) {
      const grown = Math.fround(scale * growthFactor);
      [scale, tracker] = [Number.isFinite(grown) ? grown : scale, 0];
    } else tracker++;
    return scale;
  });
}

/** Repeatable numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    state ^= state >>> 15;
    return (state >>> 0) / 2 ** 32;
  };
}

const shapes: readonly (readonly [string, readonly number[]])[] = [
  ["w", [33, 40]],
  ["b", [33]],
  ["large", [16_400]],
  ["scalar", []],
];
export const params = shapes.map(([name, shape], i) => ({ name, shape, data: noise(lengthOf(shape), i + 1) }));

export function lengthOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const;

/** The gradients of a step, each number times `scale`; one of them is not finite where the step is to be skipped. */
export function gradientsAt(step: number, skip: boolean, scale = 1, names: readonly string[] = params.map(({ name }) => name)) {
  const chance = random(step + 77);
  const taking = params.filter(({ name }) => names.includes(name));
  const arrays = taking.map(({ name, data }, i) => [name, noise(data.length, 1000 * (step + 1) + i).map((x) => x * scale)] as const);
  if (skip) {
    const [, array] = arrays[Math.floor(chance() * arrays.length)]!;
    array[Math.floor(chance() * array.length)] = bad[step % 3]!;
  }
  return Object.fromEntries(arrays);
}

export interface Pair<View = unknown> {
  readonly optimizer: AnyOptimizer<View>;
  readonly interpreter: Interpreter;
  readonly compiled: Compiled;
}

/** The same optimizer on a device and in the interpreter. `lr` stands for a hyper of that name in both. */
export async function openPair<View>(
  device: Device<View>,
  compiled: Compiled,
  settings: Partial<BaseSettings> & { readonly lossScale?: LossScale; readonly lr?: (step: number) => number } = {},
  scale?: ScaleSettings,
): Promise<Pair<View>> {
  const { definition, plans } = compiled;
  const optimizer: AnyOptimizer<View> = await createOptimizer<View, AnyTypes>(definition, device, {
    params,
    gradients: "some",
    ...settings,
  });
  const { hypers } = definition.manifest;
  const interpreter = createInterpreter(plans[0]!.ir, {
    arithmetic: "f32",
    profile: device.profile,
    params,
    hyper: (_, name, form, step) => {
      if (form === "ratio") return 1;
      if (name === "lr" && settings.lr !== undefined) return settings.lr(step);
      return Number(optimizer.hypers[hypers.find((hyper) => hyper.name === name)!.key]);
    },
  });
  if (scale !== undefined) {
    const first = params[0]!.name;
    const put = (state: string, value: number) => void (interpreter.state(first, state)![0] = value);
    put("loss_scale", scale.init);
    put("loss_scale_growth", scale.growthFactor);
    put("loss_scale_backoff", scale.backoffFactor);
    put("loss_scale_interval", scale.growthInterval);
  }
  return { optimizer, interpreter, compiled };
}

/** Everything that the two have and that differs: bits of parameters and states, counts, the scale. Any NaN equals any NaN. */
export async function differencesOf({ optimizer, interpreter, compiled }: Pair): Promise<readonly string[]> {
  await optimizer.idle();
  const found: string[] = [];
  const same = (ours: ArrayLike<number>, theirs: ArrayLike<number>, what: string) => {
    for (let i = 0; i < theirs.length; i++)
      if (ours.length !== theirs.length || !Object.is(ours[i], theirs[i])) {
        found.push(`${what}[${i}]: ${ours[i]} here, ${theirs[i]} in the interpreter`);
        return;
      }
  };
  same([optimizer.steps], [interpreter.steps], "steps");
  same([await optimizer.lossScale()], interpreter.state(params[0]!.name, "loss_scale") ?? [1], "scale");
  const states = compiled.definition.manifest.builds[0]!.states.filter(({ scaler }) => scaler === undefined);
  for (const { name } of params) {
    same([optimizer.t(name)], [interpreter.t(name)], `t of ${name}`);
    same(await optimizer.download(name), interpreter.param(name), name);
    for (const state of states) {
      const theirs = interpreter.state(name, state.name);
      if (theirs !== null) same(await optimizer.download(name, state.key as never), theirs, `${state.name} of ${name}`);
    }
  }
  return found;
}
