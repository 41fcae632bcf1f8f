// The WebAssembly kernel of AdamW against the update written down a second time, in plain JavaScript, every operation rounded to f32.

import fc from "fast-check";
import { expect, test } from "vitest";
import { IDLE_VARIANT } from "../../src/contract/manifest.js";
import { compiledExamples } from "./examples.js";
import { runWasm } from "./run-kernels.js";

const f = Math.fround;
const optimizers = await compiledExamples();
const plan = optimizers.find(({ name }) => name === "AdamW")!.plans[0]!;
const hypers = { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

/** AdamW with its bias corrections outside the division; coefficients in f64, rounded once. */
function adamw(p: number, g: number, m: number, v: number, t: number): [p: number, m: number, v: number] {
  const { lr, beta1, beta2, epsilon, weightDecay } = hypers;
  const m1 = f(f(f(beta1) * m) + f(f(1 - beta1) * g));
  const v1 = f(f(f(beta2) * v) + f(f(1 - beta2) * f(g * g)));
  const decayed = f(p - f(f(lr * weightDecay) * p));
  const correction = Math.sqrt(1 - beta2 ** t);
  const denominator = f(f(Math.sqrt(v1)) + f(epsilon * correction));
  return [f(decayed - f(f((lr * correction) / (1 - beta1 ** t)) * f(m1 / denominator))), m1, v1];
}

/** The row of coefficients, by the names of the manifest. */
function coefficients(t: number): number[] {
  const { lr, beta1, beta2, epsilon, weightDecay } = hypers;
  const values: Readonly<Record<string, number>> = {
    lr_times_weight_decay: lr * weightDecay,
    step_size: (lr * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t),
    beta1,
    one_minus_beta1: 1 - beta1,
    beta2,
    one_minus_beta2: 1 - beta2,
    epsilon_times_correction: epsilon * Math.sqrt(1 - beta2 ** t),
  };
  const [variant] = optimizers.find(({ name }) => name === "AdamW")!.definition.manifest.builds[0]!.programs[0]!.variants;
  return variant!.coefficients.map(({ name }) => values[name]!);
}

const numbers = (min: number, length: number) =>
  fc.array(fc.float({ min: f(min), max: 4, noNaN: true }), { minLength: length, maxLength: length }).map((xs) => Float32Array.from(xs));
const bitsOf = (numbers: Float32Array<ArrayBuffer>) => new Uint32Array(numbers.buffer);

test("any number of elements, also where the last vector is not full", async () => {
  const tensor = fc.integer({ min: 1, max: 40 }).chain((n) => fc.tuple(numbers(-4, n), numbers(-4, n), numbers(-4, n), numbers(0, n)));
  await fc.assert(
    fc.asyncProperty(tensor, fc.integer({ min: 1, max: 1_000 }), async ([p, g, m, v], t) => {
      const state = new Float32Array([...m, ...v]);
      const out = await runWasm(plan, { param: bitsOf(p), grad: bitsOf(g), state: bitsOf(state), coefficients: coefficients(t) });
      const expected = Array.from(p, (_, i) => adamw(p[i]!, g[i]!, m[i]!, v[i]!, t));
      expect([...new Float32Array(out.param.buffer, out.param.byteOffset, p.length)]).toEqual(expected.map(([param]) => param));
      expect([...new Float32Array(out.state.buffer)]).toEqual([...expected.map(([, m1]) => m1), ...expected.map(([, , v1]) => v1)]);
    }),
    { numRuns: 60 },
  );
});

test.each([1, IDLE_VARIANT])("a class of variant %i, which has no kernel, is left alone", async (variant) => {
  const numbers = bitsOf(new Float32Array([1, 2, 3, 4]));
  const state = bitsOf(new Float32Array(8).fill(0.5));
  const out = await runWasm(plan, { param: numbers, grad: numbers, state, coefficients: coefficients(1), variant });
  expect(out).toEqual({ param: numbers, state });
});
