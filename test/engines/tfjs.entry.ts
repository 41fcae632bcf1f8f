// What a page runs: the example, and the same training by tfjs's own Adam.

import * as tf from "@tensorflow/tfjs-core";
import { INPUTS, parameters, SAMPLES, samples } from "../../examples/engines/task.js";
import { trainWithTfjs } from "../../examples/engines/tfjs.js";

async function trainByItself(steps: number): Promise<number[]> {
  const { inputs, targets } = samples();
  const x = tf.tensor(inputs, [SAMPLES, INPUTS]);
  const y = tf.tensor(targets, [SAMPLES, 1]);
  const [w1, b1, w2, b2] = parameters(1).map(({ shape, data }) => tf.variable(tf.tensor(data, [...shape])));
  const optimizer = tf.train.adam(0.02, 0.9, 0.999, 1e-8);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const value = optimizer.minimize(
      () => tf.mean(tf.square(tf.sub(tf.add(tf.matMul(tf.tanh(tf.add(tf.matMul(x, w1!), b1!)) as tf.Tensor2D, w2!), b2!), y))) as tf.Scalar,
      true,
    )!;
    losses.push((await value.data())[0]!);
  }
  return losses;
}

export const run = async () => ({ ours: await trainWithTfjs(40), theirs: await trainByItself(40) });
