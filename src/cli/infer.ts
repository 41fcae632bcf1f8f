// optspec rules infer: a first ruleset for a list of parameters, with the table of what it decides.

import { writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { createExplainTable } from "../rules/explain.js";
import { renderExplainTable } from "../rules/explain-text.js";
import { inferRules } from "../rules/infer/infer-rules.js";
import { resolveRules } from "../rules/resolve.js";
import { CliError, fileError } from "./cli-error.js";
import type { Context, Outcome } from "./context.js";
import { rulesetSubject } from "./explain-subject.js";
import { loadParamList } from "./param-file.js";

export interface InferArguments {
  readonly params: string;
  /** Of the ruleset. */
  readonly name: string;
  /** Where the text goes; null: to stdout. */
  readonly out: string | null;
}

/** Runs `optspec rules infer`. */
export async function infer(context: Context, given: InferArguments): Promise<Outcome> {
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(given.name))
    throw new CliError(`--name ${given.name}: this is no name of a ruleset`, "use letters, digits and _, and begin with a letter");
  const { params } = loadParamList(context.cwd, given.params);
  const { text, families, embeddings } = inferRules(params, given.name, basename(given.params));
  const { compile } = await import("../compiler/compile.js");
  const { rulesets, diagnostics } = await compile({ path: given.out ?? `${given.name}.opt`, text }, { targets: [] });
  const [compiled] = rulesets;
  if (compiled === undefined) {
    const told = diagnostics.find(({ severity }) => severity === "error")?.message ?? "it has no ruleset";
    throw new CliError(`the proposed text does not compile: ${told}`, `--name ${given.name} may be a word of the language`);
  }
  const { manifest } = rulesetSubject(compiled);
  const hypers = Object.fromEntries(manifest.hypers.map(({ name }) => [name, name === "layer_decay" ? 0.9 : 1]));
  const table = createExplainTable(resolveRules([compiled.ruleset], params, { hypers }));
  const shown = renderExplainTable(table, { ...(context.columns !== undefined && { width: context.columns }) });
  const start = "a start to edit: it follows names alone, and nobody has said that layer-wise decay suits this model";
  const json = { text, families, embeddings, table: { ...table } };
  if (given.out === null) return { exitCode: 0, diagnostics: [], text: text.trimEnd(), summary: `${shown}${start}`, json };
  write(resolve(context.cwd, given.out), given.out, text);
  const next = `optspec explain ${given.out} --params ${given.params}`;
  return { exitCode: 0, diagnostics: [], text: shown.trimEnd(), summary: `${given.out} is ${start}; then: ${next}`, json };
}

function write(path: string, shown: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw new CliError(`${shown} is there already`, "name another file with --out, or move it away");
    throw fileError(`cannot write ${shown}`, error);
  }
}
