// x^y in f32: 2^(y * log2 x), at most 3 ulp against f64. What matters is kept in parts of few bits, cut by `bf16` (an operation on
// bits), so that their products are exact: no step relies on a rounding error that an optimizing driver may simplify away.
// Special cases are those of JavaScript's `**`: 0^0 and NaN^0 are 1, 1^inf is NaN, a negative base needs a whole exponent.

import type { ValueId } from "../ir/value.js";
import { isNegative, scale, split } from "./elementary.js";
import type { Notation } from "./notation.js";

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
  const isNumber = n.or(lt(y, number(0)), lt(number(0), y));
  return select(eq(y, number(0)), number(1), select(isNumber, result, y));
}

/** For a finite x > 0. */
function positivePower(n: Notation, x: ValueId, y: ValueId): ValueId {
  const { add, mul, lt, select, number } = n;
  const { k, high, low } = log2(n, x);
  const estimate = mul(y, add(k, add(high, low)));
  // Beyond these bounds the result is 0, infinite or NaN; within them an exponent beyond 2^32 has the base 1.
  const isInside = n.and(lt(number(-152), estimate), lt(estimate, number(130)));
  const exponent = select(isInside, n.max(n.min(y, number(2 ** 32)), number(-(2 ** 32))), number(0));
  const parts = cut(n, exponent);
  const [byExponent, byLogarithm] = [fraction(n, mul(parts.high, k)), fraction(n, mul(parts.high, high))];
  const small = add(mul(parts.low, k), add(mul(parts.low, high), mul(exponent, low)));
  const { whole, rest } = fraction(n, add(add(byExponent.rest, byLogarithm.rest), small));
  const mantissa = add(number(1), mul(rest, n.polynomial(rest, EXP2)));
  const inside = scale(n, mantissa, add(add(byExponent.whole, byLogarithm.whole), whole));
  return select(isInside, inside, mul(n.max(estimate, number(0)), number(2 ** 125)));
}

/** (2^r - 1) / r: powers of ln 2 over factorials. */
const EXP2 = [0.0000152527, 0.000154035304, 0.00133335581, 0.00961812911, 0.0555041087, 0.240226507, Math.LN2];

/**
 * log2 x as k + high + low: k whole, high of 16 bits at most. By the series of artanh: log2 m is
 * 2 / ln 2 * (s + s^3 / 3 + s^5 / 5 + ...) with s = (m - 1) / (m + 1).
 */
function log2(n: Notation, x: ValueId) {
  const { add, sub, mul, div, number } = n;
  const { m, k } = split(n, x);
  const f = sub(m, number(1));
  const denominator = add(number(2), f);
  const s = div(f, denominator);
  const first = n.bf16(s);
  const parts = cut(n, f);
  const remainder = sub(sub(sub(f, add(first, first)), mul(first, parts.high)), mul(first, parts.low));
  const z = mul(s, s);
  const tail = mul(mul(z, s), n.polynomial(z, [1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3]));
  const low = add(mul(first, number(FACTOR - FACTOR_HIGH)), mul(number(FACTOR), add(div(remainder, denominator), tail)));
  return { k, high: mul(first, number(FACTOR_HIGH)), low };
}

const FACTOR = 2 * Math.LOG2E;
/** Eight bits of it. */
const FACTOR_HIGH = 2.890625;

/** x as a sum of numbers of eight and sixteen bits. */
function cut(n: Notation, x: ValueId) {
  const high = n.bf16(x);
  return { high, low: n.sub(x, high) };
}

/** x as a whole number and a rest in [-0.5, 0.5]. */
function fraction(n: Notation, x: ValueId) {
  const whole = n.floor(n.add(x, n.number(0.5)));
  return { whole, rest: n.sub(x, whole) };
}
