// The two 16-bit formats as numbers: every value of theirs is a binary64 value, so widening is exact.

/** The number whose binary16 bits these are. */
export function widenFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** The number whose bfloat16 bits these are. */
export function widenBfloat16(bits: number): number {
  word[0] = bits << 16;
  return single[0]!;
}
