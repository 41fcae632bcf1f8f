// The setting `rules`: what the functions of generated rulesets return, one or a list, checked against the optimizer that takes them.

import type { Manifest } from "../contract/manifest.js";
import type { RuleBlock, RulesetModule } from "../contract/rules.js";
import { qualifyRuleset } from "../rules/qualify.js";
import { didYouMean, OptimizerError, quote, show } from "./errors.js";

export interface TakenRules {
  readonly rules: readonly RulesetModule[];
  /** What was given for their hypers, by settings key. */
  readonly hypers: ReadonlyMap<string, unknown>;
}

/** Reads the setting; the hypers of each ruleset are named apart. */
export function readRules(value: unknown, manifest: Manifest): TakenRules {
  const list: readonly unknown[] = value === undefined ? [] : Array.isArray(value) ? value : [value];
  const hypers = new Map<string, unknown>();
  const names = new Set(manifest.rulesets?.map(({ name }) => name));
  const rules = list.map((entry) => {
    if (!isRules(entry)) {
      throw new OptimizerError(
        "invalid-setting",
        `rules must be what the function of a generated ruleset returns, or a list of such, not ${show(entry)}`,
      );
    }
    const { ruleSet, hypers: given } = entry;
    if (names.has(ruleSet.name)) throw new OptimizerError("invalid-setting", `the ruleset ${quote(ruleSet.name)} is taken twice`);
    names.add(ruleSet.name);
    for (const { verb, hyper } of ruleSet.blocks) if (hyper !== null) checkTarget(ruleSet.name, verb, hyper, manifest);
    for (const [key, taken] of readHypers(ruleSet, given, manifest)) hypers.set(key, taken);
    return qualifyRuleset(ruleSet, new Set(manifest.hypers.map(({ name }) => name)));
  });
  return { rules, hypers };
}

function isRules(entry: unknown): entry is { readonly ruleSet: RulesetModule; readonly hypers: object } {
  const isObject = (thing: unknown) => typeof thing === "object" && thing !== null;
  if (!isObject(entry)) return false;
  const { ruleSet, hypers } = entry as { readonly ruleSet?: Partial<RulesetModule>; readonly hypers?: unknown };
  return isObject(ruleSet) && Array.isArray(ruleSet?.hypers) && Array.isArray(ruleSet.blocks) && isObject(hypers);
}

/** What the compiler refuses for rules in the text: a hyper that is one number for all parameters. */
function checkTarget(ruleset: string, verb: RuleBlock["verb"], name: string, { hypers, optimizer }: Manifest): void {
  const info = hypers.find((hyper) => hyper.name === name);
  if (info === undefined) return; // told with the problems of the rules
  const fail = (why: string): never => {
    throw new OptimizerError("rules", `${ruleset} cannot ${verb} ${name} of ${optimizer.name}: ${why}`);
  };
  if (info.fixed) fail("it is fixed, one number for all parameters");
  if (info.globalBecause !== null) fail(`it flows into a number of the whole model, at ${info.globalBecause}`);
  if (info.type === "bool" && verb === "scale") fail("it is true or false");
}

function readHypers(ruleSet: RulesetModule, given: object, manifest: Manifest): [string, unknown][] {
  const keys = ruleSet.hypers.map(({ key }) => key);
  return Object.entries(given).flatMap(([key, value]): [string, unknown][] => {
    const info = ruleSet.hypers.find((hyper) => hyper.key === key);
    if (info === undefined) {
      const known = keys.length === 0 ? "it has none" : `hypers: ${keys.join(", ")}`;
      throw new OptimizerError("unknown-setting", `${ruleSet.name} has no hyper ${quote(key)}${didYouMean(key, keys)}; ${known}`);
    }
    if (value === undefined) return [];
    const shared = manifest.hypers.find(({ name }) => name === info.name);
    if (shared !== undefined) {
      throw new OptimizerError(
        "invalid-setting",
        `${key} is a hyper of ${manifest.optimizer.name} itself: give it there, not to ${ruleSet.name}`,
      );
    }
    return [[`${ruleSet.name}.${key}`, value]];
  });
}
