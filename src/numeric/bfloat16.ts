// bfloat16 as a value set of f64: eight bits of significand, the exponents of binary32.

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The bfloat16 nearest to x, ties to even, rounded once; NaN stays NaN. */
export function roundToBfloat16(x: number): number {
  single[0] = x;
  if (!Number.isFinite(single[0])) return single[0];
  const error = Math.abs(x) - Math.abs(single[0]);
  const word = bits[0]!;
  const low = word & 0xffff;
  const kept = word >>> 16;
  const up = low > 0x8000 || (low === 0x8000 && (error > 0 || (error === 0 && (kept & 1) === 1)));
  bits[0] = (up ? kept + 1 : kept) << 16;
  return single[0];
}
