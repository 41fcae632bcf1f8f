// Schedules made of schedules. A part is a schedule, a plain function of the step or a number, which stands for itself at every step.

import type { Schedule } from "../contract/schedule.js";
import { argumentsOf } from "./arguments.js";
import { checkInput, createSchedule, peakOf, type ScheduleInput, sample } from "./schedule.js";

/** The same value at every step. */
export function constant(value: number): Schedule {
  const name = "constant";
  const peak = argumentsOf(name).number("value", value);
  return createSchedule({ name, peak, at: () => peak });
}

/** A schedule times a number. */
export function scale(schedule: ScheduleInput, factor: number): Schedule {
  const name = "scale";
  argumentsOf(name).number("factor", factor);
  const part = checkInput(name, "schedule", schedule);
  return createSchedule({ name, peak: peakOf(part) * factor, at: (step) => sample(part, step) * factor, parts: [part] });
}

/** All parts multiplied, each at the same step. */
export function product(...schedules: readonly ScheduleInput[]): Schedule {
  const name = "product";
  if (schedules.length === 0) throw argumentsOf(name).refuse("there is nothing to multiply");
  const parts = schedules.map((schedule, index) => checkInput(name, `part ${index + 1}`, schedule));
  const over = (of: (part: ScheduleInput) => number) => parts.reduce<number>((whole, part) => whole * of(part), 1);
  return createSchedule({ name, peak: over(peakOf), at: (step) => over((part) => sample(part, step)), parts });
}

/** A part of a sequence: a schedule for so many steps; the last one may leave `steps` out and goes on for ever. */
export interface SequencePart {
  readonly schedule: ScheduleInput;
  readonly steps?: number;
}

/** One schedule after the other; each starts at its own step 0. After the last one's steps it holds what it ended with. */
export function sequence(...given: readonly SequencePart[]): Schedule {
  const name = "sequence";
  const { refuse, steps: wholeSteps } = argumentsOf(name);
  if (given.length === 0) throw refuse("there is no part");
  let start = 0;
  const parts = given.map(({ schedule, steps }, index) => {
    const key = `part ${index + 1}`;
    const last = index === given.length - 1;
    if (steps === undefined && !last) throw refuse(`${key} must say its steps: only the last part goes on for ever`);
    const part = { schedule: checkInput(name, key, schedule), start, steps: steps === undefined ? null : wholeSteps(key, steps, 1) };
    start += part.steps ?? 0;
    return part;
  });
  return createSchedule({
    name,
    peak: Math.max(...parts.map(({ schedule }) => peakOf(schedule))),
    at(step) {
      const last = parts.at(-1)!;
      const part = parts.findLast((candidate) => candidate.start <= step) ?? last;
      const own = step - part.start;
      return sample(part.schedule, part.steps === null ? own : Math.min(own, part.steps));
    },
    parts: parts.map(({ schedule }) => schedule),
  });
}

export interface WarmupOptions {
  readonly steps: number;
  /** Where it starts; 0 unless told. */
  readonly from?: number;
}

/** A linear warm-up in front of anything, from `from` to what comes then, which starts at its own step 0 after `steps`. */
export function warmup(then: ScheduleInput, { steps, from = 0 }: WarmupOptions): Schedule {
  const name = "warmup";
  const { number, steps: wholeSteps } = argumentsOf(name);
  const part = checkInput(name, "then", then);
  wholeSteps("steps", steps, 1);
  number("from", from);
  return createSchedule({
    name,
    peak: peakOf(part),
    at: (step) => (step < steps ? ((sample(part, 0) - from) * step) / steps + from : sample(part, step - steps)),
    parts: [part],
  });
}
