import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { roundToBfloat16 } from "../../src/numeric/bfloat16.js";
import { power } from "../../src/numeric/integer-power.js";

describe("power", () => {
  it("is exact where the result is a whole number below 2^53", () => {
    fc.assert(
      fc.property(fc.integer({ min: -40, max: 40 }), fc.integer({ min: 0, max: 60 }), (x, n) => {
        const exact = BigInt(x) ** BigInt(n);
        if (exact > -(2n ** 53n) && exact < 2n ** 53n) expect(power(x, n)).toBe(Number(exact) + 0);
      }),
    );
  });

  it("is near the exact rational power for fractions of powers of two", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 20 - 1 }), fc.integer({ min: 1, max: 30 }), (numerator, n) => {
        const exact = Number(((BigInt(numerator) ** BigInt(n)) << 200n) / (1n << BigInt(20 * n))) / 2 ** 200;
        if (exact > 1e-30) expect(Math.abs(power(numerator / 2 ** 20, n) / exact - 1)).toBeLessThan(n * 2 ** -53 + 1e-15);
      }),
    );
  });

  it("multiplies from the lowest bit", () => {
    for (const x of [0.9, 0.95, 1.1, 1e-3, 0.999]) {
      expect(power(x, 3)).toBe(x * (x * x));
      expect(power(x, 5)).toBe(x * (x * x * (x * x)));
      expect(power(x, 6)).toBe(x * x * (x * x * (x * x)));
    }
    const fourth = 0.9 * 0.9 * (0.9 * 0.9);
    expect(power(0.9, 12)).toBe(fourth * (fourth * fourth));
  });

  it("is one over the power for negative exponents", () => {
    expect(power(0.9, -3)).toBe(1 / (0.9 * (0.9 * 0.9)));
    expect(power(2, -10)).toBe(2 ** -10);
    expect(power(0, -1)).toBe(Number.POSITIVE_INFINITY);
  });

  it("takes one for the power of zero, whatever the base", () => {
    for (const x of [0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY]) expect(power(x, 0)).toBe(1);
  });

  it("is Math.pow for every other exponent", () => {
    expect(power(2, 0.5)).toBe(Math.SQRT2);
    expect(power(-8, 1 / 3)).toBeNaN();
    expect(power(7, -0.8)).toBe(7 ** -0.8);
    expect(power(2, Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(power(1.0000001, 2 ** 54)).toBe(1.0000001 ** (2 ** 54));
  });

  it("answers for the largest whole exponent", () => {
    expect(power(-1, 2 ** 53 - 1)).toBe(-1);
    expect(power(0.5, 2 ** 53)).toBe(0);
  });
});

describe("roundToBfloat16", () => {
  /** The two neighbours by arithmetic on the exponent, the nearer one chosen by exact comparison. */
  function nearest(x: number): number {
    const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), -126);
    const ulp = 2 ** (exponent - 7);
    const below = Math.floor(x / ulp);
    const rest = x / ulp - below;
    return (rest < 0.5 ? below : rest > 0.5 ? below + 1 : below % 2 === 0 ? below : below + 1) * ulp;
  }

  it("is the nearest value, ties to even, without rounding twice", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e30, max: 1e30, noNaN: true }), (x) => {
        if (Math.abs(x) > 1e-30) expect(roundToBfloat16(x)).toBe(nearest(x));
      }),
    );
    expect(roundToBfloat16(1 + 2 ** -8)).toBe(1);
    expect(roundToBfloat16(1 + 2 ** -8 + 2 ** -40)).toBe(1 + 2 ** -7);
    expect(roundToBfloat16(1 + 3 * 2 ** -8 - 2 ** -40)).toBe(1 + 2 ** -7);
    expect(roundToBfloat16(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6);
  });

  it("keeps what is not finite and overflows to infinity", () => {
    expect(roundToBfloat16(Number.NaN)).toBeNaN();
    expect(roundToBfloat16(-1e39)).toBe(Number.NEGATIVE_INFINITY);
    expect(roundToBfloat16(3.4e38)).toBe(Number.POSITIVE_INFINITY);
    expect(roundToBfloat16(-0)).toBe(-0);
  });
});
