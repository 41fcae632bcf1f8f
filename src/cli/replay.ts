// optspec replay: proves a spec against somebody else's implementation, or shows where they part.

import { renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { CompiledOptimizer } from "../compiler/compile.js";
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { SourceText } from "../compiler/source.js";
import { OptimizerError } from "../runtime/errors.js";
import { readSafetensors, type Tensor, writeSafetensors } from "../runtime/state/safetensors.js";
import { SafetensorsError } from "../runtime/state/safetensors-error.js";
import { type ComparedTensor, compareRuns, goldSteps, leftOut, type Tolerance } from "../tools/compare-runs.js";
import { replay as replayRun } from "../tools/replay.js";
import type { ReplaySettings } from "../tools/replay-targets.js";
import { type RecordedRun, RunError, readRun } from "../tools/run-file.js";
import { CliError, fileError } from "./cli-error.js";
import type { Context, Outcome } from "./context.js";
import { makeFolders } from "./make-folders.js";
import { chooseOptimizer, readSetup, splitPair } from "./optimizer-arguments.js";
import { readNamedFile } from "./read-file.js";
import { comparisonTable } from "./replay-table.js";
import { openTarget, type TargetName } from "./replay-target.js";
import { readSpec } from "./sources.js";
import { namedSpecs } from "./spec-files.js";

export interface ReplayArguments {
  readonly spec: string;
  readonly run: string;
  readonly target: TargetName;
  readonly optimizer: string | null;
  /** `name=value` each. */
  readonly set: readonly string[];
  readonly option: readonly string[];
  readonly map: readonly string[];
  readonly names: string | null;
  readonly allow: readonly string[];
  readonly steps: string | null;
  readonly keep: string | null;
  readonly out: string | null;
  readonly against: string | null;
  readonly rtol: string | null;
  readonly atol: string | null;
}

/** Runs `optspec replay`. */
export async function replay(context: Context, given: ReplayArguments): Promise<Outcome> {
  const { target } = given;
  const source = readSpec(namedSpecs(context.cwd, context.cwd, [given.spec])[0]!);
  const tolerance = readTolerance(given);
  const compiled = await compileBuild(source, given);
  if (compiled.optimizer === null)
    return { exitCode: 1, diagnostics: compiled.diagnostics, text: "", summary: "the spec has errors", json: {} };
  const run = explained(given.run, () => readRun(readTensors(context, given.run)));
  const gold = given.against === null ? null : readTensors(context, given.against);
  const steps = countOf("--steps", given.steps, run.steps) ?? run.steps;
  const keep = stepsToKeep(given.keep, gold, steps, given.against);
  const kept = await runOn(context, compiled.optimizer, target, run, given, { steps, keep });
  if (given.out !== null) writeTensors(context, given.out, kept);
  const rows = gold === null ? null : explained(given.against!, () => compare(kept, gold, run, given, tolerance));
  const left = gold === null ? null : leftOut(kept, gold, namesOf(given));
  return outcomeOf(compiled.diagnostics, given, { steps, kept, rows, left });
}

interface Compiled {
  readonly diagnostics: readonly Diagnostic[];
  readonly optimizer: CompiledOptimizer | null;
}

/** Compiles the one build that is replayed, in memory. */
async function compileBuild(source: SourceText, given: ReplayArguments): Promise<Compiled> {
  const { compile } = await import("../compiler/compile.js");
  const plain = await compile(source, { targets: [] });
  if (plain.optimizers.length === 0) return { diagnostics: plain.diagnostics, optimizer: null };
  const { name } = chooseOptimizer(plain.optimizers, given.optimizer, source.path);
  const options = Object.fromEntries(given.option.map((text) => splitPair("--option", text)));
  const built = given.option.length === 0 ? plain : await compile(source, { targets: [], builds: new Map([[name, [options]]]) });
  return { diagnostics: built.diagnostics, optimizer: built.optimizers.find((o) => o.name === name) ?? null };
}

interface Span {
  readonly steps: number;
  readonly keep: ReadonlySet<number>;
}

async function runOn(
  context: Context,
  optimizer: CompiledOptimizer,
  name: TargetName,
  run: RecordedRun,
  given: ReplayArguments,
  span: Span,
): Promise<ReadonlyMap<string, Tensor>> {
  const settings: ReplaySettings = {
    ...readSetup(context, optimizer.definition.manifest, given),
    params: run.params,
    gradients: run.complete ? "all" : "some",
  };
  try {
    const target = await openTarget(context, name, optimizer, settings);
    try {
      const { steps } = span;
      const progress = (step: number) =>
        context.interactive && context.talk(`\r${name}: step ${step} of ${steps}${step === steps ? "\n" : ""}`);
      return await replayRun(run, target, { ...span, progress });
    } finally {
      target.destroy();
    }
  } catch (error) {
    if (error instanceof OptimizerError && error.cause instanceof CliError) throw error.cause;
    if (error instanceof OptimizerError) throw new CliError(error.message, null, error.code === "no-device" ? 2 : 1);
    if (error instanceof RunError) throw new CliError(`${given.run}: ${error.message}`, error.help, 1);
    throw error;
  }
}

function compare(
  kept: ReadonlyMap<string, Tensor>,
  gold: ReadonlyMap<string, Tensor>,
  run: RecordedRun,
  given: ReplayArguments,
  tolerance: Tolerance | null,
): readonly ComparedTensor[] {
  const initial = new Map(run.params.map((param) => [param.name, param.data]));
  const names = namesOf(given);
  checkNames(names, kept, gold);
  return compareRuns(kept, gold, initial, { tolerance, names, wide: given.target === "interpret64" });
}

const namesOf = ({ map }: ReplayArguments): ReadonlyMap<string, string> => new Map(map.map((text) => splitPair("--map", text)));

/** Every `--map theirs=ours` names a state on both sides. */
function checkNames(names: ReadonlyMap<string, string>, kept: ReadonlyMap<string, Tensor>, gold: ReadonlyMap<string, Tensor>): void {
  const statesOf = (run: ReadonlyMap<string, Tensor>) =>
    new Set([...run.keys()].filter((key) => key.startsWith("state/")).map((key) => key.slice(key.lastIndexOf("/") + 1)));
  const [ours, theirs] = [statesOf(kept), statesOf(gold)];
  for (const [their, our] of names) {
    const [missing, where, known] = theirs.has(their) ? [our, "the spec has no state", ours] : [their, "the gold has no state", theirs];
    if (known.has(missing)) continue;
    throw new RunError(`--map ${their}=${our}: ${where} \`${missing}\``, `its states: ${[...known].join(", ") || "none"}`);
  }
}

interface Replayed {
  readonly steps: number;
  readonly kept: ReadonlyMap<string, Tensor>;
  readonly rows: readonly ComparedTensor[] | null;
  readonly left: { readonly states: readonly string[]; readonly params: readonly string[] } | null;
}

function outcomeOf(diagnostics: readonly Diagnostic[], given: ReplayArguments, { steps, kept, rows, left }: Replayed): Outcome {
  const outside = rows?.filter((row) => row.firstDeviation !== null).length ?? 0;
  const verdict =
    rows === null
      ? ""
      : outside === 0
        ? `; all ${rows.length} tensors agree with ${given.against}`
        : `; ${outside} of ${rows.length} tensors deviate from ${given.against}`;
  const states = left === null || left.states.length === 0 ? "" : `; not compared: its states ${left.states.join(", ")} (see --map)`;
  const params = left === null || left.params.length === 0 ? "" : `; ${left.params.length} of our parameters are not in it`;
  const written = given.out === null ? "" : `; wrote ${kept.size} tensors to ${given.out}`;
  return {
    exitCode: outside === 0 ? 0 : 1,
    diagnostics,
    text: rows === null ? "" : comparisonTable(rows),
    summary: `${steps} steps on ${given.target}${written}${verdict}${states}${params}`,
    json: { target: given.target, steps, ...(rows !== null && { tensors: rows.map(finite), notCompared: left }) },
  };
}

/** JSON has no infinity. */
function finite(row: ComparedTensor): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, typeof value === "number" && !Number.isFinite(value) ? String(value) : value]),
  );
}

