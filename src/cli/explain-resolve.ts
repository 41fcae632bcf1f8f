// From a spec and a list of parameters to the resolved rules: what `explain` shows and what a lock holds.

import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { SourceText } from "../compiler/source.js";
import type { Resolution } from "../rules/resolution.js";
import { resolveRules } from "../rules/resolve.js";
import { OptimizerError } from "../runtime/errors.js";
import { createHypers } from "../runtime/hypers.js";
import type { ParamList } from "../tools/param-list.js";
import { CliError } from "./cli-error.js";
import type { Context } from "./context.js";
import { type ExplainSubject, optimizerSubject, rulesetSubject } from "./explain-subject.js";
import { chooseOptimizer, readSetup, type SetupArguments } from "./optimizer-arguments.js";
import { readSpec } from "./sources.js";
import { namedSpecs } from "./spec-files.js";

export interface CompiledSubject {
  readonly source: SourceText;
  readonly diagnostics: readonly Diagnostic[];
  /** Null where the spec has errors. */
  readonly subject: ExplainSubject | null;
}

/** Compiles a spec as far as its rules, and chooses what is meant in it. */
export async function compileSubject(context: Context, spec: string, wanted: string | null): Promise<CompiledSubject> {
  const source = readSpec(namedSpecs(context.cwd, context.cwd, [spec])[0]!);
  const { compile } = await import("../compiler/compile.js");
  const { optimizers, rulesets, diagnostics } = await compile(source, { targets: [] });
  const subjects = [...optimizers.map(optimizerSubject), ...rulesets.map(rulesetSubject)];
  return { source, diagnostics, subject: subjects.length === 0 ? null : chooseOptimizer(subjects, wanted, source.path) };
}

/** Resolves the subject's rules over a list of parameters. */
export function resolveSubject(context: Context, { manifest }: ExplainSubject, list: ParamList, given: SetupArguments): Resolution {
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
