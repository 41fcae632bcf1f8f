// The setting `lossScale`: what losses are multiplied by before gradients are computed, fixed or found by trying. Names and defaults are
// those of PyTorch's GradScaler.

import { didYouMean, OptimizerError, show } from "./errors.js";

/** A scale that shrinks at a skipped step and grows after so many steps without one. */
export interface DynamicLossScale {
  /** At the start. Default: 65,536. */
  readonly init?: number;
  /** Above 1. Default: 2. */
  readonly growthFactor?: number;
  /** Between 0 and 1. Default: 0.5. */
  readonly backoffFactor?: number;
  /** Steps. Default: 2,000. */
  readonly growthInterval?: number;
}

export type LossScale = number | "dynamic" | DynamicLossScale;

/** What a scaler goes on from; factors of 1 keep the scale. */
export interface ScalerState {
  readonly scale: number;
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
  /** Steps taken since the scale last grew or shrank. */
  readonly goodSteps: number;
}

/** The largest count that f32 goes through without a gap. */
const MOST_STEPS = 2 ** 24;
const fixed = { growthFactor: 1, backoffFactor: 1, growthInterval: 1, goodSteps: 0 } as const;
const defaults = { init: 65_536, growthFactor: 2, backoffFactor: 0.5, growthInterval: 2000 } as const;

/** Null where the setting is left out. */
export function readLossScale(given: unknown): ScalerState | null {
  if (given === undefined) return null;
  if (typeof given === "number") {
    return { ...fixed, scale: checked(given, isScale(given), "lossScale", "a number above 0 that f32 holds") };
  }
  if (given !== "dynamic" && (typeof given !== "object" || given === null || Array.isArray(given)))
    throw new OptimizerError("invalid-setting", `lossScale must be a number, "dynamic", or { init: 65536 }, not ${show(given)}`);
  const known = Object.keys(defaults);
  for (const key of given === "dynamic" ? [] : Object.keys(given)) {
    if (!known.includes(key))
      throw new OptimizerError(
        "unknown-setting",
        `lossScale has no ${show(key)}${didYouMean(key, known)}; it takes a number, "dynamic", or ${known.join(", ")}`,
      );
  }
  const { init, growthFactor, backoffFactor, growthInterval } = { ...defaults, ...(given === "dynamic" ? {} : withoutUndefined(given)) };
  const isCount = Number.isInteger(growthInterval) && growthInterval >= 1 && growthInterval < MOST_STEPS;
  return {
    scale: checked(init, isScale(init), "lossScale.init", "a number above 0 that f32 holds"),
    growthFactor: checked(growthFactor, isScale(growthFactor) && growthFactor > 1, "lossScale.growthFactor", "a number above 1"),
    backoffFactor: checked(
      backoffFactor,
      isScale(backoffFactor) && backoffFactor < 1,
      "lossScale.backoffFactor",
      "a number between 0 and 1",
    ),
    growthInterval: checked(growthInterval, isCount, "lossScale.growthInterval", `a whole number from 1 to ${MOST_STEPS - 1}`),
    goodSteps: 0,
  };
}

/** Gradients as they are, and a step skipped where one of them is not finite. */
export const unscaled: ScalerState = { ...fixed, scale: 1 };

function withoutUndefined(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const isScale = (value: unknown) => typeof value === "number" && Number.isFinite(Math.fround(value)) && Math.fround(value) > 0;

function checked(value: number, fits: boolean, name: string, expected: string): number {
  if (fits) return Math.fround(value);
  throw new OptimizerError("invalid-setting", `${name} must be ${expected}, not ${show(value)}`);
}

const keys = ["scale", "growthFactor", "backoffFactor", "growthInterval", "goodSteps"] as const satisfies readonly (keyof ScalerState)[];

/** Checks a saved state. Throws where it is none. */
export function readScalerState(state: unknown): ScalerState {
  const fits =
    typeof state === "object" &&
    state !== null &&
    Object.keys(state).length === keys.length &&
    keys.every((key) => {
      const value = (state as Readonly<Record<string, unknown>>)[key];
      return typeof value === "number" && value >= 0 && Number.isFinite(value) && Object.is(Math.fround(value), value);
    });
  if (!fits) throw new Error(`a scaler's state is { ${keys.join(", ")} }, numbers from 0 that f32 holds`);
  return state as ScalerState;
}