function readTolerance({ rtol, atol }: ReplayArguments): Tolerance | null {
  if (rtol === null && atol === null) return null;
  const read = (name: string, text: string | null) => {
    const value = text === null ? 0 : Number(text);
    if (!(value >= 0) || text?.trim() === "")
      throw new CliError(`${name} is not a number from 0: ${text}`, `write, for example, ${name} 1e-6`);
    return value;
  };
  return { rtol: read("--rtol", rtol), atol: read("--atol", atol) };
}

function countOf(name: string, text: string | null, most: number): number | null {
  if (text === null) return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new CliError(`${name} ${text}: the run has steps 1 to ${most}`, "name one of them");
  return value;
}

/** The steps asked for; else those of the gold; else the last. */
function stepsToKeep(
  text: string | null,
  gold: ReadonlyMap<string, Tensor> | null,
  steps: number,
  against: string | null,
): ReadonlySet<number> {
  if (text !== null) return new Set(text.split(",").map((step) => countOf("--keep", step.trim(), steps)!));
  if (gold === null) return new Set([steps]);
  const recorded = [...goldSteps(gold)].filter((step) => step <= steps);
  if (recorded.length === 0) throw new CliError(`${against} holds nothing of steps 1 to ${steps}`, "it must hold param/<step>/<param>");
  return new Set(recorded);
}

function readTensors(context: Context, file: string): ReadonlyMap<string, Tensor> {
  const bytes = readNamedFile(resolve(context.cwd, file), file);
  return explained(file, () => readSafetensors(bytes).tensors);
}

/** Whole or not at all: a draft beside it takes its name. */
function writeTensors(context: Context, file: string, tensors: ReadonlyMap<string, Tensor>): void {
  const path = resolve(context.cwd, file);
  const draft = `${path}.${process.pid}.draft`;
  try {
    makeFolders(dirname(path));
    writeFileSync(draft, writeSafetensors(tensors), { flag: "wx" });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw fileError(`cannot write ${file}`, error, "name another file with --out");
  }
}

function explained<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SafetensorsError || error instanceof RunError) throw new CliError(`${file}: ${error.message}`, error.help, 1);
    throw error;
  }
}
