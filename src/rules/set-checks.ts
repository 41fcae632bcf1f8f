// Checks of rule sets against each other and against the optimizer that takes them, before any parameter is looked at.

import type { RuleSet } from "../contract/rules.js";
import { nearest } from "../nearest-names.js";
import type { CompiledRules } from "./compiled-rules.js";
import type { ProblemCollector } from "./problems.js";
import type { RuleSettings } from "./settings.js";

/** Hypers that two blocks set, that do not exist, and ratios that would depend on themselves. */
export function checkSets(rules: CompiledRules, hypers: RuleSettings["hypers"], problems: ProblemCollector): void {
  for (const [first, second] of rules.clashes) {
    problems.add(
      "set-twice",
      `\`${first.block.hyper}\` is set by two blocks, in ${first.set.name} line ${first.block.line} and in ${second.set.name} line ${second.block.line}`,
      { help: "mark one of them `override`" },
    );
  }
  for (const set of rules.sets) checkHypers(set, hypers, problems);
  if (rules.cycle !== null) {
    const { set, title, block } = rules.cycle;
    problems.add("ratio-cycle", `the ratio of \`${block.hyper}\` depends on itself, in \`${title}\` of ${set.name} line ${block.line}`, {
      help: "let one of the rules read `.base` instead of `.ratio`",
    });
  }
}

function checkHypers(set: RuleSet, hypers: RuleSettings["hypers"], problems: ProblemCollector): void {
  const decided = set.blocks.flatMap(({ hyper }) => hyper ?? []);
  const read = set.formulas.flatMap((value) => (value.op === "hyper" ? value.hyper : []));
  for (const name of new Set([...decided, ...read])) {
    if (Object.hasOwn(hypers, name)) continue;
    const [near] = nearest(name, Object.keys(hypers));
    const message = `${set.name} ${decided.includes(name) ? "decides" : "reads"} \`${name}\`, which is no hyper of this optimizer`;
    problems.add("missing-hyper", message, { help: near === undefined ? "take another ruleset" : `did you mean \`${near}\`?` });
  }
}
