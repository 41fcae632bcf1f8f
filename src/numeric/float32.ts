// What an arithmetic unit does with binary32: the profile of a device, and every operation of elements under it.
// An f64 sum, product, quotient or root of f32 numbers, rounded to f32, is the correctly rounded f32 result (53 >= 2 * 24 + 2).
// Operands must be f32 values; booleans are 0 and 1. What no profile predicts, `unpredicted` lists; here it is computed exactly.

import { roundToBfloat16 } from "./bfloat16.js";
import { joinHalves, lowerHalf, roundToBfloat16AtRandom, roundToFloat16AtRandom, upperHalf } from "./rounding.js";

export interface ArithmeticProfile {
  readonly subnormals: "keep" | "flush";
  /** Of quotients and square roots. */
  readonly division: "exact" | "2.5ulp";
  /** Whether products and the sums that they go into may be rounded as one. */
  readonly fuses: boolean;
}

export const ieee: ArithmeticProfile = { subnormals: "keep", division: "exact", fuses: false };
export const flushing: ArithmeticProfile = { subnormals: "flush", division: "exact", fuses: false };

/** What may differ in bits from the interpreter on such a device, because a driver is free in it: in words, empty where nothing does. */
export function unpredicted({ division, fuses }: ArithmeticProfile): readonly string[] {
  return [...(division === "exact" ? [] : ["quotients", "square roots"]), ...(fuses ? ["sums of products"] : [])];
}

const SMALLEST_NORMAL = 2 ** -126;
const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** Every operation of elements by its name in the IR. Operations of one argument ignore the second. */
export type Float32Operations = typeof keeping;

/** The operations of a profile. */
export function float32Operations(profile: ArithmeticProfile): Float32Operations {
  return profile.subnormals === "keep" ? keeping : flushed;
}

const keeping = {
  add: (x: number, y: number): number => Math.fround(x + y),
  sub: (x: number, y: number): number => Math.fround(x - y),
  mul: (x: number, y: number): number => Math.fround(x * y),
  div: (x: number, y: number): number => Math.fround(x / y),
  neg: (x: number): number => -x,
  abs: (x: number): number => Math.abs(x),
  sqrt: (x: number): number => Math.fround(Math.sqrt(x)),
  min: (x: number, y: number): number => Math.min(x, y),
  max: (x: number, y: number): number => Math.max(x, y),
  sign: (x: number): number => Math.sign(x),
  floor: (x: number): number => Math.floor(x),
  ceil: (x: number): number => Math.ceil(x),
  bf16: (x: number): number => roundToBfloat16(x),
  bf16_random: (x: number, random: number): number => roundToBfloat16AtRandom(x, random),
  f16_random: (x: number, random: number): number => roundToFloat16AtRandom(x, random),
  upper_half: (x: number): number => upperHalf(x),
  lower_half: (x: number): number => lowerHalf(x),
  join_halves: (x: number, y: number): number => joinHalves(x, y),
  isfinite: (x: number): number => (Number.isFinite(x) ? 1 : 0),
  lt: (x: number, y: number): number => (x < y ? 1 : 0),
  le: (x: number, y: number): number => (x <= y ? 1 : 0),
  eq: (x: number, y: number): number => (x === y ? 1 : 0),
  and: (x: number, y: number): number => x & y,
  or: (x: number, y: number): number => x | y,
  not: (x: number): number => 1 - x,
  exp2i: (x: number): number => fromBits((x + 127) << 23),
  exponent: (x: number): number => (toBits(x) >>> 23) - 127,
  mantissa: (x: number): number => fromBits((toBits(x) & 0x7fffff) | 0x3f800000),
};

/** Subnormal operands are zeros of their sign, and so are tiny results. Operations on bits and moves see every number as it is. */
const flushed: Float32Operations = {
  ...keeping,
  add: (x, y) => roundAndFlush(flush(x) + flush(y)),
  sub: (x, y) => roundAndFlush(flush(x) - flush(y)),
  mul: (x, y) => roundAndFlush(flush(x) * flush(y)),
  div: (x, y) => roundAndFlush(flush(x) / flush(y)),
  sqrt: (x) => Math.fround(Math.sqrt(flush(x))),
  floor: (x) => Math.floor(flush(x)),
  ceil: (x) => Math.ceil(flush(x)),
  lt: (x, y) => (flush(x) < flush(y) ? 1 : 0),
  le: (x, y) => (flush(x) <= flush(y) ? 1 : 0),
  eq: (x, y) => (flush(x) === flush(y) ? 1 : 0),
};

function flush(x: number): number {
  return x < SMALLEST_NORMAL && x > -SMALLEST_NORMAL ? x * 0 : x;
}

/** A result is tiny if it is below the smallest normal number after rounding as if exponents had no bound (as x86 and its flush-to-zero do). */
function roundAndFlush(exact: number): number {
  const rounded = Math.fround(exact);
  if (!(Math.abs(rounded) <= SMALLEST_NORMAL)) return rounded;
  return Math.abs(Math.fround(exact * 2 ** 100)) < SMALLEST_NORMAL * 2 ** 100 ? exact * 0 : rounded;
}

function toBits(x: number): number {
  single[0] = x;
  return bits[0]!;
}

function fromBits(word: number): number {
  bits[0] = word;
  return single[0]!;
}
