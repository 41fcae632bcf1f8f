// Widening and narrowing of 16-bit formats: torch's conversions, the definitions of binary16 and bfloat16 in exact arithmetic, all patterns.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloat16Bits, float16Bits, float16Ulp, roundToFloat16, widenBfloat16, widenFloat16 } from "../../src/numeric/float16.js";
import { narrow, narrowInto, widen } from "../../src/numeric/storage-formats.js";
import { readSafetensors } from "../../src/runtime/state/safetensors.js";
import { exact, fromBits, toBits } from "./exact.js";

const fixtures = new URL("../fixtures/golden/low-precision/", import.meta.url);
const { tensors } = readSafetensors(readFileSync(new URL("conversions.safetensors", fixtures)));
const { widened } = JSON.parse(readFileSync(new URL("conversions.json", fixtures), "utf8")) as {
  readonly widened: { readonly bf16: string; readonly f16: string };
};
const wordsOf = (name: string) => new Uint32Array(new Uint8Array(tensors.get(name)!.bytes).buffer);
const halvesOf = (name: string) => new Uint16Array(new Uint8Array(tensors.get(name)!.bytes).buffer);

const every = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const bytesOf = ({ buffer, byteOffset, byteLength }: Uint16Array<ArrayBuffer>) => new Uint8Array(buffer, byteOffset, byteLength);

/** A format's two fields, and the value that IEEE 754 gives to bits: the numbers of fields, scaled. */
const definitions = {
  f16: { exponentBits: 5, fractionBits: 10 },
  bf16: { exponentBits: 8, fractionBits: 7 },
} as const;
type Half = keyof typeof definitions;
const halves = ["f16", "bf16"] as const;

function meaningOf(format: Half, bits: number): number {
  const { exponentBits, fractionBits } = definitions[format];
  const sign = bits >> 15 === 1 ? -1 : 1;
  const field = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = bits & (2 ** fractionBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (field === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  return field === 0
    ? sign * fraction * 2 ** (1 - bias - fractionBits)
    : sign * (2 ** fractionBits + fraction) * 2 ** (field - bias - fractionBits);
}

const isNaNBits = (format: Half, bits: number) => Number.isNaN(meaningOf(format, bits));
const firstInfinite = { f16: 0x7c00, bf16: 0x7f80 } as const;

/** The bits nearest to a finite number, ties to even, by halving the interval; what follows the largest number counts as 2^16 or 2^128. */
function nearestBits(format: Half, x: number): number {
  const size = Math.abs(x);
  const sign = Object.is(x, -0) || x < 0 ? 0x8000 : 0;
  const at = (bits: number) => (bits === firstInfinite[format] ? 2 ** (format === "f16" ? 16 : 128) : meaningOf(format, bits));
  let [low, high]: [number, number] = [0, firstInfinite[format]];
  if (size >= at(high)) return sign | high;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at(middle) <= size) low = middle;
    else high = middle;
  }
  // Both distances are exact in binary64: neighbours of a format and a binary32 between them.
  const [below, above] = [size - at(low), at(high) - size];
  return sign | (below < above || (below === above && low % 2 === 0) ? low : high);
}

