// Numbers in 16 and 8 bits on WebGPU: what Tint and Naga say of the kernels; the bits of the interpreter under the driver's profile, in arenas
// and in the caller's buffers; and every conversion by itself, against `numeric/`, which is tested by itself.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { webgpu } from "optspec/webgpu";
import { afterAll, describe, expect, test } from "vitest";
import { wgslDeclarations } from "../../../src/compiler/emit/wgsl/dialect.js";
import { formatNames } from "../../../src/compiler/emit/wgsl/formats.js";
import { dequantize, quantize } from "../../../src/numeric/eight-bit.js";
import { float32Operations } from "../../../src/numeric/float32.js";
import { narrow, widen } from "../../../src/numeric/storage-formats.js";
import { createOptimizer, type OptimizerTypes } from "../../../src/runtime/index.js";
import type { BufferRange, WebGpuDevice } from "../../../src/runtime/webgpu/index.js";
import { tintErrors } from "../../compilers/tint.js";
import { differences, noise, type TrainingRun } from "../../oracle/against-interpreter.js";
import { bufferOf, contents } from "../../oracle/caller-buffers.js";
import { compileOne } from "../../oracle/compile-one.js";
import { lazyDifferences } from "../../oracle/lazy-rows.js";
import { randomBits } from "../../oracle/random-bits.js";
import { runInDeno, whyNoDeno } from "../deno.js";
import { openDawn, openTint } from "./dawn.js";
import { formatLengths, formatSubjects, numbersToNarrow, rounded } from "./format-subjects.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

const { gpu, why } = await openDawn();
const onGpu = describe.skipIf(why !== undefined);
/** One for all tests: it keeps the kernels that it has compiled. */
const device = why === undefined ? await webgpu({ gpu, limits: "default" }) : null!;
afterAll(() => device?.destroy());

const compiled = await Promise.all(
  formatSubjects.map(async ({ title, text, build }) => {
    const one = await compileOne(text, [build]);
    return { title, one, wgsl: await Object.values(one.definition.kernels)[0]!.wgsl() };
  }),
);
const titles = compiled.map(({ title }) => title);
const named = (title: string) => compiled.find((candidate) => candidate.title === title)!.one;

const paramsOf = (lengths: readonly number[]) => lengths.map((length, i) => ({ name: `p${i}`, shape: [length] }));
/** Each parameter has a gradient at two steps of three. */
const present = (param: number, step: number) => step === 0 || (param + step) % 3 !== 0;
const run: TrainingRun = { params: paramsOf(formatLengths), steps: 4, seed: 5, present, settings: { lr: 0.03 } };

describe("kernels", () => {
  test("pass Tint", async () => {
    const tint = await openTint();
    for (const { title, wgsl } of compiled) expect(await tintErrors(tint, wgsl), title).toEqual([]);
  });

  test("of specs that use the frame's own names pass Tint", async () => {
    const tint = await openTint();
    const own = [...formatNames, ...Object.keys(wgslDeclarations), "is_present", "is_element", "chunk", "i"];
    for (const build of [{}, { param_dtype: "f16", grad_dtype: "bf16", rounding: "stochastic" }, { grad_clip: "global_norm" }]) {
      for (const format of ["bf16", "q8(signed, block 256)", "q8(unsigned, block 256)"]) {
        const names = own.filter((name) => /^[a-z]\w*$/.test(name)).map((name) => [name, `${name}_1`, `new_${name}`] as const);
        for (const [hyper, local, state] of names) {
          const text = `optimizer Own { hyper ${hyper} = 0.5 in [0, 1) store { ${state}: ${format} } state ${state}, v = 0
            ${local} = ${hyper} * grad ${state} <- ${local} + (1 - ${hyper}) * ${state} v <- v + ${local} param <- param - ${hyper} * ${state} * v }`;
          const { definition } = await compileOne(text, [build]);
          expect(await tintErrors(tint, await Object.values(definition.kernels)[0]!.wgsl()), text).toEqual([]);
        }
      }
    }
  });

  test.skipIf(whyNoDeno() !== undefined)("pass Naga, and on Deno's WebGPU have the interpreter's bits", async () => {
    const subjects = compiled.map(({ title, one: { name, definition, plans }, wgsl }) => {
      return { title, name, manifest: definition.manifest, irs: plans.map(({ ir }) => ({ ir })), wgsl };
    });
    const found = await inDeno(`import { webgpu } from "optspec/webgpu";
      import { nagaErrors } from ${module("../../compilers/naga.ts")};
      import { differences } from ${module("../../oracle/against-interpreter.ts")};
      const subjects = ${JSON.stringify(subjects)};
      const present = (param, step) => step === 0 || (param + step) % 3 !== 0;
      export async function run() {
        const found = await nagaErrors(subjects.map(({ title, wgsl }) => ({ path: title, content: wgsl })));
        const device = await webgpu();
        for (const { title, name, manifest, irs, wgsl } of subjects) {
          const kernels = Object.fromEntries(manifest.builds.map(({ key }) => [key, { wgsl: async () => wgsl }]));
          const compiled = { name, definition: { manifest, kernels }, plans: irs };
          for (const text of await differences(device, compiled, { ...${JSON.stringify({ ...run, steps: 3 })}, present })) found.push(title + ": " + text);
        }
        return found;
      }`);
    expect(found).toEqual([]);
  });
});

