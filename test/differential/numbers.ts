// The numbers of a program's parameters and gradients, from its seed.

import type { Program } from "./program.js";

export interface Param {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export function paramsOf({ shapes, seed, tame }: Program): readonly Param[] {
  return shapes.map((shape, i) => ({ name: `p${i}`, shape, data: numbers(lengthOf(shape), seed + i, tame) }));
}

/** The gradients of a call, from 0. */
export function gradientsAt({ absent, seed, tame, spoiled }: Program, params: readonly Param[], call: number) {
  const present = params.filter((_, i) => !absent || (seed + 3 * call + 5 * i) % 4 !== 0);
  const arrays = present.map(({ data }, i) => numbers(data.length, seed + 1_000 * (call + 1) + i, tame));
  if (spoiled !== null) {
    for (const array of arrays) makeFinite(array);
    if (spoiled.includes(call)) spoil(arrays, seed + call);
  }
  return Object.fromEntries(present.map(({ name }, i) => [name, arrays[i]!]));
}

function makeFinite(numbers: Float32Array<ArrayBuffer>): void {
  const words = new Uint32Array(numbers.buffer);
  for (const [i, number] of numbers.entries()) if (!Number.isFinite(number)) words[i] = words[i]! & 0xbfff_ffff;
}

/** Makes one number not finite. */
function spoil(arrays: readonly Float32Array[], seed: number): void {
  const filled = arrays.filter(({ length }) => length > 0);
  const array = filled[seed % filled.length];
  if (array !== undefined) array[(7 * seed) % array.length] = [Number.NaN, Infinity, -Infinity][seed % 3]!;
}

const lengthOf = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);

const special = [0, -0, 1, -1, Number.NaN, Infinity, -Infinity, 2 ** -126, -(2 ** -149), 1e-40, 3.4028234663852886e38, 2 ** 24];

/** Mostly numbers that a training run might meet, some of any 32 bits, some special, in an order of the seed. */
function numbers(length: number, seed: number, tame: boolean): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(length);
  const floats = new Float32Array(words.buffer);
  let state = (Math.imul(seed + 1, 0x9e37_79b1) ^ 0x5bd1_e995) | 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const kind = tame ? 2 : (state >>> 3) % 6;
    if (kind === 0) words[i] = state;
    else if (kind === 1) floats[i] = special[(state >>> 8) % special.length]!;
    else floats[i] = (state / 2 ** 31) * 10 ** (((state >>> 5) % 7) - 4);
  }
  return floats;
}
