// Exact rationals and their correctly rounded binary32: an oracle of f32 arithmetic that uses no floating-point operation.

export interface Rational {
  readonly num: bigint;
  /** Positive. */
  readonly den: bigint;
}

const word = new DataView(new ArrayBuffer(4));

export function fromBits(bits: number): number {
  word.setUint32(0, bits);
  return word.getFloat32(0);
}

export function toBits(x: number): number {
  word.setFloat32(0, x);
  return word.getUint32(0);
}

/** The value of a finite f32. */
export function exact(x: number): Rational {
  const bits = toBits(x);
  const field = (bits >>> 23) & 0xff;
  const fraction = BigInt(bits & 0x7fffff) + (field === 0 ? 0n : 1n << 23n);
  const power = BigInt(Math.max(field, 1) - 150);
  const sign = bits >>> 31 === 1 ? -1n : 1n;
  return power >= 0n ? { num: sign * (fraction << power), den: 1n } : { num: sign * fraction, den: 1n << -power };
}

/** Compares |a| with 2^(k) as integers. */
function scaled({ num, den }: Rational, k: number): readonly [bigint, bigint] {
  return k >= 0 ? [num << BigInt(k), den] : [num, den << BigInt(-k)];
}

/** The f32 nearest to a rational, ties to even; `zero` is the sign of an exact zero. */
export function round(value: Rational, zero: 0 | -0 = 0): number {
  if (value.num === 0n) return zero;
  const negative = value.num < 0n;
  const magnitude = { num: negative ? -value.num : value.num, den: value.den };
  return (negative ? -1 : 1) * roundMagnitude(magnitude);
}

function roundMagnitude(value: Rational): number {
  let exponent = value.num.toString(2).length - value.den.toString(2).length;
  const [n, d] = scaled(value, -exponent);
  if (n < d) exponent--;
  const unit = Math.max(exponent, -126) - 23;
  const [num, den] = scaled(value, -unit);
  let quotient = num / den;
  const twice = 2n * (num % den);
  if (twice > den || (twice === den && (quotient & 1n) === 1n)) quotient++;
  if (quotient === 1n << 24n && unit === 104) return Number.POSITIVE_INFINITY;
  if (unit > 104) return Number.POSITIVE_INFINITY;
  return Number(quotient) * 2 ** unit;
}

/** The f32 nearest to the root of a positive rational, by its neighbours' midpoints. */
export function roundRoot(x: number): number {
  const guess = Math.fround(Math.sqrt(x));
  const bits = toBits(guess);
  for (const candidate of [fromBits(bits - 1), guess, fromBits(bits + 1)]) {
    const [low, high] = [fromBits(toBits(candidate) - 1), fromBits(toBits(candidate) + 1)].map((n) => midpoint(candidate, n)) as [
      Rational,
      Rational,
    ];
    if (squareBelow(low, x) && !squareBelow(high, x)) return candidate;
  }
  throw new Error(`no root of ${x} near ${guess}`);
}

function midpoint(a: number, b: number): Rational {
  const [x, y] = [exact(a), exact(b)];
  return { num: x.num * y.den + y.num * x.den, den: 2n * x.den * y.den };
}

function squareBelow({ num, den }: Rational, x: number): boolean {
  const y = exact(x);
  return num * num * y.den < y.num * den * den;
}
