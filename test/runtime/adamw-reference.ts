// AdamW in plain float64 JavaScript, and again with every operation rounded to float32: written from the paper, not from the kernels.

export interface Hypers {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export const defaults: Hypers = { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

export interface AdamState {
  readonly p: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
  t: number;
}

export function createState(p: ArrayLike<number>): AdamState {
  return { p: Float64Array.from(p), m: new Float64Array(p.length), v: new Float64Array(p.length), t: 0 };
}

/** One step; `round` is the identity for float64 and Math.fround for float32 (host values are rounded once, by the same function). */
export function adamStep(state: AdamState, g: ArrayLike<number>, h: Hypers, round: (x: number) => number = (x) => x): void {
  state.t++;
  const step = round(h.lr / (1 - h.beta1 ** state.t));
  const root = round(Math.sqrt(1 - h.beta2 ** state.t));
  const keep = round(1 - h.lr * h.weightDecay);
  for (let i = 0; i < state.p.length; i++) {
    const m = round(round(round(h.beta1) * state.m[i]!) + round(round(1 - h.beta1) * g[i]!));
    const v = round(round(round(h.beta2) * state.v[i]!) + round(round(1 - h.beta2) * round(g[i]! * g[i]!)));
    const denominator = round(round(round(Math.sqrt(v)) / root) + round(h.epsilon));
    state.p[i] = round(round(state.p[i]! * keep) - round(step * round(m / denominator)));
    state.m[i] = m;
    state.v[i] = v;
  }
}

/** Deterministic numbers around zero. */
export function noise(length: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const values = new Float32Array(length);
  let s = seed >>> 0;
  for (let i = 0; i < length; i++) {
    s = (Math.imul(s ^ (s >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    values[i] = (s / 2 ** 31 - 1) * scale;
  }
  return values;
}
