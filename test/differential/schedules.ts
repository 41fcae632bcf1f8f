// Schedules: clauses of the text, computed here by hand in f64 as the reference has them (grammar/reference.md, `half_wave` of the prelude),
// and those of "optspec/schedules" that a caller may give. A new one is a row. Values stay from 0 to 2 times the peak: ranges allow that.

import {
  cosineAnnealingDecay,
  linearWarmup,
  multiplicativeDecay,
  noamDecay,
  product,
  reduceOnPlateau,
  type Schedule,
  sequence,
  stepDecay,
  warmupCosine,
} from "optspec/schedules";
import type { Choices } from "./choices.js";

/** A caller's schedules of this peak. */
export const callerSchedules = {
  stepDecay: (peak: number) => stepDecay({ learningRate: peak, stepSize: 2, gamma: 0.5 }),
  warmupCosine: (peak: number) => warmupCosine({ peak, warmup: 2, total: 5 }),
  linearWarmup: (peak: number) => linearWarmup({ learningRate: peak, warmupSteps: 3, startLr: 0, endLr: peak }),
  cosineAnnealingDecay: (peak: number) => cosineAnnealingDecay({ learningRate: peak, tMax: 3 }),
  noamDecay: (peak: number) => noamDecay({ dModel: 4, warmupSteps: 3, learningRate: peak }),
  sequence: (peak: number) => sequence({ schedule: peak, steps: 1 }, { schedule: stepDecay({ learningRate: peak, stepSize: 1 }) }),
  product: (peak: number) => product(stepDecay({ learningRate: peak, stepSize: 1 }), (step) => 1 / (step + 1)),
  // These keep a state.
  reduceOnPlateau: (peak: number) => reduceOnPlateau({ learningRate: peak, factor: 0.5, patience: 0 }),
  multiplicativeDecay: (peak: number) => multiplicativeDecay({ learningRate: peak, lrLambda: (step) => 1 / (step + 1) }),
} as const satisfies Readonly<Record<string, (peak: number) => Schedule>>;
export type ScheduleName = keyof typeof callerSchedules;
export const scheduleNames = Object.keys(callerSchedules) as ScheduleName[];

/** Ramps from one value to another; `part` goes from 0 to 1. */
const ramps = {
  linear: (from, to, part) => from + (to - from) * part,
  cosine: (from, to, part) => from + (to - from) * halfWave(part),
  sqrt: (from, to, part) => from + (to - from) * Math.sqrt(part),
  exponential: (from, to, part) => from * (to / from) ** part,
} as const satisfies Readonly<Record<string, (from: number, to: number, part: number) => number>>;
export const shapes = ["hold", ...(Object.keys(ramps) as (keyof typeof ramps)[])] as const;

function halfWave(x: number): number {
  const y = 1.5707963267948966 * x;
  const divisors = [420, 342, 272, 210, 156, 110, 72, 42, 20, 6];
  const sine = y * divisors.reduce((terms, divisor) => 1 - ((y * y) / divisor) * terms, 1);
  return sine * sine;
}

/** Expressions of `k`, and of another hyper where there is a `$0`; those that are whole are fit for a hyper that is. */
export const expressions: readonly { readonly text: string; readonly whole: boolean; readonly at: (k: number, other: number) => number }[] =
  [
    { text: "if k < 2 then 1 else 2", whole: true, at: (k) => (k < 2 ? 1 : 2) },
    { text: "min(k, 2)", whole: true, at: (k) => Math.min(k, 2) },
    { text: "min(1, (k + 1) / 3)", whole: false, at: (k) => Math.min(1, (k + 1) / 3) },
    { text: "0.5 ^ floor(k / 2)", whole: false, at: (k) => 0.5 ** Math.floor(k / 2) },
    { text: "(1 - min(k, 5) / 6)^2", whole: false, at: (k) => (1 - Math.min(k, 5) / 6) * (1 - Math.min(k, 5) / 6) },
    { text: "clamp(k * 0.3 - 0.1, 0.1, 2)", whole: false, at: (k) => Math.min(Math.max(k * 0.3 - 0.1, 0.1), 2) },
    { text: "1 / (1 + abs($0))", whole: false, at: (_, other) => 1 / (1 + Math.abs(other)) },
    { text: "if $0 > k then 1 else 0.25", whole: false, at: (k, other) => (other > k ? 1 : 0.25) },
  ];

export interface Piece {
  readonly shape: (typeof shapes)[number];
  /** Null: what the piece before ended with. */
  readonly from: number | null;
  readonly to: number;
  /** Or a whole hyper, as it was given. */
  readonly steps: number | string;
}

/** A `schedule` clause: pieces, or a row of the expressions. */
export type Clause = { readonly pieces: readonly Piece[] } | { readonly expression: number; readonly other: string };

/** Hypers that a clause may read, by their type. */
export interface Readable {
  readonly number: readonly string[];
  readonly int: readonly string[];
}

export function chooseClause({ int, chance, pick }: Choices, whole: boolean, readable: Readable): Clause {
  if (whole || chance(2)) {
    const numbers = readable.number;
    const fitting = [...expressions.keys()].filter((row) => {
      const { text, whole: isWhole } = expressions[row]!;
      return (isWhole || !whole) && (numbers.length > 0 || !text.includes("$0"));
    });
    return { expression: pick(fitting), other: numbers.length > 0 ? pick(numbers) : "" };
  }
  const pieces = Array.from({ length: 1 + int(3) }, (): Piece => {
    const shape = pick(shapes);
    // An exponential ramp has no way from or to 0.
    const value = () => pick(shape === "exponential" ? [1, 0.1, 2] : [1, 0, 0.3, 2]);
    const from = shape === "exponential" || chance(2) ? value() : null;
    return { shape, from, to: value(), steps: readable.int.length > 0 && chance(4) ? pick(readable.int) : 1 + int(3) };
  });
  return { pieces };
}

export function clauseText(clause: Clause): string {
  if ("expression" in clause) return expressions[clause.expression]!.text.replaceAll("$0", clause.other);
  const text = ({ shape, from, to, steps }: Piece) =>
    shape === "hold" ? `hold ${steps}` : `${from === null ? "" : `${from} `}-> ${to} ${shape} ${steps}`;
  return clause.pieces.map(text).join("; ");
}

/** The multiplier after `k` completed steps. */
export function clauseAt(clause: Clause, k: number, peakOf: (hyper: string) => number): number {
  if ("expression" in clause) return expressions[clause.expression]!.at(k, clause.other === "" ? 0 : peakOf(clause.other));
  let start = 0;
  let value = 1;
  for (const { shape, from, to, steps } of clause.pieces) {
    const length = typeof steps === "number" ? steps : peakOf(steps);
    if (k < start + length) return shape === "hold" ? value : ramps[shape](from ?? value, to, (k - start) / length);
    if (shape !== "hold") value = to;
    start += length;
  }
  return value;
}
