// GPT-2 small as it is: 148 tensors, 124,439,808 parameters, real names and shapes, one clipped step of AdamW on the CPU, with parameters and
// gradients in bfloat16 and masters in f32. The norm of all gradients is computed here by the tree's definition over every element; given
// it, the interpreter steps a few tensors of all kinds.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { cpu } from "optspec/cpu";
import { expect, test } from "vitest";
import type { Device } from "../../src/runtime/device.js";
import { type BaseSettings, createOptimizer, type OptimizerTypes } from "../../src/runtime/index.js";
import { interpreterTarget } from "../../src/tools/replay-targets.js";
import { compileOne } from "./compile-one.js";
import { exampleText } from "./replay-case.js";

interface Types extends OptimizerTypes {
  readonly mutable: string;
  readonly states: "m" | "v" | "paramMaster";
}

const models = JSON.parse(gunzipSync(readFileSync(new URL("../fixtures/rules/model-names.json.gz", import.meta.url))).toString()) as {
  readonly gpt2: { readonly params: readonly (readonly [name: string, shape: readonly number[]])[] };
};
const params = models.gpt2.params.map(([name, shape]) => ({ name, shape }));
const numel = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);
const largest = numel(params[0]!.shape);

/** Bits of bfloat16 numbers between 2^-20 and 2, of both signs: any tensor's are a piece of these. */
const pattern = new Uint16Array(2 * largest);
for (let i = 0, state = 7; i < pattern.length; i++) {
  state = Math.imul(state, 0x9e3779b1) ^ (state >>> 15);
  pattern[i] = (state & 0x807f) | ((127 - (i % 19)) << 7);
}
const start = (index: number) => pattern.subarray(index, index + numel(params[index]!.shape));
const gradient = (index: number) => pattern.subarray(largest - index, largest - index + numel(params[index]!.shape));
function numbersOf(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}

const f = Math.fround;

/** Adjacent pairs; one without a partner is added to zero. */
function pairs(numbers: Float32Array): number {
  let length = numbers.length;
  for (; length > 1; length = Math.ceil(length / 2))
    for (let i = 0; 2 * i < length; i++) numbers[i] = f(numbers[2 * i]! + (2 * i + 1 < length ? numbers[2 * i + 1]! : 0));
  return numbers[0]!;
}

/** Squares of a tensor, summed by the tree: leaves of 1,024 elements, 32 lanes, halves, pairs. */
function squares(bits: Uint16Array): number {
  const g = numbersOf(bits);
  const leaves = new Float32Array(Math.ceil(g.length / 1024));
  const lanes = new Float32Array(32);
  for (let leaf = 0; leaf < leaves.length; leaf++) {
    lanes.fill(0);
    const end = Math.min(g.length, 1024 * (leaf + 1));
    for (let i = 1024 * leaf; i < end; i++) lanes[i % 32] = lanes[i % 32]! + f(g[i]! * g[i]!);
    for (let half = 16; half >= 1; half /= 2) for (let l = 0; l < half; l++) lanes[l] = lanes[l]! + lanes[l + half]!;
    leaves[leaf] = lanes[0]!;
  }
  return pairs(leaves);
}

const settings = { lr: 0.01, weightDecay: 0.1 };
const keys = { m: "m", v: "v", "param.master": "paramMaster" } as const;
const bits = (numbers: ArrayLike<number>) => new Uint32Array(Float32Array.from(numbers).buffer);

test("GPT-2 small steps with AdamW, clipped by the norm of all", async () => {
  expect([params.length, params.reduce((sum, { shape }) => sum + numel(shape), 0)]).toEqual([148, 124_439_808]);
  const storage = { param_dtype: "bf16", grad_dtype: "bf16", master: "f32" };
  const clipped = await compileOne(exampleText("adamw"), [{ ...storage, grad_clip: "global_norm" }]);
  // Data goes to the master as well; what is written through a view would not.
  const given: BaseSettings & Readonly<Record<string, unknown>> = {
    params: params.map((param, i) => ({ ...param, data: start(i) })),
    ...settings,
    clipNorm: 0.5,
  };
  const device = (await cpu()) as unknown as Device<Uint16Array>;
  const optimizer = await createOptimizer<Uint16Array, Types>(clipped.definition, device, given);
  const sums = new Float32Array(params.length);
  for (const [i, { name }] of params.entries()) {
    optimizer.tensor(name).grad.set(gradient(i));
    sums[i] = squares(gradient(i));
  }
  await optimizer.step();
  const norm = f(Math.sqrt(pairs(sums)));
  const factor = f(0.5 / norm);
  expect(factor).toBeLessThan(1e-3);

  // A matrix, vectors shorter than a leaf, of whole leaves and of leaves and a piece, and what comes last.
  const looked = ["wpe.weight", "h.0.ln_1.weight", "h.5.attn.c_attn.bias", "h.11.mlp.c_fc.bias", "ln_f.bias"].map(
    (name) => `transformer.${name}`,
  );
  const indices = looked.map((name) => params.findIndex((param) => param.name === name));
  // Given the norm, each gradient is clipped in f32 before the step, so its own build has f32 gradients.
  const { definition, plans } = await compileOne(exampleText("adamw"), [{ ...storage, grad_dtype: "f32" }]);
  const alone = interpreterTarget(
    { definition, ir: plans[0]!.ir, arithmetic: "f32" },
    { params: indices.map((i) => ({ ...params[i]!, data: numbersOf(start(i)) })), ...settings },
  );
  await alone.step(new Map(indices.map((i) => [params[i]!.name, numbersOf(gradient(i)).map((g) => g * factor)])));
  for (const name of looked) {
    const param = numbersOf(optimizer.tensor(name).param);
    expect(bits(param)).toEqual(bits((await alone.read(name, null))!));
    for (const state of ["m", "v", "param.master"] as const)
      expect(bits(await optimizer.download(name, keys[state]))).toEqual(bits((await alone.read(name, state))!));
    // The master went where the parameter alone could not.
    expect(bits(await optimizer.download(name, keys["param.master"]))).not.toEqual(bits(param));
  }
  optimizer.destroy();
});
