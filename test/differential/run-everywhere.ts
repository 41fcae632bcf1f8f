// Runs one program by the interpreter and on devices, step by step, and says where the numbers differ in a bit. Any NaN equals any NaN.
// A device may refuse a step whose coefficients are not finite: then every device must, in the same words, and the program ends there.

import type { CompiledOptimizer } from "../../src/compiler/compile.js";
import { createInterpreter, type Interpreter } from "../../src/compiler/ir/interpret.js";
import { expandMath } from "../../src/compiler/passes/expand-math.js";
import { lower } from "../../src/compiler/passes/lower.js";
import type { BuildInfo, Manifest } from "../../src/contract/manifest.js";
import type { ArithmeticProfile } from "../../src/numeric/float32.js";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer, OptimizerError } from "../../src/runtime/index.js";
import type { BaseSettings, Optimizer } from "../../src/runtime/types.js";
import { buildOptions } from "./build-options.js";
import { createHyperValues, type HyperValues, type Moment, ratioOf } from "./hyper-values.js";
import { gradientsAt, type Param, paramsOf } from "./numbers.js";
import type { Program } from "./program.js";

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
  /** Steps that the interpreters skipped. */
  readonly skipped: number;
}

interface Runner extends Target {
  readonly optimizer: Optimizer<unknown>;
}

/** Steps a program on every device and in the interpreters of their profiles. */
export async function runEverywhere(program: Program, compiled: CompiledOptimizer, targets: readonly Target[]): Promise<Outcome> {
  const { manifest } = compiled.definition;
  const params = paramsOf(program);
  const hypers = createHyperValues(program, manifest.hypers);
  const runners: Runner[] = [];
  const count = { compared: 0, skipped: 0 };
  const ends = (difference: string | null, refused: string | null): Outcome => ({ difference, refused, ...count });
  const disagree = (when: string, answers: readonly string[]) =>
    answers.length === 1 ? ends(null, answers[0]!) : ends(`${when}: ${answers.join("; ")}`, null);
  try {
    const settings = settingsOf(program, manifest, params, hypers);
    const created = await all(targets, async (target) => {
      const optimizer = await createOptimizer(compiled.definition, target.device, settings);
      runners.push({ ...target, optimizer });
    });
    if (created !== null) return disagree("at creation", created);
    let calls = 0;
    const interpreters = interpretersOf(program, compiled, params, targets, (param, name, form, steps) =>
      hypers.value(param, name, form, { calls, steps } satisfies Moment),
    );
    for (; calls < program.steps; calls++) {
      const gradients = gradientsAt(program, params, calls);
      const stepped = await all(runners, async ({ optimizer }) => {
        if (calls > 0) change(optimizer, hypers, calls, program.groups);
        await optimizer.step({ gradients });
      });
      if (stepped !== null) return disagree(`at step ${calls + 1}`, stepped);
      for (const interpreter of interpreters.values()) {
        const before = interpreter.steps;
        interpreter.step(new Map(Object.entries(gradients)));
        if (interpreter.steps === before) count.skipped++;
      }
      hypers.tell((calls * 7) % 5);
      if (program.patient && calls < program.steps - 1) continue;
      for (const { name, device, optimizer } of runners) {
        const differs = await compare(optimizer, interpreters.get(device.profile.subnormals)!, params, manifest.builds[0]!, count);
        if (differs !== null) return ends(`${name} after step ${calls + 1}: ${differs}`, null);
      }
    }
    return ends(null, null);
  } finally {
    for (const { optimizer } of runners) optimizer.destroy();
  }
}

function change(optimizer: Optimizer<unknown>, hypers: HyperValues, calls: number, groups: number): void {
  optimizer.set(hypers.changes(calls) as never);
  for (let group = 0; group < groups; group++) optimizer.set(hypers.groupChanges(calls, group) as never, { group });
}

/** Where a device differs from the interpreter: counts, the scale of losses, parameters and states. */
async function compare(
  optimizer: Optimizer<unknown>,
  interpreter: Interpreter,
  params: readonly Param[],
  { states }: BuildInfo,
  count: { compared: number },
): Promise<string | null> {
  await optimizer.idle();
  const scale = states.some(({ scaler }) => scaler === "scale") ? interpreter.state(params[0]!.name, "loss_scale")?.[0] : 1;
  const numbers = [
    ["steps", optimizer.steps, interpreter.steps],
    ["the scale of losses", await optimizer.lossScale(), scale],
    ...params.map(({ name }) => [`t of ${name}`, optimizer.t(name), interpreter.t(name)] as const),
  ] as const;
  for (const [what, ours, theirs] of numbers) if (!Object.is(ours, theirs)) return `${what}: ${ours} here, ${theirs} in the interpreter`;
  for (const { name } of params) {
    const arrays = states
      .filter(({ scaler }) => scaler === undefined)
      .map((state) => [state.key, interpreter.state(name, state.name) ?? new Float32Array()] as const);
    for (const [what, theirs] of [["param", interpreter.param(name)] as const, ...arrays]) {
      const ours = await optimizer.download(name, what as never);
      count.compared += ours.length;
      const at = firstDifference(ours, theirs as Float32Array);
      if (at !== null) return `${what} of ${name}, element ${at}: ${ours[at]} here, ${theirs[at]} in the interpreter`;
    }
  }
  return null;
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
  { options, settings }: Program,
  { plans, spec }: CompiledOptimizer,
  params: readonly Param[],
  targets: readonly Target[],
  hyper: Parameters<typeof createInterpreter>[1]["hyper"],
): ReadonlyMap<string, Interpreter> {
  const profiles = new Map(targets.map(({ device: { profile } }) => [profile.subnormals, profile]));
  const ir = expandMath(lower(spec, plans[0]!.options));
  const start = (profile: ArithmeticProfile) => {
    const own = params.map((param) => ({ ...param, data: param.data.slice() }));
    const interpreter = createInterpreter(ir, { arithmetic: "f32", profile, hyper, params: own });
    for (const { name, start } of buildOptions) if (Object.hasOwn(options, name)) start?.(interpreter, settings);
    return interpreter;
  };
  return new Map([...profiles].map(([subnormals, profile]) => [subnormals, start(profile)]));
}

function settingsOf(program: Program, manifest: Manifest, params: readonly Param[], hypers: HyperValues): BaseSettings {
  const { options, settings, paramSettings, absent, lrRatio } = program;
  const keyOf = (option: string) => manifest.options.find(({ name }) => name === option)!.key;
  const typed = (word: string) => word === "true" || (word === "false" ? false : Number.isNaN(Number(word)) ? word : Number(word));
  return {
    params: params.map((param, i) => ({ ...param, ...paramSettings[i] })),
    gradients: absent ? "some" : "all",
    ...(lrRatio && { lrRatio: ({ name }: { readonly name: string }) => ratioOf(Number(name.slice(1))) }),
    ...Object.fromEntries(Object.entries(options).map(([name, word]) => [keyOf(name), typed(word)])),
    ...settings,
    ...hypers.settings(),
  };
}

function firstDifference(ours: Float32Array, theirs: Float32Array): number | null {
  if (ours.length !== theirs.length) return 0;
  const a = new Uint32Array(ours.buffer, ours.byteOffset, ours.length);
  const b = new Uint32Array(theirs.buffer, theirs.byteOffset, theirs.length);
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !(Number.isNaN(ours[i]!) && Number.isNaN(theirs[i]!))) return i;
  return null;
}
