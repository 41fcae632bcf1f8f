// The two 16-bit formats as numbers: every value of theirs is a binary64 value, so widening is exact, and narrowing rounds once.

import { roundToBfloat16 } from "./bfloat16.js";
import { bitsOf, numberOf } from "./bits.js";

/** The number whose binary16 bits these are. */
export function widenFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The binary16 nearest to x, ties to even, rounded once; from 65,520 on it is infinite, and NaN stays NaN. */
export function roundToFloat16(x: number): number {
  const size = Math.abs(x);
  if (!(size < 65_520)) return Number.isNaN(x) ? x : Math.sign(x) * Infinity;
  const ulp = float16Ulp(size);
  const rounded = toWhole(size / ulp) * ulp;
  return Object.is(x, -0) || x < 0 ? -rounded : rounded;
}

/** The distance of neighbours in binary16 at a size below 65,536. */
export function float16Ulp(size: number): number {
  if (size < 2 ** -14) return 2 ** -24;
  const exponent = Math.floor(Math.log2(size));
  const exact = 2 ** exponent > size ? exponent - 1 : 2 ** (exponent + 1) <= size ? exponent + 1 : exponent;
  return 2 ** (exact - 10);
}

/** The nearest whole number of a number from 0 on, ties to even. */
function toWhole(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** The bits of the binary16 nearest to x; of NaN, 0x7e00. */
export function float16Bits(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const rounded = Math.abs(roundToFloat16(x));
  const sign = Object.is(x, -0) || x < 0 ? 0x8000 : 0;
  if (rounded === Infinity) return sign | 0x7c00;
  if (rounded < 2 ** -14) return sign | (rounded * 2 ** 24);
  return sign | ((bitsOf(rounded) >>> 13) - (112 << 10));
}

/** The number whose bfloat16 bits these are. */
export function widenBfloat16(bits: number): number {
  return numberOf(bits << 16);
}

/** The bits of the bfloat16 nearest to x; of NaN, 0x7fc0. */
export function bfloat16Bits(x: number): number {
  if (Number.isNaN(x)) return 0x7fc0;
  return bitsOf(roundToBfloat16(x)) >>> 16;
}
