// Runs one build on a device and in the interpreter, from random bit patterns in the parameter, the gradient and every state, and
// counts the elements that differ in a bit. Any NaN equals any NaN. Runs in Node, in Deno and in a page.

import { createInterpreter } from "../../src/compiler/ir/interpret.js";
import { roundTo } from "../../src/compiler/ir/interpret-body.js";
import type { Ir } from "../../src/compiler/ir/value.js";
import type { Manifest } from "../../src/contract/manifest.js";
import { isQuantized } from "../../src/numeric/storage-formats.js";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer } from "../../src/runtime/index.js";

/** A build as plain JSON: its manifest holds that build alone. */
export interface Subject {
  readonly manifest: Manifest;
  readonly ir: Ir;
  readonly wgsl: string;
  /** base64 */
  readonly wasm: string;
  readonly cuda: string;
}

export interface Mismatches {
  /** Compared numbers: elements times arrays times steps. */
  readonly compared: number;
  readonly mismatches: number;
  /** The first of them, in hexadecimal bits. */
  readonly first: string | null;
}

/** Half of the elements are any 32 bits, half of them numbers that a training run might meet. */
export function randomBits(length: number, seed: number): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(length);
  const numbers = new Float32Array(bits.buffer);
  let state = seed | 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bits[i] = state;
    if (i % 2 === 1) numbers[i] = (state / 2 ** 31) * 10 ** ((i % 13) - 9);
  }
  return numbers;
}

/** The same below 2 in size: where a norm is taken, one NaN or infinity would be all that is compared. */
function boundedBits(length: number, seed: number): Float32Array<ArrayBuffer> {
  const numbers = randomBits(length, seed);
  const bits = new Uint32Array(numbers.buffer);
  for (let i = 0; i < length; i++) bits[i] = bits[i]! & 0xbfff_ffff;
  return numbers;
}

/** Steps `elements` elements, in tensors of several lengths, `steps` times; gradients are fresh at every step. */
export async function countMismatches(
  device: Device,
  subject: Subject,
  { elements, steps, seed }: { readonly elements: number; readonly steps: number; readonly seed: number },
): Promise<Mismatches> {
  const { manifest, ir } = subject;
  const build = manifest.builds[0]!;
  const kernels = { [build.key]: { wgsl: async () => subject.wgsl, wasm: async () => subject.wasm, cuda: async () => subject.cuda } };
  const lengths = [elements - 4_196, 0, 4_099, 96, 1];
  const params = lengths.map((length, i) => ({ name: `p${i}`, shape: [length], data: randomBits(length, seed + i) }));
  const optimizer = await createOptimizer({ manifest, kernels }, device, {
    params,
    // Names here are no model's.
    allow: ["matches-nothing"],
    ...Object.fromEntries(Object.entries(hypers).filter(([key]) => manifest.hypers.some((h) => h.key === key))),
  });
  const interpreter = createInterpreter(ir, {
    arithmetic: "f32",
    profile: device.profile,
    params,
    hyper: (_, name, form) => (form === "ratio" ? 1 : Number(hypers[manifest.hypers.find((h) => h.name === name)!.key])),
  });
  // A master is what the parameter is; the scaler's numbers are the scaler's.
  const textStates = build.states.filter(({ scaler, master }) => scaler === undefined && master === undefined);
  const kept = new Map(textStates.map(({ name, format }) => [name, format]));
  for (const { name, format } of textStates) if (isQuantized(format)) kept.set(name, format);
  const gradientBits = build.scalars === null ? randomBits : boundedBits;
  for (const { name, shape } of params) {
    for (const [k, { key, name: state, format }] of textStates.entries()) {
      const here = interpreter.state(name, state);
      // Kept in another way by this parameter, under a condition.
      if (here === null || (isQuantized(format) && shape[0]! < 4_096) || kept.get(state) !== format) continue;
      const data = randomBits(shape[0]!, seed + 100 * (k + 1));
      optimizer.upload(name, data, key as never);
      here.set(roundTo(format, data, { kind: "f32", profile: device.profile }));
    }
  }
  const total = { compared: 0, mismatches: 0, first: null as string | null };
  for (let step = 1; step <= steps; step++) {
    const gradients = Object.fromEntries(params.map(({ name, shape }, i) => [name, gradientBits(shape[0]!, seed + 1_000 * step + i)]));
    await optimizer.step({ gradients });
    interpreter.step(new Map(Object.entries(gradients)));
    for (const { name } of params) {
      compare(await optimizer.download(name), interpreter.param(name) as Float32Array, `${name} at step ${step}`, total);
      for (const { key, name: state } of new Map(build.states.map((one) => [one.name, one])).values()) {
        if (build.states.some((one) => one.name === state && one.scaler !== undefined)) continue;
        const theirs = interpreter.state(name, state) as Float32Array;
        compare(await optimizer.download(name, key as never), theirs, `${state} of ${name} at step ${step}`, total);
      }
    }
  }
  optimizer.destroy();
  return total;
}

const hypers: Readonly<Record<string, number | boolean>> = {
  lr: 0.003,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  layerwiseDecay: 0.8,
  nLayers: 12,
  momentum: 0.9,
  dampening: 0.3,
  alpha: 0.99,
  rho: 0.9,
  lrDecay: 0.1,
  initial: 0.25,
  momentumDecay: 0.004,
  clipMin: -0.75,
  clipMax: 0.5,
  clipNorm: 1.5,
  needClip: true,
};

function compare(
  ours: Float32Array,
  theirs: Float32Array,
  place: string,
  total: { compared: number; mismatches: number; first: string | null },
): void {
  const a = new Uint32Array(ours.buffer, ours.byteOffset, ours.length);
  const b = new Uint32Array(theirs.buffer, theirs.byteOffset, theirs.length);
  total.compared += a.length;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i] || (Number.isNaN(ours[i]!) && Number.isNaN(theirs[i]!))) continue;
    total.mismatches++;
    total.first ??= `${place}, element ${i}: 0x${a[i]!.toString(16)} here, 0x${b[i]!.toString(16)} in the interpreter`;
  }
}
