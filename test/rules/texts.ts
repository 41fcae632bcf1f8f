// Rulesets from the project's own texts, and the lists of real models to resolve them on.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect } from "vitest";
import { rulesetSubject } from "../../src/cli/explain-subject.js";
import { compile } from "../../src/compiler/compile.js";
import type { ParamInfo } from "../../src/contract/rules.js";
import { createExplainTable, type ExplainedParam } from "../../src/rules/explain.js";
import { valuesAtRegistration } from "../../src/rules/hyper-values.js";
import type { RuleProblem } from "../../src/rules/problems.js";
import { resolveRules } from "../../src/rules/resolve.js";
import { createHypers } from "../../src/runtime/hypers.js";

export const root = join(import.meta.dirname, "../..");
export const fixture = (name: string) => JSON.parse(gunzipSync(readFileSync(join(root, "test/fixtures/rules", name))).toString());

export type Numbers = Readonly<Record<string, number>>;

export interface Resolved {
  readonly params: readonly ExplainedParam[];
  /** By parameter: a hyper's value after every rule. */
  readonly value: (index: number, hyper: string) => number;
  readonly problems: readonly RuleProblem[];
}

/** The one ruleset of a text; no diagnostic but hints may come. */
export async function compileRuleset(path: string, text = readFileSync(join(root, path), "utf8")) {
  const { diagnostics, rulesets } = await compile({ path, text }, { targets: [] });
  expect(diagnostics.filter(({ severity }) => severity !== "hint").map(({ message }) => message)).toEqual([]);
  expect(rulesets).toHaveLength(1);
  return rulesets[0]!;
}

/** Resolves a ruleset alone on a whole model; what is not given has the text's default, or 1. */
export async function resolveText(path: string, params: readonly ParamInfo[], given: Numbers = {}, text?: string): Promise<Resolved> {
  const compiled = await compileRuleset(path, text);
  const { manifest } = rulesetSubject(compiled);
  const known = manifest.hypers.filter(({ name }) => Object.hasOwn(given, name));
  const settings = createHypers(manifest, new Map(known.map(({ name, key }) => [key, given[name]])));
  const hypers = { ...given, ...Object.fromEntries(manifest.hypers.map(({ name }) => [name, settings.value(name)])) };
  const ranges = Object.fromEntries(manifest.hypers.map(({ name, range }) => [name, range]));
  const resolution = resolveRules([compiled.ruleset], params, { hypers, ranges });
  const values = valuesAtRegistration(resolution.rules, resolution.params, hypers);
  return {
    params: createExplainTable(resolution).params,
    value(index, hyper) {
      values.compute(resolution.params[index]!);
      return values.value[values.indexOf(hyper)]!;
    },
    problems: resolution.problems,
  };
}
