// Rounding at random: torchao's recorded rounding with its random bits, exact probabilities by counting all 65,536 random numbers, means.
// Halves of 16 bits: every binary32 comes back. The counter's hash: its published inverse, and its definition in integers of any size.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { float16Bits, widenBfloat16, widenFloat16 } from "../../src/numeric/float16.js";
import { lowbias32, random16, randomKey } from "../../src/numeric/random16.js";
import { joinHalves, lowerHalf, roundToBfloat16AtRandom, roundToFloat16AtRandom, upperHalf } from "../../src/numeric/rounding.js";
import { readSafetensors } from "../../src/runtime/state/safetensors.js";
import { fromBits, toBits } from "./exact.js";

const { tensors } = readSafetensors(readFileSync(new URL("../fixtures/golden/low-precision/conversions.safetensors", import.meta.url)));
const bufferOf = (name: string) => new Uint8Array(tensors.get(name)!.bytes).buffer;

/** Patterns with those near the edges of both formats more often than chance. */
const anyBits = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x7fffff, 0x800000, 0x7f7fffff, 0x7f7f8000, 0x7f800000, 0xff800000, 0x80000000),
  fc.integer({ min: 0x32800000, max: 0x38900000 }),
);
const finite = anyBits.map(fromBits).filter(Number.isFinite);

describe("bfloat16 at random", () => {
  test("as torchao with the random bits that it drew: it goes up below the low half, here what is left of 65,535 counts", () => {
    const [given, drawn, gold] = [
      new Uint32Array(bufferOf("sr/in")),
      new Uint16Array(bufferOf("sr/random")),
      new Uint16Array(bufferOf("sr/bf16")),
    ] as const;
    expect(given).toHaveLength(2048);
    const ours = Array.from(given, (bits, i) => toBits(roundToBfloat16AtRandom(fromBits(bits), 65_535 - drawn[i]!)));
    expect(ours).toEqual(Array.from(gold, (bits) => bits * 65_536));
  });

  test("of all random numbers, as many round away from zero as the low half says", () => {
    const patterns = [0x3f80_0000, 0x3f80_0001, 0x3f80_7fff, 0xbf80_8000, 0x0000_1234, 0x8000_ffff, 0x7f7f_ffff, 0x4049_0fdb];
    for (const bits of patterns) {
      const x = fromBits(bits);
      const [toward, away] = [fromBits((bits & 0xffff0000) >>> 0), fromBits(((bits & 0xffff0000) >>> 0) + 0x10000)];
      let ups = 0;
      for (let random = 0; random < 65_536; random++) {
        const rounded = roundToBfloat16AtRandom(x, random);
        if (Object.is(rounded, away)) ups++;
        else if (!Object.is(rounded, toward)) expect(rounded).toBe(toward);
      }
      expect([bits, ups]).toEqual([bits, bits & 0xffff]);
    }
  });
});

describe("binary16 at random", () => {
  /** The binary16 that is not farther from zero, and the next one away. */
  function neighbours(size: number): readonly [number, number] {
    let bits = float16Bits(size);
    if (bits === 0x7c00 || widenFloat16(bits) > size) bits--;
    return [widenFloat16(bits), bits + 1 === 0x7c00 ? 65_536 : widenFloat16(bits + 1)];
  }

  test("of all random numbers, as many round away from zero as the part beyond the lower neighbour says", () => {
    const sizes = [
      1,
      1 + 2 ** -23,
      1.5 + 2 ** -11,
      Math.PI,
      65_504,
      65_520,
      65_535.996,
      2 ** -14,
      2 ** -14 - 2 ** -38,
      2 ** -24,
      2 ** -25,
      1e-6,
      2 ** -40,
      2 ** -41,
      2 ** -149,
    ];
    for (const size of sizes.map(Math.fround)) {
      const [toward, away] = neighbours(size);
      for (const sign of [1, -1]) {
        let ups = 0;
        for (let random = 0; random < 65_536; random++) {
          const rounded = sign * roundToFloat16AtRandom(sign * size, random);
          if (rounded === (away === 65_536 ? Infinity : away)) ups++;
          else if (rounded !== toward) expect([size, random, rounded]).toEqual([size, random, toward]);
        }
        // Subnormal numbers have more digits than 16 random bits: the part is rounded up to whole ones.
        expect([size, ups]).toEqual([size, Math.ceil(((size - toward) / (away - toward)) * 65_536)]);
      }
    }
  });

  test("what 16 bits can say is rounded to itself", () => {
    for (let bits = 0; bits < 0x7c00; bits++)
      for (const random of [0, 65_535]) expect(roundToFloat16AtRandom(widenFloat16(bits), random)).toBe(widenFloat16(bits));
  });
});

