// How every schedule is made: a function of the completed steps that refuses what is no step, with its peak, and with the state of the
// parts that have some. Values are f64, in the order of operations of the formula that a schedule cites.

import { isStatefulSchedule, type Schedule, type ScheduleState, type StatefulSchedule } from "../contract/schedule.js";
import { argumentsOf } from "./arguments.js";

/** A number stands for itself at every step. */
export type ScheduleInput = number | Schedule | ((step: number) => number);

export interface Definition {
  /** For messages. */
  readonly name: string;
  readonly peak: number;
  readonly at: (step: number) => number;
  /** Schedules that it is composed of: their state is its own. */
  readonly parts?: readonly ScheduleInput[];
}

/** A schedule of this definition; stateful where one of its parts is. */
export function createSchedule({ name, peak, at, parts = [] }: Definition): Schedule {
  const { refuse } = argumentsOf(name);
  const value = (step: number): number => {
    if (!Number.isSafeInteger(step) || step < 0) throw refuse(`a step is a whole number from 0, not ${step}`);
    return at(step);
  };
  const schedule = Object.assign(value, { peak });
  const stateful = parts.flatMap((part, index) => (isStatefulSchedule(part) ? [{ part, index: String(index) }] : []));
  if (stateful.length === 0) return schedule;
  return addState(schedule, {
    state: () => ({ parts: Object.fromEntries(stateful.map(({ part, index }) => [index, part.state()])) }),
    load(state) {
      const { parts: saved } = readRecord(name, state, { parts: "object" });
      const given = readRecord(name, saved, Object.fromEntries(stateful.map(({ index }) => [index, "object"])));
      const before = stateful.map(({ part }) => part.state());
      try {
        for (const { part, index } of stateful) part.load(given[index]);
      } catch (error) {
        for (const [i, { part }] of stateful.entries()) part.load(before[i]);
        throw error;
      }
    },
  });
}

/** A schedule with what saves and restores it. */
export function addState<Whole extends Schedule>(
  schedule: Whole,
  state: Pick<StatefulSchedule, "state" | "load">,
): Whole & StatefulSchedule {
  return Object.assign(schedule, state);
}

/** The value of a part at a step. */
export function sample(input: ScheduleInput, step: number): number {
  return typeof input === "number" ? input : input(step);
}

/** The peak of a part; of a plain function, what it starts with. */
export function peakOf(input: ScheduleInput): number {
  if (typeof input === "number") return input;
  return "peak" in input ? input.peak : input(0);
}

/** A part of a composition as it was given. Throws RangeError where it is none. */
export function checkInput(name: string, key: string, input: unknown): ScheduleInput {
  const { number, refuse } = argumentsOf(name);
  if (typeof input === "function") return input as ScheduleInput;
  if (typeof input === "number") return number(key, input);
  throw refuse(`${key} must be a schedule, a function of the step or a number`);
}

type FieldType = "number" | "object" | "number or null";
type Field<Type extends FieldType> = Type extends "number" ? number : Type extends "object" ? ScheduleState : number | null;

/** Reads a saved state of these fields. Throws RangeError where it is another. */
export function readRecord<const Fields extends { readonly [key: string]: FieldType }>(
  name: string,
  state: unknown,
  fields: Fields,
): { readonly [Key in keyof Fields]: Field<Fields[Key]> } {
  const { refuse } = argumentsOf(name);
  if (typeof state !== "object" || state === null) throw refuse("the saved state is not a record");
  const record = state as Readonly<Record<string, unknown>>;
  const strange = Object.keys(record).find((key) => !Object.hasOwn(fields, key));
  if (strange !== undefined) throw refuse(`the saved state has a field ${JSON.stringify(strange)}: it is of another schedule`);
  for (const [key, type] of Object.entries(fields)) {
    const value = Object.hasOwn(record, key) ? record[key] : undefined;
    const fits =
      (type === "object" && typeof value === "object" && value !== null) ||
      (type !== "object" && typeof value === "number" && Number.isFinite(value)) ||
      (type === "number or null" && value === null);
    if (!fits) throw refuse(`the saved state's ${key} is no ${type === "object" ? "record" : type}: it is of another schedule`);
  }
  return record as { readonly [Key in keyof Fields]: Field<Fields[Key]> };
}
