// Roundings of binary32 into less: at random, and into two halves of 16 bits each. Every operand is a binary32 value.

import { bitsOf, numberOf } from "./bits.js";
import { float16Ulp } from "./float16.js";

/** One of the two bfloat16 around x: the one away from zero with the probability of what x is beyond the other. `random` has 16 bits. */
export function roundToBfloat16AtRandom(x: number, random: number): number {
  return Number.isFinite(x) ? numberOf((bitsOf(x) + random) & 0xffff0000) : x;
}

/** The same in binary16; what comes to 65,536 is infinite. */
export function roundToFloat16AtRandom(x: number, random: number): number {
  const size = Math.abs(x);
  if (!Number.isFinite(x)) return x;
  const sign = Object.is(x, -0) || x < 0 ? -1 : 1;
  if (size >= 65_536) return sign * Infinity;
  const ulp = float16Ulp(size);
  const below = Math.floor(size / ulp);
  const rest = size / ulp - below;
  // Normal numbers have 13 bits to lose: as many of the random ones decide.
  const up = ulp === 2 ** -24 && size < 2 ** -14 ? rest * 65_536 > random : rest * 8192 + (random >>> 3) >= 8192;
  const rounded = (up ? below + 1 : below) * ulp;
  return sign * (rounded >= 65_536 ? Infinity : rounded);
}

/**
 * The upper half of x: the nearest bfloat16, ties away from zero. To nearest even, 65,537 numbers would come to an even bfloat16 and 65,535
 * to an odd one, and no 16 bits say which of 65,537 it was.
 */
export function upperHalf(x: number): number {
  return Number.isNaN(x) ? Number.NaN : numberOf((bitsOf(x) + 0x8000) & 0xffff0000);
}

/** What is left of x beside its upper half, in units of its last place: a whole number from -32,768 to 32,767. */
export function lowerHalf(x: number): number {
  return Number.isNaN(x) ? 0 : (bitsOf(x) << 16) >> 16;
}

/** The number that has these halves. */
export function joinHalves(upper: number, lower: number): number {
  return Number.isNaN(upper) ? Number.NaN : numberOf(bitsOf(upper) + lower);
}
