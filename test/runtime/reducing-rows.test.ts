// Lazy rows of optimizers that reduce, on every device that is here: the bits of the interpreter, which reduces the pieces of the rows
// present; what is not present counts for nothing. And clipped gradients against the formula in f64, within what rounding may do.

import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { type CpuOptions, cpu } from "../../src/runtime/cpu/index.js";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer, type OptimizerTypes, type RowsGradient } from "../../src/runtime/index.js";
import { webgpu } from "../../src/runtime/webgpu/index.js";
import { compileTogether, whyNoGcc } from "../compilers/cuda-on-cpu.js";
import { cudaTextOnCpu } from "../compilers/cuda-on-cpu-device.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { noise } from "../oracle/against-interpreter.js";
import { compileOne } from "../oracle/compile-one.js";
import { piecesOf, type ReducingRun, reducingDifferences } from "../oracle/lazy-rows.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";
import { exampleText } from "../oracle/replay-case.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

const adamw = exampleText("adamw");
const bf16 = { param_dtype: "bf16", grad_dtype: "bf16" };
const compiled = {
  norm: await compileOne(adamw, [{ grad_clip: "norm" }]),
  globalNorm: await compileOne(adamw, [{ grad_clip: "global_norm" }]),
  skipping: await compileOne(adamw, [{ non_finite: "skip" }]),
  skippingClipped: await compileOne(adamw, [{ non_finite: "skip", grad_clip: "global_norm" }]),
  narrow: await compileOne(adamw, [{ ...bf16, master: "f32", grad_clip: "global_norm" }]),
  atRandom: await compileOne(adamw, [{ ...bf16, rounding: "stochastic", grad_clip: "norm" }]),
  Lamb: await compileOne(exampleText("lamb")),
  Prodigy: await compileOne(exampleText("prodigy")),
  DoG: await compileOne(exampleText("dog")),
};
const others = new Map(
  await Promise.all(Object.entries(reductionSpecs).map(async ([title, text]) => [title, await compileOne(text)] as const)),
);

const { gpu, why } = await openDawn();
const small: CpuOptions = { threads: 2, elementsPerThread: 1, arenaBytes: 1_650_000 };
const devices: [string, Device][] = [
  ["cpu, one thread", await cpu({ threads: 1 })],
  ["cpu, two threads and several memories", await cpu(small)],
];
if (why === undefined) {
  const device = await webgpu({ gpu });
  devices.push(["webgpu", device]);
  devices.push(["webgpu, several arenas and banks", { ...device, limits: { arenaBytes: 600_000, bindingBytes: 400_000, unified: false } }]);
}
if (whyNoGcc() === undefined) {
  const all = [...Object.values(compiled), ...others.values()];
  compileTogether(await Promise.all(all.map(({ definition }) => Object.values(definition.kernels)[0]!.cuda!())), "-O2");
  const aligned = cudaTextOnCpu({ entry: "model", shift: () => 0, threads: 32 });
  devices.push(["the CUDA text as C++", aligned]);
  devices.push([
    "the CUDA text as C++, wherever tensors stand",
    cudaTextOnCpu({ entry: "model", shift: (index) => index % 4, threads: 32 }),
  ]);
}
afterAll(() => {
  for (const [, device] of devices) device.destroy();
});
const onHost = devices.slice(0, 2);

const params = Object.entries({
  table: [1200, 48],
  pairs: [64, 2, 4],
  wide: [3, CHUNK_ELEMENTS + 4],
  number: [],
  few: [7, 4],
  nothing: [0, 4],
}).map(([name, shape]) => ({ name, shape }));
const all = (count: number, step = 1) => Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
/** Runs, doubles, single rows, hundreds of them, rows longer than a chunk, empty lists, whole gradients, and none. */
const steps = [
  [[7, 3, 7, 1199, 0, 4, 3, 7, 341, 342, 343, 1023], "dense", [2, 0, 2], "dense", [6], "dense"],
  [all(1200, 3), "dense", "dense", "dense", "dense", []],
  ["dense", [5, 6, 63], [2, 1], null, [0, 0, 0], null],
  [[], "dense", [], "dense", [0, 2, 4, 6], []],
  [[], null, [], null, [], null],
  [all(1200).slice(100, 900), "dense", null, "dense", "dense", "dense"],
] as const satisfies ReducingRun["steps"];
const run: ReducingRun = { params, seed: 3, steps };

