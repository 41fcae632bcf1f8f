// What `optspec explain` explains: an optimizer with its rules, or a ruleset alone.

import type { CompiledOptimizer, CompiledRuleset } from "../compiler/compile.js";
import type { HyperInfo } from "../contract/manifest.js";
import type { HyperSource } from "../runtime/hypers.js";

export interface ExplainSubject {
  readonly name: string;
  readonly manifest: HyperSource;
  /** Hypers of an optimizer that is not there: they count as 1 unless they are given. */
  readonly assumed: readonly string[];
}

export function optimizerSubject({ name, definition }: CompiledOptimizer): ExplainSubject {
  return { name, manifest: definition.manifest, assumed: [] };
}

export function rulesetSubject({ name, ruleset }: CompiledRuleset): ExplainSubject {
  const assumed = ruleset.requires.filter((required) => !ruleset.hypers.some((hyper) => hyper.name === required));
  const one = ruleset.formulas.length;
  const hypers = assumed.map(
    (required): HyperInfo => ({
      name: required,
      key: required,
      doc: null,
      type: "number",
      fixed: false,
      value: one,
      range: null,
      globalBecause: null,
    }),
  );
  const defaults = [...ruleset.formulas, { op: "literal", value: 1 } as const];
  return { name, manifest: { hypers: [...ruleset.hypers, ...hypers], defaults, rules: ruleset }, assumed };
}
