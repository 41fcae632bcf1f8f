// optspec explain: which rule gives which parameter what, for a model's list of parameters. Executes no config.

import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { SourceText } from "../compiler/source.js";
import { createExplainTable } from "../rules/explain.js";
import { explainChain, renderChain } from "../rules/explain-chain.js";
import { renderExplainTable } from "../rules/explain-text.js";
import type { RuleProblem } from "../rules/problems.js";
import type { Resolution } from "../rules/resolution.js";
import { resolveRules } from "../rules/resolve.js";
import { didYouMean, OptimizerError } from "../runtime/errors.js";
import { createHypers } from "../runtime/hypers.js";
import type { ParamList } from "../tools/param-list.js";
import { CliError } from "./cli-error.js";
import type { Context, Outcome } from "./context.js";
import { diffAgainst } from "./explain-diff.js";
import { type ExplainSubject, optimizerSubject, rulesetSubject } from "./explain-subject.js";
import { chooseOptimizer, readSetup, type SetupArguments } from "./optimizer-arguments.js";
import { loadParamList } from "./param-file.js";
import { readSpec } from "./sources.js";
import { namedSpecs } from "./spec-files.js";
import { visibleLines } from "./visible-lines.js";

export interface ExplainArguments extends SetupArguments {
  readonly spec: string;
  readonly optimizer: string | null;
  readonly params: string | null;
  /** One parameter: the chain of arms tried. */
  readonly name: string | null;
  /** A table that --json printed before: what changed since. */
  readonly diff: string | null;
}

/** Runs `optspec explain`. */
export async function explain(context: Context, given: ExplainArguments): Promise<Outcome> {
  if (given.diff !== null && (given.params === null || given.name !== null))
    throw new CliError("--diff compares whole tables", "give the model's --params, and no name of one parameter");
  const source = readSpec(namedSpecs(context.cwd, context.cwd, [given.spec])[0]!);
  const { compile } = await import("../compiler/compile.js");
  const { optimizers, rulesets, diagnostics } = await compile(source, { targets: [] });
  const subjects = [...optimizers.map(optimizerSubject), ...rulesets.map(rulesetSubject)];
  if (subjects.length === 0) return { exitCode: 1, diagnostics, text: "", summary: "the spec has errors", json: {} };
  const subject = chooseOptimizer(subjects, given.optimizer, source.path);
  if (given.params === null) return listRules(subject, diagnostics);
  const list = loadParamList(context.cwd, given.params);
  const resolution = resolve(context, subject, list, given);
  const notes = subject.assumed.length === 0 ? [] : [assumedNote(subject, given)];
  const shown = [...diagnostics, ...placed(resolution.problems, source)];
  if (given.diff === null) return outcomeOf(resolution, given, shown, [...notes, ...remarks(list)]);
  const { text, diff } = diffAgainst(context.cwd, given.diff, createExplainTable(resolution));
  return { ...outcomeOf(resolution, given, shown, [...notes, ...remarks(list)]), text, json: { diff } };
}

function resolve(context: Context, { manifest }: ExplainSubject, list: ParamList, given: ExplainArguments): Resolution {
  const { names, allow, ...settings } = readSetup(context, manifest, given);
  try {
    const hypers = createHypers(manifest, new Map(Object.entries(settings)));
    return resolveRules([manifest.rules, ...(manifest.rulesets ?? [])], list.params, {
      hypers: Object.fromEntries(manifest.hypers.map(({ name }) => [name, hypers.value(name)])),
      ranges: Object.fromEntries(manifest.hypers.map(({ name, range }) => [name, range])),
      names,
      allow,
    });
  } catch (error) {
    if (error instanceof OptimizerError) throw new CliError(error.message, null, 1);
    throw error;
  }
}

