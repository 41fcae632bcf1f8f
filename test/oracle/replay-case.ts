// Runs a spec over somebody else's recorded gradients and compares, through the parts that `optspec replay` is made of.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { type CompiledOptimizer, compile } from "../../src/compiler/compile.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { readSafetensors, type Tensor } from "../../src/runtime/state/safetensors.js";
import { type ComparedTensor, compareRuns, goldSteps, type Tolerance } from "../../src/tools/compare-runs.js";
import { type ReplayTarget, replay } from "../../src/tools/replay.js";
import { deviceTarget, interpreterTarget, type ReplaySettings } from "../../src/tools/replay-targets.js";
import { readRun } from "../../src/tools/run-file.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { callerTarget } from "./caller-buffers.js";

export const golden = new URL("../fixtures/golden/", import.meta.url);

/** "webgpu-buffers" and "webgpu-encode" work in buffers of the caller's. */
export type TargetName = "interpret" | "interpret64" | "cpu" | "cpu-threads" | "webgpu" | "webgpu-buffers" | "webgpu-encode";

export interface ReplayCase {
  readonly name: string;
  /** The spec's text. */
  readonly text: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Settings of the wrapper: hypers by their keys, names, allow. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Files under test/fixtures/golden, without their ending. */
  readonly run: string;
  readonly gold: string;
  /** Nothing was recorded in f64. */
  readonly onlyNarrow?: boolean;
  /** Parameters whose gradients are not clipped. */
  readonly needClipFalse?: readonly string[];
  /** Their state names by ours. */
  readonly states: Readonly<Record<string, string>>;
  /** Settings in their place on f32 targets. */
  readonly narrow?: Readonly<Record<string, unknown>>;
  /** The spec's text in f64, where theirs rounds something. */
  readonly wideText?: string;
  /** Tolerance in f64, where it is not the default. */
  readonly wide?: Tolerance;
}

const tensorsOf = (file: string) => readSafetensors(readFileSync(fileURLToPath(new URL(`${file}.safetensors`, golden)))).tensors;

export function exampleText(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../examples/${name}.opt`, import.meta.url)), "utf8");
}

/** The spec with one more clause at its end. */
export function withClause(text: string, clause: string): string {
  return text.replace(/\}\s*$/, `${clause}\n}\n`);
}

/** In f64 only what was recorded in f64; in f32 also that, where nothing else was recorded. */
function comparable(recorded: ReadonlyMap<string, Tensor>, wide: boolean): ReadonlyMap<string, Tensor> {
  if (wide) return new Map([...recorded].filter(([key]) => key.startsWith("param64/")));
  if ([...recorded.keys()].some((key) => key.startsWith("param/"))) return recorded;
  return new Map([...recorded].map(([key, tensor]) => [key.replace("param64/", "param/"), tensor]));
}

/** One pool for all cases; however small the model, its workers take part. */
let threads: ReturnType<typeof cpu> | undefined;

/** One GPU device for all cases: a software driver takes seconds for a kernel, and a device compiles the same text once. */
let gpuDevice: ReturnType<typeof webgpu> | undefined;
const openGpu = () => (gpuDevice ??= openDawn().then(({ gpu }) => webgpu({ gpu })));

/** A target that is open, for one set of parameters. */
export async function openTarget(
  target: TargetName,
  { definition, spec, plans }: CompiledOptimizer,
  settings: ReplaySettings,
): Promise<ReplayTarget> {
  const { ir, options } = plans[0]!;
  switch (target) {
    case "interpret":
      return interpreterTarget({ definition, ir, arithmetic: "f32" }, settings);
    case "interpret64":
      return interpreterTarget({ definition, ir: lower(spec, options), arithmetic: "f64" }, settings);
    case "cpu":
      return deviceTarget(definition, await cpu(), settings);
    case "cpu-threads":
      threads ??= cpu({ threads: 3, elementsPerThread: 1 });
      return deviceTarget(definition, await threads, settings);
    case "webgpu":
      return deviceTarget(definition, await openGpu(), settings);
    case "webgpu-buffers":
    case "webgpu-encode":
      return callerTarget(definition, await openGpu(), settings, target === "webgpu-encode" ? "encode" : "step");
    default:
      return target satisfies never;
  }
}

/** A target of the caller's making. */
export type OpenTarget = (optimizer: CompiledOptimizer, settings: ReplaySettings) => Promise<ReplayTarget>;

const compiled = new Map<string, Promise<CompiledOptimizer>>();

/** Many cases have one text: it is compiled once, whatever the targets. */
function compileCase(text: string, options: ReplayCase["options"]): Promise<CompiledOptimizer> {
  const key = `${JSON.stringify(options)} ${text}`;
  const known = compiled.get(key) ?? compileText(text, options);
  compiled.set(key, known);
  return known;
}

async function compileText(text: string, options: ReplayCase["options"]): Promise<CompiledOptimizer> {
  const name = /optimizer (\w+)/.exec(text)![1]!;
  const builds = new Map(options === undefined ? [] : [[name, [options]]]);
  const { diagnostics, optimizers } = await compile({ path: `${name}.opt`, text }, { builds, targets: [] });
  if (optimizers[0] === undefined) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  return optimizers[0];
}

/** Replays a case on a target; a row for each tensor, over all its recorded steps. */
export async function replayCase(test: ReplayCase, target: TargetName | OpenTarget): Promise<readonly ComparedTensor[]> {
  const wide = target === "interpret64";
  const optimizer = await compileCase((wide ? test.wideText : undefined) ?? test.text, test.options);
  const run = readRun(tensorsOf(test.run));
  const recorded = tensorsOf(test.gold);
  const gold = comparable(recorded, wide);
  const open: OpenTarget = typeof target === "function" ? target : (optimizer, settings) => openTarget(target, optimizer, settings);
  const opened = await open(optimizer, {
    ...test.settings,
    ...(!wide && test.narrow),
    params: run.params.map((param) => (test.needClipFalse?.includes(param.name) ? { ...param, needClip: false } : param)),
    gradients: run.complete ? "all" : "some",
  });
  try {
    const kept = await replay(run, opened, { steps: run.steps, keep: goldSteps(gold), progress: () => {} });
    const initial = new Map(run.params.map((param) => [param.name, param.data]));
    const names = new Map(Object.entries(test.states).map(([ours, theirs]) => [theirs, ours]));
    return compareRuns(kept, gold, initial, { tolerance: wide ? (test.wide ?? null) : null, names, wide });
  } finally {
    opened.destroy();
  }
}
