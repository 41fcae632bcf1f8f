// exp, log, tanh, cbrt, atan2 and softplus in f32 from operations whose bits are equal on every target. No literal is an infinity
// or a NaN: they come out of the argument. No two operations with literals follow each other: drivers merge such pairs.
// Errors against f64 are at most: exp, log, cbrt 1 ulp, tanh 1.5, softplus 2, atan2 2.5.
// Methods: Cody and Waite's reductions; coefficients of Cephes (S. Moshier) and FreeBSD's msun (log).

import type { ValueId } from "../ir/value.js";
import type { Notation } from "./notation.js";

/** ln 2 in two parts: the first has few bits, so that its product with a small whole number is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;
const SMALLEST_NORMAL = 2 ** -126;

/** e^x; 0 below -104, infinite above 88.72. */
export function exp(n: Notation, x: ValueId): ValueId {
  const { add, sub, mul, floor, number } = n;
  const bounded = n.max(n.min(x, number(89)), number(-104));
  const k = floor(add(mul(bounded, number(Math.LOG2E)), number(0.5)));
  const r = sub(sub(bounded, mul(k, number(LN2_HIGH))), mul(k, number(LN2_LOW)));
  const tail = n.polynomial(r, [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]);
  return scale(n, add(add(mul(tail, mul(r, r)), r), number(1)), k);
}

/** x * 2^k for a whole k in [-252, 254], rounded once: the first factor leaves a normal number. */
export function scale(n: Notation, x: ValueId, k: ValueId): ValueId {
  const half = n.floor(n.mul(k, n.number(0.5)));
  return n.mul(n.mul(x, n.exp2i(half)), n.exp2i(n.sub(k, half)));
}

/** For x > 0: m and k with x = m * 2^k and m in [0.707, 1.414]. */
export function split(n: Notation, x: ValueId): { readonly m: ValueId; readonly k: ValueId } {
  const { lt, select, number } = n;
  const tiny = lt(x, number(SMALLEST_NORMAL));
  const normal = select(tiny, n.mul(x, number(2 ** 24)), x);
  const mantissa = n.mantissa(normal);
  const k = n.add(n.exponent(normal), select(tiny, number(-24), number(0)));
  const high = lt(number(Math.SQRT2), mantissa);
  return { m: select(high, n.mul(mantissa, number(0.5)), mantissa), k: select(high, n.add(k, number(1)), k) };
}

/** ln x; -infinity at 0, NaN below. */
export function log(n: Notation, x: ValueId): ValueId {
  const { sub, div, select, number } = n;
  const { m, k } = split(n, x);
  const result = logOfSum(n, sub(m, number(1)), k);
  const atZero = div(number(-1), n.abs(x));
  const positive = select(n.eq(x, number(0)), atZero, select(n.isfinite(x), result, x));
  return select(n.lt(x, number(0)), n.sqrt(x), positive);
}

/** ln((1 + f) * 2^k) for f in [-0.293, 0.414]. */
function logOfSum(n: Notation, f: ValueId, k: ValueId): ValueId {
  const { add, sub, mul, number } = n;
  const s = n.div(f, add(number(2), f));
  const z = mul(s, s);
  const r = mul(z, n.polynomial(z, [0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693]));
  const half = mul(mul(f, f), number(0.5));
  const low = add(mul(s, add(half, r)), mul(k, number(9.0580006145e-6)));
  return add(sub(f, sub(half, low)), mul(k, number(0.69313812256)));
}

/** x as arithmetic sees it (a subnormal may be a zero), for arguments that are their own result: zeros, infinities, NaN. */
function itself(n: Notation, x: ValueId): ValueId {
  return n.mul(n.add(x, x), n.number(0.5));
}

/** Gives a result for |x| the sign of x; zeros and NaN are their own result. */
function odd(n: Notation, x: ValueId, result: ValueId): ValueId {
  const signed = n.select(n.lt(x, n.number(0)), n.neg(result), result);
  return n.select(n.lt(n.number(0), n.abs(x)), signed, itself(n, x));
}

export function tanh(n: Notation, x: ValueId): ValueId {
  const { add, sub, mul, div, number } = n;
  const a = n.abs(x);
  const z = mul(a, a);
  const tail = n.polynomial(z, [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1]);
  const small = add(a, mul(mul(tail, z), a));
  const large = sub(number(1), div(number(2), add(exp(n, add(a, a)), number(1))));
  return odd(n, x, n.select(n.lt(a, number(0.625)), small, large));
}

/** The cube root: one step of Newton's after a polynomial for the mantissa. */
export function cbrt(n: Notation, x: ValueId): ValueId {
  const { sub, mul, div, select, number } = n;
  const { m, k } = split(n, n.abs(x));
  const third = n.floor(div(k, number(3)));
  const rest = sub(k, mul(third, number(3)));
  const factor = select(n.eq(rest, number(0)), number(1), select(n.eq(rest, number(1)), number(2), number(4)));
  const root = select(n.eq(rest, number(0)), number(1), select(n.eq(rest, number(1)), number(Math.cbrt(2)), number(Math.cbrt(4))));
  const target = mul(m, factor);
  const guess = mul(root, n.polynomial(m, CBRT));
  const newton = (y: ValueId) => sub(y, div(sub(mul(mul(y, y), y), target), mul(number(3), mul(y, y))));
  const result = odd(n, x, mul(newton(newton(guess)), n.exp2i(third)));
  return select(n.isfinite(x), result, itself(n, x));
}

/** The cube root in [0.707, 1.414], to 8e-4. */
const CBRT = [-0.103990427, 0.546255608, 0.557422166];

/** ln(1 + e^x), without overflow. */
export function softplus(n: Notation, x: ValueId): ValueId {
  const { sub, mul, select, number } = n;
  const e = exp(n, n.neg(n.abs(x)));
  const high = n.lt(number(Math.SQRT2 - 1), e);
  const f = select(high, mul(sub(e, number(1)), number(0.5)), e);
  return n.add(n.max(x, number(0)), logOfSum(n, f, select(high, number(1), number(0))));
}

/** The angle of (x, y), as Math.atan2: signs of zeros count. */
export function atan2(n: Notation, y: ValueId, x: ValueId): ValueId {
  const { sub, div, select, eq, number } = n;
  const [a, b] = [n.abs(y), n.abs(x)];
  const [least, most] = [n.min(a, b), n.max(a, b)];
  const equal = select(eq(most, number(0)), number(0), number(1));
  const angle = atan(n, select(eq(least, most), equal, div(least, most)));
  const steep = select(n.lt(b, a), sub(number(Math.PI / 2), angle), angle);
  const turned = select(isNegative(n, x), sub(number(Math.PI), steep), steep);
  return select(isNegative(n, y), n.neg(turned), turned);
}

/** Whether x has a minus sign, also on zero. */
export function isNegative(n: Notation, x: ValueId): ValueId {
  const zero = n.number(0);
  return n.or(n.lt(x, zero), n.and(n.eq(x, zero), n.lt(n.div(n.number(1), x), zero)));
}

/** For q in [0, 1]; above 0.414 by its distance from the angle of 1/2. */
function atan(n: Notation, q: ValueId): ValueId {
  const { add, sub, mul, select, number } = n;
  const far = n.lt(number(Math.SQRT2 - 1), q);
  const r = select(far, n.div(sub(add(q, q), number(1)), add(number(2), q)), q);
  const z = mul(r, r);
  const tail = n.polynomial(z, [8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1]);
  const near = add(mul(mul(tail, z), r), r);
  return select(far, add(number(Math.atan(0.5)), near), near);
}
