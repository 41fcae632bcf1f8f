// Values of the hypers: what the caller gave (numbers, booleans, functions of the step) or the spec's defaults, checked against their
// type and interval whenever they can change. A change is checked whole before any of it is taken.

import type { HyperInfo, Manifest, RangeInfo } from "../contract/manifest.js";
import type { RulesetModule } from "../contract/rules.js";
import { createEvaluator, emptyEnvironment } from "../formula/evaluate.js";
import { fixedHypers } from "../rules/fixed-hypers.js";
import { isInRange, rangeText } from "../rules/ranges.js";
import { didYouMean, OptimizerError, quote, show } from "./errors.js";

/** The parts of a manifest that hypers come from. */
export type HyperSource = Pick<Manifest, "hypers" | "defaults" | "rules" | "rulesets">;

/** As given: a boolean is 0 or 1 here. */
type Given = number | ((step: number) => unknown);

export interface Hypers {
  /** Current number of a hyper by its name in the spec. */
  value(name: string): number;
  /** Current values by settings key; booleans as such. */
  record(): Record<string, number | boolean>;
  /** Current numbers by name in the spec. */
  byName(): Record<string, number>;
  /** Checks a whole change and returns what takes it. Throws, having changed nothing. */
  prepare(changes: Readonly<Record<string, unknown>>): () => void;
  /** Asks the functions of the step. Throws where an answer is out of range; values then are those of the step before. */
  refresh(step: number): void;
  /** Every hyper as it stands, by name in the spec. */
  saved(): ReadonlyMap<string, SavedHyper>;
  /** Which saved hypers cannot be taken here, and what takes the others. */
  compare(saved: ReadonlyMap<string, SavedHyper>): SavedHypersFit;
}

/** A hyper as it was at the last step, and whether the caller gave a number or a function of the step. */
export interface SavedHyper {
  readonly value: number;
  readonly given: "number" | "function";
}

export interface SavedHypersFit {
  /** A sentence for each. */
  readonly differences: readonly string[];
  readonly take: () => void;
}

/** Values at creation, step 0; `given` by settings key. Hypers of rulesets follow the optimizer's own. */
export function createHypers(manifest: HyperSource, given: ReadonlyMap<string, unknown>, taken: readonly RulesetModule[] = []): Hypers {
  const infos = [...manifest.hypers, ...taken.flatMap(({ hypers }) => hypers)];
  const sets = [manifest.rules, ...(manifest.rulesets ?? []), ...taken];
  const fixedByConditions = new Set([...sets.flatMap((set) => set.fixedByConditions), ...(sets.length > 1 ? fixedHypers(sets) : [])]);
  const indexOf = new Map(infos.map(({ name }, index) => [name, index]));
  const current = new Float64Array(infos.length);
  const next = new Float64Array(infos.length);
  const source: Given[] = [];
  const evaluators = [
    ...manifest.hypers.map(() => manifest.defaults),
    ...taken.flatMap(({ hypers, formulas }) => hypers.map(() => formulas)),
  ].map(createEvaluator);
  const environment = { ...emptyEnvironment, hyper: (name: string) => current[indexOf.get(name)!]! };
  for (const [index, info] of infos.entries()) {
    const value = given.get(info.key);
    source[index] = value === undefined ? checkDefault(info, evaluators[index]!.evaluate(info.value, environment)) : accept(info, value);
    current[index] = valueAt(info, source[index], 0);
  }

  return {
    value: (name) => current[indexOf.get(name)!]!,
    record: () => Object.fromEntries(infos.map((info, index) => [info.key, info.type === "bool" ? current[index] !== 0 : current[index]!])),
    byName: () => Object.fromEntries(infos.map(({ name }, index) => [name, current[index]!])),
    prepare(changes) {
      const accepted: [number, Given, number][] = [];
      for (const [key, value] of Object.entries(changes)) {
        if (value === undefined) continue;
        const index = infos.findIndex((info) => info.key === key);
        const info = infos[index];
        if (info === undefined) throw unknownHyper(key, infos);
        refuseFixed(info, fixedByConditions);
        const take = accept(info, value);
        accepted.push([index, take, typeof take === "number" ? take : current[index]!]);
      }
      return () => {
        for (const [index, take, value] of accepted) {
          source[index] = take;
          current[index] = value;
        }
      };
    },
    refresh(step) {
      for (let i = 0; i < infos.length; i++) next[i] = valueAt(infos[i]!, source[i]!, step);
      current.set(next);
    },
    saved: () => new Map(infos.map(({ name }, index) => [name, { value: current[index]!, given: givenAs(source[index]!) }])),
    compare(saved) {
      const differences = [...saved.keys()].filter((name) => !indexOf.has(name)).map((name) => `there is no hyper ${quote(name)} here`);
      const taken: [number, SavedHyper][] = [];
      for (const [index, info] of infos.entries()) {
        const there = saved.get(info.name);
        if (there === undefined) continue;
        const cannotChange = info.fixed || fixedByConditions.has(info.name);
        const difference = differenceOf(info, there, { value: current[index]!, given: givenAs(source[index]!) }, cannotChange);
        if (difference === null) taken.push([index, there]);
        else differences.push(difference);
      }
      const take = () => {
        for (const [index, { value, given }] of taken) {
          current[index] = value;
          if (given === "number") source[index] = value;
        }
      };
      return { differences, take };
    },
  };
}

