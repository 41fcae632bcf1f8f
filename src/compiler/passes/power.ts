// x^y in f32: 2^(y * log2 x) with log2 x and the product in pairs of f32 numbers (T. J. Dekker, 1971), at most 3 ulp against f64.
// Special cases are those of JavaScript's `**`: 0^0 and NaN^0 are 1, 1^inf is NaN, a negative base needs a whole exponent.

import type { ValueId } from "../ir/value.js";
import { isNegative, scale, split } from "./elementary.js";
import type { Notation } from "./notation.js";

/** The sum of two numbers, of which the second is at most a rounding error of the first. */
interface Pair {
  readonly high: ValueId;
  readonly low: ValueId;
}

export function pow(n: Notation, x: ValueId, y: ValueId): ValueId {
  const { eq, lt, select, and, not, number } = n;
  const a = n.abs(x);
  const isEdge = n.or(eq(a, number(0)), not(n.isfinite(a)));
  const edge = select(lt(number(0), y), n.add(a, a), n.div(number(1), a));
  const magnitude = select(isEdge, edge, positivePower(n, a, y));
  const whole = eq(n.floor(y), y);
  const half = n.mul(y, number(0.5));
  const odd = and(whole, not(eq(n.floor(half), half)));
  const signed = select(and(isNegative(n, x), odd), n.neg(magnitude), magnitude);
  const isMeaningless = and(and(lt(x, number(0)), n.isfinite(x)), not(whole));
  const result = select(isMeaningless, n.sqrt(x), signed);
  return select(eq(y, number(0)), number(1), select(eq(y, y), result, y));
}

/** For a finite x > 0. Beyond 2^32 an exponent changes nothing any more, and its product would overflow. */
function positivePower(n: Notation, x: ValueId, y: ValueId): ValueId {
  const { add, mul, sub, number } = n;
  const limited = n.max(n.min(y, number(2 ** 32)), number(-(2 ** 32)));
  const logarithm = log2(n, x);
  const product = exactProduct(n, limited, logarithm.high);
  const high = n.select(n.isfinite(y), product.high, mul(y, logarithm.high));
  const bounded = n.max(n.min(high, number(130)), number(-152));
  const k = n.floor(add(bounded, number(0.5)));
  const r = add(sub(bounded, k), add(product.low, mul(limited, logarithm.low)));
  const isOutside = n.not(n.eq(bounded, high));
  return scale(n, add(number(1), mul(n.select(isOutside, number(0), r), n.polynomial(r, EXP2))), k);
}

/** (2^r - 1) / r: powers of ln 2 over factorials. */
const EXP2 = [7, 6, 5, 4, 3, 2, 1].map((power) =>
  [7, 6, 5, 4, 3, 2, 1].filter((i) => i <= power).reduce((term, i) => (term * Math.LN2) / i, 1),
);

/** By the series of artanh: log2 m is 2 / ln 2 * (s + s^3 / 3 + s^5 / 5 + ...) with s = (m - 1) / (m + 1). */
function log2(n: Notation, x: ValueId): Pair {
  const { add, sub, mul, div, number } = n;
  const { m, k } = split(n, x);
  const numerator = sub(m, number(1));
  const denominator = add(m, number(1));
  const rounding = sub(m, sub(denominator, number(1)));
  const s = div(numerator, denominator);
  const back = exactProduct(n, s, denominator);
  const rest = div(sub(sub(sub(numerator, back.high), back.low), mul(s, rounding)), denominator);
  const z = mul(s, s);
  const tail = mul(mul(z, s), n.polynomial(z, [1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3]));
  const series = exactSum(n, s, add(rest, tail));
  const scaled = exactProduct(n, series.high, number(FACTOR_HIGH));
  const small = add(add(mul(series.high, number(FACTOR - FACTOR_HIGH)), mul(series.low, number(FACTOR))), scaled.low);
  const sum = exactSum(n, k, scaled.high);
  return exactSum(n, sum.high, add(sum.low, small));
}

const FACTOR = 2 * Math.LOG2E;
/** Twelve bits of it: the builder halves a literal in f64, and must find that it has no low half. */
const FACTOR_HIGH = 2.884765625;

/** x + y for |x| >= |y| or x = 0. */
function exactSum(n: Notation, x: ValueId, y: ValueId): Pair {
  const high = n.add(x, y);
  return { high, low: n.sub(y, n.sub(high, x)) };
}

function exactProduct(n: Notation, x: ValueId, y: ValueId): Pair {
  const { add, sub, mul } = n;
  const high = mul(x, y);
  const [a, b] = [halves(n, x), halves(n, y)];
  const low = add(add(add(sub(mul(a.high, b.high), high), mul(a.high, b.low)), mul(a.low, b.high)), mul(a.low, b.low));
  return { high, low };
}

/** Twelve bits each. */
function halves({ sub, mul, number }: Notation, x: ValueId): Pair {
  const c = mul(x, number(4097));
  const high = sub(c, sub(c, x));
  return { high, low: sub(x, high) };
}
