// optspec report: what an optimizer costs, and what it provably is. Executes no config.

import { OptimizerError } from "../runtime/errors.js";
import { modelCost, reportOf } from "../tools/report.js";
import { renderReport } from "../tools/report-text.js";
import { CliError } from "./cli-error.js";
import type { Context, Outcome } from "./context.js";
import { chooseOptimizer, readSetup, type SetupArguments, splitPair } from "./optimizer-arguments.js";
import { loadParamList } from "./param-file.js";
import { readSpec } from "./sources.js";
import { namedSpecs } from "./spec-files.js";

export interface ReportArguments extends SetupArguments {
  readonly spec: string;
  readonly optimizer: string | null;
  readonly params: string | null;
  /** `name=value`: options of the spec. */
  readonly option: readonly string[];
  /** GB/s. */
  readonly bandwidth: string;
}

/** Runs `optspec report`. */
export async function report(context: Context, given: ReportArguments): Promise<Outcome> {
  const bandwidth = Number(given.bandwidth);
  if (!(bandwidth > 0 && bandwidth < Number.POSITIVE_INFINITY))
    throw new CliError(`--bandwidth ${given.bandwidth}: this is no bandwidth`, "give GB/s, for example --bandwidth 4800");
  const source = readSpec(namedSpecs(context.cwd, context.cwd, [given.spec])[0]!);
  const { compile } = await import("../compiler/compile.js");
  const words = Object.fromEntries(given.option.map((pair) => splitPair("--option", pair)));
  const named = await compile(source, { targets: [] });
  if (named.optimizers.length === 0)
    return { exitCode: 1, diagnostics: named.diagnostics, text: "", summary: "the spec has no optimizer without errors", json: {} };
  const { name } = chooseOptimizer(named.optimizers, given.optimizer, source.path);
  const { optimizers, diagnostics } = await compile(source, { targets: [], builds: new Map([[name, [words]]]) });
  const compiled = optimizers.find((optimizer) => optimizer.name === name);
  if (compiled === undefined) return { exitCode: 1, diagnostics, text: "", summary: "there is no such build", json: {} };
  const found = reportOf(compiled);
  try {
    const list = given.params === null ? null : loadParamList(context.cwd, given.params);
    const model = list && modelCost(compiled, list.params, readSetup(context, compiled.definition.manifest, given));
    const seconds = model && model.bytes / bandwidth / 1e9;
    const text = renderReport(found, model, bandwidth).join("\n");
    return { exitCode: 0, diagnostics, text, summary: "", json: { ...found, ...(model && { model: { ...model, bandwidth, seconds } }) } };
  } catch (error) {
    if (error instanceof OptimizerError) throw new CliError(error.message, null, 1);
    throw error;
  }
}
