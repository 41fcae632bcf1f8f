// Decides for every parameter which arm of every block is its own. Pure: a list in, a Resolution with its problems out.
// An error says that training would go wrong (an index beyond the layers, a ratio that is no number, a tied tensor decided twice).
// That an arm matches nothing is an error only when `strict`: a tool checks a whole model, a program may train a part of one.

import type { ParamInfo, RuleSet } from "../contract/rules.js";
import { RuleError } from "../formula/evaluate.js";
import { askApplyDecay, askLrRatio } from "./callbacks.js";
import { type CompiledBlock, type CompiledRules, compileRules } from "./compiled-rules.js";
import { decide, type Subject } from "./decide.js";
import { armOf, type Decision, type HyperValues, type RuledMember, valuesAtRegistration } from "./hyper-values.js";
import { checkArms, checkIndices, checkNames } from "./list-checks.js";
import { nameSegments } from "./names.js";
import { blockTitle, createProblemCollector, type ProblemCollector, placeOf } from "./problems.js";
import { isInRange, rangeText } from "./ranges.js";
import type { Resolution, ResolvedParam } from "./resolution.js";
import { type NamedParam, type RuleSettings, staticNameOf } from "./settings.js";

/** Resolves rule sets over a list of parameters. */
export function resolveRules(sets: readonly RuleSet[], list: readonly ParamInfo[], settings: RuleSettings): Resolution {
  const rules = compileRules(sets);
  const problems = createProblemCollector();
  for (const [first, second] of rules.clashes) {
    problems.add(
      "set-twice",
      `\`${first.block.hyper}\` is set by two blocks, in ${first.set.name} line ${first.block.line} and in ${second.set.name} line ${second.block.line}`,
      { help: "mark one of them `override`" },
    );
  }
  checkNames(list, settings.names, problems);
  const values = valuesAtRegistration(rules, list, settings.hypers);
  const params = list.map((param, index) => resolveParam(rules, param, index, settings, values, problems));
  if (params.length > 0) checkArms(rules, params, values, settings.strict ?? false, problems);
  checkIndices(rules, params, settings.hypers, settings.allow?.includes("layer-index") ?? false, problems);
  return { rules, params, hypers: settings.hypers, problems: problems.list() };
}

function resolveParam(
  rules: CompiledRules,
  param: ParamInfo,
  index: number,
  settings: RuleSettings,
  values: HyperValues,
  problems: ProblemCollector,
): ResolvedParam {
  const staticName = staticNameOf(param.name, settings.names);
  const named: NamedParam = { name: param.name, staticName, shape: param.shape };
  const decisions: (Decision | undefined)[] = rules.blocks.map(() => undefined);
  const member: RuledMember = {
    shape: param.shape,
    index,
    decisions,
    lrRatio: askLrRatio(named, settings, values, problems),
    decays: askApplyDecay(named, settings, values, problems),
  };
  const aliases = (param.aliases ?? []).map((alias) => staticNameOf(alias, settings.names));
  const subjects = [staticName, ...aliases].map((name): Subject => ({ name, segments: nameSegments(name), dtype: param.dtype, member }));
  for (const block of rules.order) {
    try {
      if (block.ratios.size > 0) values.compute(member);
      decisions[block.number] = decideTied(block, subjects, values, param.name, problems);
    } catch (error) {
      reportRuleError(error, param.name, problems);
    }
  }
  const frozen = checkValues(rules, member, param.name, settings, values, problems);
  return { ...member, name: param.name, staticName, aliases, dtype: param.dtype, frozen };
}

/** The first arm that matches any of a tensor's names; two names with different arms of their own (other than `else`) are a problem. */
function decideTied(
  block: CompiledBlock,
  subjects: readonly Subject[],
  values: HyperValues,
  param: string,
  problems: ProblemCollector,
): Decision | undefined {
  let winner: Decision | null = null;
  let named: Subject | null = null;
  for (const subject of subjects) {
    const decision = decide(block, subject, values);
    if (!decision) continue;
    const own = armOf(block, decision).condition !== null;
    if (own && winner && named && !sameChoice(block, winner, decision))
      reportTied(block, [named, winner], [subject, decision], param, problems);
    if (!winner || decision.arm < winner.arm) {
      winner = decision;
      named = own ? subject : null;
    }
  }
  return winner ?? undefined;
}

function sameChoice(block: CompiledBlock, a: Decision, b: Decision): boolean {
  return a.arm === b.arm && armOf(block, a).captures.every((name) => a.captures.get(name) === b.captures.get(name));
}

function reportTied(
  block: CompiledBlock,
  a: readonly [Subject, Decision],
  b: readonly [Subject, Decision],
  param: string,
  problems: ProblemCollector,
): void {
  const told = ([subject, decision]: readonly [Subject, Decision]) => {
    const { arm } = armOf(block, decision);
    return `\`${subject.name}\` by line ${arm.line}, ${arm.text}`;
  };
  problems.add("tied-tensor", `one tensor is decided twice in \`${blockTitle(block)}\`: ${told(a)}; ${told(b)}`, {
    param,
    arm: placeOf(block.set, armOf(block, b[1]).arm),
    help: "write an arm above both that names the tensor",
  });
}

/** Evaluates what was decided, once, with the caller's numbers; returns whether the parameter is frozen. */
function checkValues(
  rules: CompiledRules,
  member: RuledMember,
  name: string,
  settings: RuleSettings,
  values: HyperValues,
  problems: ProblemCollector,
): boolean {
  const decided = rules.order.flatMap((block) => {
    const decision = member.decisions[block.number];
    return decision && block.block.verb !== "use" ? [{ block, decision, arm: armOf(block, decision).arm }] : [];
  });
  const numberOf = ({ block, decision, arm }: (typeof decided)[number]) => values.evaluate(block, arm.value, member, decision.captures);
  try {
    if (decided.some((entry) => entry.block.block.verb === "freeze" && numberOf(entry) !== 0)) return true;
    values.compute(member);
    for (const entry of decided) {
      if (entry.block.block.verb === "freeze") continue;
      checkNumber(entry.block, numberOf(entry), { param: name, arm: placeOf(entry.block.set, entry.arm) }, settings, problems);
    }
  } catch (error) {
    reportRuleError(error, name, problems);
  }
  return false;
}

function checkNumber(
  block: CompiledBlock,
  value: number,
  at: { param: string; arm: ReturnType<typeof placeOf> },
  settings: RuleSettings,
  problems: ProblemCollector,
): void {
  const hyper = block.block.hyper!;
  if (!Number.isFinite(value)) {
    const what = block.block.verb === "scale" ? `the ratio of \`${hyper}\`` : `\`${hyper}\``;
    problems.addOnce("not-finite", `${what} is ${value} for \`${at.param}\`, by line ${at.arm.line}: ${at.arm.text}`, at);
  } else if (block.block.verb === "set") {
    const range = settings.ranges?.[hyper];
    if (range && !isInRange(value, range)) {
      problems.addOnce(
        "out-of-range",
        `\`${hyper}\` is ${value} for \`${at.param}\`, outside ${rangeText(range)}, by line ${at.arm.line}: ${at.arm.text}`,
        at,
      );
    }
  }
}

function reportRuleError(error: unknown, param: string, problems: ProblemCollector): void {
  if (!(error instanceof RuleError)) throw error;
  problems.addOnce("rule-error", `\`${param}\`: ${error.message}`, { param }, error.message);
}
