// How a number of f32 arithmetic is kept in memory. "i16" holds whole numbers, the lower halves of f32; "q8s" and "q8u" are 8-bit codes, signed
// and not, whose scales stand behind the codes of their segment. What is kept is little-endian.

import { QUANTIZED_BLOCK } from "./eight-bit.js";
import { float16Bits, widenBfloat16, widenFloat16 } from "./float16.js";

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

const widening = {
  f16: widenFloat16,
  bf16: widenBfloat16,
  i16: (bits: number) => (bits << 16) >> 16,
} as const;

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
    case "f16":
      for (let i = 0; i < length; i++) into[i] = float16Bits(numbers[i]!);
      break;
    case "i16":
      for (let i = 0; i < length; i++) into[i] = numbers[i]! & 0xffff;
      break;
    default:
      throw new Error(`bug: no format ${format satisfies never}`);
  }
  return into.subarray(0, length);
}

/** What is kept as numbers. In f32 the same memory, which must be aligned. */
export function widen(format: PlainFormat, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (format === "f32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), widening[format]);
}
