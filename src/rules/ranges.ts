// Ranges of hypers at run time.

import type { RangeInfo } from "../contract/manifest.js";

/** Whether a number is inside a hyper's range. */
export function isInRange(value: number, range: RangeInfo): boolean {
  const above = range.low === null || value > range.low || (range.lowClosed && value === range.low);
  const below = range.high === null || value < range.high || (range.highClosed && value === range.high);
  return above && below;
}

/** Whether a hyper's declaration leaves no room below 0, so that no ratio may be negative. */
export function refusesNegative(range: RangeInfo | null | undefined): boolean {
  return typeof range?.low === "number" && range.low >= 0;
}

/** A range as a spec writes it, e.g. `[0, inf)`. */
export function rangeText({ low, high, lowClosed, highClosed }: RangeInfo): string {
  return `${lowClosed ? "[" : "("}${low ?? "-inf"}, ${high ?? "inf"}${highClosed ? "]" : ")"}`;
}
