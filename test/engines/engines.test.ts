// Other people's engines compute gradients in a page, a generated optimizer takes the steps in their buffers. The oracle of the training
// is tfjs's own Adam; jax-js and tfjs train the same network on the same numbers.

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { INPUTS, samples } from "../../examples/engines/task.js";
import { runInChromium, whyNoChromium } from "../device/chromium.js";

const entry = (name: string) => fileURLToPath(new URL(`${name}.entry.ts`, import.meta.url));
const ortWasm = fileURLToPath(new URL("../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm", import.meta.url));
const inPage = test.skipIf(whyNoChromium() !== undefined);

/**
 * The largest relative difference. Other orders of summation, and an Adam that rounds elsewhere, differ in the seventh digit of a step;
 * 40 steps of a network carry that to the fifth.
 */
function difference(left: readonly number[], right: readonly number[]): number {
  expect(left).toHaveLength(right.length);
  return Math.max(...left.map((value, i) => Math.abs(value / right[i]! - 1)));
}

let tfjs: Promise<{ ours: number[]; theirs: number[] }> | undefined;
const trainedByTfjs = () => (tfjs ??= runInChromium(entry("tfjs")) as NonNullable<typeof tfjs>);

inPage("tfjs: the generated Adam and tfjs's own give the same losses", async () => {
  const { ours, theirs } = await trainedByTfjs();
  expect(ours.at(-1)).toBeLessThan(ours[0]! / 50);
  expect(difference(ours, theirs)).toBeLessThan(1e-4);
});

inPage("jax-js: the same losses as tfjs", async () => {
  const losses = (await runInChromium(entry("jax"))) as number[];
  expect(difference(losses, (await trainedByTfjs()).theirs)).toBeLessThan(1e-4);
});

inPage("onnxruntime-web: weights in the caller's buffer, gradients out of a graph", async () => {
  const { losses, weights } = (await runInChromium(entry("onnx"), { files: { "/ort.wasm": ortWasm } })) as {
    losses: number[];
    weights: number[];
  };
  const { losses: expected, weights: expectedWeights } = plainAdam(40);
  expect(difference(losses, expected)).toBeLessThan(1e-4);
  expect(difference(weights, expectedWeights)).toBeLessThan(1e-4);
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
});

/** The linear model of the ONNX example and Adam, in float64. */
function plainAdam(steps: number): { readonly losses: readonly number[]; readonly weights: readonly number[] } {
  const { inputs, targets } = samples();
  const [w, m, v] = [0, 0, 0].map((zero) => Array.from({ length: INPUTS }, () => zero)) as [number[], number[], number[]];
  const losses: number[] = [];
  for (let t = 1; t <= steps; t++) {
    const errors = [...targets].map((target, s) => w.reduce((sum, weight, i) => sum + weight * inputs[s * INPUTS + i]!, -target));
    losses.push(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    for (let i = 0; i < INPUTS; i++) {
      const gradient = (2 / errors.length) * errors.reduce((sum, error, s) => sum + error * inputs[s * INPUTS + i]!, 0);
      m[i] = 0.9 * m[i]! + 0.1 * gradient;
      v[i] = 0.999 * v[i]! + 0.001 * gradient * gradient;
      w[i]! -= ((0.05 / (1 - 0.9 ** t)) * m[i]!) / (Math.sqrt(v[i]! / (1 - 0.999 ** t)) + 1e-8);
    }
  }
  return { losses, weights: w };
}