const givenAs = (given: Given): SavedHyper["given"] => (typeof given === "number" ? "number" : "function");

/** Why a saved hyper cannot be taken, or null. */
function differenceOf(info: HyperInfo, there: SavedHyper, here: SavedHyper, cannotChange: boolean): string | null {
  const show = ({ value, given }: SavedHyper) => (given === "number" ? `${value}` : `a function of the step (last ${value})`);
  if (there.given !== here.given) return `${info.key} was ${show(there)}, and is ${show(here)} here: give at creation what was given then`;
  if (there.given === "function") return null;
  if (cannotChange)
    return Object.is(there.value, here.value)
      ? null
      : `${info.key} was ${there.value} and is ${here.value} here, which only creation decides: create with ${info.key}: ${there.value}`;
  try {
    if (info.type !== "bool") checkNumber(info, there.value, "");
    return info.type !== "bool" || there.value === 0 || there.value === 1 ? null : `${info.key} was ${there.value}, which is no boolean`;
  } catch (error) {
    return error instanceof OptimizerError ? error.message : String(error);
  }
}

function unknownHyper(key: string, infos: readonly HyperInfo[]): OptimizerError {
  const keys = infos.filter(({ fixed }) => !fixed).map((info) => info.key);
  return new OptimizerError(
    "unknown-setting",
    `there is no hyper ${quote(key)}${didYouMean(key, keys)}; hypers that can be set: ${keys.join(", ")}`,
  );
}

function refuseFixed(info: HyperInfo, fixedByConditions: ReadonlySet<string>): void {
  if (info.fixed) {
    throw new OptimizerError(
      "fixed-hyper",
      `${info.key} is declared fixed: it is given at creation and cannot change afterwards. Make a new optimizer`,
    );
  }
  if (fixedByConditions.has(info.name)) {
    const reason = "a condition of the rules reads it, and rules are decided at creation";
    throw new OptimizerError("fixed-hyper", `${info.key} cannot change: ${reason}. Make a new optimizer`);
  }
}

/** What the caller may give for this hyper; a number is checked at once, a function whenever it is asked. */
function accept(info: HyperInfo, value: unknown): Given {
  if (typeof value === "function") {
    if (info.type === "bool") throw invalid(info, "true or false", value);
    if (info.fixed) throw new OptimizerError("fixed-hyper", `${info.key} is fixed: give a number, not a function of the step`);
    return value as (step: number) => unknown;
  }
  if (info.type === "bool") {
    if (typeof value !== "boolean") throw invalid(info, "true or false", value);
    return value ? 1 : 0;
  }
  return checkNumber(info, value, "");
}

/** A default may be computed from other hypers, and so leave its own interval. */
function checkDefault(info: HyperInfo, value: number): number {
  return info.type === "bool" ? value : checkNumber(info, value, " (its default, computed from other hypers)");
}

function valueAt(info: HyperInfo, given: Given, step: number): number {
  if (typeof given === "number") return given;
  return checkNumber(info, given(step), ` (from its function, asked for step ${step})`);
}

function checkNumber(info: HyperInfo, value: unknown, origin: string): number {
  if (typeof value !== "number") throw invalid(info, info.type === "int" ? "a whole number" : "a number", value, origin);
  if (Number.isNaN(value)) throw invalid(info, "a number", value, origin);
  if (info.type === "int" && !Number.isInteger(value)) throw invalid(info, "a whole number", value, origin);
  if (info.range !== null && !(isInRange(value, info.range) && endsAllow(value, info.range))) {
    throw invalid(info, `in ${rangeText(info.range)}`, value, origin);
  }
  if (info.range === null && !Number.isFinite(value)) throw invalid(info, "finite", value, origin);
  return value;
}

/** Infinity belongs to an interval that is closed there, as in `(0, inf]`. */
function endsAllow(value: number, { lowClosed, highClosed }: RangeInfo): boolean {
  return Number.isFinite(value) || (value > 0 ? highClosed : lowClosed);
}

function invalid(info: HyperInfo, expected: string, value: unknown, origin = ""): OptimizerError {
  return new OptimizerError("invalid-hyper", `${info.key} must be ${expected}, not ${show(value)}${origin}`);
}
