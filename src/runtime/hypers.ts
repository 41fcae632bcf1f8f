// Values of the hypers: what the caller gave (numbers, booleans, functions of the step, schedules), by group, or the spec's defaults and
// schedules, checked against their type and interval whenever they can change. A change is checked whole before any of it is taken.

import type { Formula } from "../contract/host-formula.js";
import type { HyperInfo, Manifest } from "../contract/manifest.js";
import type { RulesetModule } from "../contract/rules.js";
import { isStatefulSchedule, type StatefulSchedule } from "../contract/schedule.js";
import { createEvaluator, type Evaluator, emptyEnvironment, type FormulaEnvironment } from "../formula/evaluate.js";
import { fixedHypers } from "../rules/fixed-hypers.js";
import { createColumn, type HyperColumn } from "../rules/hyper-values.js";
import { didYouMean, OptimizerError, quote } from "./errors.js";
import { acceptOverride, type Group, type Override, overrideColumn } from "./groups.js";
import { type AskedValue, acceptSource, askSource, checkNumber, type GivenHyper } from "./hyper-sources.js";
import { compareSlots, type HyperSlot, type SavedHyper, type SavedHypersFit, saveSlots } from "./saved-hypers.js";
import type { Settings } from "./settings.js";

export type { SavedHyper, SavedHypersFit } from "./saved-hypers.js";

/** The parts of a manifest that hypers come from. */
export type HyperSource = Pick<Manifest, "hypers" | "defaults" | "rules" | "rulesets" | "schedules">;

/** What hypers depend on besides their own values. */
export interface HyperSurroundings {
  /** Rulesets given; their hypers follow the optimizer's own. */
  readonly taken?: readonly RulesetModule[];
  readonly groups?: readonly Group[];
  /** Names of all parameters, for messages. */
  readonly params?: readonly string[];
}

/** The surroundings that settings give. */
export function surroundingsOf({ rules, groups, params }: Pick<Settings, "rules" | "groups" | "params">): HyperSurroundings {
  return { taken: rules, groups, params: params.map(({ name }) => name) };
}

export interface Hypers {
  readonly names: readonly string[];
  /** Values by group, one column where there are no groups; always the same arrays. */
  readonly columns: readonly HyperColumn[];
  /** Hypers that follow a schedule, by their names in the spec. */
  readonly scheduled: readonly string[];
  /** Current number of a hyper by its name in the spec, as given: before schedules and groups. */
  value(name: string): number;
  /** Current values by settings key, schedules included, groups not; booleans as such. */
  record(): Record<string, number | boolean>;
  /** Numbers by name in the spec, as given: of the optimizer, and of every group where there are some. */
  given(): { readonly hypers: Record<string, number>; readonly groups: readonly Record<string, number>[] };
  /** Checks a whole change, of the optimizer or of one group, and returns what takes it. Throws, having changed nothing. */
  prepare(changes: Readonly<Record<string, unknown>>, group?: number): () => void;
  /** Asks the functions of the step. Throws where an answer is out of range; values then are those of the step before. */
  refresh(step: number): void;
  /** Every hyper as it was given, by name in the spec; those of groups as `groups[1].lr`. */
  saved(): ReadonlyMap<string, SavedHyper>;
  /** Which saved hypers cannot be taken here, and what takes the others. */
  compare(saved: ReadonlyMap<string, SavedHyper>): SavedHypersFit;
  /** Schedules in use that keep state, by the setting that they were given as: `lr`, `groups[1].lr`. */
  stateful(): readonly { readonly setting: string; readonly schedule: StatefulSchedule }[];
}

/** One table of columns: the optimizer's own values, and those of its groups. */
interface Table {
  readonly top: HyperColumn;
  readonly groups: readonly HyperColumn[];
}

/** What was given: to the optimizer, and to each group by the hyper's place. */
interface Sources {
  readonly top: GivenHyper[];
  readonly groups: readonly Map<number, Override>[];
}

