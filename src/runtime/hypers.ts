// Values of the hypers: what the caller gave (numbers, booleans, functions of the step, schedules), by group, or the spec's defaults and
// schedules, checked against their type and interval whenever they can change. A change is checked whole before any of it is taken.

import type { Formula } from "../contract/host-formula.js";
import type { HyperInfo, Manifest } from "../contract/manifest.js";
import type { RulesetModule } from "../contract/rules.js";
import { isStatefulSchedule, type StatefulSchedule } from "../contract/schedule.js";
import { createEvaluator, type Evaluator } from "../formula/evaluate.js";
import { fixedHypers } from "../rules/fixed-hypers.js";
import type { HyperColumn } from "../rules/hyper-values.js";
import { didYouMean, OptimizerError, quote } from "./errors.js";
import { acceptOverride, type Group, groupSetting } from "./groups.js";
import { acceptSource, type GivenHyper } from "./hyper-sources.js";
import { createHyperTable, type HyperTable, type Sources } from "./hyper-table.js";
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
  /** Grows with everything that was given anew. */
  readonly changes: number;
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

/** Values at creation, step 0; `given` by settings key. */
export function createHypers(
  manifest: HyperSource,
  given: ReadonlyMap<string, unknown>,
  { taken = [], groups = [], params = [] }: HyperSurroundings = {},
): Hypers {
  const infos = [...manifest.hypers, ...taken.flatMap(({ hypers }) => hypers)];
  const names = infos.map(({ name }) => name);
  const placeOf = new Map(names.map((name, place) => [name, place]));
  const clauses = new Map(manifest.schedules?.map(({ hyper, value }) => [placeOf.get(hyper)!, value]));
  const table = createHyperTable({ infos, evaluators: evaluatorsOf(manifest, taken), clauses, groups, params });
  const sources: Sources = { top: [], groups: groups.map(({ overrides }) => infos.map(({ key }) => overrides.get(key))) };
  for (const [place, info] of infos.entries()) {
    const value = given.get(info.key);
    const source = value === undefined ? table.defaultOf(place) : acceptSource(info, value);
    sources.top[place] = source;
    table.computeTop(place, source, 0);
  }
  table.computeRest(sources, 0, true);
  table.take();
  return present({ infos, names, placeOf, clauses, table, sources, fixedByConditions: conditionsFix(manifest, taken) });
}

interface HyperParts {
  readonly infos: readonly HyperInfo[];
  readonly names: readonly string[];
  readonly placeOf: ReadonlyMap<string, number>;
  readonly clauses: ReadonlyMap<number, Formula>;
  readonly table: HyperTable;
  readonly sources: Sources;
  readonly fixedByConditions: ReadonlySet<string>;
}

function present(parts: HyperParts): Hypers {
  const { infos, names, placeOf, clauses, table, sources, fixedByConditions } = parts;
  const { top } = table;
  let lastStep = 0;
  let revision = 0;
  const recordOf = ({ peak }: HyperColumn) => Object.fromEntries(names.map((name, place) => [name, peak[place]!]));
  const changedBy = (changes: Readonly<Record<string, unknown>>, group: number | undefined): Sources => {
    const changed: Sources = { top: [...sources.top], groups: sources.groups.map((overrides) => [...overrides]) };
    if (group !== undefined && changed.groups[group] === undefined) throw noGroup(group, changed.groups.length);
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) continue;
      const place = infos.findIndex((info) => info.key === key);
      const info = infos[place];
      if (info === undefined) throw unknownHyper(key, infos);
      refuseFixed(info, fixedByConditions);
      if (group === undefined) changed.top[place] = acceptSource(info, value);
      else changed.groups[group]![place] = acceptOverride(info, value, groupSetting(group, key));
    }
    return changed;
  };
  return {
    names,
    columns: table.groups.length === 0 ? [top] : table.groups,
    get scheduled() {
      return names.filter((_, place) => isScheduled(sources, place, clauses));
    },
    get changes() {
      return revision;
    },
    value: (name) => top.peak[placeOf.get(name)!]!,
    record: () =>
      Object.fromEntries(infos.map(({ key, type }, place) => [key, type === "bool" ? top.base[place] !== 0 : top.base[place]!])),
    given: () => ({ hypers: recordOf(top), groups: table.groups.map(recordOf) }),
    prepare(changes, group) {
      const changed = changedBy(changes, group);
      table.compute(changed, lastStep, false);
      return () => {
        sources.top.splice(0, sources.top.length, ...changed.top);
        sources.groups.splice(0, sources.groups.length, ...changed.groups);
        table.take();
        revision++;
      };
    },
    refresh(step) {
      table.compute(sources, step, true);
      table.take();
      lastStep = step;
    },
    saved: () => saveSlots(slotsOf(parts)),
    compare: (saved) =>
      compareSlots(slotsOf(parts), saved, () => {
        table.compute(sources, lastStep, false);
        table.take();
        revision++;
      }),
    stateful: () => slotsOf(parts).flatMap(({ setting, source }) => (isStatefulSchedule(source) ? [{ setting, schedule: source }] : [])),
  };
}

/** Everything that was given, with its way back. */
function slotsOf({ infos, table, sources, fixedByConditions }: HyperParts): readonly HyperSlot[] {
  const top = infos.map((info, place): HyperSlot => {
    const fixed = info.fixed || fixedByConditions.has(info.name);
    const put = (value: number) => void (sources.top[place] = value);
    return {
      name: info.name,
      setting: info.key,
      info,
      source: sources.top[place]!,
      last: table.top.base[place]!,
      fixed,
      factor: false,
      put,
    };
  });
  const own = sources.groups.flatMap((overrides, group) =>
    infos.flatMap((info, place): HyperSlot[] => {
      const override = overrides[place];
      if (override === undefined) return [];
      const { form, source } = override;
      const last = table.groups[group]![form === "factor" ? "factor" : "base"][place]!;
      const put = (value: number) => void (overrides[place] = { form, source: value });
      const [name, setting] = [groupSetting(group, info.name), groupSetting(group, info.key)];
      return [{ name, setting, info, source, last, fixed: fixedByConditions.has(info.name), factor: form === "factor", put }];
    }),
  );
  return [...top, ...own];
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

function isScheduled({ top, groups }: Sources, place: number, clauses: ReadonlyMap<number, Formula>): boolean {
  const follows = (source: GivenHyper | undefined) => typeof source === "function" && "peak" in source;
  const source = top[place];
  if (follows(source) || (typeof source === "number" && clauses.has(place))) return true;
  return groups.some((overrides) => follows(overrides[place]?.source));
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