onGpu("the interpreter's bits", () => {
  test.each(titles)("%s", async (title) => {
    expect(await differences(device, named(title), run)).toEqual([]);
  });

  test.each(titles.filter((title) => !/Lamb|clipped/.test(title)))("%s, of any bits", async (title) => {
    const numbers = (length: number, seed: number) => randomBits(length, seed);
    expect(await differences(device, named(title), { ...run, steps: 2, numbers })).toEqual([]);
  });

  test.each(["AdamW, states in 8 bits", "Lamb, one state in f16, one in 8 bits, a remainder", "AdamW, clipped, f16"])(
    "%s, in several arenas and banks",
    async (title) => {
      const narrow: WebGpuDevice = { ...device, limits: { arenaBytes: 200_000, bindingBytes: 160_000, unified: false } };
      const large = { ...run, params: paramsOf([...formatLengths, 40_000, 33_000]), steps: 2 };
      const optimizer = await createOptimizer(named(title).definition, narrow, { params: large.params });
      expect(optimizer.dispatches).toBeGreaterThan(2);
      optimizer.destroy();
      expect(await differences(narrow, named(title), large)).toEqual([]);
    },
  );

  test.each(["AdamW, bf16 with a remainder", "SGD, f16", "SGD, bf16 with a master"])("%s, worked on by rows", async (title) => {
    const params = Object.entries({ table: [2000, 48], wide: [5, 16_384 + 4], few: [7, 4] }).map(([name, shape]) => ({ name, shape }));
    const steps = [
      [[7, 3, 7, 1999, 0, 4, 3, 7, 341, 342, 343, 1365], "dense", "dense"],
      [
        [1998, 0, 1],
        [4, 0],
        [6, 2, 1],
      ],
      ["dense", [3], [0, 2, 4, 6]],
    ] as const;
    expect(await lazyDifferences(device, named(title), { params, seed: 3, steps })).toEqual([]);
  });

  /** Whole buffers, and places in larger ones where a binding may begin and may not. */
  const offsets = [0, 256, 20];

  test.each(titles.filter((title) => /16/.test(title)))("%s, in the caller's buffers", async (title) => {
    const { definition } = named(title);
    const { formats } = definition.manifest.builds[0]!;
    const made: GPUBuffer[] = [];
    const memory: TrainingRun["memory"] = (numbers, what, param) => {
      const kept = narrow(formats[what], numbers);
      const offset = offsets[param % 3]!;
      const words = new Uint8Array(offset + kept.byteLength);
      words.set(new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength), offset);
      const buffer = bufferOf(device.gpuDevice, new Float32Array(words.buffer));
      made.push(buffer);
      return { buffer, offset };
    };
    const numbers: TrainingRun["numbers"] = (length, seed, _, step) =>
      rounded(formats[step === -1 ? "param" : "grad"], noise(length, seed));
    const params = paramsOf([2, 4, 254, 256, 258, 1_000, 4_096, 5_002, 16_384 + 300]);
    expect(await differences(device, named(title), { ...run, params, numbers, memory })).toEqual([]);
    for (const buffer of made) buffer.destroy();
  });
});

