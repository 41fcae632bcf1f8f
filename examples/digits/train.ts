// Trains several models side by side: the same initial values, the same batches in the same order, one optimizer each.
// jax-js computes loss and gradients; the optimizer owns the parameters, and jax-js gets a copy of them for every step.

import { jit, numpy as np, valueAndGrad } from "@jax-js/jax";
import type { Optimizer } from "optspec/runtime";
import { type Digits, type Images, PATCH_PIXELS, PATCHES, pick } from "./digits.js";
import { type Arrays, logits, loss, type Parameter } from "./model.js";
import { permutation, seeded } from "./random.js";

/** What training needs of an optimizer, on any device. */
export type Trainer = Pick<Optimizer, "step" | "tensor" | "download">;

export interface Run {
  readonly label: string;
  readonly trainer: Trainer;
}

/** What a run has shown so far. */
export interface Course {
  readonly label: string;
  /** Loss of every batch. */
  readonly losses: number[];
  /** Part of held-out digits told right, after so many steps. */
  readonly accuracies: { readonly step: number; readonly accuracy: number }[];
  /** Milliseconds spent in jax-js, copying the parameters in and the gradients out included. */
  gradientTime: number;
  /** Milliseconds spent in `step()` of the optimizer, copying the gradients in included. */
  updateTime: number;
}

export interface Training {
  readonly runs: readonly Run[];
  readonly parameters: readonly Parameter[];
  readonly digits: Digits;
  readonly steps: number;
  readonly batch: number;
  readonly seed: number;
  /** A look at `checked` held-out digits every `checkEvery` steps; at all of them after the last. */
  readonly checkEvery: number;
  readonly checked: number;
  readonly onStep: (step: number, courses: readonly Course[]) => void;
}

const EVALUATION_BATCH = 200;

const gradients = jit(valueAndGrad(loss));
const scores = jit(logits);

export async function train(training: Training): Promise<readonly Course[]> {
  const { runs, parameters, digits, steps, batch } = training;
  const courses = runs.map(({ label }): Course => ({ label, losses: [], accuracies: [], gradientTime: 0, updateTime: 0 }));
  const batches = batchesOf(digits.training, batch, training.seed);
  for (let step = 1; step <= steps; step++) {
    const images = batches.next().value;
    for (const [index, { trainer }] of runs.entries()) await takeStep(trainer, courses[index]!, parameters, images);
    if (step % training.checkEvery === 0 || step === steps) {
      const checked = step === steps ? digits.heldOut.count : training.checked;
      for (const [index, { trainer }] of runs.entries()) {
        courses[index]!.accuracies.push({ step, accuracy: await accuracyOf(trainer, parameters, digits.heldOut, checked) });
      }
    }
    training.onStep(step, courses);
  }
  return courses;
}

async function takeStep(trainer: Trainer, course: Course, parameters: readonly Parameter[], images: Images): Promise<void> {
  const begun = performance.now();
  const [value, grads] = gradients(
    await arraysOf(trainer, parameters),
    pixelsOf(images),
    np.array(images.labels, { shape: [images.count, 10] }),
  );
  const data: Record<string, Float32Array> = {};
  for (const { name } of parameters) data[name] = asFloats(await grads[name]!.data());
  course.losses.push(await value.jsAsync());
  const started = performance.now();
  course.gradientTime += started - begun;
  await trainer.step({ gradients: data });
  course.updateTime += performance.now() - started;
}

/** The first `count` images, a multiple of the evaluation batch. */
async function accuracyOf(trainer: Trainer, parameters: readonly Parameter[], images: Images, count: number): Promise<number> {
  const order = Uint32Array.from({ length: images.count }, (_, index) => index);
  let right = 0;
  for (let first = 0; first < count; first += EVALUATION_BATCH) {
    const part = pick(images, order, first, first + EVALUATION_BATCH);
    const guesses = asFloats(await scores(await arraysOf(trainer, parameters), pixelsOf(part)).data());
    for (let image = 0; image < part.count; image++) {
      const row = guesses.subarray(image * 10, (image + 1) * 10);
      if (part.labels[image * 10 + row.indexOf(Math.max(...row))] === 1) right++;
    }
  }
  return right / count;
}

/** The parameters as they are now. On the CPU from the optimizer's own memory: one copy, into jax-js. */
async function arraysOf(trainer: Trainer, parameters: readonly Parameter[]): Promise<Arrays> {
  const arrays = await Promise.all(
    parameters.map(async ({ name, shape }) => {
      const { param } = trainer.tensor(name);
      const data = param instanceof Float32Array ? param : await trainer.download(name);
      return [name, np.array(data as Float32Array<ArrayBuffer>, { shape: [...shape] })] as const;
    }),
  );
  return Object.fromEntries(arrays);
}

function pixelsOf(images: Images): np.Array {
  return np.array(images.pixels, { shape: [images.count, PATCHES, PATCH_PIXELS] });
}

function asFloats(data: ArrayBufferView): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new TypeError("jax-js answered with another type than float32");
}

/** Batches without end; the images in a new order each time all were seen. */
function* batchesOf(images: Images, batch: number, seed: number): Generator<Images, never> {
  const random = seeded(seed);
  for (;;) {
    const order = permutation(random, images.count);
    for (let first = 0; first + batch <= images.count; first += batch) yield pick(images, order, first, first + batch);
  }
}
