// What rules have to say about a list of parameters, as plain data. Errors must stop a caller; warnings and hints are for tables.

import type { OrderArm, RuleArm, RuleSet } from "../contract/rules.js";

export type RuleProblemCode =
  | "layer-index"
  | "matches-nothing"
  | "never-decides"
  | "tied-tensor"
  | "flat-parameter"
  | "duplicate-name"
  | "not-finite"
  | "out-of-range"
  | "rule-error"
  | "callback"
  | "unknown-name"
  | "set-twice"
  | "missing-hyper"
  | "ratio-cycle"
  | "negative-exponent"
  | "index-gap"
  | "uneven-coverage"
  | "wrapper-segments";

/** Where an arm stands in its spec; lines and columns count from 1. */
export interface ArmPlace {
  readonly ruleSet: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

export interface RuleProblem {
  readonly code: RuleProblemCode;
  readonly severity: "error" | "warning" | "hint";
  readonly message: string;
  readonly help: string | null;
  /** The first parameter concerned, under its original name. */
  readonly param: string | null;
  readonly arm: ArmPlace | null;
}

export interface ProblemReport {
  readonly severity?: RuleProblem["severity"];
  readonly help?: string;
  readonly param?: string;
  readonly arm?: ArmPlace;
}

/** Gathers problems; what many parameters share is told once, naming the first of them. */
export interface ProblemCollector {
  add(code: RuleProblemCode, message: string, report?: ProblemReport): void;
  /** Told once for each code and arm (and key). */
  addOnce(code: RuleProblemCode, message: string, report: ProblemReport & { readonly param: string }, key?: string): void;
  /** Everything so far, errors first. */
  list(): RuleProblem[];
}

const ranks = { error: 0, warning: 1, hint: 2 } as const;

export function createProblemCollector(): ProblemCollector {
  const entries = new Map<string, { problem: RuleProblem; count: number }>();
  const put = (key: string, code: RuleProblemCode, message: string, report: ProblemReport) => {
    const known = entries.get(key);
    if (known) known.count++;
    else {
      const { severity = "error", help = null, param = null, arm = null } = report;
      entries.set(key, { count: 1, problem: { code, severity, message, help, param, arm } });
    }
  };
  return {
    add: (code, message, report = {}) => put(`${entries.size}`, code, message, report),
    addOnce: (code, message, report, key = "") =>
      put(`${code} ${report.arm?.ruleSet} ${report.arm?.line}:${report.arm?.column} ${key}`, code, message, report),
    list() {
      const problems = [...entries.values()].map(({ problem, count }) =>
        count === 1 ? problem : { ...problem, message: problem.message + others(count - 1) },
      );
      return problems.sort((a, b) => ranks[a.severity] - ranks[b.severity]);
    },
  };
}

function others(count: number): string {
  return ` (and ${count} more ${count === 1 ? "parameter" : "parameters"} like it)`;
}

/** The place of an arm. */
export function placeOf(set: RuleSet, arm: RuleArm | OrderArm): ArmPlace {
  return { ruleSet: set.name, line: arm.line, column: arm.column, text: arm.text };
}
