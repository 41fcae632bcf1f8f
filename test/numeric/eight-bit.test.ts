// Blocks of 8 bits: codes against a table of the numbers they stand for, made from the definition in binary64; error bounds as they follow
// from it; what becomes of zeros, of numbers that are not finite, of tiny ones and of the last block.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dequantize, type EightBitFormat, numberOfCode, QUANTIZED_BLOCK, quantize, SMALLEST_SCALE } from "../../src/numeric/eight-bit.js";
import { noise } from "../oracle/against-interpreter.js";
import { fromBits } from "./exact.js";

const formats = ["q8s", "q8u"] as const satisfies readonly EightBitFormat[];

/** Sizes by code: 1 is the largest, eight steps to an octave (1, 1.125, ... 1.875 times a power of two), and 0. */
function tableOf(largest: number): readonly number[] {
  return Array.from({ length: largest + 1 }, (_, code) => {
    const below = largest - code;
    const octaves = Math.ceil(below / 8);
    return code === 0 ? 0 : (1 + (8 * octaves - below) / 8) * 2 ** -octaves;
  });
}
const tables = { q8s: tableOf(127), q8u: tableOf(255) };

const back = (format: EightBitFormat, numbers: ArrayLike<number>) => {
  const { codes, scales } = quantize(format, numbers);
  return dequantize(format, codes, scales);
};
const sizeOf = (format: EightBitFormat, x: number) => (format === "q8u" ? Math.max(x, 0) : Math.abs(x));

/** Numbers of a block: of sizes over many decades, with zeros, and a common factor that may be extreme. */
const blockOf = (length: number) =>
  fc
    .record({
      numbers: fc.array(
        fc.oneof({ weight: 9, arbitrary: fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.nat(12)) }, fc.constant([0, 0] as const)),
        {
          minLength: 1,
          maxLength: length,
        },
      ),
      power: fc.integer({ min: -60, max: 120 }),
    })
    .map(({ numbers, power }) => Float32Array.from(numbers, ([x, decade]) => x * 10 ** -decade * 2 ** power));

