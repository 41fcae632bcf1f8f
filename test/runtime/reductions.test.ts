// Optimizers that reduce, on the CPU device: the bits of the interpreter, whatever the sizes, the threads and the memories.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { float32Operations, ieee } from "../../src/numeric/float32.js";
import { type Combine, reduceElements, reducePairs } from "../../src/numeric/reduction-tree.js";
import { type CpuOptions, cpu } from "../../src/runtime/cpu/index.js";
import { createOptimizer } from "../../src/runtime/index.js";
import { type Compiled, differences, noise } from "../oracle/against-interpreter.js";
import { compileOne } from "../oracle/compile-one.js";
import { randomBits } from "../oracle/random-bits.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";

const compiled = await Promise.all(Object.entries(reductionSpecs).map(async ([title, text]) => ({ title, one: await compileOne(text) })));
const named = (title: string): Compiled => compiled.find((candidate) => candidate.title === title)!.one;

/** Several chunks, one element more or less than a leaf or a chunk, scalars, nothing. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  large: [3, CHUNK_ELEMENTS],
  "frozen.matrix": [40, 50],
  leaf: [1024],
  scalar: [],
  more: [1, CHUNK_ELEMENTS + 1],
  empty: [0, 4],
  odd: [41, 25],
  few: [3],
  tail: [3 * CHUNK_ELEMENTS + 5],
};
const params = Object.entries(shapes).map(([name, shape]) => ({ name, shape }));

/** Small enough for a model to need several. */
const MEMORY = 1_300_000;
const machines: Record<string, CpuOptions> = {
  "one thread": { threads: 1 },
  "two threads": { threads: 2, elementsPerThread: 1 },
  "several memories": { threads: 1, arenaBytes: MEMORY },
  "two threads and several memories": { threads: 2, elementsPerThread: 1, arenaBytes: MEMORY },
};

async function on<R>(options: CpuOptions, use: (device: Awaited<ReturnType<typeof cpu>>) => Promise<R>): Promise<R> {
  const device = await cpu(options);
  try {
    return await use(device);
  } finally {
    device.destroy();
  }
}

describe.each(Object.entries(machines))("on %s, the interpreter's bits", (_, options) => {
  test.each(compiled)("$title", async ({ one }) => {
    const run = { params, steps: 3, seed: 11, present: (param: number, step: number) => step === 0 || (param + step) % 3 !== 0 };
    expect(await on(options, (device) => differences(device, one, run))).toEqual([]);
  });
});

describe("a model of one tensor", () => {
  const sizes = [0, 1, 3, 1023, 1024, 1025, CHUNK_ELEMENTS, CHUNK_ELEMENTS + 1, 3 * CHUNK_ELEMENTS + 5];
  test.each(sizes)("of %i elements", async (size) => {
    for (const title of ["clip by global norm and AdamW", "Lamb", "extremes, dots and means"]) {
      const run = { params: [{ name: "w", shape: [size] }], steps: 2, seed: size };
      expect(await on({ threads: 1 }, (device) => differences(device, named(title), run))).toEqual([]);
    }
  });
});

describe("the comparison", () => {
  test("sees a reduction that another tree made", async () => {
    const text = reductionSpecs["clip by global norm and AdamW"]!;
    const other = await compileOne(text.replace("norm[model](grad)", "sqrt(sum[model](grad * grad * 1.0000001))"));
    const run = { params, steps: 1, seed: 3 };
    const mixed = { ...named("clip by global norm and AdamW"), plans: other.plans };
    expect((await on({ threads: 1 }, (device) => differences(device, mixed, run))).length).toBeGreaterThan(5);
  });

  test("meets several memories", async () => {
    await on(machines["several memories"]!, async (device) => {
      const optimizer = await createOptimizer(named("Prodigy").definition, device, { params });
      // A finish is one call whatever the number of memories; the two sweeps are a call in each.
      expect(optimizer.dispatches).toBeGreaterThanOrEqual(1 + 2 * 3);
    });
  });
});

const kinds = ["sum", "max", "min"] as const;
/** Shows what each tensor and the model come to. */
const shown = await compileOne(`optimizer Shown {
  ${kinds.map((kind) => `state ${kind}_t: tensor = 0\n  state ${kind}_m: model = 0`).join("\n  ")}
  ${kinds.map((kind) => `${kind}_t <- ${kind}(grad)\n  ${kind}_m <- ${kind}[model](grad)`).join("\n  ")}
  param <- param - grad * 0 * (${kinds.map((kind) => `${kind}_t + ${kind}_m`).join(" + ")})
}`);

describe("the tree", () => {
  const { add, max, min } = float32Operations(ieee);
  const combines: Record<(typeof kinds)[number], Combine> = {
    sum: { of: add, nothing: 0 },
    max: { of: max, nothing: Number.NEGATIVE_INFINITY },
    min: { of: min, nothing: Number.POSITIVE_INFINITY },
  };
  const size = fc.oneof(
    fc.nat(70),
    fc.constantFrom(1023, 1024, 1025, 2048, CHUNK_ELEMENTS - 1, CHUNK_ELEMENTS),
    fc.nat(3 * CHUNK_ELEMENTS),
  );
  const models = fc.record({
    sizes: fc.array(size, { minLength: 1, maxLength: 9 }),
    idle: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
    seed: fc.nat(),
    wild: fc.boolean(),
    arenaBytes: fc.constantFrom(2_000_000, 2 ** 30),
    threads: fc.constantFrom(1, 2),
  });

  test("is the one of the numerics, for tensors of any size, any of which take part", async () => {
    await fc.assert(
      fc.asyncProperty(models, async ({ sizes, idle, seed, wild, arenaBytes, threads }) => {
        const make = wild ? randomBits : noise;
        const tensors = sizes.map((length, i) => ({ name: `p${i}`, shape: [length], grad: make(length, seed + i), idle: idle[i]! }));
        const active = tensors.filter((tensor) => !tensor.idle);
        await on({ threads, elementsPerThread: 1, arenaBytes }, async (device) => {
          const optimizer = await createOptimizer(shown.definition, device, {
            params: tensors.map(({ name, shape }) => ({ name, shape })),
            gradients: "some",
          });
          await optimizer.step({ gradients: Object.fromEntries(active.map(({ name, grad }) => [name, grad])) });
          for (const kind of kinds) {
            const combine = combines[kind];
            for (const { name, grad } of active) {
              const [number] = await optimizer.download(name, `${kind}T` as never);
              expect(number).toBe(reduceElements(grad, combine));
            }
            const each = tensors.map((tensor) => (tensor.idle ? combine.nothing : reduceElements(tensor.grad, combine)));
            const [number] = await optimizer.download("p0", `${kind}M` as never);
            expect(number).toBe(active.length === 0 ? 0 : reducePairs(each, combine));
          }
        });
      }),
      { numRuns: 40 },
    );
  });
});

describe("a step", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };

  test("allocates nothing: 2,000 of them in three memories leave less than 100 kB behind", async () => {
    await on({ threads: 1, arenaBytes: 900_000 }, async (device) => {
      const small = params.filter(({ name }) => name !== "tail");
      const optimizer = await createOptimizer(named("clip by global norm and AdamW").definition, device, { params: small });
      const steps = async (count: number) => {
        for (let i = 0; i < count; i++) await optimizer.step();
      };
      await steps(500);
      let growth = Number.POSITIVE_INFINITY;
      for (let attempt = 0; attempt < 3 && growth >= 1e5; attempt++) {
        const before = heap();
        await steps(2000);
        growth = heap() - before;
      }
      expect(growth).toBeLessThan(1e5);
    });
  });
});
