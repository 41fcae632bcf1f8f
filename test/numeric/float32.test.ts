import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ops } from "../../src/compiler/ir/ops.js";
import { float32Operations, flushing, ieee, unpredicted } from "../../src/numeric/float32.js";
import { exact, fromBits, round, roundRoot, toBits } from "./exact.js";

const keep = float32Operations(ieee);
const flush = float32Operations(flushing);
const SMALLEST = 2 ** -149;
const NORMAL = 2 ** -126;

/** Bit patterns, with those near the edges of the format more often than chance. */
const anyFloat = fc
  .oneof(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.constantFrom(0, 1, 0x7fffff, 0x800000, 0x7f7fffff, 0x7f800000, 0x3f800000, 0x80000000, 0x80000001),
  )
  .map((bits) => fromBits(bits));
const finite = anyFloat.filter(Number.isFinite);

const sample = { numRuns: 20_000 };

describe("under ieee", () => {
  test("+ - * / round the exact result once", () => {
    fc.assert(
      fc.property(finite, finite, (x, y) => {
        const [a, b] = [exact(x), exact(y)];
        expect(keep.add(x, y)).toBe(round({ num: a.num * b.den + b.num * a.den, den: a.den * b.den }, x + y === 0 ? ((x + y) as 0) : 0));
        expect(keep.sub(x, y)).toBe(round({ num: a.num * b.den - b.num * a.den, den: a.den * b.den }, x - y === 0 ? ((x - y) as 0) : 0));
        const sign = Object.is(Math.sign(x) * Math.sign(y), -0) || Math.sign(x) * Math.sign(y) < 0 ? -0 : 0;
        const product = round({ num: a.num * b.num, den: a.den * b.den }, sign);
        expect(keep.mul(x, y)).toBe(Object.is(product, 0) ? sign : product);
        if (b.num === 0n) return;
        const quotient = round({ num: a.num * b.den * (b.num < 0n ? -1n : 1n), den: a.den * (b.num < 0n ? -b.num : b.num) }, sign);
        expect(keep.div(x, y)).toBe(Object.is(quotient, 0) ? sign : quotient);
      }),
      sample,
    );
  });

  test("sqrt rounds the exact root once", () => {
    fc.assert(
      fc.property(
        finite.filter((x) => x > 0),
        (x) => {
          expect(keep.sqrt(x)).toBe(roundRoot(x));
        },
      ),
      sample,
    );
  });

  test("special operands", () => {
    expect(keep.div(1, 0)).toBe(Infinity);
    expect(keep.div(-1, 0)).toBe(-Infinity);
    expect(keep.div(0, 0)).toBeNaN();
    expect(keep.sub(Infinity, Infinity)).toBeNaN();
    expect(keep.sqrt(-0)).toBe(-0);
    expect(keep.sqrt(-1)).toBeNaN();
  });

  test.each([
    ["min", 1, NaN, NaN],
    ["max", NaN, 1, NaN],
    ["min", 0, -0, -0],
    ["min", -0, 0, -0],
    ["max", -0, 0, 0],
    ["max", 0, -0, 0],
    ["max", -Infinity, -1, -1],
    ["min", SMALLEST, NORMAL, SMALLEST],
  ] as const)("%s(%d, %d) is %d, as IEEE 754-2019 says", (op, x, y, result) => {
    expect(keep[op](x, y)).toBe(result);
    expect(flush[op](x, y)).toBe(result);
  });

  test.each([
    [3, 1],
    [-SMALLEST, -1],
    [0, 0],
    [-0, -0],
    [NaN, NaN],
    [-Infinity, -1],
  ])("sign(%d) is %d", (x, result) => {
    expect(keep.sign(x)).toBe(result);
    expect(flush.sign(x)).toBe(result);
  });

  test("bf16 keeps the upper half of the bits, ties to even", () => {
    expect(toBits(keep.bf16(fromBits(0x3f808000)))).toBe(0x3f800000);
    expect(toBits(keep.bf16(fromBits(0x3f818000)))).toBe(0x3f820000);
    expect(toBits(keep.bf16(fromBits(0x3f808001)))).toBe(0x3f810000);
    expect(keep.bf16(fromBits(0x7f7fffff))).toBe(Infinity);
    fc.assert(
      fc.property(finite, (x) => {
        const rounded = keep.bf16(x);
        expect(toBits(rounded) & 0xffff).toBe(0);
        if (!Number.isFinite(rounded)) return;
        for (const step of [-0x10000, 0x10000]) {
          const other = fromBits(toBits(rounded) + step);
          if (Number.isFinite(other)) expect(Math.abs(rounded - x)).toBeLessThanOrEqual(Math.abs(other - x));
        }
      }),
      sample,
    );
  });

  test("exponent and mantissa take a normal number apart, exp2i puts it together", () => {
    fc.assert(
      fc.property(
        finite.filter((x) => x >= NORMAL),
        (x) => {
          const mantissa = keep.mantissa(x);
          expect(mantissa >= 1 && mantissa < 2).toBe(true);
          expect(mantissa * 2 ** keep.exponent(x)).toBe(x);
        },
      ),
      sample,
    );
    for (let k = -126; k <= 127; k++) expect(keep.exp2i(k)).toBe(2 ** k);
  });

  test("comparisons, logic and isfinite give 0 and 1", () => {
    expect([keep.lt(1, 2), keep.lt(2, 2), keep.lt(NaN, 1)]).toEqual([1, 0, 0]);
    expect([keep.le(2, 2), keep.eq(0, -0), keep.eq(NaN, NaN)]).toEqual([1, 1, 0]);
    expect([keep.and(1, 1), keep.and(1, 0), keep.or(1, 0), keep.or(0, 0), keep.not(0), keep.not(1)]).toEqual([1, 0, 1, 0, 1, 0]);
    expect([1, NaN, Infinity, -Infinity, 3.4e38].map((x) => keep.isfinite(Math.fround(x)))).toEqual([1, 0, 0, 0, 1]);
  });
});

