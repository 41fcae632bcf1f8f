// The model of `npm start` learns as well with moments of 8 bits, and with parameters and gradients of bfloat16 beside masters, as in f32.

import { init } from "@jax-js/jax";
import { cpu } from "optspec/cpu";
import { expect, test } from "vitest";
import { loadDigits } from "../../examples/digits/digits.js";
import { initialize } from "../../examples/digits/model.js";
import { seeded } from "../../examples/digits/random.js";
import { BATCH, HELD_OUT, learningRate, SEED } from "../../examples/digits/recipe.js";
import { type Trainer, train } from "../../examples/digits/train.js";
import { createOptimizer } from "../../src/runtime/index.js";
import { compileOne } from "../oracle/compile-one.js";
import { exampleText, withClause } from "../oracle/replay-case.js";

/** Half of what the demonstration takes, by the same recipe. */
const STEPS = 300;

test("held-out accuracy at most half a point below f32's", async () => {
  await init("wasm");
  const device = await cpu({ threads: 1 });
  const parameters = initialize(seeded(SEED));
  // No tensor of this model has the 4,096 elements from which 8 bits are worth it, so that the clause has no condition.
  const eightBits = "store { m: q8(signed, block 256)\n v: q8(unsigned, block 256) }";
  const builds = [
    ["f32", exampleText("adamw"), {}],
    ["moments of 8 bits", withClause(exampleText("adamw"), eightBits), {}],
    ["bfloat16 and masters", exampleText("adamw"), { param_dtype: "bf16", grad_dtype: "bf16", master: "f32" }],
  ] as const;
  const runs = await Promise.all(
    builds.map(async ([label, text, options]) => {
      const { definition } = await compileOne(text, [options]);
      const settings = { params: parameters, lr: learningRate(STEPS) };
      return { label, trainer: (await createOptimizer(definition, device, settings)) as Trainer };
    }),
  );
  const digits = loadDigits(HELD_OUT);
  const onStep = () => {};
  const courses = await train({
    runs,
    parameters,
    digits,
    steps: STEPS,
    batch: BATCH,
    seed: SEED,
    checkEvery: STEPS,
    checked: HELD_OUT,
    onStep,
  });
  const [whole, ...others] = courses.map(({ label, accuracies }) => ({ label, accuracy: accuracies.at(-1)!.accuracy }));
  expect(whole!.accuracy).toBeGreaterThan(0.9);
  for (const { label, accuracy } of others) expect(accuracy, label).toBeGreaterThanOrEqual(whole!.accuracy - 0.005);
});
