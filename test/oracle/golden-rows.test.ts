// Gradients by rows against recorded runs: Paddle's SGD as it is, the moments of Paddle's Adam as they are (its parameters take the bias
// correction of step t + 1, so they are held against formulas with that of step t), torch's SparseAdam as it is.
// Their rows have 6 elements; lazy rows need a multiple of 4, so there two more stand in each row, whose gradient is zero.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { describe, expect, test } from "vitest";
import { createOptimizer, type Device, type OptimizerTypes } from "../../src/runtime/index.js";
import { readFloat32, readFloat64, readSafetensors } from "../../src/runtime/state/safetensors.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { compileOne } from "./compile-one.js";
import { sumOfRows } from "./lazy-rows.js";
import { exampleText, golden } from "./replay-case.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

const [ROWS, ROW, WIDE] = [20, 6, 8];
const STEPS = 20;
/** Relative, for moments in another implementation's f32: replay's own. */
const TRAJECTORY = 6.5e-6;
const tensorsOf = (file: string) => readSafetensors(readFileSync(fileURLToPath(new URL(`${file}.safetensors`, golden)))).tensors;

interface Step {
  readonly indices: readonly number[];
  readonly values: Float32Array;
}

function paddleRun(file: string) {
  const tensors = tensorsOf(`sparse/${file}`);
  const steps = Array.from({ length: STEPS }, (_, i): Step => {
    const values = readFloat32(tensors.get(`grad/${i + 1}/values`)!);
    return { indices: [...readFloat64(tensors.get(`grad/${i + 1}/rows`)!)], values };
  });
  return { tensors, init: readFloat32(tensors.get("init")!), steps };
}

const widen = (numbers: Float32Array) => {
  const wide = new Float32Array((numbers.length / ROW) * WIDE);
  for (let row = 0; row < numbers.length / ROW; row++) wide.set(numbers.subarray(row * ROW, (row + 1) * ROW), row * WIDE);
  return wide;
};
const narrow = (wide: Float32Array) => wide.filter((_, i) => i % WIDE < ROW);

const { gpu, why } = await openDawn();
const devices: [string, () => Promise<Device>][] = [["cpu", () => cpu({ threads: 1 })]];
if (why === undefined) devices.push(["webgpu", () => webgpu({ gpu })]);

interface Training {
  readonly text: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly hypers: Readonly<Record<string, number>>;
  readonly lazyRows: boolean;
  readonly init: Float32Array;
  readonly steps: readonly Step[];
}

/** All numbers after each step, by what they are; in their width. */
async function train(
  device: Device,
  { text, options = {}, hypers, lazyRows, init, steps }: Training,
): Promise<Record<string, Float32Array>[]> {
  const { definition } = await compileOne(text, [options]);
  const [shown, given] = lazyRows ? [narrow, widen] : [(x: Float32Array) => x, (x: Float32Array) => x];
  const params = [{ name: "emb", shape: [ROWS, lazyRows ? WIDE : ROW], data: given(init) }];
  const optimizer = await createOptimizer<unknown, AnyTypes>(definition, device, { params, lazyRows, ...options, ...hypers } as never);
  const after: Record<string, Float32Array>[] = [];
  for (const { indices, values } of steps) {
    await optimizer.step({ gradients: { emb: { indices, values: given(values) } } });
    const numbers: Record<string, Float32Array> = {};
    for (const what of ["param", ...definition.manifest.builds[0]!.states.map(({ key }) => key)])
      numbers[what] = shown(await optimizer.download("emb", what as never));
    after.push(numbers);
  }
  optimizer.destroy();
  return after;
}

/** Largest difference, relative to the larger of the number and a floor. */
function farthest(ours: ArrayLike<number>, theirs: ArrayLike<number>, floor: number): number {
  expect(ours.length).toBe(theirs.length);
  return Math.max(...Array.from(ours, (x, i) => Math.abs(x - theirs[i]!) / Math.max(Math.abs(theirs[i]!), floor)));
}

/** Adam in f64 as its paper has it, with the bias correction of step t; rows left out have a gradient of zero, or stay as they are. */
function adam({ init, steps }: { init: Float32Array; steps: readonly Step[] }, lazy: boolean): Float64Array[] {
  const [lr, beta1, beta2, epsilon] = [0.01, 0.9, 0.999, 1e-8];
  const param = Float64Array.from(init);
  const [m, v] = [new Float64Array(ROWS * ROW), new Float64Array(ROWS * ROW)];
  return steps.map(({ indices, values }, step) => {
    const sums = sumOfRows(indices, values, ROW);
    for (let i = 0; i < param.length; i++) {
      const sum = sums.get(Math.floor(i / ROW));
      if (sum === undefined && lazy) continue;
      const g = sum?.[i % ROW] ?? 0;
      m[i] = beta1 * m[i]! + (1 - beta1) * g;
      v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
      const [mHat, vHat] = [m[i]! / (1 - beta1 ** (step + 1)), v[i]! / (1 - beta2 ** (step + 1))];
      param[i]! -= (lr * mHat) / (Math.sqrt(vHat) + epsilon);
    }
    return Float64Array.from(param);
  });
}

