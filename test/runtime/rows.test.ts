// Gradients by rows on the CPU: a lazy step has the bits of a model that is nothing but its rows, one that is not lazy those of a gradient
// with zeros; whatever the order, the doubles, the threads and the memories.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { type CpuOptions, cpu } from "../../src/runtime/cpu/index.js";
import { type BaseSettings, createOptimizer, type OptimizerTypes, type RowsGradient } from "../../src/runtime/index.js";
import { rowChunkRoom } from "../../src/runtime/scalar-layout.js";
import { noise } from "../oracle/against-interpreter.js";
import { compileOne } from "../oracle/compile-one.js";
import { lazyDifferences, sumOfRows } from "../oracle/lazy-rows.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

const example = (name: string) => compileOne(readFileSync(new URL(`../../examples/${name}.opt`, import.meta.url), "utf8"));
const names = ["adam", "adamw", "sgd", "nadam", "lion", "adagrad"] as const;
const compiled = new Map(await Promise.all(names.map(async (name) => [name, await example(name)] as const)));
const adamw = compiled.get("adamw")!;

const machines: readonly [string, CpuOptions][] = [
  ["one thread", { threads: 1 }],
  ["two threads", { threads: 2, elementsPerThread: 1 }],
  ["several memories", { threads: 1, arenaBytes: 2_200_000 }],
];

async function on<R>(options: CpuOptions, use: (device: Awaited<ReturnType<typeof cpu>>) => Promise<R>): Promise<R> {
  const device = await cpu(options);
  try {
    return await use(device);
  } finally {
    device.destroy();
  }
}

const shapes = {
  table: [300, 64],
  bias: [64],
  wide: [5, CHUNK_ELEMENTS + 4],
  cube: [40, 3, 8],
  number: [],
  few: [7, 4],
  odd: [9, 5],
} as const;
const params = Object.entries(shapes).map(([name, shape]) => ({ name, shape }));
const run = {
  params,
  seed: 5,
  steps: [
    [[7, 3, 7, 299, 0, 4, 3, 7], "dense", [4, 0, 4], [], "dense", [6], "dense"],
    [[298, 299, 0, 1], "dense", "dense", [39, 0, 39], "dense", "dense", "dense"],
    ["dense", "dense", [2, 1, 3], null, "dense", [0, 0, 0], "dense"],
    [[], "dense", [], [5, 6, 7, 5], null, [0, 2, 4, 6], null],
  ],
} as const;

describe.each(machines)("lazy rows on %s", (_, options) => {
  test.each(names)("%s: nothing but the rows present is touched", async (name) => {
    expect(await on(options, (device) => lazyDifferences(device, compiled.get(name)!, run))).toEqual([]);
  });
});