/** Without parameters: the rules as they stand. */
function listRules({ name, manifest }: ExplainSubject, diagnostics: readonly Diagnostic[]): Outcome {
  const sets = [manifest.rules, ...(manifest.rulesets ?? [])];
  const blocks = sets
    .flatMap((set) => set.blocks)
    .map(({ verb, hyper, arms }) => ({
      title: hyper === null ? `rules ${verb}` : `rules ${verb} ${hyper}`,
      arms: arms.map(({ line, text }) => ({ line, text })),
    }));
  const lines = blocks.flatMap(({ title, arms }) => [title, ...arms.map(({ line, text }) => `  line ${line}: ${visibleLines(text)}`)]);
  const none = `${name} has no rules: every parameter gets the same`;
  return {
    exitCode: 0,
    diagnostics,
    text: lines.length === 0 ? none : lines.join("\n"),
    summary: "name the model's parameters to see what each of them gets: --params FILE",
    json: { blocks },
  };
}

/** Problems of an arm, shown where it stands. */
function placed(problems: readonly RuleProblem[], source: SourceText): readonly Diagnostic[] {
  const lines = source.text.split("\n");
  return problems.flatMap(({ code, severity, message, help, arm }): Diagnostic[] => {
    if (arm === null) return [];
    const from = lines.slice(0, arm.line - 1).reduce((sum, line) => sum + line.length + 1, 0) + arm.column - 1;
    const lineEnd = from + (lines[arm.line - 1] ?? "").length - (arm.column - 1);
    const span = { from, to: Math.min(from + arm.text.length, lineEnd) };
    return [{ code, severity, message, source, span, ...(help !== null && { help }) }];
  });
}

function outcomeOf(resolution: Resolution, given: ExplainArguments, diagnostics: readonly Diagnostic[], notes: readonly string[]): Outcome {
  const failed = resolution.problems.some((problem) => problem.severity === "error");
  const summary = [...unplaced(resolution.problems), ...notes].join("\n");
  const frame = { exitCode: failed ? 1 : 0, diagnostics, summary } as const;
  const table = createExplainTable(resolution);
  if (given.name === null) return { ...frame, text: renderExplainTable(table).trimEnd(), json: { ...table } };
  const index = resolution.params.findIndex(({ name, staticName, aliases }) => [name, staticName, ...aliases].includes(given.name!));
  const param = resolution.params[index];
  if (param === undefined) {
    const near = didYouMean(
      given.name,
      resolution.params.map(({ name }) => name),
    );
    throw new CliError(`${given.params} has no parameter ${JSON.stringify(given.name)}${near}`, "leave the name out to see all of them", 1);
  }
  const chain = explainChain(resolution, param);
  return { ...frame, text: renderChain(param, chain).trimEnd(), json: { param: table.params[index], chain, problems: table.problems } };
}

/** Problems that belong to no place in the spec. */
function unplaced(problems: readonly RuleProblem[]): readonly string[] {
  return problems
    .filter((problem) => problem.arm === null)
    .map(({ severity, message, help }) => visibleLines(`${severity}: ${message}${help === null ? "" : `\n  help: ${help}`}`));
}

/** Of a ruleset alone: what it decides has no value here. */
function assumedNote({ name, assumed }: ExplainSubject, { set }: ExplainArguments): string {
  const open = assumed.filter((hyper) => !set.some((text) => text.startsWith(`${hyper}=`)));
  return open.length === 0 ? "" : `note: ${name} alone does not know ${open.join(", ")}: shown for 1; give others with --set`;
}

function remarks({ withoutShape, skipped }: ParamList): readonly string[] {
  const count = (n: number, things: string) => `${n} ${things}${n === 1 ? "" : "s"}`;
  return [
    ...(withoutShape > 0
      ? [`note: the list does not tell the shape of ${count(withoutShape, "parameter")}; rules that ask for shapes see one number there`]
      : []),
    ...(skipped.length > 0
      ? [`note: left out ${count(skipped.length, "tensor")} that hold no floating-point numbers, such as ${visibleLines(skipped[0]!)}`]
      : []),
  ];
}
