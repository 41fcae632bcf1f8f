// optspec plot: schedules over the steps and ratios over the layers, in the terminal or as SVG. Runs a module only where one is named.

import { writeFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import { createExplainTable } from "../rules/explain.js";
import { columnsOf } from "../rules/ratio-picture.js";
import { OptimizerError } from "../runtime/errors.js";
import { createHypers } from "../runtime/hypers.js";
import type { Figure, LayerFigure } from "../tools/plot/figure.js";
import { sampleCurve } from "../tools/plot/sample.js";
import { CliError, fileError } from "./cli-error.js";
import type { Context, Outcome } from "./context.js";
import { compileSubject, resolveSubject } from "./explain-resolve.js";
import type { ExplainSubject } from "./explain-subject.js";
import { readSetup, type SetupArguments } from "./optimizer-arguments.js";
import { loadParamList } from "./param-file.js";
import { namedSpecs } from "./spec-files.js";

export interface PlotArguments extends SetupArguments {
  readonly files: readonly string[];
  readonly optimizer: string | null;
  readonly params: string | null;
  readonly steps: string | null;
  /** "-" is stdout. */
  readonly svg: string | null;
}

const MOST_STEPS = 1e9;
const DEFAULT_WIDTH = 80;

/** Runs `optspec plot`. */
export async function plot(context: Context, given: PlotArguments): Promise<Outcome> {
  const steps = readSteps(given.steps);
  const figures: Figure[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const file of given.files) {
    try {
      if ([".js", ".mjs"].includes(extname(file))) figures.push(...(await curvesOfModule(context, file, steps)));
      else figures.push(...(await figuresOfSpec(context, file, given, steps, diagnostics)));
    } catch (error) {
      if (error instanceof OptimizerError && error.cause instanceof CliError) throw error.cause;
      if (error instanceof OptimizerError || error instanceof RangeError) throw new CliError(`${file}: ${error.message}`, null, 1);
      throw error;
    }
  }
  const failed = diagnostics.some(({ severity }) => severity === "error");
  if (figures.length === 0 && !failed)
    throw new CliError(
      `there is nothing to draw: ${given.files.join(", ")} ${given.files.length === 1 ? "has" : "have"} no schedule`,
      "write a `schedule` clause, give --set lr=@rates.json, or --params FILE for the ratios of a model's layers",
    );
  const { text, said } = await drawn(context, figures, given.svg);
  return { exitCode: failed ? 1 : 0, diagnostics, text, summary: said, json: { figures } };
}

function readSteps(text: string | null): number | null {
  if (text === null) return null;
  const steps = Number(text);
  if (!Number.isSafeInteger(steps) || steps < 1 || steps > MOST_STEPS)
    throw new CliError(`--steps ${text}: this is no number of steps`, "give a whole number from 1, for example --steps 20000");
  return steps;
}

async function drawn(
  context: Context,
  figures: readonly Figure[],
  svg: string | null,
): Promise<{ readonly text: string; readonly said: string }> {
  if (figures.length === 0) return { text: "", said: "" };
  if (svg === null) {
    const { drawText } = await import("../tools/plot/draw-text.js");
    return { text: figures.map((figure) => drawText(figure, context.columns ?? DEFAULT_WIDTH).join("\n")).join("\n\n"), said: "" };
  }
  const { drawSvg } = await import("../tools/plot/draw-svg.js");
  const picture = drawSvg(figures);
  if (svg === "-") return { text: picture.trimEnd(), said: "" };
  try {
    writeFileSync(resolve(context.cwd, svg), picture);
  } catch (error) {
    throw fileError(`cannot write ${svg}`, error);
  }
  return { text: "", said: `the picture is ${svg}` };
}

async function figuresOfSpec(
  context: Context,
  file: string,
  given: PlotArguments,
  steps: number | null,
  diagnostics: Diagnostic[],
): Promise<readonly Figure[]> {
  const { subject, diagnostics: said } = await compileSubject(context, file, given.optimizer);
  diagnostics.push(...said);
  if (subject === null) return [];
  const curves = curvesOfSpec(context, subject, given, steps);
  if (given.params === null) return curves;
  const resolution = resolveSubject(context, subject, loadParamList(context.cwd, given.params), given);
  const [first] = resolution.problems.filter(({ severity }) => severity === "error");
  if (first !== undefined)
    throw new CliError(`${given.params}: ${first.message}`, first.help ?? "optspec explain shows all that is wrong with the rules", 1);
  const { params } = createExplainTable(resolution);
  return [...curves, ...Object.keys(params[0]?.hypers ?? {}).map((hyper) => layersOf(subject.name, hyper, params))];
}

/** Hypers that follow the spec's schedule, or a list of `--set`. */
function curvesOfSpec(context: Context, { name, manifest }: ExplainSubject, given: PlotArguments, steps: number | null): readonly Figure[] {
  const { names: _, allow: __, ...settings } = readSetup(context, manifest, given);
  const hypers = createHypers(manifest, new Map(Object.entries(settings)));
  const moving = manifest.hypers.filter((info) => typeof settings[info.key] === "function" || hypers.scheduled.includes(info.name));
  return moving.map((info) => {
    const at = (step: number) => {
      hypers.refresh(step);
      return Number(hypers.record()[info.key]);
    };
    return sampleCurve(`${info.name} of ${name}`, at, steps);
  });
}

/** A hyper's ratio where only scales decide it, else its value, over the layers of a model. */
function layersOf(name: string, hyper: string, params: ReturnType<typeof createExplainTable>["params"]): LayerFigure {
  const form = new Set(params.map((param) => param.hypers[hyper]!.peak)).size === 1 ? "ratio" : "value";
  const layers = columnsOf(params).map(({ label, params: members }) => {
    const values = members.flatMap((param) => (param.frozen ? [] : [param.hypers[hyper]![form]]));
    const range = values.length === 0 ? null : ([Math.min(...values), Math.max(...values)] as const);
    return { label, tensors: members.length, range };
  });
  return { kind: "layers", title: `${hyper}${form === "ratio" ? " ratio" : ""} of ${name}, by layer`, layers };
}

/** Functions of the step that a module exports, by their names: schedules of "optspec/schedules", or any other. */
async function curvesOfModule(context: Context, file: string, steps: number | null): Promise<readonly Figure[]> {
  const [{ absolute, shown }] = namedSpecs(context.cwd, context.cwd, [file]) as [{ absolute: string; shown: string }];
  let module: unknown;
  try {
    module = await context.importModule(pathToFileURL(absolute).href);
  } catch (error) {
    throw new CliError(
      `${shown} fails when it is run: ${error instanceof Error ? error.message : String(error)}`,
      "run it with node to see where",
    );
  }
  const exported = Object.entries(module as Readonly<Record<string, unknown>>).filter(([, value]) => typeof value === "function");
  if (exported.length === 0)
    throw new CliError(
      `${shown} exports no schedule`,
      "write for example `export const lr = warmupCosine({ peak: 3e-4, warmup: 100, total: 2000 })`",
    );
  return exported.map(([name, schedule]) => {
    const at = (step: number): number => {
      const value: unknown = (schedule as (step: number) => unknown)(step);
      return typeof value === "number" ? value : Number.NaN;
    };
    const curve = sampleCurve(name === "default" ? shown : `${name} of ${shown}`, at, steps);
    const bad = curve.values.findIndex((value) => !Number.isFinite(value));
    if (bad === -1) return curve;
    const way = "a schedule gives a finite number for every step from 0";
    throw new CliError(`${shown}: ${name} gives ${curve.values[bad]} at step ${curve.steps[bad]}`, way, 1);
  });
}