describe.each(devices)("on %s", (_, device) => {
  test.each(["norm", "globalNorm", "Lamb", "Prodigy", "DoG"] as const)("%s", async (name) => {
    expect(await reducingDifferences(device, compiled[name], run)).toEqual([]);
  });

  test("a parameter that is not clipped", async () => {
    const unclipped = { ...run, unclipped: ["table"], settings: { clipNorm: 0.5 } };
    expect(await reducingDifferences(device, compiled.globalNorm, unclipped)).toEqual([]);
    expect(await reducingDifferences(device, compiled.norm, { ...unclipped, unclipped: ["few", "bias"] })).toEqual([]);
  });

  test.each(["narrow", "atRandom"] as const)("16 bits: %s", async (name) => {
    expect(await reducingDifferences(device, compiled[name], run)).toEqual([]);
  });

  test.each(["skipping", "skippingClipped"] as const)("%s: what is not finite in a row that is given skips the step", async (name) => {
    const isBad = (step: number) => step === 1 || step === 3 || step === 6;
    const skipping: ReducingRun = {
      ...run,
      steps: [...steps, ...steps],
      compareEvery: 5,
      scale: { init: 1024, growthFactor: 2, backoffFactor: 0.5, growthInterval: 2 },
      // Of the first parameter, or where nothing of it is given of the fifth.
      change: (values, param, step) => {
        if (isBad(step) && (param === 0 || param === 4) && values.length > 0)
          values[values.length - 1] = step === 3 ? -Infinity : Number.NaN;
      },
    };
    expect(await reducingDifferences(device, compiled[name], skipping)).toEqual([]);
    const optimizer = await createOptimizer<unknown, AnyTypes>(compiled[name].definition, device, {
      params: [{ name: "w", shape: [8, 4] }],
      lazyRows: true,
    });
    optimizer.upload("w", new Float32Array(32).fill(Number.NaN), "grad" as never);
    const rows = (value: number): RowsGradient => ({ indices: [2], values: new Float32Array(4).fill(value) });
    await optimizer.step({ gradients: { w: rows(Number.NaN) } });
    await optimizer.idle();
    expect([optimizer.steps, optimizer.t("w"), (await optimizer.download("w")).some((number) => number !== 0)]).toEqual([0, 0, false]);
    await optimizer.step({ gradients: { w: rows(1) } });
    await optimizer.idle();
    expect([optimizer.steps, optimizer.t("w")]).toEqual([1, 1]);
    expect((await optimizer.download("w")).map((number) => (number < 0 ? 1 : 0))).toEqual(
      Float32Array.from({ length: 32 }, (_, i) => (i >= 8 && i < 12 ? 1 : 0)),
    );
    optimizer.destroy();
  });
});

describe.each(devices.filter(([name]) => !name.startsWith("webgpu")))("all that reduces, on %s", (_, device) => {
  test.each([...others])("%s", async (_, one) => {
    const frozen = { name: "frozen", shape: [40, 8] };
    const withFrozen = { ...run, params: [...params, frozen], steps: steps.map((step) => [...step, null]) };
    expect(await reducingDifferences(device, one, withFrozen)).toEqual([]);
  });
});

const models = fc.array(fc.record({ rows: fc.integer({ min: 0, max: 60 }), row: fc.constantFrom(4, 12, 64, CHUNK_ELEMENTS - 4, 20_000) }), {
  minLength: 1,
  maxLength: 4,
});
const runs = models.chain((list) => {
  const present = list.map(({ rows, row }) => {
    const count = row > 1000 ? Math.min(rows, 4) : rows;
    const some = count === 0 ? fc.constant([]) : fc.array(fc.nat(count - 1), { maxLength: 2 * count });
    return fc.oneof({ weight: 6, arbitrary: some }, { weight: 1, arbitrary: fc.constantFrom("dense" as const, null) });
  });
  return fc.record({
    params: fc.constant(list.map(({ rows, row }, i) => ({ name: `p${i}`, shape: [row > 1000 ? Math.min(rows, 4) : rows, row] }))),
    seed: fc.nat(1e6),
    steps: fc.array(fc.tuple(...present), { minLength: 1, maxLength: 4 }),
  });
});