test.each([
  ["bfloat16", roundToBfloat16AtRandom],
  ["binary16", roundToFloat16AtRandom],
] as const)("%s: specials stay, signs stay, and what a format holds stays", (name, round) => {
  for (const special of [Infinity, -Infinity, Number.NaN, 0, -0]) expect(round(special, 65_535)).toBe(special);
  const widenHalf = name === "bfloat16" ? widenBfloat16 : widenFloat16;
  fc.assert(
    fc.property(finite, fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 65_535 }), (x, random, half) => {
      const rounded = round(x, random);
      expect(Object.is(Math.sign(rounded), -0) || rounded < 0).toBe(Object.is(x, -0) || x < 0);
      expect(round(-x, random)).toBe(-rounded);
      const kept = widenHalf(half);
      expect(round(kept, random)).toBe(kept);
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ["bfloat16", roundToBfloat16AtRandom, 2 ** -7],
  ["binary16", roundToFloat16AtRandom, 2 ** -10],
] as const)("%s: the mean over elements is the number, whatever step and tensor", (_, round, ulp) => {
  const N = 2 ** 16;
  for (const [step, tensor, part] of [
    [1, 0, 0.01],
    [2, 3, 0.5],
    [1000, 41, 0.137],
  ] as const) {
    const x = Math.fround(1.25 + part * ulp);
    const key = randomKey(7, step, tensor);
    let sum = 0;
    for (let i = 0; i < N; i++) sum += round(x, random16(key, i));
    // A number goes up with the probability p = part: the mean's standard error is ulp * sqrt(p (1 - p) / N); four of them.
    expect(Math.abs(sum / N - x)).toBeLessThan(4 * ulp * Math.sqrt((part * (1 - part)) / N));
  }
});

describe("halves", () => {
  test("every number comes back in all its bits, whatever the upper half is rounded to", () => {
    const check = (bits: number) => {
      const x = fromBits(bits >>> 0);
      const [upper, lower] = [upperHalf(x), lowerHalf(x)];
      if (Number.isNaN(x)) return Number.isNaN(joinHalves(upper, lower));
      return (
        (toBits(upper) & 0xffff) === 0 &&
        Number.isInteger(lower) &&
        Math.abs(lower + 0.5) <= 32_767.5 &&
        toBits(joinHalves(upper, lower)) === bits >>> 0
      );
    };
    // All upper halves with lower halves around the tie and the ends; all lower halves below some upper ones.
    for (let high = 0; high < 65_536; high++)
      for (const low of [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff])
        if (!check(high * 65_536 + low)) expect(`0x${high.toString(16)} ${low}`).toBe("comes back");
    for (const high of [0, 1, 0x7f, 0x3f80, 0x7f7f, 0x8000, 0xbf80, 0xff7f])
      for (let low = 0; low < 65_536; low++) if (!check(high * 65_536 + low)) expect(`0x${high.toString(16)} ${low}`).toBe("comes back");
    fc.assert(
      fc.property(anyBits, (bits) => check(bits)),
      { numRuns: 50_000 },
    );
  });

  test("the upper half is the nearest bfloat16, away from zero in the middle, and beside it the units of the last place", () => {
    fc.assert(
      fc.property(
        finite.filter((x) => Math.abs(x) < 2 ** 127 && Math.abs(x) >= 2 ** -126),
        (x) => {
          const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23);
          const exactUnit = Math.abs(x) / unit >= 2 ** 24 ? unit * 2 : Math.abs(x) / unit < 2 ** 23 ? unit / 2 : unit;
          const rounded = Math.sign(x) * Math.floor(Math.abs(x) / exactUnit / 65_536 + 0.5) * 65_536 * exactUnit;
          expect(upperHalf(x)).toBe(rounded);
          expect(lowerHalf(x) * exactUnit * Math.sign(x)).toBe(x - rounded);
        },
      ),
      { numRuns: 20_000 },
    );
  });
});

describe("the counter", () => {
  const WORD = 2n ** 32n;
  /** The definition, in integers of any size. */
  function hash(x: bigint): bigint {
    let h = x;
    h = ((h ^ (h >> 16n)) * 0x7feb352dn) % WORD;
    h = ((h ^ (h >> 15n)) * 0x846ca68bn) % WORD;
    return h ^ (h >> 16n);
  }
  /** The author's `lowbias32_r`, published beside it. */
  function inverse(x: bigint): bigint {
    let h = x;
    h = ((h ^ (h >> 16n)) * 0x43021123n) % WORD;
    h = ((h ^ (h >> 15n) ^ (h >> 30n)) * 0x1d69e2a5n) % WORD;
    return h ^ (h >> 16n);
  }
  const word = fc.integer({ min: 0, max: 0xffffffff });

  test("lowbias32 is its definition, and its published inverse undoes it", () => {
    fc.assert(
      fc.property(fc.oneof(word, fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff)), (x) => {
        expect(BigInt(lowbias32(x))).toBe(hash(BigInt(x)));
        expect(inverse(BigInt(lowbias32(x)))).toBe(BigInt(x));
      }),
      { numRuns: 20_000 },
    );
  });

  test("keys and random numbers are hashes of what they are made of", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 24), fc.nat(2 ** 24), fc.nat(65_535), word, (seed, step, tensor, element) => {
        const key = hash(hash(hash((BigInt(tensor) + 0x9e3779b9n) % WORD) ^ BigInt(step)) ^ BigInt(seed));
        expect(BigInt(randomKey(seed, step, tensor))).toBe(key);
        expect(BigInt(random16(Number(key), element))).toBe(hash(key ^ BigInt(element)) >> 16n);
      }),
      { numRuns: 5_000 },
    );
  });

  test("every bit is even, and says nothing of the same bit of the next element, step, tensor or seed", () => {
    const N = 2 ** 16;
    const key = randomKey(1, 10, 2);
    const streams = [
      (i: number) => random16(key, i + 1),
      ...[randomKey(1, 11, 2), randomKey(1, 10, 3), randomKey(2, 10, 2)].map((other) => (i: number) => random16(other, i)),
    ];
    const ones = new Float64Array(16);
    const equal = streams.map(() => new Float64Array(16));
    for (let i = 0; i < N; i++) {
      const bits = random16(key, i);
      for (let b = 0; b < 16; b++) {
        ones[b]! += (bits >> b) & 1;
        for (const [s, stream] of streams.entries()) equal[s]![b]! += 1 - (((bits ^ stream(i)) >> b) & 1);
      }
    }
    // A fair coin's count has the standard deviation sqrt(N) / 2; of 80 counts all are within five of them.
    for (const counts of [ones, ...equal]) for (const count of counts) expect(Math.abs(count - N / 2)).toBeLessThan(5 * (Math.sqrt(N) / 2));
  });
});