describe("under flush", () => {
  test("subnormal operands are zeros of their sign", () => {
    expect(flush.add(SMALLEST, NORMAL)).toBe(NORMAL);
    expect(flush.div(1, SMALLEST)).toBe(Infinity);
    expect(flush.mul(-SMALLEST, 2 ** 100)).toBe(-0);
    expect(flush.sqrt(SMALLEST)).toBe(0);
    expect([flush.lt(0, SMALLEST), flush.eq(-SMALLEST, SMALLEST)]).toEqual([0, 1]);
  });

  test("subnormal results are zeros of their sign", () => {
    expect(flush.sub(NORMAL, 1.5 * NORMAL)).toBe(-0);
    expect(flush.mul(NORMAL, 0.5)).toBe(0);
    expect(flush.div(-NORMAL, 2)).toBe(-0);
  });

  test("a result is tiny before its exponent is bounded", () => {
    const below = 1 - 2 ** -24;
    expect(keep.mul(NORMAL, below)).toBe(NORMAL);
    expect(flush.mul(NORMAL, below)).toBe(0);
    expect(flush.mul(-2 * NORMAL, below / 2)).toBe(-0);
    expect(flush.mul(1.5 * NORMAL, Math.fround(2 / 3))).toBe(NORMAL);
  });

  test("without subnormals both profiles agree", () => {
    const normal = anyFloat.filter((x) => x === 0 || !(Math.abs(x) < NORMAL));
    fc.assert(
      fc.property(normal, normal, (x, y) => {
        for (const op of ["add", "sub", "mul", "div", "sqrt", "floor", "lt", "le", "eq", "min", "max", "sign"] as const) {
          const result = keep[op](x, y);
          if (result === 0 || !(Math.abs(result) < NORMAL)) expect(flush[op](x, y)).toBe(result);
          else expect(Math.abs(flush[op](x, y))).toBe(0);
        }
      }),
      sample,
    );
  });
});

test("every operation of kernels has a meaning in every profile", () => {
  const device = Object.entries(ops).flatMap(([name, row]) => (row.device ? [name] : []));
  expect(Object.keys(keep).sort()).toEqual(device.sort());
  expect(Object.keys(flush).sort()).toEqual(device.sort());
});

test("what no profile predicts is said", () => {
  expect([ieee, flushing].map(unpredicted)).toEqual([[], []]);
  expect(unpredicted({ subnormals: "keep", division: "2.5ulp", fuses: true })).toEqual(["quotients", "square roots", "sums of products"]);
});