describe.each(halves)("%s", (format) => {
  test("all patterns are widened as the definition says, and as torch does", () => {
    const numbers = widen(format, bytesOf(every));
    for (const [bits, number] of numbers.entries())
      if (!Object.is(number, meaningOf(format, bits))) expect([bits, number]).toBe("widened otherwise");
    const canonical = new Uint32Array(numbers.buffer).map((word, i) => (Number.isNaN(numbers[i]!) ? 0x7fc00000 : word));
    expect(createHash("sha256").update(canonical).digest("hex")).toBe(widened[format]);
  });

  test("what was widened narrows to the same bits; every NaN to one", () => {
    const back = narrow(format, widen(format, bytesOf(every)));
    const nan = format === "f16" ? 0x7e00 : 0x7fc0;
    expect(back).toEqual(every.map((bits) => (isNaNBits(format, bits) ? nan : bits)));
  });

  test("narrows as torch does", () => {
    const numbers = new Float32Array(wordsOf("in").buffer);
    const gold = halvesOf(format);
    const ours = narrow(format, numbers) as Uint16Array;
    expect(numbers).toHaveLength(65_536);
    const wrong = [...ours].flatMap((bits, i) =>
      (Number.isNaN(numbers[i]!) ? isNaNBits(format, bits) && isNaNBits(format, gold[i]!) : bits === gold[i]) ? [] : [i],
    );
    expect(wrong).toEqual([]);
  });

  test("halfway between neighbours the even one, one binary32 beside it the nearer one", () => {
    for (let bits = 0; bits < firstInfinite[format]; bits++) {
      const low = meaningOf(format, bits);
      const high = bits + 1 === firstInfinite[format] ? 2 ** (format === "f16" ? 16 : 128) : meaningOf(format, bits + 1);
      // A binary32: the formats have fewer digits, and half of bfloat16's smallest number is one too.
      const half = toBits(low / 2 + high / 2);
      expect(exact(fromBits(half))).toEqual(exact(Math.fround(low / 2 + high / 2)));
      const even = bits % 2 === 0 ? bits : bits + 1;
      const numbers = Float32Array.from(
        [half - 1, half, half + 1].flatMap((word) => [word, word + 0x80000000]),
        fromBits,
      );
      const expected = [bits, even, bits + 1].flatMap((nearest) => [nearest, nearest | 0x8000]);
      const found = narrow(format, numbers) as Uint16Array;
      if (found.some((one, i) => one !== expected[i])) expect([bits, ...found]).toEqual([bits, ...expected]);
    }
  });

  test("any binary32 narrows to the nearest", () => {
    const numbers = fc.oneof(
      fc.integer({ min: 0, max: 0xffffffff }),
      // Near the ends of binary16: its subnormals, and what follows 65,504.
      fc
        .tuple(fc.integer({ min: 0x32800000, max: 0x39000000 }), fc.boolean())
        .map(([bits, negative]) => bits + (negative ? 0x80000000 : 0)),
      fc.integer({ min: 0x477f0000, max: 0x47810000 }),
    );
    fc.assert(
      fc.property(numbers, (bits) => {
        const x = fromBits(bits);
        const [found] = narrow(format, Float32Array.of(x));
        if (Number.isNaN(x)) expect(isNaNBits(format, found!)).toBe(true);
        else expect(found).toBe(nearestBits(format, x));
        expect(format === "f16" ? float16Bits(x) : bfloat16Bits(x)).toBe(found);
      }),
      { numRuns: 50_000 },
    );
  });

  test("narrows into the beginning of an array and leaves the rest", () => {
    const into = new Uint16Array(5).fill(7);
    const view = narrowInto(into, format, Float32Array.of(1, -2, 3));
    expect([...view]).toEqual([1, -2, 3].map((x) => nearestBits(format, x)));
    expect(view.buffer).toBe(into.buffer);
    expect([...into.subarray(3)]).toEqual([7, 7]);
  });
});

test("roundToFloat16 is the number of the bits it would have", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (x) => {
      expect(roundToFloat16(x)).toBe(meaningOf("f16", float16Bits(x)));
      // In binary64 distances are not always exact: those of binary32 are.
      const single = Math.fround(x);
      if (Number.isFinite(single)) expect(roundToFloat16(single)).toBe(meaningOf("f16", nearestBits("f16", single)));
    }),
    { numRuns: 20_000 },
  );
});

test("float16Ulp is the distance to the next binary16", () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    const next = bits + 1 === 0x7c00 ? 65_536 : meaningOf("f16", bits + 1);
    expect(float16Ulp(meaningOf("f16", bits))).toBe(next - meaningOf("f16", bits));
    // The last double before the next one.
    expect(float16Ulp(next * (1 - 2 ** -53))).toBe(next - meaningOf("f16", bits));
  }
});

test("i16 keeps the whole numbers of 16 bits, f32 everything where it is", () => {
  const whole = Float32Array.from(every, (_, i) => i - 32_768);
  const kept = narrow("i16", whole) as Uint16Array<ArrayBuffer>;
  expect(kept).toEqual(new Uint16Array(Int16Array.from(whole).buffer));
  expect(widen("i16", bytesOf(kept))).toEqual(whole);
  const numbers = Float32Array.of(1, Number.NaN, -0);
  expect(narrow("f32", numbers)).toBe(numbers);
  expect(widen("f32", new Uint8Array(numbers.buffer)).buffer).toBe(numbers.buffer);
});

test("single patterns", () => {
  expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x8000].map(widenFloat16)).toEqual([1, -2, 65_504, 2 ** -24, 2 ** -14, -0]);
  expect([0x3f80, 0xc000, 0x7f7f, 0x0001, 0x0080, 0x8000].map(widenBfloat16)).toEqual([
    1,
    -2,
    (2 - 2 ** -7) * 2 ** 127,
    2 ** -133,
    2 ** -126,
    -0,
  ]);
  expect([65_519.996, 65_520, -65_520, 2 ** -25, 2 ** -25 * (1 + 2 ** -23), Number.NaN, -0].map((x) => float16Bits(x))).toEqual([
    0x7bff, 0x7c00, 0xfc00, 0, 1, 0x7e00, 0x8000,
  ]);
  expect([Number.NaN, 3.4e38, -(2 ** -134), 2 ** -133].map((x) => bfloat16Bits(Math.fround(x)))).toEqual([0x7fc0, 0x7f80, 0x8000, 1]);
});