/** Values at creation, step 0; `given` by settings key. */
export function createHypers(
  manifest: HyperSource,
  given: ReadonlyMap<string, unknown>,
  { taken = [], groups = [], params = [] }: HyperSurroundings = {},
): Hypers {
  const infos = [...manifest.hypers, ...taken.flatMap(({ hypers }) => hypers)];
  const names = infos.map(({ name }) => name);
  const placeOf = new Map(names.map((name, place) => [name, place]));
  const fixedByConditions = conditionsFix(manifest, taken);
  const clauses = new Map(manifest.schedules?.map(({ hyper, value }) => [placeOf.get(hyper)!, value]));
  const live = createTable(infos.length, groups.length);
  const next = createTable(infos.length, groups.length);
  const environment = { ...emptyEnvironment, hyper: (name: string) => next.top.peak[placeOf.get(name)!]! };
  const evaluators = evaluatorsOf(manifest, taken);
  const sources: Sources = {
    top: [],
    groups: groups.map(({ overrides }) => new Map([...overrides].map(([key, by]) => [infos.findIndex((info) => info.key === key), by]))),
  };
  const asked: AskedValue = { peak: 0, base: 0, schedule: 1 };
  let lastStep = 0;

  /** A value of the optimizer's own into `next`; what is a function keeps its value where it is not asked. */
  function setTop(place: number, source: GivenHyper, step: number, ask: boolean): void {
    const info = infos[place]!;
    const { peak, base, schedule } = next.top;
    if (typeof source === "number") {
      peak[place] = base[place] = source;
      schedule[place] = 1;
    } else if (ask) {
      askSource(source, step, { setting: info.key, params }, (value, origin, setting) => checkNumber(info, value, origin, setting), asked);
      [peak[place], base[place], schedule[place]] = [asked.peak, asked.base, asked.schedule];
    } else {
      [peak[place], base[place], schedule[place]] = [live.top.peak[place]!, live.top.base[place]!, live.top.schedule[place]!];
    }
  }

  /** The spec's schedules, on numbers; and then the groups. */
  function finish(of: Sources, step: number, ask: boolean): void {
    for (const [place, formula] of clauses) {
      if (typeof of.top[place] === "number") applyClause(next.top, place, evaluators[place]!, formula, environment, step, infos[place]!);
    }
    for (const [group, overrides] of of.groups.entries()) {
      const moved = ask ? null : live.groups[group]!;
      overrideColumn({ infos, top: next.top, overrides, group, params: groups[group]!.params, step }, moved, next.groups[group]!);
    }
  }

  function take(): void {
    copyColumn(next.top, live.top);
    for (const [group, column] of next.groups.entries()) copyColumn(column, live.groups[group]!);
  }

  for (const [place, info] of infos.entries()) {
    const value = given.get(info.key);
    const source = value === undefined ? defaultOf(info, evaluators[place]!, environment) : acceptSource(info, value);
    sources.top[place] = source;
    setTop(place, source, 0, true);
  }
  finish(sources, 0, true);
  take();

  /** Computes everything anew from numbers; functions keep what they said. */
  function settle(of: Sources): void {
    of.top.forEach((source, place) => {
      setTop(place, source, lastStep, false);
    });
    finish(of, lastStep, false);
  }

  /** Everything that was given, with its way back. */
  function slots(): readonly HyperSlot[] {
    const top = infos.map((info, place): HyperSlot => {
      const fixed = info.fixed || fixedByConditions.has(info.name);
      const put = (value: number) => void (sources.top[place] = value);
      const { name, key: setting } = info;
      return { name, setting, info, source: sources.top[place]!, last: live.top.base[place]!, fixed, factor: false, put };
    });
    const own = sources.groups.flatMap((overrides, group) =>
      [...overrides].map(([place, { form, source }]): HyperSlot => {
        const info = infos[place]!;
        const { base, factor } = live.groups[group]!;
        return {
          name: `groups[${group}].${info.name}`,
          setting: `groups[${group}].${info.key}`,
          info,
          source,
          last: (form === "factor" ? factor : base)[place]!,
          fixed: fixedByConditions.has(info.name),
          factor: form === "factor",
          put: (value) => overrides.set(place, { form, source: value }),
        };
      }),
    );
    return [...top, ...own];
  }

  const recordOf = (column: HyperColumn) => Object.fromEntries(names.map((name, place) => [name, column.peak[place]!]));
  return {
    names,
    columns: groups.length === 0 ? [live.top] : live.groups,
    get scheduled() {
      return names.filter((_, place) => isScheduled(sources, place, clauses));
    },
    value: (name) => live.top.peak[placeOf.get(name)!]!,
    record: () =>
      Object.fromEntries(infos.map(({ key, type }, place) => [key, type === "bool" ? live.top.base[place] !== 0 : live.top.base[place]!])),
    given: () => ({ hypers: recordOf(live.top), groups: live.groups.map(recordOf) }),
    prepare(changes, group) {
      const changed: Sources = { top: [...sources.top], groups: sources.groups.map((overrides) => new Map(overrides)) };
      if (group !== undefined && changed.groups[group] === undefined) throw noGroup(group, groups.length);
      for (const [key, value] of Object.entries(changes)) {
        if (value === undefined) continue;
        const place = infos.findIndex((info) => info.key === key);
        const info = infos[place];
        if (info === undefined) throw unknownHyper(key, infos);
        refuseFixed(info, fixedByConditions);
        if (group === undefined) changed.top[place] = acceptSource(info, value);
        else changed.groups[group]!.set(place, acceptOverride(info, value, `groups[${group}].${key}`));
      }
      settle(changed);
      return () => {
        changed.top.forEach((source, place) => {
          sources.top[place] = source;
        });
        for (const [index, overrides] of changed.groups.entries())
          for (const [place, by] of overrides) sources.groups[index]!.set(place, by);
        take();
      };
    },
    refresh(step) {
      for (let place = 0; place < infos.length; place++) setTop(place, sources.top[place]!, step, true);
      finish(sources, step, true);
      take();
      lastStep = step;
    },
    saved: () => saveSlots(slots()),
    compare: (saved) =>
      compareSlots(slots(), saved, () => {
        settle(sources);
        take();
      }),
    stateful: () => slots().flatMap(({ setting, source }) => (isStatefulSchedule(source) ? [{ setting, schedule: source }] : [])),
  };
}

