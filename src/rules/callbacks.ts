// The caller's own functions over parameters: `lrRatio` and `applyDecay`. Asked once for each parameter; what they return is checked.

import type { HyperValues } from "./hyper-values.js";
import type { ProblemCollector } from "./problems.js";
import { refusesNegative } from "./ranges.js";
import type { NamedParam, RuleSettings } from "./settings.js";

/** The ratio that the callback gives this parameter's learning rate; 1 without one. */
export function askLrRatio(param: NamedParam, { lrRatio, ranges }: RuleSettings, values: HyperValues, problems: ProblemCollector): number {
  if (!lrRatio) return 1;
  if (values.indexOf("lr") === -1) {
    problems.addOnce("callback", "`lrRatio` scales `lr`, which this optimizer does not have", { param: param.name }, "lr");
    return 1;
  }
  const ratio: unknown = lrRatio(param);
  if (typeof ratio === "number" && Number.isFinite(ratio)) {
    if (ratio < 0 && refusesNegative(ranges?.lr)) {
      const message = `\`lrRatio\` returned ${ratio} for \`${param.name}\`: a learning rate below 0 would climb`;
      problems.addOnce("callback", message, { param: param.name, help: "return 0 or more; `freeze` leaves a parameter alone" }, "negative");
    }
    return ratio;
  }
  problems.addOnce("callback", `\`lrRatio\` returned ${ratio === undefined ? "nothing" : String(ratio)} for \`${param.name}\``, {
    param: param.name,
    help: "return a finite number for every parameter; 1 changes nothing",
  });
  return 1;
}

/** Whether the decay filter lets this parameter decay; true without one. */
export function askApplyDecay(param: NamedParam, { applyDecay }: RuleSettings, values: HyperValues, problems: ProblemCollector): boolean {
  if (!applyDecay) return true;
  if (values.indexOf("weight_decay") === -1) {
    problems.addOnce("callback", "`applyDecay` filters `weight_decay`, which this optimizer does not have", { param: param.name }, "decay");
    return true;
  }
  const decays: unknown = applyDecay(param);
  if (typeof decays === "boolean") return decays;
  problems.addOnce(
    "callback",
    `\`applyDecay\` returned ${decays === undefined ? "nothing" : String(decays)} for \`${param.name}\``,
    {
      param: param.name,
      help: "return true or false for every parameter",
    },
    "decays",
  );
  return true;
}