describe.each(devices)("on %s", (_, open) => {
  test.each([false, true])("Paddle's SGD, lazy: %s", async (lazyRows) => {
    const { tensors, init, steps } = paddleRun("sparse-sgd");
    const training = { text: exampleText("sgd"), options: { variant: "plain" }, hypers: { lr: 0.1 }, lazyRows, init, steps };
    const ours = await train(await open(), training);
    for (const step of [1, 2, 3, 5, 10, 20]) {
      expect(farthest(ours[step - 1]!.param!, readFloat32(tensors.get(`param/${step}`)!), 1e-3)).toBeLessThan(2e-7);
      expect(farthest(ours[step - 1]!.param!, readFloat64(tensors.get(`param64/${step}`)!), 1e-3)).toBeLessThan(1e-6);
    }
  });

  test.each([
    ["sparse-adam-dense", false],
    ["sparse-adam-lazy", true],
  ] as const)("Paddle's %s: its moments, and parameters with the bias correction of step t", async (file, lazyRows) => {
    const { tensors, init, steps } = paddleRun(file);
    const text = exampleText("adam");
    const hypers = { lr: 0.01 };
    const ours = await train(await open(), { text, hypers, lazyRows, init, steps });
    const expected = adam({ init, steps }, lazyRows);
    for (const [step, { param }] of ours.entries()) expect(farthest(param!, expected[step]!, 1e-2)).toBeLessThan(2e-6);
    // Paddle holds the betas as f32, so these differ in 1 - beta2.
    const held = await train(await open(), {
      text,
      hypers: { ...hypers, beta1: Math.fround(0.9), beta2: Math.fround(0.999) },
      lazyRows,
      init,
      steps,
    });
    for (const step of [1, 2, 3, 5, 10, 20]) {
      expect(farthest(held[step - 1]!.m!, readFloat32(tensors.get(`state/${step}/moment1`)!), 1e-3)).toBeLessThan(1e-6);
      expect(farthest(held[step - 1]!.v!, readFloat32(tensors.get(`state/${step}/moment2`)!), 1e-6)).toBeLessThan(1e-6);
    }
    // The correction of step t + 1 is another one: the comparison sees it.
    expect(farthest(ours[0]!.param!, readFloat32(tensors.get("param/1")!), 1e-2)).toBeGreaterThan(1e-3);
  });

  test("torch's SparseAdam, whose epsilon stands outside the bias correction", async () => {
    const text = exampleText("adam").replace("sqrt(second) + epsilon * correction", "sqrt(second) + epsilon");
    const inputs = tensorsOf("zoo/inputs-a");
    const theirs = tensorsOf("sparse/torch-sparse-adam");
    const steps = Array.from({ length: STEPS }, (_, i): Step => {
      const gradient = readFloat32(inputs.get(`grad/${i + 1}/emb`)!);
      const indices = Array.from({ length: ROWS }, (_, row) => row).filter((row) => (row + i + 1) % 3 !== 0);
      return { indices, values: Float32Array.from(indices.flatMap((row) => [...gradient.subarray(row * ROW, (row + 1) * ROW)])) };
    });
    const init = readFloat32(inputs.get("init/emb")!);
    const ours = await train(await open(), { text, hypers: { lr: 0.005 }, lazyRows: true, init, steps });
    expect(farthest(ours[0]!.param!, readFloat32(theirs.get("param/1/emb")!), 1e-2)).toBeLessThan(1e-6);
    expect(farthest(ours[19]!.param!, readFloat32(theirs.get("param/20/emb")!), 1e-2)).toBeLessThan(2e-6);
    expect(farthest(ours[19]!.param!, readFloat64(theirs.get("param64/20/emb")!), 1e-2)).toBeLessThan(2e-6);
    expect(farthest(ours[19]!.m!, readFloat32(theirs.get("state/20/emb/exp_avg")!), 1e-4)).toBeLessThan(TRAJECTORY);
    expect(farthest(ours[19]!.v!, readFloat32(theirs.get("state/20/emb/exp_avg_sq")!), 1e-7)).toBeLessThan(TRAJECTORY);
  });
});