function createTable(hypers: number, groups: number): Table {
  return { top: createColumn(hypers), groups: Array.from({ length: groups }, () => createColumn(hypers)) };
}

function copyColumn(from: HyperColumn, to: HyperColumn): void {
  for (const form of ["peak", "schedule", "factor", "base"] as const) to[form].set(from[form]);
}

/** Hypers that a condition of the rules reads. */
function conditionsFix({ rules, rulesets = [] }: HyperSource, taken: readonly RulesetModule[]): ReadonlySet<string> {
  const sets = [rules, ...rulesets, ...taken];
  return new Set([...sets.flatMap((set) => set.fixedByConditions), ...(sets.length > 1 ? fixedHypers(sets) : [])]);
}

/** For each hyper, what evaluates the table that its default stands in. */
function evaluatorsOf(manifest: HyperSource, taken: readonly RulesetModule[]): readonly Evaluator[] {
  const own = createEvaluator(manifest.defaults);
  const theirs = taken.flatMap(({ hypers, formulas }) => {
    const evaluator = createEvaluator(formulas);
    return hypers.map(() => evaluator);
  });
  return [...manifest.hypers.map(() => own), ...theirs];
}

/** A default may be computed from other hypers, and so leave its own interval. */
function defaultOf(info: HyperInfo, evaluator: Evaluator, environment: FormulaEnvironment): number {
  const value = evaluator.evaluate(info.value, environment);
  return info.type === "bool" ? value : checkNumber(info, value, " (its default, computed from other hypers)");
}

/** The spec's own schedule of a hyper, in a formula of the step that counts from 1. */
function applyClause(
  { peak, schedule, base }: HyperColumn,
  place: number,
  evaluator: Evaluator,
  formula: Formula,
  environment: FormulaEnvironment,
  step: number,
  info: HyperInfo,
): void {
  const multiplier = evaluator.evaluate(formula, { ...environment, fact: () => step + 1 });
  schedule[place] = multiplier;
  base[place] = checkNumber(info, peak[place]! * multiplier, ` (${peak[place]} times ${multiplier}, the spec's schedule at step ${step})`);
}

function isScheduled({ top, groups }: Sources, place: number, clauses: ReadonlyMap<number, Formula>): boolean {
  const follows = (source: GivenHyper | undefined) => typeof source === "function" && "peak" in source;
  const source = top[place];
  if (follows(source) || (typeof source === "number" && clauses.has(place))) return true;
  return groups.some((overrides) => follows(overrides.get(place)?.source));
}

function noGroup(group: unknown, groups: number): OptimizerError {
  const there = groups === 0 ? "there are no groups" : `groups are numbered from 0 to ${groups - 1}`;
  return new OptimizerError("unknown-setting", `there is no group ${String(group)}: ${there}`);
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
