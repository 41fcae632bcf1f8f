// optspec explain: which rule gives which parameter what, for a model's list of parameters. Executes no config.

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { SourceText } from "../compiler/source.js";
import { createExplainTable } from "../rules/explain.js";
import { explainChain, renderChain } from "../rules/explain-chain.js";
import { renderExplainTable } from "../rules/explain-text.js";
import type { RuleProblem } from "../rules/problems.js";
import type { Resolution } from "../rules/resolution.js";
import { didYouMean } from "../runtime/errors.js";
import type { ParamList } from "../tools/param-list.js";
import { CliError, fileError } from "./cli-error.js";
import type { Context, Outcome } from "./context.js";
import { diffAgainst } from "./explain-diff.js";
import { compileSubject, resolveSubject } from "./explain-resolve.js";
import type { ExplainSubject } from "./explain-subject.js";
import type { SetupArguments } from "./optimizer-arguments.js";
import { loadParamList } from "./param-file.js";
import { visibleLines } from "./visible-lines.js";

export interface ExplainArguments extends SetupArguments {
  readonly spec: string;
  readonly optimizer: string | null;
  readonly params: string | null;
  /** One parameter: the chain of arms tried. */
  readonly name: string | null;
  /** A table that --json printed before: what changed since. */
  readonly diff: string | null;
  /** Whether optspec.lock takes the table. */
  readonly lock: boolean;
  /** Where the table goes as a page. */
  readonly html: string | null;
}

/** Runs `optspec explain`. */
export async function explain(context: Context, given: ExplainArguments): Promise<Outcome> {
  const whole = given.diff !== null ? "--diff compares" : given.lock ? "--lock keeps" : given.html !== null ? "--html shows" : null;
  if (whole !== null && (given.params === null || given.name !== null))
    throw new CliError(`${whole} whole tables`, "give the model's --params, and no name of one parameter");
  const { source, diagnostics, subject } = await compileSubject(context, given.spec, given.optimizer);
  if (subject === null) return { exitCode: 1, diagnostics, text: "", summary: "the spec has errors", json: {} };
  if (given.params === null) return listRules(subject, diagnostics);
  const list = loadParamList(context.cwd, given.params);
  const resolution = resolveSubject(context, subject, list, given);
  const notes = subject.assumed.length === 0 ? [] : [assumedNote(subject, given)];
  const shown = [...diagnostics, ...placed(resolution.problems, source)];
  const kept = await keep(context, subject, resolution, { ...given, params: given.params });
  const outcome = outcomeOf(context, resolution, given, shown, [...notes, ...remarks(list), ...kept]);
  if (given.diff === null) return outcome;
  const { text, diff } = diffAgainst(context.cwd, given.diff, createExplainTable(resolution));
  return { ...outcome, text, json: { diff } };
}

/** Writes the page and the lock that were asked for; says so. A table with errors is not locked. */
async function keep(
  context: Context,
  subject: ExplainSubject,
  resolution: Resolution,
  given: ExplainArguments & { readonly params: string },
): Promise<readonly string[]> {
  const said: string[] = [];
  if (given.html !== null) {
    const { renderExplainPage } = await import("../rules/explain-html.js");
    const page = renderExplainPage(createExplainTable(resolution), { name: subject.name, list: given.params });
    writePage(context.cwd, given.html, page);
    said.push(`the page is ${given.html}`);
  }
  if (given.lock) {
    const broken = resolution.problems.some(({ severity }) => severity === "error");
    const { lock } = await import("./locks.js");
    said.push(broken ? "nothing is locked: the table has errors" : lock(context, subject.name, resolution, given));
  }
  return said.map(visibleLines);
}

function writePage(cwd: string, file: string, text: string): void {
  try {
    writeFileSync(resolve(cwd, file), text);
  } catch (error) {
    throw fileError(`cannot write ${file}`, error);
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

function outcomeOf(
  context: Context,
  resolution: Resolution,
  given: ExplainArguments,
  diagnostics: readonly Diagnostic[],
  notes: readonly string[],
): Outcome {
  const failed = resolution.problems.some((problem) => problem.severity === "error");
  const summary = [...unplaced(resolution.problems), ...notes].join("\n");
  const frame = { exitCode: failed ? 1 : 0, diagnostics, summary } as const;
  const table = createExplainTable(resolution);
  if (given.name === null)
    return {
      ...frame,
      text: renderExplainTable(table, { ...(context.columns !== undefined && { width: context.columns }) }).trimEnd(),
      json: { ...table },
    };
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
