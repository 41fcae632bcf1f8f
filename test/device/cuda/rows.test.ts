// Lazy rows on the CUDA device without a GPU: NVRTC is real, the driver pretends. The bits of a model that is nothing but its rows.

import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../../src/contract/manifest.js";
import { createOptimizer } from "../../../src/runtime/index.js";
import { compileOne } from "../../oracle/compile-one.js";
import { lazyDifferences, reducingDifferences } from "../../oracle/lazy-rows.js";
import { leftInDriver, playMachine, pretendCuda, whyNoPretence } from "./pretend.js";

beforeEach(() => playMachine({}));
afterEach(() => {
  expect(whyNoPretence === undefined ? leftInDriver() : 0).toBe(0);
});

const text = readFileSync(new URL("../../../examples/adamw.opt", import.meta.url), "utf8");
const adamw = await compileOne(text);
const clipped = await compileOne(text, [{ grad_clip: "global_norm", non_finite: "skip" }]);
const params = Object.entries({ table: [2000, 48], bias: [64], wide: [5, CHUNK_ELEMENTS + 4], number: [], few: [7, 4] }).map(
  ([name, shape]) => ({ name, shape }),
);
const steps = [
  [[7, 3, 7, 1999, 0, 4, 3, 7, 341, 342, 343, 1365], "dense", [4, 0, 4], "dense", [6]],
  [[1998, 0, 1], "dense", "dense", "dense", "dense"],
  ["dense", "dense", [2, 1, 3], null, [0, 0, 0]],
  [[], "dense", [], "dense", [0, 2, 4, 6]],
  [[], null, [], null, []],
] as const;

describe.skipIf(whyNoPretence !== undefined)("lazy rows on CUDA", () => {
  test("the interpreter's bits", async () => {
    const device = await pretendCuda(await Object.values(adamw.definition.kernels)[0]!.cuda!());
    expect(await lazyDifferences(device, adamw, { params, seed: 3, steps })).toEqual([]);
    const optimizer = await createOptimizer(adamw.definition, device, { params, lazyRows: true });
    expect(() => optimizer.capture(1n)).toThrow("a graph works on whole tensors");
    await expect(optimizer.prepare()).rejects.toThrow("a graph works on whole tensors");
    expect(optimizer.steps).toBe(0);
    optimizer.destroy();
    device.destroy();
  });

  test("where norms are reduced, of what is present", async () => {
    const device = await pretendCuda(await Object.values(clipped.definition.kernels)[0]!.cuda!());
    expect(await reducingDifferences(device, clipped, { params, seed: 3, steps })).toEqual([]);
    device.destroy();
  });
});
