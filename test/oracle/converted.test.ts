// Checkpoints of PyTorch's and Paddle's AdamW, converted by scripts/convert_state.py, go on here as they went on in their own library.

import { readFileSync } from "node:fs";
import { cpu } from "optspec/cpu";
import { expect, test } from "vitest";
import { AdamW } from "../../generated/adamw/adamw.js";
import { AdamWDL } from "../../generated/adamwdl/adamwdl.js";
import type { Optimizer, ParamSpec } from "../../src/runtime/index.js";
import { readFloat32, readSafetensors, type Tensor, tensorOf } from "../../src/runtime/state/safetensors.js";
import { compareRuns } from "../../src/tools/compare-runs.js";
import { golden } from "./replay-case.js";

const STOP = 25;
const END = 35;

const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(`converted/${name}.safetensors`, golden)));

/** The parameters of a converted file, in another order than its own, without their values. */
function paramsOf(name: string): ParamSpec[] {
  const keys = [...readSafetensors(bytesOf(`${name}-state`)).tensors].filter(([key]) => key.startsWith("param/"));
  return keys.map(([key, { shape }]) => ({ name: key.slice("param/".length), shape })).reverse();
}

/** Paddle computes in f32 with betas that are f32; its file holds no hypers. */
const paddle = { lr: 0.01, beta1: Math.fround(0.9), beta2: Math.fround(0.99), weightDecay: 0.1 };

const cases: readonly (readonly [name: string, create: (params: ParamSpec[]) => Promise<Optimizer<Float32Array>>])[] = [
  ["torch-adamw", async (params) => AdamW.create(await cpu(), { params })],
  ["torch-adamw-amsgrad", async (params) => AdamW.create(await cpu(), { params, amsgrad: true })],
  ["paddle-adamw", async (params) => AdamWDL.create(await cpu(), { params, decay: "ratio", ...paddle })],
];

test.each(cases)("%s", async (name, create) => {
  const optimizer = await create(paramsOf(name));
  const report = await optimizer.load(bytesOf(`${name}-state`));
  expect(report).toMatchObject({ steps: STOP, missing: [], extra: [], different: [] });
  const gold = readSafetensors(bytesOf(`${name}-run`)).tensors;
  const names = paramsOf(name).map((param) => param.name);
  for (const param of names) expect(optimizer.t(param)).toBe(STOP);
  const start = new Map<string, Float32Array>();
  for (const param of names) start.set(param, await optimizer.download(param));
  const ours = new Map<string, Tensor>();
  for (let step = STOP + 1; step <= END; step++) {
    await optimizer.step({ gradients: Object.fromEntries(names.map((param) => [param, readFloat32(gold.get(`grad/${step}/${param}`)!)])) });
    for (const { name: param, shape } of paramsOf(name))
      ours.set(`param/${step}/${param}`, tensorOf(shape, await optimizer.download(param)));
  }
  const compared = compareRuns(ours, gold, start, { tolerance: null, names: new Map(), wide: false });
  expect(compared.map(({ name, steps, firstDeviation }) => ({ name, steps, firstDeviation }))).toEqual(
    [...names].sort().map((param) => ({ name: `param/${param}`, steps: END - STOP, firstDeviation: null })),
  );
});

test("PyTorch's hypers are those of the file, and amsgrad's third state is asked for", async () => {
  const optimizer = await AdamW.create(await cpu(), { params: paramsOf("torch-adamw"), lr: 1 });
  await optimizer.load(bytesOf("torch-adamw-state"));
  expect(optimizer.hypers).toMatchObject({ lr: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 });
  await expect(optimizer.load(bytesOf("torch-adamw-amsgrad-state"))).rejects.toMatchObject({
    code: "state-mismatch",
    message: expect.stringContaining('only in the file: "state.vmax/'),
  });
});
