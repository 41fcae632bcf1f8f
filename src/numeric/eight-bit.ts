// Numbers in 8 bits, blocks of 256 with one binary32 scale each: the largest size in the block. A code above 0 stands for the binary32 number
// whose upper 12 bits are FIRST + code, so there are 8 steps to an octave and the largest code is exactly 1; times the scale. Signed codes
// have a sign bit and 127 sizes down to 1.25 * 2^-16, unsigned ones 255 sizes down to 1.25 * 2^-32. Rounding is to nearest even on the bits.

import { bitsOf, numberOf } from "./bits.js";

export const QUANTIZED_BLOCK = 256;

/** What a block is divided by is at least this, so that no reciprocal overflows: a block of zeros has it, and codes 0. */
export const SMALLEST_SCALE = 2 ** -100;

export type EightBitFormat = "q8s" | "q8u";

/** Upper 12 bits of the number that code 0 would stand for, if it were not 0. */
export const FIRST_CODE = { q8s: 889, q8u: 761 } as const satisfies Record<EightBitFormat, number>;

/** How a device multiplies and divides. */
export interface ScaleArithmetic {
  mul(x: number, y: number): number;
  div(x: number, y: number): number;
}

const exact: ScaleArithmetic = { mul: (x, y) => Math.fround(x * y), div: (x, y) => Math.fround(x / y) };

/** The bits of a number's size; a format without signs takes negative numbers for zeros, but not a NaN, which may have any sign. */
function sizeBits(format: EightBitFormat, x: number): number {
  const bits = bitsOf(x);
  return format === "q8u" && bits >= 0x80000000 && bits < 0xff800000 ? 0 : bits & 0x7fffffff;
}

/** The scale of up to 256 numbers; NaN where one of them is not finite, and then all of them will be. */
export function scaleOf(format: EightBitFormat, numbers: ArrayLike<number>, first: number, end: number): number {
  let largest = bitsOf(SMALLEST_SCALE);
  for (let i = first; i < end; i++) largest = Math.max(largest, sizeBits(format, numbers[i]!));
  return largest >= 0x7f800000 ? Number.NaN : numberOf(largest);
}

/** The code of a number under the reciprocal of its block's scale. An unsigned number above 0 never becomes 0. */
export function codeOf(format: EightBitFormat, x: number, reciprocal: number, { mul }: ScaleArithmetic = exact): number {
  if (Number.isNaN(reciprocal)) return 0;
  const size = sizeBits(format, x);
  const bits = bitsOf(mul(numberOf(size), reciprocal));
  const rounded = ((bits + 0x7ffff + ((bits >>> 20) & 1)) >>> 20) - FIRST_CODE[format];
  if (format === "q8u") return Math.min(Math.max(rounded, size === 0 ? 0 : 1), 255);
  return Math.min(Math.max(rounded, 0), 127) | (bitsOf(x) >>> 31 === 1 ? 0x80 : 0);
}

/** The number that a code stands for. */
export function numberOfCode(format: EightBitFormat, code: number, scale: number, { mul }: ScaleArithmetic = exact): number {
  const size = format === "q8s" ? code & 0x7f : code;
  const sign = format === "q8s" && (code & 0x80) !== 0 ? 0x80000000 : 0;
  return mul(numberOf((size === 0 ? 0 : (FIRST_CODE[format] + size) << 20) | sign), scale);
}

export interface Quantized {
  /** One for each number. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** One for each block. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** Numbers from the beginning of a block on. */
export function quantize(format: EightBitFormat, numbers: ArrayLike<number>, arithmetic: ScaleArithmetic = exact): Quantized {
  const codes = new Uint8Array(numbers.length);
  const scales = new Float32Array(Math.ceil(numbers.length / QUANTIZED_BLOCK));
  for (let block = 0; block < scales.length; block++) {
    const first = block * QUANTIZED_BLOCK;
    const end = Math.min(first + QUANTIZED_BLOCK, numbers.length);
    scales[block] = scaleOf(format, numbers, first, end);
    const reciprocal = arithmetic.div(1, scales[block]!);
    for (let i = first; i < end; i++) codes[i] = codeOf(format, numbers[i]!, reciprocal, arithmetic);
  }
  return { codes, scales };
}

/** The numbers that codes from the beginning of a block on stand for. */
export function dequantize(
  format: EightBitFormat,
  codes: Uint8Array,
  scales: ArrayLike<number>,
  arithmetic: ScaleArithmetic = exact,
): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) numbers[i] = numberOfCode(format, codes[i]!, scales[Math.floor(i / QUANTIZED_BLOCK)]!, arithmetic);
  return numbers;
}