onGpu("conversions", () => {
  const codes = Uint16Array.from({ length: 65_536 }, (_, i) => i);

  async function create(text: string, build: Readonly<Record<string, string>>, elements: number) {
    const { definition } = await compileOne(text, [build]);
    return createOptimizer<BufferRange, AnyTypes>(definition, device, { params: [{ name: "w", shape: [elements] }] });
  }

  test.each(["f16", "bf16"] as const)("of all 65,536 of %s", async (format) => {
    const spec = "optimizer Widen { state z = 0 param <- param + z z <- grad }";
    const optimizer = await create(spec, { grad_dtype: format }, codes.length);
    await optimizer.step({ gradients: { w: codes } as never });
    expect(unequal(await optimizer.download("w", "z" as never), widen(format, new Uint8Array(codes.buffer)))).toEqual([]);
    optimizer.destroy();
  });

  test.each(["f16", "bf16"] as const)("into %s, of all numbers that are halfway and a million others", async (format) => {
    const numbers = numbersToNarrow(format, 1_500_001);
    const optimizer = await create("optimizer Narrow { param <- grad }", { param_dtype: format }, numbers.length);
    await optimizer.step({ gradients: { w: numbers } });
    const { buffer, offset } = optimizer.tensor("w").param;
    const kept = new Uint16Array((await contents(device.gpuDevice, buffer)).buffer as ArrayBuffer, offset, numbers.length);
    expect(kept).toEqual(narrow(format, numbers));
    optimizer.destroy();
  });

  const blocks: Readonly<Record<string, (i: number) => number>> = {
    zeros: () => 0,
    "zeros but one": (i) => (i === 17 ? -1e-30 : 0),
    "negative zeros": () => -0,
    "subnormal numbers": (i) => (i % 2 === 0 ? 1 : -1) * i * 1e-40,
    "numbers around the least scale": (i) => 2 ** (-90 - (i % 40)),
    "numbers of any size": (i) => (i % 3 === 0 ? -1 : 1) * 2 ** (-(i % 90) / 2) * (1 + i / 256),
    "largest numbers": (i) => 3.4028234663852886e38 / (1 + i),
    "negative numbers": (i) => -1 - i,
    "an infinity": (i) => (i === 3 ? Infinity : i),
    "a negative infinity": (i) => (i === 200 ? -Infinity : i),
    "a NaN": (i) => (i === 255 ? Number.NaN : i),
  };

  test("into 8 bits, signed and unsigned, of blocks of every kind", async () => {
    const spec = `optimizer Blocks { store { s: q8(signed, block 256); u: q8(unsigned, block 256) }
      state s, u = 0 param <- param + s + u s <- grad u <- grad }`;
    const numbers = Float32Array.from({ length: 256 * Object.keys(blocks).length + 7 }, (_, i) => {
      const make = Object.values(blocks)[Math.floor(i / 256)] ?? ((k: number) => k - 3);
      return make(i % 256);
    });
    const optimizer = await create(spec, {}, numbers.length);
    await optimizer.step({ gradients: { w: numbers } });
    for (const [state, format] of [
      ["s", "q8s"],
      ["u", "q8u"],
    ] as const) {
      const { codes: kept, scales } = quantize(format, numbers, float32Operations(device.profile));
      expect(
        unequal(await optimizer.download("w", state as never), dequantize(format, kept, scales, float32Operations(device.profile))),
      ).toEqual([]);
    }
    optimizer.destroy();
  });

  test("a NaN of either sign is found in a block without signs", async () => {
    const spec = "optimizer Unsigned { store { u: q8(unsigned, block 256) } state u = 0 param <- param + u u <- grad }";
    for (const word of [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff]) {
      const numbers = new Float32Array(300).fill(1);
      new Uint32Array(numbers.buffer)[5] = word;
      const optimizer = await create(spec, {}, numbers.length);
      await optimizer.step({ gradients: { w: numbers } });
      const kept = await optimizer.download("w", "u" as never);
      expect(kept.subarray(0, 256).every(Number.isNaN)).toBe(true);
      expect(kept.subarray(256).every((x) => x === 1)).toBe(true);
      optimizer.destroy();
    }
  });
});

onGpu("what is refused", () => {
  const create = async (params: readonly object[]) => {
    const { definition } = named("AdamW, bf16");
    return createOptimizer<BufferRange, AnyTypes>(definition, device, { params: params as never });
  };

  test("an odd number of 16-bit elements in a buffer, with a way out", async () => {
    const buffer = bufferOf(device.gpuDevice, new Float32Array(4));
    await expect(create([{ name: "w", shape: [5], buffer }])).rejects.toMatchObject({
      code: "invalid-parameter",
      message: expect.stringMatching(/parameter "w" has 5 elements of bf16: .* even number.* Give it as an array/),
    });
    const optimizer = await create([{ name: "w", shape: [5] }]);
    const step = optimizer.step({ gradients: { w: buffer as never } });
    await expect(step).rejects.toMatchObject({ code: "invalid-gradient", message: expect.stringMatching(/even number/) });
    expect(optimizer.steps).toBe(0);
    optimizer.destroy();
  });

  test("a place that is no multiple of 4 bytes, and a buffer of too few bytes", async () => {
    const buffer = bufferOf(device.gpuDevice, new Float32Array(4));
    await expect(create([{ name: "w", shape: [4], buffer, offset: 2 }])).rejects.toThrow(/multiple of 4/);
    await expect(create([{ name: "w", shape: [10], buffer }])).rejects.toThrow(/needs 20 bytes from byte 0 on; its buffer has 16/);
  });

  test("nothing where a view of an odd number of elements ends within a word", async () => {
    const optimizer = await create([{ name: "w", shape: [5], data: Float32Array.of(1, 2, 3, 4, 5) }]);
    expect(optimizer.tensor("w").param.size).toBe(12);
    expect(await optimizer.download("w")).toEqual(Float32Array.of(1, 2, 3, 4, 5));
    optimizer.destroy();
  });
});

/** Places where two arrays differ in a bit; any NaN equals any NaN. */
function unequal(ours: Float32Array, theirs: Float32Array): number[] {
  const words = (array: Float32Array) => new Uint32Array(array.buffer, array.byteOffset, array.length);
  const [a, b] = [words(ours), words(theirs)];
  expect(a.length).toBe(b.length);
  return [...a.keys()].filter((i) => a[i] !== b[i] && !(Number.isNaN(ours[i]!) && Number.isNaN(theirs[i]!)));
}

function module(path: string): string {
  return JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
}

async function inDeno(script: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "optspec-formats-"));
  try {
    writeFileSync(join(folder, "entry.ts"), script);
    return await runInDeno(join(folder, "entry.ts"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
