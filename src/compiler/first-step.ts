// Tried on every build before anything is printed: a gradient of zeros at the first step, in f32, must leave finite numbers.

import type { Manifest } from "../contract/manifest.js";
import { createEvaluator, emptyEnvironment } from "../formula/evaluate.js";
import type { Reporter } from "./diagnostics/report.js";
import type { EmitRequest } from "./emit/files.js";
import { selfTest } from "./ir/self-test.js";

/** Reports each state, or `param`, that is not finite afterwards, once for all builds. */
export function reportFirstStep({ spec, manifest, builds }: EmitRequest, reporter: Reporter): void {
  const hypers = defaultHypers(manifest);
  const failed = new Set(builds.map(({ plan }) => selfTest(plan.ir, hypers)).filter((cell) => cell !== null));
  for (const cell of failed) {
    const state = spec.states.find(({ name }) => name === cell);
    reporter.report("first-step-not-finite", { optimizer: spec.name, cell }, state?.span ?? spec.span);
  }
}

/** Default values; what depends on a parameter is taken of a 4 by 4 matrix. */
function defaultHypers({ hypers, defaults }: Manifest): Readonly<Record<string, number>> {
  const matrix = { t: 1, step: 1, rank: 2, numel: 16, rows: 4, cols: 4, modelNumel: 16, index: 0 };
  const evaluator = createEvaluator(defaults);
  const defaultOf = (name: string): number => {
    const { value } = hypers.find((hyper) => hyper.name === name)!;
    return evaluator.value(value);
  };
  evaluator.begin({ ...emptyEnvironment, hyper: defaultOf, fact: (fact) => matrix[fact], shape: () => 4 });
  return Object.fromEntries(hypers.map(({ name }) => [name, defaultOf(name)]));
}
