// The values of all hypers at a step, in columns: the optimizer's own, and one of each group. A step is computed beside what stands and
// taken over as a whole, so that a refused one changes nothing; computing allocates nothing.

import type { Formula } from "../contract/host-formula.js";
import type { HyperInfo } from "../contract/manifest.js";
import { type Evaluator, emptyEnvironment } from "../formula/evaluate.js";
import { createColumn, type HyperColumn } from "../rules/hyper-values.js";
import { quoteSome } from "./errors.js";
import { type Group, groupSetting, type Override } from "./groups.js";
import { type AskedValue, askSource, checkNumber, type GivenHyper, invalid, type Whose } from "./hyper-sources.js";

/** What was given: to the optimizer, and to each group, by the hyper's place. */
export interface Sources {
  readonly top: GivenHyper[];
  readonly groups: (Override | undefined)[][];
}

export interface HyperTable {
  /** As of the last `take`; always the same arrays. */
  readonly top: HyperColumn;
  readonly groups: readonly HyperColumn[];
  /** A default in the place of a hyper, from the hypers before it. Throws where it is out of range. */
  defaultOf(place: number): number;
  /** Computes one hyper of the optimizer's own; after all of them comes `computeRest`. */
  computeTop(place: number, source: GivenHyper, step: number): void;
  /** The spec's schedules and the groups; where functions are not asked they keep what they said. Throws where a value is out of range. */
  computeRest(sources: Sources, step: number, ask: boolean): void;
  /** All of it for a step. */
  compute(sources: Sources, step: number, ask: boolean): void;
  /** What was computed last stands from now on. */
  take(): void;
}

export interface TableParts {
  readonly infos: readonly HyperInfo[];
  /** For each hyper, what evaluates the table that its default and its schedule stand in. */
  readonly evaluators: readonly Evaluator[];
  /** The spec's schedules by the hyper's place. */
  readonly clauses: ReadonlyMap<number, Formula>;
  readonly groups: readonly Group[];
  /** Names of all parameters, for messages. */
  readonly params: readonly string[];
}

type Check = (value: unknown, origin: string, setting: string) => number;

export function createHyperTable({ infos, evaluators, clauses, groups, params }: TableParts): HyperTable {
  const columns = () => ({ top: createColumn(infos.length), groups: groups.map(() => createColumn(infos.length)) });
  const live = columns();
  const next = columns();
  const placeOf = new Map(infos.map(({ name }, place) => [name, place]));
  const checks = infos.map(
    (info): Check =>
      (value, origin, setting) =>
        checkNumber(info, value, origin, setting),
  );
  const whose = infos.map((info): Whose => ({ setting: info.key, params }));
  const asked: AskedValue = { peak: 0, base: 0, schedule: 1 };
  const moment = { step: 0 };
  const environment = {
    ...emptyEnvironment,
    hyper: (name: string) => next.top.peak[placeOf.get(name)!]!,
    fact: () => moment.step + 1,
  };
  const overriding = groups.map((group, index) => createOverriding(infos, group, index, checks));

  function setTop(place: number, source: GivenHyper, step: number, ask: boolean): void {
    if (typeof source === "number") put(next.top, place, source, source, 1);
    else if (!ask) keep(live.top, next.top, place);
    else {
      askSource(source, step, whose[place]!, checks[place]!, asked);
      put(next.top, place, asked.peak, asked.base, asked.schedule);
    }
  }

  function applyClauses(top: readonly GivenHyper[], step: number): void {
    moment.step = step;
    for (let place = 0; place < infos.length; place++) {
      const clause = clauses.get(place);
      if (clause === undefined || typeof top[place] !== "number") continue;
      const peak = next.top.peak[place]!;
      const multiplier = evaluators[place]!.evaluate(clause, environment);
      const base = peak * multiplier;
      if (!isFine(infos[place]!, base))
        checks[place]!(base, ` (${peak} times ${multiplier}, the spec's schedule at step ${step})`, infos[place]!.key);
      put(next.top, place, peak, base, multiplier);
    }
  }

  function computeRest(sources: Sources, step: number, ask: boolean): void {
    applyClauses(sources.top, step);
    for (let group = 0; group < overriding.length; group++)
      overriding[group]!(next.top, sources.groups[group]!, step, ask ? null : live.groups[group]!, next.groups[group]!);
  }

  return {
    top: live.top,
    groups: live.groups,
    defaultOf(place) {
      const info = infos[place]!;
      const value = evaluators[place]!.evaluate(info.value, environment);
      return info.type === "bool" ? value : checkNumber(info, value, " (its default, computed from other hypers)");
    },
    computeTop: (place, source, step) => setTop(place, source, step, true),
    computeRest,
    compute(sources, step, ask) {
      for (let place = 0; place < infos.length; place++) setTop(place, sources.top[place]!, step, ask);
      computeRest(sources, step, ask);
    },
    take() {
      copyColumn(next.top, live.top);
      for (let group = 0; group < groups.length; group++) copyColumn(next.groups[group]!, live.groups[group]!);
    },
  };
}

