// What the makers of schedules ask of their arguments: a wrong one is refused where it is given, by its name, and not at some later step.

/** Reads the arguments of one schedule; every message starts with the schedule's name. */
export interface Arguments {
  /** A finite number. */
  number(key: string, value: unknown): number;
  positive(key: string, value: unknown): number;
  notNegative(key: string, value: unknown): number;
  /** In [low, high]. */
  between(key: string, value: unknown, low: number, high: number): number;
  /** A whole number from `low`, 0 unless told. */
  steps(key: string, value: unknown, low?: number): number;
  /** Whole numbers from 0 that increase. */
  boundaries(key: string, value: unknown): readonly number[];
  oneOf<Word extends string>(key: string, value: unknown, words: readonly Word[]): Word;
  refuse(message: string): RangeError;
}

/** The reader of the arguments of a schedule of this name. */
export function argumentsOf(schedule: string): Arguments {
  const refuse = (message: string) => new RangeError(`${schedule}: ${message}`);
  const wrong = (key: string, expected: string, value: unknown) => refuse(`${key} must be ${expected}, not ${show(value)}`);
  const finite = (key: string, value: unknown, expected: string, holds: (value: number) => boolean): number => {
    if (typeof value !== "number" || !Number.isFinite(value) || !holds(value)) throw wrong(key, expected, value);
    return value;
  };
  const steps = (key: string, value: unknown, low = 0) =>
    finite(key, value, `a whole number from ${low}`, (number) => Number.isSafeInteger(number) && number >= low);
  return {
    number: (key, value) => finite(key, value, "a finite number", () => true),
    positive: (key, value) => finite(key, value, "a number above 0", (number) => number > 0),
    notNegative: (key, value) => finite(key, value, "a number from 0", (number) => number >= 0),
    between: (key, value, low, high) => finite(key, value, `in [${low}, ${high}]`, (number) => number >= low && number <= high),
    steps,
    boundaries(key, value) {
      if (!Array.isArray(value) || value.length === 0) throw wrong(key, "a list of steps", value);
      const list = value.map((entry, index) => steps(`${key}[${index}]`, entry));
      const at = list.findIndex((entry, index) => index > 0 && entry <= list[index - 1]!);
      if (at !== -1) throw refuse(`${key} must increase, and ${list[at]} stands after ${list[at - 1]}`);
      return list;
    },
    oneOf(key, value, words) {
      const found = words.find((word) => word === value);
      if (found === undefined) throw wrong(key, words.map((word) => JSON.stringify(word)).join(" or "), value);
      return found;
    },
    refuse,
  };
}

/** A value inside a message, short. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
