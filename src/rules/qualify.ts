// A ruleset beside an optimizer: hypers that only the ruleset has are called `SwinLayerDecay.layer_decay` from here on, so that two
// rulesets may each have their own `layer_decay`. What the optimizer has too is the optimizer's.

import type { HyperInfo } from "../contract/manifest.js";
import type { RulesetModule } from "../contract/rules.js";

/** The ruleset with its own hypers renamed; `hypers` holds those alone. */
export function qualifyRuleset(ruleset: RulesetModule, optimizer: ReadonlySet<string>): RulesetModule {
  const own = ruleset.hypers.filter(({ name }) => !optimizer.has(name));
  const names = new Map(own.map(({ name }) => [name, `${ruleset.name}.${name}`]));
  const nameOf = (name: string) => names.get(name) ?? name;
  return {
    ...ruleset,
    hypers: own.map((hyper): HyperInfo => ({ ...hyper, name: nameOf(hyper.name), key: `${ruleset.name}.${hyper.key}` })),
    formulas: ruleset.formulas.map((value) => (value.op === "hyper" ? { ...value, hyper: nameOf(value.hyper) } : value)),
    bounds: ruleset.bounds.map((bound) => ({ ...bound, hyper: nameOf(bound.hyper) })),
    fixedByConditions: ruleset.fixedByConditions.map(nameOf),
  };
}