describe.each(formats)("%s", (format) => {
  const table = tables[format];

  test("codes stand for the numbers of the definition", () => {
    expect(table[1]).toBe(format === "q8s" ? 1.25 * 2 ** -16 : 1.25 * 2 ** -32);
    expect(table.at(-1)).toBe(1);
    for (let code = 0; code < 256; code++) {
      const [size, sign] = format === "q8s" ? [code % 128, code < 128 ? 1 : -1] : [code, 1];
      // Powers of two only move the exponent.
      for (const scale of [1, 2 ** -90, 2 ** 100]) expect(numberOfCode(format, code, scale)).toBe(sign * table[size]! * scale);
    }
  });

  test("no other code is nearer, and no number is farther from its own than the definition allows", () => {
    fc.assert(
      fc.property(blockOf(QUANTIZED_BLOCK), (numbers) => {
        const { codes, scales } = quantize(format, numbers);
        const largest = numbers.reduce((most, x) => Math.max(most, sizeOf(format, x)), SMALLEST_SCALE);
        expect(scales).toEqual(Float32Array.of(largest));
        const kept = dequantize(format, codes, scales);
        for (const [i, x] of numbers.entries()) {
          const size = sizeOf(format, x) / largest;
          const code = format === "q8s" ? codes[i]! & 0x7f : codes[i]!;
          // Three roundings to binary32: of the reciprocal, of the quotient, and of the product that comes back.
          const slack = 2 ** -22;
          const others = table.filter((_, other) => other !== code && (other !== 0 || format === "q8s" || size === 0));
          const nearest = others.reduce((best, other) => Math.min(best, Math.abs(other - size)), Infinity);
          // What is below all codes but 0 is kept as the smallest of an unsigned format, as 0 of a signed one where that is nearer on the bits.
          if (size >= table[1]!) expect(Math.abs(table[code]! - size)).toBeLessThanOrEqual(nearest + slack * size);
          const error = Math.abs(sizeOf(format, kept[i]!) - sizeOf(format, x)) / largest;
          // Half a step is 1/16 of the power of two below, a 17th of the number at the most: at 1 + 1/16, between 1 and 1 + 1/8.
          const bound = size >= table[1]! ? size / 17 : table[1]!;
          expect(error).toBeLessThanOrEqual(bound * (1 + slack) + slack * size);
          if (format === "q8s" && x !== 0) expect(Math.sign(kept[i]!) === Math.sign(x) || kept[i] === 0).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("the bound is reached", () => {
    const [one, kept] = back(format, [1, 1.0625 / 4]);
    expect([one, kept]).toEqual([1, 1 / 4]);
    expect(1.0625 / 4 - kept!).toBe(1.0625 / 4 / 17);
  });

  test("what was kept once is kept the same again, codes and scales", () => {
    fc.assert(
      fc.property(blockOf(3 * QUANTIZED_BLOCK), (numbers) => {
        const first = quantize(format, numbers);
        expect(quantize(format, dequantize(format, first.codes, first.scales))).toEqual(first);
      }),
      { numRuns: 1_000 },
    );
    const all = Float32Array.from({ length: 256 }, (_, code) => numberOfCode(format, code, 0.7));
    expect(quantize(format, all).codes).toEqual(Uint8Array.from({ length: 256 }, (_, code) => code));
  });

  test("zeros stay zeros, of both signs where there are signs", () => {
    const { codes, scales } = quantize(format, new Float32Array(300));
    expect(codes).toEqual(new Uint8Array(300));
    expect(scales).toEqual(Float32Array.of(SMALLEST_SCALE, SMALLEST_SCALE));
    expect(dequantize(format, codes, scales)).toEqual(new Float32Array(300));
    expect([...back(format, [-0, 1, 0])]).toEqual(format === "q8s" ? [-0, 1, 0] : [0, 1, 0]);
  });

  test("one number that is not finite makes its block NaN, and no other; whatever the sign and payload of a NaN", () => {
    const bad = [Infinity, -Infinity, ...[0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345].map(fromBits)];
    const words = new Uint32Array([0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7fc12345, 0xffffffff]);
    for (let k = 0; k < bad.length + words.length; k++) {
      const numbers = noise(3 * QUANTIZED_BLOCK, k + 1).map(Math.abs);
      if (k < bad.length) numbers[QUANTIZED_BLOCK + 17 * k] = bad[k]!;
      else new Uint32Array(numbers.buffer)[QUANTIZED_BLOCK + 17 * k] = words[k - bad.length]!;
      const { codes, scales } = quantize(format, numbers);
      const kept = dequantize(format, codes, scales);
      expect(Number.isNaN(scales[1]!)).toBe(true);
      expect(kept.subarray(QUANTIZED_BLOCK, 2 * QUANTIZED_BLOCK).every(Number.isNaN)).toBe(true);
      expect(codes.subarray(QUANTIZED_BLOCK, 2 * QUANTIZED_BLOCK)).toEqual(new Uint8Array(QUANTIZED_BLOCK));
      const rest = [...numbers.subarray(0, QUANTIZED_BLOCK), ...numbers.subarray(2 * QUANTIZED_BLOCK)];
      expect([...kept.subarray(0, QUANTIZED_BLOCK), ...kept.subarray(2 * QUANTIZED_BLOCK)]).toEqual([...back(format, rest)]);
    }
  });

  test("the largest finite number and numbers below the smallest scale", () => {
    const largest = fromBits(0x7f7fffff);
    const [kept, half] = back(format, [largest, largest / 2]);
    expect(kept).toBe(largest);
    expect(Math.abs(half! / (largest / 2) - 1)).toBeLessThan(2 ** -20);
    const tiny = [2 ** -149, 2 ** -126, SMALLEST_SCALE / 8];
    const { codes, scales } = quantize(format, tiny);
    expect(scales[0]).toBe(SMALLEST_SCALE);
    expect(dequantize(format, codes, scales)[2]).toBe(SMALLEST_SCALE / 8);
    expect([...codes.subarray(0, 2)]).toEqual(format === "q8u" ? [1, table.indexOf(2 ** -26)] : [0, 0]);
  });

  test("the last block is of what is left, and every block of its own", () => {
    for (const length of [1, 3, 5, 255, 256, 257, 511, 1000]) {
      const numbers = noise(length, length);
      const { codes, scales } = quantize(format, numbers);
      expect([codes.length, scales.length]).toEqual([length, Math.ceil(length / QUANTIZED_BLOCK)]);
      for (let block = 0; block < scales.length; block++) {
        const own = numbers.subarray(block * QUANTIZED_BLOCK, (block + 1) * QUANTIZED_BLOCK);
        const alone = quantize(format, own);
        expect(codes.subarray(block * QUANTIZED_BLOCK, block * QUANTIZED_BLOCK + own.length)).toEqual(alone.codes);
        expect(scales[block]).toBe(alone.scales[0]);
      }
    }
    expect(quantize(format, [])).toEqual({ codes: new Uint8Array(0), scales: new Float32Array(0) });
  });
});

test("unsigned: a number above 0 is never kept as 0, and one below 0 always is", () => {
  const numbers = Float32Array.of(1, 2 ** -40, 2 ** -149, 0, -0, -1, -(2 ** 30), fromBits(0x7f7fffff) * 0);
  expect([...quantize("q8u", numbers).codes]).toEqual([255, 1, 1, 0, 0, 0, 0, 0]);
  fc.assert(
    fc.property(blockOf(QUANTIZED_BLOCK), (given) => {
      const kept = back("q8u", given);
      for (const [i, x] of given.entries()) expect(kept[i]! > 0).toBe(x > 0);
    }),
    { numRuns: 500 },
  );
});
