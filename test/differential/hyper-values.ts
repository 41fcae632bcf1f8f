// What the caller gives for hypers in a run, and what each hyper then is for a parameter: peak x schedule x group x ratio as
// docs/schedules.md has it, computed here by hand in f64.

import { isStatefulSchedule, type Schedule } from "optspec/schedules";
import type { HyperForm } from "../../src/compiler/ir/value.js";
import type { HyperInfo } from "../../src/contract/manifest.js";
import type { Override, Program, ProgramHyper, Source } from "./program.js";
import { callerSchedules, clauseAt } from "./schedules.js";

/** When a hyper is asked for. */
export interface Moment {
  /** Calls of `step` before this one. */
  readonly calls: number;
  /** Completed steps: a skipped one does not count. */
  readonly steps: number;
}

type Settings = Readonly<Record<string, unknown>>;

export interface HyperValues {
  /** Hypers as they are given at creation, by settings key, and those of groups. */
  settings(): Settings;
  /** What `set` is to be told before a call. */
  changes(calls: number): Settings;
  groupChanges(calls: number, group: number): Settings;
  value(param: number, name: string, form: HyperForm, moment: Moment): number;
  /** Tells schedules that follow a metric what it is. */
  tell(metric: number): void;
}

/** A factor on `lr` for each parameter. */
export const ratioOf = (param: number) => [1, 0.7, 0.3, 2][param % 4]!;
/** The group of a parameter. */
export const groupOf = ({ groups }: Program, param: number) => param % groups;

interface Columns {
  readonly peak: number;
  readonly schedule: number;
  readonly base: number;
}

export function createHyperValues(program: Program, infos: readonly HyperInfo[]): HyperValues {
  const { hypers, groups } = program;
  const infoOf = (name: string) => infos.find((info) => info.name === name)!;
  const byName = new Map(hypers.map((hyper) => [hyper.name, hyper]));
  /** What flows into a number of the whole model, no group may override. */
  const overrideOf = ({ name, overrides }: ProgramHyper, group: number) =>
    infoOf(name).globalBecause === null ? (overrides[group] ?? null) : null;
  const schedules = new Map<Source, Schedule>();
  for (const { given, overrides } of hypers)
    for (const source of [given, ...overrides])
      if (source?.way === "schedule") schedules.set(source, callerSchedules[source.schedule!](source.values[0]!));

  function ask(source: Source, { calls, steps }: Moment): Columns {
    const { way, values } = source;
    if (way === "schedule") {
      const schedule = schedules.get(source)!;
      const base = schedule(steps);
      const peak = schedule.peak === 0 ? base : schedule.peak;
      return { peak, base, schedule: peak === base ? 1 : base / peak };
    }
    const value = values[(way === "number" ? 0 : way === "changed" ? calls : steps) % values.length]!;
    return { peak: value, base: value, schedule: 1 };
  }

  /** Of the optimizer's own. */
  function ownPeak(name: string, moment: Moment): number {
    const { given, byDefault } = byName.get(name)!;
    return given === null ? byDefault : ask(given, moment).peak;
  }

  function own({ name, given, clause }: ProgramHyper, moment: Moment): Columns {
    if (given !== null && follows(given)) return ask(given, moment);
    const peak = ownPeak(name, moment);
    const schedule = clause === null ? 1 : clauseAt(clause, moment.steps, (other) => ownPeak(other, moment));
    return { peak, schedule, base: peak * schedule };
  }

  function columns(hyper: ProgramHyper, param: number, moment: Moment): Columns {
    const top = own(hyper, moment);
    const override = groups === 0 ? null : overrideOf(hyper, groupOf(program, param));
    if (override === null) return top;
    const asked = ask(override, moment);
    if (override.form === "factor") return { ...top, base: top.base * asked.base };
    return follows(override) ? asked : { peak: asked.peak, schedule: top.schedule, base: asked.peak * top.schedule };
  }

  const given = (source: Source, calls: number, { type }: ProgramHyper): unknown => {
    if (source.way === "schedule") return schedules.get(source)!;
    if (source.way === "function") return (steps: number) => ask(source, { calls, steps }).base;
    const { base } = ask(source, { calls, steps: 0 });
    return type === "bool" ? base === 1 : base;
  };
  const overridden = (override: Override, calls: number, hyper: ProgramHyper): unknown => {
    const value = given(override, calls, hyper);
    return hyper.name === "lr" && override.form === "value" ? { absolute: value } : value;
  };
  const record = (group: number | null, wants: (source: Source) => boolean, calls: number): Settings =>
    Object.fromEntries(
      hypers.flatMap((hyper) => {
        const source = group === null ? hyper.given : overrideOf(hyper, group);
        if (source === null || !wants(source)) return [];
        const value = group === null ? given(source, calls, hyper) : overridden(source as Override, calls, hyper);
        return [[infoOf(hyper.name).key, value]];
      }),
    );
  const isChanged = ({ way }: Source) => way === "changed";
  const membersOf = (group: number) => program.shapes.flatMap((_, param) => (groupOf(program, param) === group ? [`p${param}`] : []));

  return {
    settings() {
      const lists = Array.from({ length: groups }, (_, group) => ({ params: membersOf(group), ...record(group, () => true, 0) }));
      return { ...record(null, () => true, 0), ...(groups > 0 && { groups: lists }) };
    },
    changes: (calls) => record(null, isChanged, calls),
    groupChanges: (calls, group) => record(group, isChanged, calls),
    value(param, name, form, moment) {
      if (name === "need_clip" && form === "value" && program.paramSettings[param]!.needClip === false) return 0;
      const { peak, base } = columns(byName.get(name)!, param, moment);
      const ratio = name === "lr" && program.lrRatio ? ratioOf(param) : 1;
      return { peak, base, ratio, value: base * ratio }[form];
    },
    tell(metric) {
      for (const schedule of schedules.values())
        if (isStatefulSchedule(schedule) && "step" in schedule) (schedule as unknown as { step(metric: number): void }).step(metric);
    },
  };
}

/** A number follows the optimizer's schedule, a function or schedule itself. */
const follows = ({ way }: Source) => way === "function" || way === "schedule";
