// What a caller may give for a hyper - a number, a boolean, a function of the step, a schedule - and what it says at a step,
// checked against the hyper's type and interval. Every refusal names the hyper, and where there is one the step and the parameter.

import type { HyperInfo, RangeInfo } from "../contract/manifest.js";
import { isInRange, rangeText } from "../rules/ranges.js";
import { OptimizerError, quoteSome, show } from "./errors.js";

/** A function of the completed steps; one with a peak is a schedule. */
export type HyperFunction = ((step: number) => unknown) & { readonly peak?: unknown };

/** As given: a boolean is 0 or 1 here. */
export type GivenHyper = number | HyperFunction;

/** A value at a step: the peak, and what a schedule makes of it. */
export interface AskedValue {
  peak: number;
  base: number;
  schedule: number;
}

/** Whose value it is, for messages: the setting as the caller wrote it, and the parameters that it decides. */
export interface Whose {
  readonly setting: string;
  readonly params: readonly string[];
}

/** What the caller may give for this hyper; a number is checked at once, a function whenever it is asked. */
export function acceptSource(info: HyperInfo, value: unknown, setting = info.key): GivenHyper {
  if (typeof value === "function") {
    if (info.type === "bool") throw invalid(setting, "true or false", value);
    if (info.fixed) throw new OptimizerError("fixed-hyper", `${setting} is fixed: give a number, not a function of the step`);
    return value as HyperFunction;
  }
  if (info.type === "bool") {
    if (typeof value !== "boolean") throw invalid(setting, "true or false", value);
    return value ? 1 : 0;
  }
  return checkNumber(info, value, "", setting);
}

/** Asks a function or schedule for a step; `into` takes the answer, once `check` has found it good. */
export function askSource(
  source: HyperFunction,
  step: number,
  { setting, params }: Whose,
  check: (value: unknown, origin: string, setting: string) => number,
  into: AskedValue,
): void {
  const what = "peak" in source ? "schedule" : "function";
  const whose = params.length === 0 ? "" : `, of parameter ${quoteSome(params, 2)}`;
  let answer: unknown;
  try {
    answer = source(step);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : show(cause);
    throw new OptimizerError("invalid-hyper", `${setting}: its ${what} failed at step ${step}${whose}: ${said}`, { cause });
  }
  const value = check(answer, ` (from its ${what}, asked for step ${step}${whose})`, setting);
  const peak = typeof source.peak === "number" && Number.isFinite(source.peak) && source.peak !== 0 ? source.peak : value;
  into.peak = peak;
  into.base = value;
  into.schedule = peak === value ? 1 : value / peak;
}

/** A number that this hyper may have. */
export function checkNumber(info: HyperInfo, value: unknown, origin: string, setting = info.key): number {
  if (typeof value !== "number") throw invalid(setting, info.type === "int" ? "a whole number" : "a number", value, origin);
  if (Number.isNaN(value)) throw invalid(setting, "a number", value, origin);
  if (info.type === "int" && !Number.isInteger(value)) throw invalid(setting, "a whole number", value, origin);
  if (info.range !== null && !(isInRange(value, info.range) && endsAllow(value, info.range))) {
    throw invalid(setting, `in ${rangeText(info.range)}`, value, origin);
  }
  if (info.range === null && !Number.isFinite(value)) throw invalid(setting, "finite", value, origin);
  return value;
}

/** Infinity belongs to an interval that is closed there, as in `(0, inf]`. */
function endsAllow(value: number, { lowClosed, highClosed }: RangeInfo): boolean {
  return Number.isFinite(value) || (value > 0 ? highClosed : lowClosed);
}

export function invalid(setting: string, expected: string, value: unknown, origin = ""): OptimizerError {
  return new OptimizerError("invalid-hyper", `${setting} must be ${expected}, not ${show(value)}${origin}`);
}
