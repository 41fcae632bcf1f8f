// Checks of resolved rules against the list of parameters: what only the real names can show.

import type { ParamInfo } from "../contract/rules.js";
import type { CompiledCase, CompiledRules, Decider } from "./compiled-rules.js";
import { holds, type Subject, subjectsOf } from "./decide.js";
import type { HyperValues } from "./hyper-values.js";
import { noCaptures } from "./match.js";
import { isFlatParameter, wrapperSegments } from "./names.js";
import { suggest } from "./nearest.js";
import { type ProblemCollector, placeOf } from "./problems.js";
import type { ResolvedParam } from "./resolution.js";
import { type RuleSettings, staticNameOf } from "./settings.js";

/** Suggestions compare with no more names. */
const MOST_EXAMPLES = 2_000;

/** Names that occur twice, that were flattened, that wrappers changed, and entries of the name map that name nothing. */
export function checkNames(list: readonly ParamInfo[], names: RuleSettings["names"], problems: ProblemCollector): void {
  const seen = new Set<string>();
  const take = (name: string): void => {
    if (seen.has(name)) {
      const help = "list a tensor once; a tied tensor's other names are its `aliases`";
      problems.add("duplicate-name", `\`${name}\` stands in the list twice`, { param: name, help });
    }
    seen.add(name);
  };
  for (const param of list) {
    take(param.name);
    param.aliases?.forEach(take);
    if (isFlatParameter(param.name)) {
      problems.add("flat-parameter", `\`${param.name}\` is a flat parameter: the names and shapes it is made of are gone`, {
        param: param.name,
        help: "wrap the model with `use_orig_params=True`, or resolve the rules before it is wrapped",
      });
    }
    const wrappers = wrapperSegments(staticNameOf(param.name, names));
    if (wrappers.length > 0) {
      problems.addOnce(
        "wrapper-segments",
        `rules do not see the segments ${wrappers.map((wrapper) => `\`${wrapper}\``).join(", ")} of \`${param.name}\``,
        { severity: "hint", param: param.name },
      );
    }
  }
  for (const name of Object.keys(names ?? {})) {
    if (!seen.has(name))
      problems.add("unknown-name", `\`names\` maps \`${name}\`, but no parameter is called so`, { severity: "warning", param: name });
  }
}

/** Arms that decided no parameter: because they match none, or because earlier arms took all that they match. */
export function checkArms(
  rules: CompiledRules,
  params: readonly ResolvedParam[],
  values: HyperValues,
  { waived, ownOnly }: { readonly waived: boolean; readonly ownOnly: boolean },
  problems: ProblemCollector,
): void {
  const idle = [
    ...rules.orders.flatMap((order) => idleArms(order, new Set(params.map((param) => param.orders[order.number]?.decision.arm)))),
    ...rules.blocks.flatMap((block) => idleArms(block, new Set(params.map((param) => param.decisions[block.number]?.arm)))),
  ].filter(({ arm: { arm } }) => !ownOnly || !("use" in arm) || (arm.use?.optimizer ?? null) === null);
  if (idle.length === 0) return;
  const subjects = params.flatMap(subjectsOf);
  const examples = oneOfEachFamily(subjects);
  for (const { decider, arm } of idle) {
    const matched = subjects.find((subject) => holds(arm.condition!, decider, subject, values, noCaptures));
    reportIdleArm(decider, arm, matched, examples, waived, problems);
  }
}

/** Arms that decide nothing and must. */
function idleArms(
  decider: Decider,
  deciding: ReadonlySet<number | undefined>,
): { readonly decider: Decider; readonly arm: CompiledCase }[] {
  return decider.arms
    .filter((arm, i) => !deciding.has(i) && arm.condition !== null && arm.arm.optional !== true)
    .map((arm) => ({ decider, arm }));
}

function reportIdleArm(
  block: Decider,
  compiled: CompiledCase,
  matched: Subject | undefined,
  examples: readonly Subject[],
  waived: boolean,
  problems: ProblemCollector,
): void {
  const { arm, condition } = compiled;
  const place = placeOf(block.set, arm);
  if (matched) {
    const message = `line ${arm.line} of \`${block.title}\` decides nothing: earlier arms take every parameter that it matches, such as \`${matched.name}\``;
    problems.add("never-decides", message, { severity: "hint", arm: place });
    return;
  }
  problems.add("matches-nothing", `line ${arm.line} of \`${block.title}\` matches no parameter: ${arm.text}`, {
    severity: waived ? "warning" : "error",
    arm: place,
    help: suggest(condition!, examples) ?? "write `optional` before the arm if models without such parameters are meant too",
  });
}

/** Suggestions look at one name of those that differ in digits only. */
function oneOfEachFamily(subjects: readonly Subject[]): Subject[] {
  const families = new Map<string, Subject>();
  for (const subject of subjects) {
    const family = subject.name.replace(/[0-9]+/g, "0");
    if (!families.has(family)) families.set(family, subject);
  }
  return [...families.values()].slice(0, MOST_EXAMPLES);
}

/** Captured indices that reach the `int` hyper they are subtracted from: a 24-layer model with `n_layers = 12`. */
export function checkIndices(
  rules: CompiledRules,
  params: readonly ResolvedParam[],
  hypers: RuleSettings["hypers"],
  allowed: boolean,
  problems: ProblemCollector,
): void {
  for (const set of rules.sets) {
    for (const bound of set.bounds) {
      const block = rules.blocks.find((candidate) => candidate.set === set && candidate.inSet === bound.block)!;
      const limit = Number(hypers[bound.hyper]);
      const beyond = params.flatMap((param) => {
        const decision = param.decisions[block.number];
        const index = decision?.arm === bound.arm ? Number(decision.captures.get(bound.capture)) : -1;
        return index >= limit && !param.frozen ? { name: param.name, index } : [];
      });
      const first = beyond[0];
      if (!first) continue;
      const greatest = beyond.reduce((most, { index }) => Math.max(most, index), 0);
      const more = beyond.length === 1 ? "" : ` (and ${beyond.length - 1} more, up to index ${greatest})`;
      problems.add(
        "layer-index",
        `\`${first.name}\` has ${bound.capture} ${first.index}, which is not below ${bound.hyper} = ${limit}${more}`,
        {
          severity: allowed ? "warning" : "error",
          param: first.name,
          arm: placeOf(set, block.arms[bound.arm]!.arm),
          help: `set ${bound.hyper} to ${greatest + 1}; to reproduce a run that had this mistake, allow "layer-index"`,
        },
      );
    }
  }
}