test.each(onHost)("any model and any rows, on %s", async (_, device) => {
  await fc.assert(
    fc.asyncProperty(runs, fc.constantFrom(compiled.globalNorm, compiled.Lamb), async (model, one) => {
      expect(await reducingDifferences(device, one, model)).toEqual([]);
    }),
    { numRuns: 25 },
  );
});

test.each(devices)("a list of all rows is an array, to the bit, on %s", async (_, device) => {
  for (const one of [compiled.globalNorm, compiled.Lamb]) {
    const table = { name: "table", shape: [1100, 32], data: noise(1100 * 32, 1) };
    const create = () => createOptimizer<unknown, AnyTypes>(one.definition, device, { params: [table], lazyRows: true });
    const [listed, dense] = [await create(), await create()];
    for (let step = 0; step < 2; step++) {
      const values = noise(1100 * 32, 2 + step);
      await listed.step({ gradients: { table: { indices: all(1100), values } } });
      await dense.step({ gradients: { table: values } });
    }
    expect(await listed.download("table")).toEqual(await dense.download("table"));
    for (const optimizer of [listed, dense]) optimizer.destroy();
  }
});

describe("clipped rows against the formula in f64", () => {
  const taker = "optimizer Taker { param <- grad }";
  const u = 2 ** -24;
  /** Roundings behind a sum of squares: each square, the lanes of a leaf, its halves, then pairs of leaves, pieces and tensors. */
  const roundings = (pieces: number, tensors: number) =>
    1 + 1024 / 32 + 5 + 4 + Math.ceil(Math.log2(pieces)) + Math.ceil(Math.log2(tensors));

  test.each(onHost)("%s", async (_, device) => {
    const table = [
      { name: "a", shape: [1500, 64] },
      { name: "b", shape: [900, 128] },
      { name: "c", shape: [50] },
    ] as const;
    const clipNorm = 0.25;
    for (const word of ["norm", "global_norm"] as const) {
      const { definition } = await compileOne(taker, [{ grad_clip: word }]);
      const create = (lazyRows: boolean) =>
        createOptimizer<unknown, AnyTypes>(definition, device, { params: [...table], clipNorm, lazyRows } as never);
      const [lazy, zeros] = [await create(true), await create(false)];
      const a = all(1500, 7);
      const b = [3, 4, 5, 899];
      const gradients = {
        a: { indices: a, values: noise(a.length * 64, 1) },
        b: { indices: b, values: noise(b.length * 128, 2) },
        c: noise(50, 3),
      };
      await lazy.step({ gradients });
      await zeros.step({ gradients });
      const given = [gradients.a.values, gradients.b.values, gradients.c];
      const squares = given.map((values) => values.reduce((sum, x) => sum + x * x, 0));
      const total = squares.reduce((sum, x) => sum + x, 0);
      const most = roundings(piecesOf(a, 64).length, 3);
      // Half of what the sum is off, then the root, the limit, the quotient and the product; second orders are less than one more.
      const bound = (most / 2 + 5) * u;
      for (const [i, { name }] of table.entries()) {
        const norm = Math.sqrt(word === "norm" ? squares[i]! : total);
        const scale = clipNorm / Math.max(norm, clipNorm);
        const rows = [a, b, all(50)][i]!;
        const row = given[i]!.length / rows.length;
        for (const optimizer of [lazy, zeros]) {
          const numbers = await optimizer.download(name);
          const rest = new Set(numbers.keys());
          for (const [k, index] of rows.entries()) {
            for (let e = 0; e < row; e++) {
              const expected = given[i]![k * row + e]! * scale;
              expect(Math.abs(numbers[index * row + e]! - expected)).toBeLessThanOrEqual(bound * Math.abs(expected));
              rest.delete(index * row + e);
            }
          }
          for (const element of rest) expect(numbers[element]).toBe(0);
        }
      }
      for (const optimizer of [lazy, zeros]) optimizer.destroy();
    }
  });
});
