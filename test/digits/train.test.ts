import { init } from "@jax-js/jax";
import { beforeAll, expect, test } from "vitest";
import { type Digits, loadDigits, PATCH_PIXELS, PATCHES } from "../../examples/digits/digits.js";
import { initialize } from "../../examples/digits/model.js";
import { seeded } from "../../examples/digits/random.js";
import { train } from "../../examples/digits/train.js";
import { plainAdamW } from "./plain-adamw.js";

let digits: Digits;

beforeAll(async () => {
  await init("wasm");
  digits = loadDigits(2_000);
});

test("every digit is there once, learned from or held out", () => {
  const { training, heldOut } = digits;
  expect([training.count, heldOut.count]).toEqual([8_000, 2_000]);
  const image = PATCHES * PATCH_PIXELS;
  const keys = [training, heldOut].map(
    ({ pixels, count }) =>
      new Set(Array.from({ length: count }, (_, i) => Buffer.from(pixels.buffer, i * image * 4, image * 4).toString("base64"))),
  );
  expect(keys.map(({ size }) => size)).toEqual([8_000, 2_000]);
  expect([...keys[0]!].filter((key) => keys[1]!.has(key))).toEqual([]);
  for (const { count, labels } of [training, heldOut]) expect(labels.reduce((sum, label) => sum + label, 0)).toBe(count);
});

test("gradients of jax-js lower the loss; equal seeds give equal runs; a ratio of 0 leaves a layer to its weight decay", async () => {
  const parameters = initialize(seeded(1));
  const lr = () => 0.004;
  const trainers = [() => 1, () => 1, (name: string) => (name.startsWith("encoder.layers.0.") ? 0 : 1)].map((ratio) =>
    plainAdamW(parameters, { lr, ratio }),
  );
  const seen: number[] = [];
  const courses = await train({
    runs: trainers.map((trainer, index) => ({ label: `${index}`, trainer })),
    parameters,
    digits,
    steps: 40,
    batch: 32,
    seed: 1,
    checkEvery: 20,
    checked: 200,
    onStep: (step) => seen.push(step),
  });
  const [first, second, still] = courses;
  expect(first!.losses.slice(-5).reduce((sum, loss) => sum + loss, 0) / 5).toBeLessThan(0.9 * first!.losses[0]!);
  expect(second!.losses).toEqual(first!.losses);
  expect(second!.accuracies).toEqual(first!.accuracies);
  expect(first!.accuracies.map(({ step }) => step)).toEqual([20, 40]);
  expect(seen).toHaveLength(40);
  expect(still!.losses[0]).toBe(first!.losses[0]);
  expect(still!.losses[5]).not.toBe(first!.losses[5]);
  const name = "encoder.layers.0.linear1.weight";
  const before = parameters.find((parameter) => parameter.name === name)!.data;
  const after = await trainers[2]!.download(name);
  const decay = (1 - 0.004 * 0.01) ** 40;
  expect(after.every((value, index) => Math.abs(value - before[index]! * decay) <= 1e-5 * Math.abs(before[index]!))).toBe(true);
});
