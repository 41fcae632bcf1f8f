// A ruleset as plain data: what its TypeScript module holds and what any optimizer takes.

import type { RulesetModule } from "../../contract/rules.js";
import type { RulesetSpec } from "../check/spec.js";
import { hyperInfo } from "./manifest.js";
import { createKeyNamer } from "./namer.js";

export function makeRulesetModule(spec: RulesetSpec): RulesetModule {
  const keyOf = createKeyNamer();
  const hypers = spec.hypers.map((hyper, i) => hyperInfo(spec, hyper, keyOf(hyper.name), spec.defaults[i]!));
  return { ...spec.rules, hypers, requires: spec.requires };
}
