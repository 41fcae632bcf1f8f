// Four steps of the digits demonstration: jax-js computes the gradients on the CPU, the optimizer steps on the GPU and, beside it, on the
// CPU. Equal parameters give equal gradients, so one wrong bit in a step would show in all that follow.

import { init } from "@jax-js/jax";
import type { Digits } from "../../examples/digits/digits.js";
import { initialize, LAYERS } from "../../examples/digits/model.js";
import { seeded } from "../../examples/digits/random.js";
import { BATCH, learningRate, SEED } from "../../examples/digits/recipe.js";
import { train } from "../../examples/digits/train.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import type { CudaDevice } from "../../src/runtime/cuda/index.js";
import { createOptimizer, type Optimizer } from "../../src/runtime/index.js";
import type { NamedSubject } from "./bits.js";
import { definitionOf } from "./times.js";

export const STEPS = 4;
/** What `train` looks at after the last step, a whole batch of it. */
export const HELD_OUT = 200;
export const TRAINING = STEPS * BATCH;

export interface DigitsResult {
  /** Loss of every batch, on the GPU. */
  readonly losses: readonly number[];
  readonly compared: number;
  readonly mismatches: number;
}

/** Trains on both and compares every parameter and state, and every loss. */
export async function trainDigits(device: CudaDevice, adamwdl: NamedSubject, digits: Digits): Promise<DigitsResult> {
  await init("wasm");
  const parameters = initialize(seeded(SEED));
  const settings = { params: parameters, nLayers: LAYERS, lr: learningRate(STEPS), layerwiseDecay: 0.8 };
  const host = await cpu({ threads: 1 });
  const onGpu = await createOptimizer(definitionOf(adamwdl), device, settings);
  const onCpu = await createOptimizer(definitionOf(adamwdl), host, settings);
  try {
    const [gpu, reference] = await train({
      runs: [
        { label: "cuda", trainer: onGpu },
        { label: "cpu", trainer: onCpu },
      ],
      parameters,
      digits,
      steps: STEPS,
      batch: BATCH,
      seed: SEED,
      checkEvery: STEPS,
      checked: HELD_OUT,
      onStep() {},
    });
    const states = adamwdl.manifest.builds[0]!.states.map(({ key }) => key);
    let [compared, mismatches] = [STEPS, gpu!.losses.filter((loss, step) => !Object.is(loss, reference!.losses[step])).length];
    for (const { name } of parameters) {
      for (const what of ["param", ...states]) {
        const [a, b] = await Promise.all([bitsOf(onGpu, name, what), bitsOf(onCpu, name, what)]);
        compared += a.length;
        for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) mismatches++;
      }
    }
    return { losses: gpu!.losses, compared, mismatches };
  } finally {
    onGpu.destroy();
    host.destroy();
  }
}

async function bitsOf(optimizer: Optimizer<unknown>, name: string, what: string): Promise<Uint32Array> {
  return new Uint32Array((await optimizer.download(name, what as "param")).buffer);
}
