// Decides for every parameter which arm of every block is its own. Pure: a list in, a Resolution with its problems out.
// An error says that training would go wrong (an index beyond the layers, a ratio that is no number, a tied tensor decided twice).
// A waived check is told as a warning.

import type { ParamInfo, RuleSet } from "../contract/rules.js";
import { RuleError } from "../formula/evaluate.js";
import { askApplyDecay, askLrRatio } from "./callbacks.js";
import { type CompiledBlock, type CompiledRules, compileRules, type Decider } from "./compiled-rules.js";
import { checkCoverage } from "./coverage.js";
import { decide, type Subject, subjectsOf } from "./decide.js";
import { checkExponents } from "./exponents.js";
import { armOf, type Decision, type HyperValues, type OrderRank, type RuledMember, valuesAtRegistration } from "./hyper-values.js";
import { checkArms, checkIndices, checkNames } from "./list-checks.js";
import { rankParams } from "./orders.js";
import { createProblemCollector, type ProblemCollector, placeOf } from "./problems.js";
import { isInRange, rangeText, refusesNegative } from "./ranges.js";
import type { Resolution, ResolvedParam } from "./resolution.js";
import { checkSets } from "./set-checks.js";
import { type NamedParam, type RuleSettings, staticNameOf, type Waiver } from "./settings.js";

/** Resolves rule sets over a list of parameters. */
export function resolveRules(sets: readonly RuleSet[], list: readonly ParamInfo[], settings: RuleSettings): Resolution {
  const rules = compileRules(sets);
  const problems = createProblemCollector();
  checkSets(rules, settings.hypers, problems);
  checkNames(list, settings.names, problems);
  const values = valuesAtRegistration(rules, list, settings.hypers, settings.groups?.hypers);
  const params = list.map((param, index) => openParam(rules, param, index, settings, values, problems));
  if (problems.list().some(({ code }) => code === "missing-hyper" || code === "ratio-cycle")) return resolutionOf([]);
  const broken = rankAll(rules, params, values, problems);
  for (const param of params) if (!broken.has(param)) resolveParam(rules, param, settings, values, problems);
  const allows = (waiver: Waiver) => settings.allow?.includes(waiver) ?? false;
  if (params.length > 0)
    checkArms(rules, params, values, { waived: allows("matches-nothing"), ownOnly: settings.ownOnly ?? false }, problems);
  checkIndices(rules, params, settings.hypers, allows("layer-index"), problems);
  checkCoverage(rules, params, problems);
  return resolutionOf(params);

  function resolutionOf(of: readonly ResolvedParam[]): Resolution {
    return { rules, params: of, hypers: settings.hypers, groups: settings.groups?.hypers, problems: problems.list() };
  }
}

/** A parameter while it is being decided. */
interface OpenParam extends ResolvedParam {
  readonly orders: OrderRank[];
  readonly decisions: (Decision | undefined)[];
  frozen: boolean;
}

function openParam(
  rules: CompiledRules,
  { name, aliases, shape, dtype }: ParamInfo,
  index: number,
  settings: RuleSettings,
  values: HyperValues,
  problems: ProblemCollector,
): OpenParam {
  const staticName = staticNameOf(name, settings.names);
  const named: NamedParam = { name, staticName, shape };
  return {
    name,
    staticName,
    aliases: aliases === undefined ? [] : aliases.map((alias) => staticNameOf(alias, settings.names)),
    shape,
    dtype,
    index,
    group: settings.groups?.of[index] ?? 0,
    frozen: false,
    lrRatio: askLrRatio(named, settings, values, problems),
    decays: askApplyDecay(named, settings, values, problems),
    orders: [],
    decisions: rules.blocks.map(() => undefined),
  };
}

/** Ranks all parameters in all orders; returns those that have no rank somewhere. */
function rankAll(rules: CompiledRules, params: readonly OpenParam[], values: HyperValues, problems: ProblemCollector): Set<OpenParam> {
  const broken = new Set<OpenParam>();
  rankParams(
    rules,
    params,
    values,
    (order, param) => decideTied(order, subjectsOf(param), values, param.name, problems),
    (param, error) => {
      broken.add(param);
      reportRuleError(error, param.name, problems);
    },
  );
  return broken;
}

function resolveParam(
  rules: CompiledRules,
  param: OpenParam,
  settings: RuleSettings,
  values: HyperValues,
  problems: ProblemCollector,
): void {
  const subjects = subjectsOf(param);
  for (const block of rules.order) {
    try {
      if (block.ratios.size > 0) values.compute(param);
      param.decisions[block.number] = decideTied(block, subjects, values, param.name, problems);
    } catch (error) {
      reportRuleError(error, param.name, problems);
    }
  }
  param.frozen = checkValues(rules, param, param.name, settings, values, problems);
}

/** The first arm that matches any of a tensor's names; two names with different arms of their own (other than `else`) are a problem. */
function decideTied(
  block: Decider,
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
    const own = block.arms[decision.arm]!.condition !== null;
    if (own && winner && named && !sameChoice(block, winner, decision))
      reportTied(block, [named, winner], [subject, decision], param, problems);
    if (!winner || decision.arm < winner.arm) {
      winner = decision;
      named = own ? subject : null;
    }
  }
  return winner ?? undefined;
}

/** The same arm with the same captures, as far as its right side reads them. */
function sameChoice(decider: Decider, a: Decision, b: Decision): boolean {
  if (a.arm !== b.arm) return false;
  return decider.arms[a.arm]!.captures.every((name) => a.captures.get(name) === b.captures.get(name));
}

function reportTied(
  decider: Decider,
  a: readonly [Subject, Decision],
  b: readonly [Subject, Decision],
  param: string,
  problems: ProblemCollector,
): void {
  const told = ([subject, decision]: readonly [Subject, Decision]) => {
    const { arm } = decider.arms[decision.arm]!;
    return `\`${subject.name}\` by line ${arm.line}, ${arm.text}`;
  };
  problems.add("tied-tensor", `one tensor is decided twice in \`${decider.title}\`: ${told(a)}; ${told(b)}`, {
    param,
    arm: placeOf(decider.set, decider.arms[b[1].arm]!.arm),
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
  const numberOf = (block: CompiledBlock, decision: Decision) =>
    values.evaluate(block, armOf(block, decision).arm.value, member, decision.captures);
  try {
    for (const block of rules.order) {
      const decision = member.decisions[block.number];
      if (decision && block.block.verb === "freeze" && numberOf(block, decision) !== 0) return true;
    }
    values.compute(member);
    for (const block of rules.order) {
      const decision = member.decisions[block.number];
      if (!decision || block.block.verb === "freeze" || block.block.verb === "use") continue;
      const at = { param: name, arm: placeOf(block.set, armOf(block, decision).arm) };
      checkNumber(block, numberOf(block, decision), at, settings, problems);
      checkExponents(block, decision, member, values, at, problems);
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
  } else if (block.block.verb === "scale") {
    if (value >= 0 || !refusesNegative(settings.ranges?.[hyper])) return;
    const message = `the ratio of \`${hyper}\` is ${value} for \`${at.param}\`, which takes it out of its range, by line ${at.arm.line}: ${at.arm.text}`;
    problems.addOnce("out-of-range", message, at);
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