function put(column: HyperColumn, place: number, peak: number, base: number, schedule: number): void {
  column.peak[place] = peak;
  column.base[place] = base;
  column.schedule[place] = schedule;
}

function keep(from: HyperColumn, to: HyperColumn, place: number): void {
  put(to, place, from.peak[place]!, from.base[place]!, from.schedule[place]!);
}

function copyColumn(from: HyperColumn, to: HyperColumn): void {
  to.peak.set(from.peak);
  to.schedule.set(from.schedule);
  to.factor.set(from.factor);
  to.base.set(from.base);
}

/** Whether a number needs no closer look, so that no message is made for it. */
function isFine({ range, type }: HyperInfo, value: number): boolean {
  if (!Number.isFinite(value) || (type === "int" && !Number.isInteger(value))) return false;
  return range === null || ((range.low === null || value > range.low) && (range.high === null || value < range.high));
}

type Overriding = (
  top: HyperColumn,
  overrides: readonly (Override | undefined)[],
  step: number,
  /** Values that functions gave before; null: ask them. */
  kept: HyperColumn | null,
  into: HyperColumn,
) => void;

/** What computes the column of a group. */
function createOverriding(infos: readonly HyperInfo[], { params }: Group, group: number, checks: readonly Check[]): Overriding {
  const whose = infos.map((info): Whose => ({ setting: groupSetting(group, info.key), params }));
  const asked: AskedValue = { peak: 0, base: 0, schedule: 1 };

  function check(place: number, base: number, of: number, by: number, what: string, step: number): number {
    if (params.length === 0 || isFine(infos[place]!, base)) return base;
    const origin = ` (${of} times ${what} ${by}, at step ${step}, of parameter ${quoteSome(params, 2)})`;
    return checks[place]!(base, origin, whose[place]!.setting);
  }

  function factorAt(place: number, source: GivenHyper, step: number, kept: HyperColumn | null): number {
    if (typeof source === "number") return source;
    if (kept !== null) return kept.factor[place]!;
    askSource(source, step, whose[place]!, finiteFactor, asked);
    return asked.base;
  }

  return (top, overrides, step, kept, into) => {
    copyColumn(top, into);
    for (let place = 0; place < infos.length; place++) {
      const override = overrides[place];
      if (override === undefined) continue;
      const { form, source } = override;
      const schedule = top.schedule[place]!;
      if (form === "factor") {
        const factor = factorAt(place, source, step, kept);
        into.factor[place] = factor;
        into.base[place] = check(place, top.base[place]! * factor, top.base[place]!, factor, "the group's", step);
      } else if (typeof source === "number") {
        const base = check(place, source * schedule, source, schedule, "the optimizer's schedule", step);
        put(into, place, source, base, schedule);
      } else if (kept !== null) keep(kept, into, place);
      else {
        askSource(source, step, whose[place]!, checks[place]!, asked);
        put(into, place, asked.peak, asked.base, asked.schedule);
      }
    }
  };
}

function finiteFactor(value: unknown, origin: string, setting: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw invalid(setting, "a finite factor on the optimizer's lr", value, origin);
  return value;
}
