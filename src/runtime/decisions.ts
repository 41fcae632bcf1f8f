// What rules and callbacks decided for each parameter at creation, and the values of its hypers at each step.

import type { Manifest } from "../contract/manifest.js";
import { RuleError } from "../formula/evaluate.js";
import { classKey } from "../rules/class-key.js";
import { useOf } from "../rules/explain.js";
import { createHyperValues, type HyperValues } from "../rules/hyper-values.js";
import type { RuleProblem } from "../rules/problems.js";
import type { Resolution, ResolvedParam } from "../rules/resolution.js";
import { resolveRules } from "../rules/resolve.js";
import { OptimizerError, quote } from "./errors.js";
import { groupOfParams } from "./groups.js";
import type { Hypers } from "./hypers.js";
import type { Settings } from "./settings.js";

export interface Decisions {
  readonly resolution: Resolution;
  /** Of the last `compute`. */
  readonly values: HyperValues;
  /** Equal for parameters whose hypers, and whose facts as this build's formulas read them, are equal at every step. */
  key(param: number): string;
  /** Takes the hypers of a step; `step` counts this one too. */
  begin(step: number): void;
  /** Computes a parameter's hypers into `values`; `t` counts this step too. Throws where one is not finite. */
  compute(param: number, t: number): void;
}

/** Decides everything. Throws what would make training go wrong. */
export function createDecisions(manifest: Manifest, settings: Settings, hypers: Hypers): Decisions {
  const { params, build, names, lrRatio, applyDecay, allow, rules, groups } = settings;
  const list = params.map(({ name, aliases, shape }) => ({ name, aliases, shape, dtype: "F32" }));
  const given = hypers.given();
  const resolution = resolveRules([manifest.rules, ...(manifest.rulesets ?? []), ...rules], list, {
    hypers: given.hypers,
    groups: groups.length === 0 ? undefined : { of: groupOfParams(groups, params), hypers: given.groups },
    ranges: Object.fromEntries(manifest.hypers.map(({ name, range }) => [name, range])),
    names,
    allow,
    lrRatio,
    applyDecay,
    ownOnly: true,
  });
  refuse(resolution.problems);
  refuseOtherOptimizers(resolution, manifest.optimizer.name);
  const values = createHyperValues(resolution.rules, hypers.names, hypers.columns);
  values.given.modelNumel = params.reduce((sum, { numel }) => sum + numel, 0);
  const needClip = values.indexOf("need_clip");

  return {
    resolution,
    values,
    key: (param) => `${classKey(resolution.rules, resolution.params[param]!, build.facts)}${params[param]!.needClip ? "" : " unclipped"}`,
    begin(step) {
      values.given.step = step;
    },
    compute(param, t) {
      values.given.t = t;
      const member = resolution.params[param]!;
      if (computeValues(values, member) !== -1) refuseBroken(values, member.name);
      if (!params[param]!.needClip && needClip !== -1) values.value[needClip] = 0;
    },
  };
}

/** `rules use` is decided and shown; two optimizers do not run side by side yet. */
function refuseOtherOptimizers({ rules, params }: Resolution, own: string): void {
  const sent = params.flatMap((param) => {
    const use = useOf(rules.blocks, param);
    return use === null || param.frozen ? [] : [{ name: param.name, use }];
  });
  const [first] = sent;
  if (first === undefined) return;
  const more = sent.length === 1 ? "" : ` and ${sent.length - 1} more`;
  throw new OptimizerError(
    "rules",
    `\`rules use\` gives ${quote(first.name)}${more} to ${first.use}, which does not run beside ${own} yet: leave these out of params and give them to an ${first.use} of their own`,
  );
}

function computeValues(values: HyperValues, member: ResolvedParam): number {
  try {
    return values.compute(member);
  } catch (cause) {
    if (cause instanceof RuleError) throw new OptimizerError("rules", `parameter ${quote(member.name)}: ${cause.message}`, { cause });
    throw cause;
  }
}

/** An infinite hyper is its caller's wish, where its interval has infinity; an infinite ratio or product is nobody's. */
function refuseBroken({ names, given, peak, base, ratio, value }: HyperValues, param: string): void {
  for (const [i, name] of names.entries()) {
    if (Number.isFinite(ratio[i]) && (Number.isFinite(value[i]) || !Number.isFinite(peak[i]))) continue;
    const product = `${base[i]} times the ratio ${ratio[i]}, at step ${Math.max(0, given.step - 1)}`;
    const message = `${name} of parameter ${quote(param)} is ${value[i]} (${product}): change the hypers or the rule that it is computed from`;
    throw new OptimizerError("invalid-ratio", message);
  }
}

/** Throws all errors among the problems as one. */
function refuse(problems: readonly RuleProblem[]): void {
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return;
  const lines = errors.map(({ message, help }) => (help === null ? message : `${message}; ${help}`));
  const ratio = errors.every(({ code }) => code === "callback" || code === "not-finite");
  throw new OptimizerError(ratio ? "invalid-ratio" : "rules", lines.join("\n"));
}
