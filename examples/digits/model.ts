// A small vision transformer in jax-js: 16 patches of a digit, LAYERS encoder layers, mean over the patches, one linear head. Names follow
// ERNIE's, so that AdamWDL's rules find the layers. jax-js counts references: passing an array gives it away, `.ref` keeps it.

import { nn, numpy as np } from "@jax-js/jax";
import { PATCH_PIXELS, PATCHES } from "./digits.js";
import { normal, type Random } from "./random.js";

export const LAYERS = 4;
const WIDTH = 32;
const HEADS = 4;
const INNER = 2 * WIDTH;

export type Arrays = Record<string, np.Array>;

export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Weights are [in, out] and start from a normal distribution, biases from 0, scales of norms from 1. */
export function initialize(random: Random): Parameter[] {
  const parameters: Parameter[] = [];
  const add = (name: string, shape: readonly number[], value: () => number) => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let index = 0; index < data.length; index++) data[index] = value();
    parameters.push({ name, shape, data });
  };
  const linear = (name: string, from: number, to: number) => {
    add(`${name}.weight`, [from, to], () => normal(random) / Math.sqrt(from));
    add(`${name}.bias`, [to], () => 0);
  };
  const norm = (name: string) => {
    add(`${name}.weight`, [WIDTH], () => 1);
    add(`${name}.bias`, [WIDTH], () => 0);
  };
  linear("embeddings.patch", PATCH_PIXELS, WIDTH);
  add("embeddings.position.weight", [PATCHES, WIDTH], () => 0.1 * normal(random));
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = `encoder.layers.${layer}`;
    norm(`${name}.norm1`);
    for (const projection of ["q_proj", "k_proj", "v_proj", "out_proj"]) linear(`${name}.self_attn.${projection}`, WIDTH, WIDTH);
    norm(`${name}.norm2`);
    linear(`${name}.linear1`, WIDTH, INNER);
    linear(`${name}.linear2`, INNER, WIDTH);
  }
  norm("pooler.norm");
  linear("classifier", WIDTH, 10);
  return parameters;
}

type Take = (name: string) => np.Array;

function linear(take: Take, name: string, x: np.Array): np.Array {
  return np.matmul(x, take(`${name}.weight`)).add(take(`${name}.bias`));
}

function norm(take: Take, name: string, x: np.Array): np.Array {
  return nn
    .standardize(x)
    .mul(take(`${name}.weight`))
    .add(take(`${name}.bias`));
}

/** x: [batch * PATCHES, WIDTH]. */
function attention(take: Take, name: string, x: np.Array, batch: number): np.Array {
  const heads = (projection: string, input: np.Array) =>
    linear(take, `${name}.${projection}`, input).reshape([batch, PATCHES, HEADS, WIDTH / HEADS]);
  // einsum by axis numbers (0 image, 1 query, 2 head, 3 feature, 4 key): its text form needs a newer Node than 20.
  const scores = np.einsum(heads("q_proj", x.ref), [0, 1, 2, 3], heads("k_proj", x.ref), [0, 4, 2, 3], [0, 2, 1, 4]);
  const weights = nn.softmax(scores.mul(1 / Math.sqrt(WIDTH / HEADS)));
  const mixed = np.einsum(weights, [0, 2, 1, 4], heads("v_proj", x), [0, 4, 2, 3], [0, 1, 2, 3]);
  return linear(take, `${name}.out_proj`, mixed.reshape([batch * PATCHES, WIDTH]));
}

/** Scores of the ten digits, [batch, 10]. Takes `parameters` and `pixels` ([batch, PATCHES, PATCH_PIXELS]). */
export function logits(parameters: Arrays, pixels: np.Array): np.Array {
  const batch = pixels.shape[0]!;
  const take: Take = (name) => parameters[name]!;
  const patches = linear(take, "embeddings.patch", pixels.reshape([batch * PATCHES, PATCH_PIXELS]));
  let x = patches
    .reshape([batch, PATCHES, WIDTH])
    .add(take("embeddings.position.weight"))
    .reshape([batch * PATCHES, WIDTH]);
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = `encoder.layers.${layer}`;
    x = x.ref.add(attention(take, `${name}.self_attn`, norm(take, `${name}.norm1`, x), batch));
    const inner = nn.relu(linear(take, `${name}.linear1`, norm(take, `${name}.norm2`, x.ref)));
    x = x.add(linear(take, `${name}.linear2`, inner));
  }
  const pooled = np.mean(x.reshape([batch, PATCHES, WIDTH]), 1);
  return linear(take, "classifier", norm(take, "pooler.norm", pooled));
}

/** Mean cross-entropy; labels one-hot, [batch, 10]. */
export function loss(parameters: Arrays, pixels: np.Array, labels: np.Array): np.Array {
  return np.mean(nn.logSoftmax(logits(parameters, pixels)).mul(labels).sum(1)).mul(-1);
}
