// CUDA texts that reduce equal the interpreter bit for bit: compiled by g++, the threads of a block as fibers that take turns at barriers.

import { beforeAll, describe, expect, test } from "vitest";
import type { CompiledOptimizer } from "../../src/compiler/compile.js";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { differences } from "../oracle/against-interpreter.js";
import { compileOne } from "../oracle/compile-one.js";
import { randomBits } from "../oracle/random-bits.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";
import { compileForCpu, compileTogether, whyNoGcc } from "./cuda-on-cpu.js";
import { cudaTextOnCpu } from "./cuda-on-cpu-device.js";

const titles = Object.keys(reductionSpecs);
const textOf = ({ definition }: CompiledOptimizer) => Object.values(definition.kernels)[0]!.cuda!();

/** Several chunks (more than a thread folds alone), one element more or less than a leaf or a chunk, scalars, nothing. */
const sizes = [3 * CHUNK_ELEMENTS, 1024, 0, CHUNK_ELEMENTS + 1, 1025, 3, 1, 9 * CHUNK_ELEMENTS + 5, 1023, 41 * 25];
const params = [...sizes.map((length, i) => ({ name: `p${i}`, shape: [length] })), { name: "frozen", shape: [40, 50] }];
const present = (param: number, step: number) => step === 0 || (param + step) % 3 !== 0;

describe.skipIf(whyNoGcc() !== undefined)("CUDA texts that reduce", () => {
  const compiled = new Map<string, CompiledOptimizer>();
  beforeAll(async () => {
    for (const [title, text] of Object.entries(reductionSpecs)) compiled.set(title, await compileOne(text));
    compileTogether(await Promise.all([...compiled.values()].map(textOf)), "-O2");
  });

  describe.each([
    ["where all tensors stand on 16 bytes", () => 0],
    ["wherever tensors stand", (index: number) => [0, 1, 2, 3][index % 4]!],
  ])("%s", (_, shift) => {
    test.each(titles)("%s", async (title) => {
      const device = cudaTextOnCpu({ entry: "model", shift, threads: 32 });
      expect(await differences(device, compiled.get(title)!, { params, steps: 3, seed: 5, present })).toEqual([]);
    });
  });

  test("of any bit patterns", async () => {
    for (const title of titles) {
      const device = cudaTextOnCpu({ entry: "model", shift: (index) => index % 4, threads: 32 });
      const run = { params, steps: 2, seed: 9, present, numbers: randomBits };
      expect(await differences(device, compiled.get(title)!, run), title).toEqual([]);
    }
  });

  test.each([1, 3, 1023, 1024, 1025, CHUNK_ELEMENTS, CHUNK_ELEMENTS + 1, 3 * CHUNK_ELEMENTS + 5])(
    "a tensor of %i elements",
    async (size) => {
      for (const title of ["Lamb", "extremes, dots and means"]) {
        const device = cudaTextOnCpu({ entry: "model", shift: (index) => index + 1, threads: 32 });
        const run = { params: [{ name: "w", shape: [size] }], steps: 2, seed: size };
        expect(await differences(device, compiled.get(title)!, run), title).toEqual([]);
      }
    },
  );

  test("hundreds of tensors: totals take more than a pass over memory", async () => {
    const many = Array.from({ length: 700 }, (_, i) => ({ name: `p${i}`, shape: [1 + (i % 7)] }));
    const device = cudaTextOnCpu({ entry: "model", shift: () => 0, threads: 32 });
    expect(await differences(device, compiled.get("numbers without elements")!, { params: many, steps: 3, seed: 2, present })).toEqual([]);
  });

  test.each([
    ["Novograd", "a barrier in the fold of a chunk", /(half \/= 2u\) \{\n) {4}__syncthreads\(\);\n/, "$1"],
    ["Novograd", "a barrier in the fold of leaves", /(stride \*= 2u\) \{\n) {4}__syncthreads\(\);\n/, "$1"],
    ["distance over gradients", "the barrier behind a total's numbers", /(work\[k\] = [^\n]*\n) {4}__syncthreads\(\);\n/, "$1"],
    ["Novograd", "the order of lanes", /totals\.y;([^;]*)totals\.z;/, "totals.z;$1totals.y;"],
  ])("%s without %s has other bits, and the comparison sees it", async (title, _, found, replacement) => {
    const one = compiled.get(title)!;
    const text = (await textOf(one)).replaceAll(`${one.name}_default`, "Broken_default");
    const broken = text.replace(found, replacement);
    expect(broken).not.toBe(text);
    compileForCpu(broken);
    const manifest = JSON.parse(
      JSON.stringify(one.definition.manifest).replaceAll(`${one.name}_default`, "Broken_default"),
    ) as typeof one.definition.manifest;
    const kernels = Object.fromEntries(
      manifest.builds.map(({ key }) => [key, { ...one.definition.kernels[key]!, cuda: async () => broken }]),
    );
    const device = cudaTextOnCpu({ entry: "model", shift: () => 0, threads: 32 });
    const run = { params: [...params, ...Array.from({ length: 99 }, (_, i) => ({ name: `q${i}`, shape: [2] }))], steps: 3, seed: 5 };
    expect(await differences(device, { ...one, definition: { manifest, kernels } }, run)).not.toEqual([]);
  });
});
