// Runs one program by the interpreter and on devices, step by step, and says where the numbers differ in a bit. Any NaN equals any NaN.
// A device may refuse a step whose coefficients are not finite: then every device must, in the same words, and the program ends there.

import type { CompiledOptimizer } from "../../src/compiler/compile.js";
import { createInterpreter, type Interpreter } from "../../src/compiler/ir/interpret.js";
import type { HyperForm } from "../../src/compiler/ir/value.js";
import { expandMath } from "../../src/compiler/passes/expand-math.js";
import { lower } from "../../src/compiler/passes/lower.js";
import type { ArithmeticProfile } from "../../src/numeric/float32.js";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer, OptimizerError } from "../../src/runtime/index.js";
import type { BaseSettings, Optimizer } from "../../src/runtime/types.js";
import { hyperAt, type Program, type ProgramHyper } from "./program.js";

/** A device under its name. */
export interface Target {
  readonly name: "cpu" | "cuda" | "webgpu";
  readonly device: Device;
}

export interface Outcome {
  /** Where a device deviates from the interpreter of its profile, or from what the others accept. */
  readonly difference: string | null;
  /** What every device refused. */
  readonly refused: string | null;
  /** Compared numbers. */
  readonly compared: number;
}

interface Param {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

interface Runner extends Target {
  readonly optimizer: Optimizer<unknown>;
}

/** Steps a program on every device and in the interpreters of their profiles. */
export async function runEverywhere(program: Program, compiled: CompiledOptimizer, targets: readonly Target[]): Promise<Outcome> {
  const { manifest } = compiled.definition;
  const states = manifest.builds[0]!.states;
  const params = program.shapes.map(
    (shape, i): Param => ({ name: `p${i}`, shape, data: numbers(lengthOf(shape), program.seed + i, program.tame) }),
  );
  const keyOf = (hyper: ProgramHyper) => manifest.hypers.find(({ name }) => name === hyper.name)!.key;
  const runners: Runner[] = [];
  let compared = 0;
  const ends = (difference: string | null, refused: string | null): Outcome => ({ difference, refused, compared });
  try {
    const settings = settingsOf(program, params, keyOf);
    const created = await all(targets, async (target) => {
      const optimizer = await createOptimizer(compiled.definition, target.device, settings);
      runners.push({ ...target, optimizer });
    });
    if (created !== null) return created.length === 1 ? ends(null, created[0]!) : ends(`at creation: ${created.join("; ")}`, null);
    const interpreters = interpretersOf(program, compiled, params, targets);
    for (let step = 0; step < program.steps; step++) {
      const gradients = gradientsAt(program, params, step);
      const stepped = await all(runners, async ({ optimizer }) => {
        if (step > 0) optimizer.set(changesAt(program, step, keyOf) as never);
        await optimizer.step({ gradients });
      });
      if (stepped !== null)
        return stepped.length === 1 ? ends(null, stepped[0]!) : ends(`at step ${step + 1}: ${stepped.join("; ")}`, null);
      for (const interpreter of interpreters.values()) interpreter.step(new Map(Object.entries(gradients)));
      for (const runner of runners) {
        const difference = await compareAll(runner, interpreters.get(runner.device.profile.subnormals)!);
        if (difference !== null) return ends(`${runner.name} after step ${step + 1}: ${difference}`, null);
      }
    }
    return ends(null, null);
  } finally {
    for (const { optimizer } of runners) optimizer.destroy();
  }

  async function compareAll({ optimizer }: Runner, interpreter: Interpreter): Promise<string | null> {
    for (const { name } of params) {
      if (optimizer.t(name) !== interpreter.t(name))
        return `${name} counts ${optimizer.t(name)} steps, ${interpreter.t(name)} in the interpreter`;
      for (const [what, theirs] of theirArrays(interpreter, name, states)) {
        const ours = await optimizer.download(name, what as never);
        compared += ours.length;
        const at = firstDifference(ours, theirs);
        if (at !== null) return `${what} of ${name}, element ${at}: ${ours[at]} here, ${theirs[at]} in the interpreter`;
      }
    }
    return null;
  }
}

/** Does a thing on every target. What was refused, each answer once, or null where nothing was. */
async function all<T extends Target>(targets: readonly T[], action: (target: T) => Promise<void>): Promise<readonly string[] | null> {
  const answers = new Set<string | null>();
  for (const target of targets) {
    try {
      await action(target);
      answers.add(null);
    } catch (error) {
      if (!(error instanceof OptimizerError && refusals.includes(error.code))) throw error;
      answers.add(error.message);
    }
  }
  if (answers.size === 1 && answers.has(null)) return null;
  return [...answers].map((answer) => answer ?? "accepted");
}

/** A host value that is not finite, or that f32 makes zero, may not enter a kernel. */
const refusals = ["coefficient", "rules", "invalid-ratio"];

/** The interpreter runs the IR as it was before any pass of the planner. */
function interpretersOf(
  { hypers, lrRatio }: Program,
  { plans, spec }: CompiledOptimizer,
  params: readonly Param[],
  targets: readonly Target[],
) {
  const profiles = new Map(targets.map(({ device: { profile } }) => [profile.subnormals, profile]));
  const hyper = (param: number, name: string, form: HyperForm, step: number): number => {
    const peak = hyperAt(hypers.find((candidate) => candidate.name === name)!, step);
    const ratio = name === "lr" && lrRatio ? ratioOf(param) : 1;
    return form === "ratio" ? ratio : form === "value" ? peak * ratio : peak;
  };
  const ir = expandMath(lower(spec, plans[0]!.options));
  const start = (profile: ArithmeticProfile) =>
    createInterpreter(ir, {
      arithmetic: "f32",
      profile,
      hyper,
      params: params.map((param) => ({ ...param, data: param.data.slice() })),
    });
  return new Map([...profiles].map(([subnormals, profile]) => [subnormals, start(profile)]));
}

function theirArrays(interpreter: Interpreter, name: string, states: readonly { readonly name: string; readonly key: string }[]) {
  const arrays = states.map((state): [string, Float32Array] => {
    return [state.key, (interpreter.state(name, state.name) ?? new Float32Array()) as Float32Array];
  });
  return [["param", interpreter.param(name) as Float32Array] as const, ...arrays];
}

function settingsOf(program: Program, params: readonly Param[], keyOf: (hyper: ProgramHyper) => string): BaseSettings {
  const { hypers, options, absent, lrRatio } = program;
  const given = hypers.flatMap((hyper): [string, unknown][] => {
    if (hyper.given === "default") return [];
    if (hyper.given === "function") return [[keyOf(hyper), (step: number) => hyperAt(hyper, step)]];
    return [[keyOf(hyper), typed(hyper, hyperAt(hyper, 0))]];
  });
  const chosen = Object.entries(options).map(([name, word]) => [
    name,
    word === "true" || (word === "false" ? false : Number.isNaN(Number(word)) ? word : Number(word)),
  ]);
  return {
    params,
    gradients: absent ? "some" : "all",
    ...(lrRatio && { lrRatio: ({ name }: { readonly name: string }) => ratioOf(Number(name.slice(1))) }),
    ...Object.fromEntries([...given, ...chosen]),
  };
}

const typed = ({ type }: ProgramHyper, value: number) => (type === "bool" ? value === 1 : value);
const ratioOf = (param: number) => [1, 0.7, 0.3, 2][param % 4]!;

function changesAt({ hypers }: Program, step: number, keyOf: (hyper: ProgramHyper) => string): Record<string, unknown> {
  const changed = hypers.filter(({ given }) => given === "changed");
  return Object.fromEntries(changed.map((hyper) => [keyOf(hyper), typed(hyper, hyperAt(hyper, step))]));
}

function gradientsAt({ absent, seed, tame }: Program, params: readonly Param[], step: number): Record<string, Float32Array> {
  const present = params.filter((_, i) => !absent || (seed + 3 * step + 5 * i) % 4 !== 0);
  return Object.fromEntries(present.map(({ name, data }, i) => [name, numbers(data.length, seed + 1_000 * (step + 1) + i, tame)]));
}

const lengthOf = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);

const special = [0, -0, 1, -1, Number.NaN, Infinity, -Infinity, 2 ** -126, -(2 ** -149), 1e-40, 3.4028234663852886e38, 2 ** 24];

/** Mostly numbers that a training run might meet, some of any 32 bits, some special, in an order of the seed. */
function numbers(length: number, seed: number, tame: boolean): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(length);
  const floats = new Float32Array(words.buffer);
  let state = (Math.imul(seed + 1, 0x9e37_79b1) ^ 0x5bd1_e995) | 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const kind = tame ? 2 : (state >>> 3) % 6;
    if (kind === 0) words[i] = state;
    else if (kind === 1) floats[i] = special[(state >>> 8) % special.length]!;
    else floats[i] = (state / 2 ** 31) * 10 ** (((state >>> 5) % 7) - 4);
  }
  return floats;
}

function firstDifference(ours: Float32Array, theirs: Float32Array): number | null {
  if (ours.length !== theirs.length) return 0;
  const a = new Uint32Array(ours.buffer, ours.byteOffset, ours.length);
  const b = new Uint32Array(theirs.buffer, theirs.byteOffset, theirs.length);
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !(Number.isNaN(ours[i]!) && Number.isNaN(theirs[i]!))) return i;
  return null;
}
