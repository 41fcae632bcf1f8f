// Lazy rows on WebGPU through Dawn: the bits of a model that is nothing but its rows, whatever the banks and arenas, whoever's the memory.

import { readFileSync } from "node:fs";
import { webgpu } from "optspec/webgpu";
import { afterAll, describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { createOptimizer, type OptimizerTypes, type ParamSpec, type RowsGradient } from "../../src/runtime/index.js";
import { createWebGpuDevice } from "../../src/runtime/webgpu/device.js";
import type { BufferRange, WebGpuDevice } from "../../src/runtime/webgpu/index.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { noise } from "../oracle/against-interpreter.js";
import { bufferOf } from "../oracle/caller-buffers.js";
import { compileOne } from "../oracle/compile-one.js";
import { lazyDifferences, reducingDifferences } from "../oracle/lazy-rows.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

const { gpu, why } = await openDawn();
const onGpu = describe.skipIf(why !== undefined);
const names = ["adamw", "sgd", "nadam"] as const;
const example = (name: string) => compileOne(readFileSync(new URL(`../../examples/${name}.opt`, import.meta.url), "utf8"));
const compiled = new Map(await Promise.all(names.map(async (name) => [name, await example(name)] as const)));
const { definition } = compiled.get("adamw")!;

const device = why === undefined ? await webgpu({ gpu, limits: "default" }) : null!;
const narrow = (): WebGpuDevice => ({ ...device, limits: { arenaBytes: 600_000, bindingBytes: 400_000, unified: false } });
afterAll(() => device?.destroy());

/** A device whose dispatches take 7 workgroups in a dimension. */
function withNarrowGrids(device: GPUDevice): GPUDevice {
  const limits = new Proxy(device.limits, {
    get: (given, key) => (key === "maxComputeWorkgroupsPerDimension" ? 7 : given[key as keyof GPUSupportedLimits]),
  });
  return new Proxy(device, {
    get(given, key) {
      if (key === "limits") return limits;
      const value: unknown = given[key as keyof GPUDevice];
      return typeof value === "function" ? value.bind(given) : value;
    },
  });
}

const params = Object.entries({ table: [2000, 48], bias: [64], wide: [5, CHUNK_ELEMENTS + 4], number: [], few: [7, 4] }).map(
  ([name, shape]) => ({ name, shape }),
);
const steps = [
  [[7, 3, 7, 1999, 0, 4, 3, 7, 341, 342, 343, 1365], "dense", [4, 0, 4], "dense", [6]],
  [[1998, 0, 1], "dense", "dense", "dense", "dense"],
  ["dense", "dense", [2, 1, 3], null, [0, 0, 0]],
  [[], "dense", [], "dense", [0, 2, 4, 6]],
] as const;

onGpu("lazy rows on WebGPU", () => {
  test.each(names)("%s", async (name) => {
    expect(await lazyDifferences(device, compiled.get(name)!, { params, seed: 3, steps })).toEqual([]);
  });

  test.each(names)("%s, in several arenas and banks", async (name) => {
    const optimizer = await createOptimizer(compiled.get(name)!.definition, narrow(), { params, lazyRows: true });
    expect(optimizer.dispatches).toBeGreaterThan(1);
    optimizer.destroy();
    expect(await lazyDifferences(narrow(), compiled.get(name)!, { params, seed: 4, steps })).toEqual([]);
  });

  test("more runs than a dimension of a grid takes, then fewer", async () => {
    const flat = createWebGpuDevice({ device: withNarrowGrids(device.gpuDevice), name: "flat", profile: device.profile, owned: false });
    const every = (step: number, count: number) => Array.from({ length: count }, (_, i) => i * step);
    const table = [{ name: "table", shape: [140, 4] }];
    const lists = [every(2, 70), every(2, 69), every(3, 10), [], every(2, 64), every(2, 7)];
    const run = { params: table, seed: 1, steps: lists.map((list) => [list]) };
    expect(await lazyDifferences(flat, compiled.get("adamw")!, run)).toEqual([]);
    // What a grid has too many leaves nothing where a piece leaves its sum.
    const clipped = await compileOne(readFileSync(new URL("../../examples/adamw.opt", import.meta.url), "utf8"), [{ grad_clip: "norm" }]);
    expect(await reducingDifferences(flat, clipped, run)).toEqual([]);
  });

  test("parameters in the caller's buffers, in place and copied", async () => {
    const start = { inPlace: noise(64 * 8, 1), copied: noise(5 * 4 + 4, 2).subarray(0, 20) };
    const list: ParamSpec[] = [
      { name: "inPlace", shape: [64, 8], buffer: bufferOf(device.gpuDevice, start.inPlace) },
      { name: "copied", shape: [5, 4], buffer: bufferOf(device.gpuDevice, new Float32Array([0, ...start.copied])), offset: 4 },
    ];
    const theirs = await createOptimizer<BufferRange, AnyTypes>(definition, device, { params: list, lazyRows: true });
    const ours = await createOptimizer<BufferRange, AnyTypes>(definition, device, {
      params: list.map(({ name, shape }) => ({ name, shape, data: start[name as keyof typeof start] })),
      lazyRows: true,
    });
    for (let step = 0; step < 3; step++) {
      const rows = (indices: number[], row: number): RowsGradient => ({ indices, values: noise(indices.length * row, step) });
      const gradients = { inPlace: rows([9, step, 9, 63], 8), copied: rows([4 - step], 4) };
      await theirs.step({ gradients });
      await ours.step({ gradients });
    }
    for (const { name } of list) {
      expect(await theirs.download(name)).toEqual(await ours.download(name));
      expect(await theirs.download(name, "v")).toEqual(await ours.download(name, "v"));
    }
  });

  test("steps that are encoded are neither given rows nor changed by them", async () => {
    const optimizer = await createOptimizer<BufferRange, AnyTypes>(definition, device, {
      params: [{ name: "w", shape: [8, 4] }],
      lazyRows: true,
    });
    const gradients = { w: { indices: [1], values: new Float32Array(4).fill(1) } };
    await optimizer.step({ gradients });
    const encoder = device.gpuDevice.createCommandEncoder();
    expect(() => optimizer.encode(encoder, { gradients: gradients as never })).toThrow('the gradient of "w" is given by rows');
    optimizer.upload("w", new Float32Array(32).fill(1), "grad");
    optimizer.encode(encoder);
    await expect(optimizer.step({ gradients })).rejects.toThrow("lazy rows would change what the 1 steps encoded since idle() work on");
    device.gpuDevice.queue.submit([encoder.finish()]);
    await optimizer.idle();
    expect((await optimizer.download("w")).every((number) => number < 0)).toBe(true);
    await optimizer.step({ gradients });
    expect([optimizer.steps, optimizer.t("w")]).toEqual([3, 3]);
  });
});
