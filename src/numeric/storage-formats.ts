// How a number of f32 arithmetic is kept in memory. "i16" holds whole numbers, the lower halves of f32; "q8s" and "q8u" are 8-bit codes, signed
// and not, whose scales stand behind the codes of their segment. What is kept is little-endian.

import { QUANTIZED_BLOCK } from "./eight-bit.js";
import { widenFloat16 } from "./float16.js";

/** Bytes of an element; of 8-bit formats with its part of a scale. */
export const formatBytes = {
  f32: 4,
  f16: 2,
  bf16: 2,
  i16: 2,
  q8s: 1 + 4 / QUANTIZED_BLOCK,
  q8u: 1 + 4 / QUANTIZED_BLOCK,
} as const satisfies Record<string, number>;

export type StorageFormat = keyof typeof formatBytes;
/** Formats in which every element stands for itself. */
export type PlainFormat = Exclude<StorageFormat, "q8s" | "q8u">;
/** What parameters and gradients may be kept in. */
export type NumberFormat = "f32" | "f16" | "bf16";

export function isQuantized(format: StorageFormat): format is "q8s" | "q8u" {
  return format === "q8s" || format === "q8u";
}

/** All numbers of binary16, by their bits; made when first asked for. */
let numbersOfFloat16: Float32Array | null = null;

/** Numbers as they are kept, each rounded to the nearest, ties to even. In f32 the same memory. */
export function narrow(format: PlainFormat, numbers: Float32Array): Float32Array | Uint16Array<ArrayBuffer> {
  return format === "f32" ? numbers : narrowInto(new Uint16Array(numbers.length), format, numbers);
}

/** The same into the beginning of an array; NaN becomes 0x7fc0 or 0x7e00. */
export function narrowInto(
  into: Uint16Array<ArrayBuffer>,
  format: Exclude<PlainFormat, "f32">,
  numbers: Float32Array,
): Uint16Array<ArrayBuffer> {
  const { length } = numbers;
  switch (format) {
    case "bf16": {
      const words = new Uint32Array(numbers.buffer, numbers.byteOffset, length);
      for (let i = 0; i < length; i++) {
        const word = words[i]!;
        into[i] = (word & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
      }
      break;
    }
    case "f16": {
      const words = new Uint32Array(numbers.buffer, numbers.byteOffset, length);
      for (let i = 0; i < length; i++) into[i] = float16OfWord(words[i]!);
      break;
    }
    case "i16":
      for (let i = 0; i < length; i++) into[i] = numbers[i]! & 0xffff;
      break;
    default:
      throw new Error(`bug: no format ${format satisfies never}`);
  }
  return into.subarray(0, length);
}

const sum = new Float32Array(1);
const sumWord = new Uint32Array(sum.buffer);

/** `float16Bits` of the binary32 with these bits, many times as fast: arrays of gradients go through it. */
function float16OfWord(word: number): number {
  const size = word & 0x7fffffff;
  const sign = (word >>> 16) & 0x8000;
  if (size >= 0x47800000) return size > 0x7f800000 ? 0x7e00 : sign | 0x7c00;
  if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  // The sum with 0.5 is rounded to multiples of 2^-24; binary64, which it passes through, holds every sum whose rounding is not clear.
  sumWord[0] = size;
  sum[0] = sum[0]! + 0.5;
  return sign | (sumWord[0] - 0x3f000000);
}

/** What is kept as numbers. In f32 the same memory, which must be aligned. */
export function widen(format: PlainFormat, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (format === "f32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  return widenHalves(format, new Uint16Array(buffer, byteOffset, byteLength / 2));
}

function widenHalves(format: Exclude<PlainFormat, "f32">, halves: Uint16Array): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(halves.length);
  switch (format) {
    case "bf16": {
      const words = new Uint32Array(numbers.buffer);
      for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
      break;
    }
    case "f16": {
      numbersOfFloat16 ??= Float32Array.from({ length: 65_536 }, (_, bits) => widenFloat16(bits));
      for (let i = 0; i < halves.length; i++) numbers[i] = numbersOfFloat16[halves[i]!]!;
      break;
    }
    case "i16":
      for (let i = 0; i < halves.length; i++) numbers[i] = (halves[i]! << 16) >> 16;
      break;
    default:
      throw new Error(`bug: no format ${format satisfies never}`);
  }
  return numbers;
}