/** Lists of rows with doubles, in any order; none, all or no gradient now and then. */
const tables = fc.array(
  fc.record({ rows: fc.integer({ min: 0, max: 60 }), row: fc.constantFrom([4], [8], [12], [2, 6], [64], [CHUNK_ELEMENTS - 4], [20_000]) }),
  { minLength: 1, maxLength: 4 },
);
const models = tables.chain((list) =>
  fc.record({
    params: fc.constant(list.map(({ rows, row }, i) => ({ name: `p${i}`, shape: [row[0]! > 1000 ? Math.min(rows, 4) : rows, ...row] }))),
    seed: fc.nat(1e6),
    steps: fc.array(
      fc.tuple(
        ...list.map(({ rows, row }) => {
          const count = row[0]! > 1000 ? Math.min(rows, 4) : rows;
          const some = count === 0 ? fc.constant([]) : fc.array(fc.nat(count - 1), { maxLength: 2 * count });
          return fc.oneof({ weight: 6, arbitrary: some }, { weight: 1, arbitrary: fc.constantFrom("dense" as const, null) });
        }),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    list: fc.constantFrom(
      (indices: readonly number[]) => [...indices],
      (indices: readonly number[]) => Int32Array.from(indices),
      (indices: readonly number[]) => Uint32Array.from(indices),
    ),
    machine: fc.constantFrom(...machines.map(([, options]) => options)),
  }),
);

test("lazy rows of any model, in any order, with doubles", async () => {
  await fc.assert(
    fc.asyncProperty(models, async ({ machine, ...model }) => {
      expect(await on(machine, (device) => lazyDifferences(device, adamw, model))).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test("every choice of rows has room", () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 30 })
        .chain((rows) => fc.tuple(fc.constant(rows), fc.array(fc.boolean(), { minLength: rows, maxLength: rows }))),
      fc.constantFrom(4, 64, CHUNK_ELEMENTS - 4, CHUNK_ELEMENTS, CHUNK_ELEMENTS + 4, 3 * CHUNK_ELEMENTS + 8),
      fc.nat(8),
      ([rows, chosen], row, cut) => {
        const [first, end] = [Math.min(cut * CHUNK_ELEMENTS, rows * row), rows * row];
        let needed = 0;
        for (let from = 0; from < rows; from++) {
          if (!chosen[from]) continue;
          let to = from + 1;
          while (to < rows && chosen[to]) to++;
          const [start, stop] = [Math.max(from * row, first), Math.min(to * row, end)];
          if (stop > start) needed += Math.ceil(stop / CHUNK_ELEMENTS) - Math.floor(start / CHUNK_ELEMENTS);
          from = to;
        }
        expect(rowChunkRoom(first, end - first, row)).toBeGreaterThanOrEqual(needed);
      },
    ),
  );
});

const create = (settings: BaseSettings & Record<string, unknown>, one = adamw, options: CpuOptions = { threads: 1 }) =>
  cpu(options).then((device) => createOptimizer<Float32Array, AnyTypes>(one.definition, device, settings));

describe("rows left out that are not lazy", () => {
  test.each(names)("%s: are updated with a gradient of zeros", async (name) => {
    const list = {
      params: params.map((param, i) => ({
        ...param,
        data: noise(
          param.shape.reduce((a, b) => a * b, 1),
          i,
        ),
      })),
    };
    const [byRows, dense] = [await create(list, compiled.get(name)), await create(list, compiled.get(name))];
    for (let step = 0; step < 3; step++) {
      const gradients: Record<string, Float32Array | RowsGradient> = {};
      const whole: Record<string, Float32Array> = {};
      for (const [i, { name: param, shape }] of params.entries()) {
        const row = (shape as readonly number[]).slice(1).reduce((a, b) => a * b, 1);
        const length = (shape as readonly number[]).reduce((a, b) => a * b, 1);
        if (shape.length === 0) {
          gradients[param] = whole[param] = noise(1, step);
          continue;
        }
        const indices = Array.from({ length: step === 2 ? 0 : 2 * shape[0] }, (_, k) => (k * k * 7 + step + i) % shape[0]);
        const values = noise(indices.length * row, 100 * step + i);
        gradients[param] = { indices, values };
        whole[param] = new Float32Array(length);
        for (const [index, sum] of sumOfRows(indices, values, row)) whole[param].set(sum, index * row);
      }
      await byRows.step({ gradients });
      await dense.step({ gradients: whole });
    }
    for (const { name: param } of params) {
      expect(await byRows.download(param)).toEqual(await dense.download(param));
      expect(await byRows.download(param, "grad")).toEqual(await dense.download(param, "grad"));
      expect(byRows.t(param)).toBe(3);
    }
  });
});

describe("what is wrong is told before anything is written", () => {
  const rows = (indices: unknown, values: unknown): never => ({ indices, values }) as never;
  const four = new Float32Array(16);
  const cases: readonly [string, never, string][] = [
    [
      "negative",
      rows([0, -1], four.subarray(8)),
      'the gradient of "w" has -1 at position 1 of its indices; rows are whole numbers from 0 to 9',
    ],
    ["too large", rows(Int32Array.of(3, 10), four.subarray(8)), "has 10 at position 1"],
    ["not whole", rows([0.5], four.subarray(12)), "has 0.5 at position 0"],
    ["NaN", rows([1, 2, Number.NaN], four), "has NaN at position 2"],
    ["a hole", rows(new Array(1), four.subarray(12)), "has undefined at position 0"],
    ["text", rows(["1"], four.subarray(12)), 'has "1" at position 0'],
    ["of 64 bits", rows(BigInt64Array.of(1n), four.subarray(12)), "has indices that are a BigInt64Array"],
    ["no list", rows(3, four), "has indices that are 3"],
    ["too few values", rows([1, 2], four.subarray(12)), 'the gradient of "w" has 4 values where 2 indices of rows of 4 elements need 8'],
    ["too many values", rows([], four), "has 16 values where 0 indices"],
    ["values of another type", rows([1], Float64Array.of(1, 2, 3, 4)), "has values that are a Float64Array"],
    ["no values", rows([1], undefined), "has values that are undefined"],
    ["a further key", { indices: [1], values: four.subarray(12), shape: [10, 4] } as never, 'has the unknown key "shape"'],
  ];
  test.each(cases)("%s", async (_, given, message) => {
    for (const lazyRows of [false, true]) {
      const optimizer = await create({ params: ["a", "w"].map((name) => ({ name, shape: [10, 4] })), lazyRows });
      const step = optimizer.step({ gradients: { a: { indices: [1], values: four.subarray(12) }, w: given } });
      await expect(step).rejects.toMatchObject({ code: "invalid-gradient", message: expect.stringContaining(message) });
      expect([optimizer.steps, optimizer.t("a")]).toEqual([0, 0]);
      expect((await optimizer.download("a")).every((number) => number === 0)).toBe(true);
    }
  });

  test("numbers without rows, rows of no multiple of 4, a setting of another type", async () => {
    const optimizer = await create({
      params: [
        { name: "n", shape: [] },
        { name: "odd", shape: [4, 5] },
      ],
      gradients: "some",
      lazyRows: true,
    });
    const number = optimizer.step({ gradients: { n: { indices: [0], values: new Float32Array(1) } } });
    await expect(number).rejects.toThrow("a single number has none");
    const odd = optimizer.step({ gradients: { odd: { indices: [0], values: new Float32Array(5) } } });
    await expect(odd).rejects.toThrow("rows of 5 elements; lazy rows need a multiple of 4");
    await expect(create({ params: [{ name: "w", shape: [4] }], lazyRows: 1 as never })).rejects.toThrow(
      "lazyRows must be true or false, not 1",
    );
  });

  test("a device that works on whole tensors only", async () => {
    const { lazyRows: _, ...whole } = await cpu({ threads: 1 });
    const refused = createOptimizer(adamw.definition, whole, { params: [{ name: "w", shape: [4, 4] }], lazyRows: true });
    await expect(refused).rejects.toThrow("lazyRows: the cpu device works on whole tensors only");
    const zeros = await createOptimizer(adamw.definition, whole, { params: [{ name: "w", shape: [4, 4] }] });
    await zeros.step({ gradients: { w: { indices: [2], values: new Float32Array(4).fill(1) } } });
    expect((await zeros.download("w")).findIndex((number) => number !== 0)).toBe(8);
  });
});

test("frozen and held parameters stay as they are", async () => {
  const optimizer = await create({ params: ["a", "b"].map((name) => ({ name, shape: [8, 4] })), lazyRows: true });
  optimizer.freeze("b");
  const gradient = { indices: [1], values: new Float32Array(4).fill(1) };
  await optimizer.step({ gradients: { a: gradient, b: gradient } });
  expect((await optimizer.download("a")).findIndex((number) => number !== 0)).toBe(4);
  expect((await optimizer.download("b")).every((number) => number === 0)).toBe(true);
  optimizer.unfreeze("b");
  await optimizer.step({ gradients: { a: gradient, b: gradient } });
  expect([optimizer.t("a"), optimizer.t("b")]).toEqual([2, 1]);
  expect((await optimizer.download("b")).findIndex((number) => number !== 0)).toBe(4);
});
