// The CPU device on several threads: the same bits for any number of them, no growth, processes that end by themselves.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { type CpuOptions, cpu } from "../../src/runtime/cpu/index.js";
import { createOptimizer } from "../../src/runtime/index.js";
import { bundle } from "../device/bundle.js";
import { noise } from "./adamw-reference.js";
import { type HandAdamTypes, handAdam } from "./hand-made.js";

const definition = handAdam();
/** Threads are used however small the model. */
const many = (threads: number) => cpu({ threads, elementsPerThread: 1 });

/** A large tensor, one that ends inside a chunk, hundreds of small ones, an empty one, a scalar. */
const shapes: Record<string, readonly number[]> = {
  large: [9, CHUNK_ELEMENTS + 7],
  "head.bias": [CHUNK_ELEMENTS - 1],
  empty: [0, 4],
  scalar: [],
  ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`layers.${i % 12}.small${i}`, [1 + (i % 50)]])),
};
const sizes = Object.entries(shapes).map(([name, shape], seed) => ({
  name,
  shape,
  seed,
  count: shape.reduce((product, size) => product * size, 1),
}));

/** Every parameter and state after a few steps, in some of which gradients are missing. */
async function train(options: CpuOptions): Promise<Map<string, Buffer>> {
  const device = await cpu({ elementsPerThread: 1, ...options });
  const params = sizes.map(({ name, shape, count, seed }) => ({ name, shape, data: noise(count, seed + 1) }));
  const optimizer = await createOptimizer<Float32Array, HandAdamTypes>(definition, device, { params, gradients: "some" });
  for (let step = 0; step < 5; step++) {
    const present = sizes.filter(({ seed }) => step === 0 || (seed + step) % 3 !== 0);
    await optimizer.step({
      gradients: Object.fromEntries(present.map(({ name, count, seed }) => [name, noise(count, 1000 * step + seed)])),
    });
  }
  const results = new Map<string, Buffer>();
  for (const { name } of sizes) {
    for (const what of ["param", "m", "v"] as const)
      results.set(`${name} ${what}`, Buffer.from((await optimizer.download(name, what)).buffer));
  }
  device.destroy();
  return results;
}

describe("results", async () => {
  const alone = await train({ threads: 1 });

  test.each([{ threads: 2 }, { threads: 3 }, { threads: 8 }, { threads: 3, arenaBytes: 2_600_000 }])(
    "have the same bits with %o as with one thread",
    async (options) => {
      const together = await train(options);
      expect([...together.keys()]).toEqual([...alone.keys()]);
      const different = [...alone].filter(([name, bytes]) => Buffer.compare(bytes, together.get(name)!) !== 0);
      expect(different.map(([name]) => name)).toEqual([]);
    },
  );

  test("moved at all", () => {
    const untouched = Buffer.from(noise(9 * (CHUNK_ELEMENTS + 7), 1).buffer);
    expect(Buffer.compare(alone.get("large param")!, untouched)).not.toBe(0);
  });
});

describe("memory", () => {
  const isShared = async (options: CpuOptions, elements: number) => {
    const device = await cpu(options);
    using optimizer = await createOptimizer<Float32Array>(definition, device, { params: [{ name: "w", shape: [elements] }] });
    const { buffer } = optimizer.tensor("w").param;
    device.destroy();
    return buffer instanceof SharedArrayBuffer;
  };

  test("is shared only where several threads will work on it", async () => {
    expect(await isShared({ threads: 2 }, 1000)).toBe(false);
    expect(await isShared({ threads: 2 }, 200_000)).toBe(true);
    expect(await isShared({ threads: 1 }, 200_000)).toBe(false);
  });

  test("what is downloaded is the caller's own, and may go where shared memory may not", async () => {
    const device = await many(2);
    using optimizer = await createOptimizer<Float32Array>(definition, device, { params: [{ name: "w", shape: [3], data: noise(3, 1) }] });
    const copy = await optimizer.download("w");
    expect(copy.buffer).toBeInstanceOf(ArrayBuffer);
    expect(() => structuredClone(copy, { transfer: [copy.buffer as ArrayBuffer] })).not.toThrow();
    const { param, grad } = optimizer.tensor("w");
    grad.set([1, 2, 3]);
    await optimizer.step();
    expect(await optimizer.download("w")).toEqual(new Float32Array(param));
    device.destroy();
  });
});

test("a thousand optimizers come and go on one pool, and their memory with them", async () => {
  const device = await many(3);
  const cycle = async () => {
    await using optimizer = await createOptimizer(definition, device, { params: [{ name: "w", shape: [100_000] }] });
    await optimizer.step();
  };
  for (let i = 0; i < 100; i++) await cycle();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 1000; i++) await cycle();
  // Each has 1.6 MB in three threads: 1.6 GB in all, were none of it given back.
  expect(process.memoryUsage().rss - before).toBeLessThan(250e6);
  device.destroy();
});

describe("a process of its own", async () => {
  const script = await bundle(fileURLToPath(new URL("../device/threads.entry.ts", import.meta.url)));

  /** What an export of the bundle resolves to; the process has to end by itself, with its pools alive. */
  async function call(name: string, flags: readonly string[] = []): Promise<unknown> {
    const folder = await mkdtemp(join(tmpdir(), "optspec-threads-"));
    try {
      await writeFile(join(folder, "script.mjs"), script);
      const main = join(folder, "main.mjs");
      await writeFile(main, `import { ${name} } from "./script.mjs";\nconsole.log(JSON.stringify(await ${name}()));\n`);
      const { stdout } = await promisify(execFile)(process.execPath, [...flags, main]);
      return JSON.parse(stdout);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  test("imports no module of Node's, and ends by itself while its workers live", async () => {
    expect(script).not.toMatch(/(from|import|require)\s*\(?["']node:(?!worker_threads"\)\.parentPort)/);
    const { alone, all, three } = (await call("run")) as Record<string, { digest: number; shared: boolean }>;
    expect(alone).toMatchObject({ shared: false });
    expect(three).toMatchObject({ shared: true, digest: alone!.digest });
    expect(all!.digest).toBe(alone!.digest);
  });

  test("does not grow by 100 kB in 10,000 steps on two threads", async () => {
    expect(await call("growth", ["--expose-gc"])).toBeLessThan(100_000);
  });

  test("a step leaves next to nothing to collect", async () => {
    const bytes = (await call("garbage", ["--expose-gc", "--max-semi-space-size=64", "--min-semi-space-size=32"])) as number;
    // The promise that it returns and the caller's await of it are 200; a number on the heap for each coefficient and hyper, the rest.
    expect(bytes).toBeLessThan(600);
    expect(bytes).toBeGreaterThan(0);
  });
});
