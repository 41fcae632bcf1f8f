// A run that can be stopped, saved, and gone on with elsewhere: parameters of awkward names and lengths, gradients that are absent now and
// then, so that step counts differ.

import type { Manifest } from "../../src/contract/manifest.js";
import type { ParamSpec } from "../../src/runtime/index.js";
import { randomBits, type Subject } from "../oracle/random-bits.js";

export const shapes: readonly { readonly name: string; readonly shape: readonly number[] }[] = [
  { name: "encoder.layers.0.weight", shape: [5] },
  { name: 'encoder/with\\slash "and" quotes\n', shape: [4, 16] },
  { name: "β.embedding", shape: [16_389] },
  { name: "constructor", shape: [] },
  { name: "empty", shape: [0, 3] },
  { name: "__proto__", shape: [7] },
];

const numel = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** Finite numbers of a training run's size. */
function numbers(length: number, seed: number): Float32Array<ArrayBuffer> {
  return randomBits(2 * length, seed)
    .filter((_, i) => i % 2 === 1)
    .map((x) => (Number.isFinite(x) ? x : 1));
}

export function startParams(): ParamSpec[] {
  return shapes.map(({ name, shape }, i) => ({ name, shape, data: numbers(numel(shape), 11 + i) }));
}

/** Gradients of a step, from 1; at each step one parameter has none. */
export function gradientsOf(step: number): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  const present = shapes.filter((_, i) => (i + step) % shapes.length !== 0);
  return new Map(present.map(({ name, shape }) => [name, numbers(numel(shape), 1_000 * step + name.length)]));
}

/** Hypers of all steps, by settings key: every one that the spec has. */
const values: Readonly<Record<string, number>> = {
  lr: 0.003,
  epsilon: 1e-8,
  weightDecay: 0.1,
  momentum: 0.8,
  layerwiseDecay: 0.9,
  nLayers: 3,
};

export function hypersOf({ hypers }: Manifest): Record<string, number> {
  return Object.fromEntries(hypers.flatMap(({ key }) => (key in values ? [[key, values[key]!]] : [])));
}

export const definitionOf = ({ manifest, wgsl, wasm, cuda }: Subject) => ({
  manifest,
  kernels: { [manifest.builds[0]!.key]: { wgsl: async () => wgsl, wasm: async () => wasm, cuda: async () => cuda } },
});
