// CUDA texts that keep numbers in 16 and 8 bits equal the interpreter bit for bit: compiled by g++, the threads of a block as fibers, through
// both kinds of kernels and at every alignment. Conversions are compared for every pattern of 16 bits, and for every number halfway.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { CompiledOptimizer } from "../../src/compiler/compile.js";
import { type NumberFormat, narrow, widen } from "../../src/numeric/storage-formats.js";
import type { Device, DeviceMemory } from "../../src/runtime/device.js";
import { createOptimizer } from "../../src/runtime/index.js";
import { differences, noise, type TrainingRun } from "../oracle/against-interpreter.js";
import { compileOne } from "../oracle/compile-one.js";
import { randomBits } from "../oracle/random-bits.js";
import { compileTogether, whyNoGcc } from "./cuda-on-cpu.js";
import { cudaTextOnCpu, type HostDeviceOptions } from "./cuda-on-cpu-device.js";

type Words = Readonly<Record<string, string>>;

interface Subject {
  readonly text: string;
  /** Its states, and whether they are numbers of both signs. */
  readonly states: Readonly<Record<string, "signed" | "unsigned">>;
  readonly options?: Words;
}

const example = (name: string): string => readFileSync(new URL(`../../examples/${name}.opt`, import.meta.url), "utf8");
const subjects: Readonly<Record<string, Subject>> = {
  AdamW: { text: example("adamw"), states: { m: "signed", v: "unsigned" } },
  Lion: { text: example("lion"), states: { m: "signed" } },
  "SGD with momentum": { text: example("sgd"), states: { momentum_buffer: "signed" } },
  Lamb: { text: example("lamb"), states: { m: "signed", v: "unsigned" } },
  "AdamW, clipped": { text: example("adamw"), states: { m: "signed", v: "unsigned" }, options: { grad_clip: "global_norm" } },
};

interface Kept {
  readonly options: Words;
  /** Of states by what they hold; f32 where nothing is said. */
  readonly states?: Readonly<Record<"signed" | "unsigned", string>>;
}

const both = (format: string): Words => ({ param_dtype: format, grad_dtype: format });
const eight = { signed: "q8(signed, block 256) when numel >= 4096", unsigned: "q8(unsigned, block 256) when numel >= 4096" };
const storages: Readonly<Record<string, Kept>> = {
  "bf16 parameters and gradients": { options: both("bf16") },
  "f16 parameters and gradients": { options: both("f16") },
  "bf16 and a master": { options: { ...both("bf16"), master: "f32" } },
  "bf16 and a remainder": { options: { ...both("bf16"), master: "remainder" } },
  "bf16 at random": { options: { ...both("bf16"), rounding: "stochastic" } },
  "f16 at random": { options: { ...both("f16"), rounding: "stochastic" } },
  "states of 16 bits": { options: {}, states: { signed: "bf16", unsigned: "f16" } },
  "bf16 throughout": { options: both("bf16"), states: { signed: "bf16", unsigned: "bf16" } },
  "states of 8 bits": { options: {}, states: eight },
  "bf16 at random, states of 8 bits": { options: { ...both("bf16"), rounding: "stochastic" }, states: eight },
};

const cases = Object.entries(subjects).flatMap(([name, subject]) =>
  Object.entries(storages).map(([storage, kept]) => ({ title: `${name}, ${storage}`, subject, kept })),
);
type Case = (typeof cases)[number];

/** Under a name of its own: all texts go through the compiler together. */
function textOf({ subject, kept, title }: Case): string {
  const entries = Object.entries(subject.states).map(([state, holds]) => `${state}: ${kept.states?.[holds]}`);
  const clause = kept.states === undefined ? "" : `store {\n  ${entries.join("\n  ")}\n}\n`;
  const named = subject.text.replace(/optimizer (\w+)/, `optimizer Case${cases.findIndex((one) => one.title === title)}`);
  return `${named.slice(0, named.lastIndexOf("}"))}${clause}}\n`;
}

const lengths = [1, 3, 5, 255, 256, 257, 1000, 4096, 5000, 16_384 + 300];
const params = lengths.map((length, i) => ({ name: `p${i}`, shape: [length] }));
const settings = ({ options }: Kept) => ({ lr: 0.01, ...(options.rounding === "stochastic" && { roundingSeed: 5 }) });
const run = ({ kept }: Case): TrainingRun => {
  return { params, steps: 4, seed: 7, present: (param, step) => (param + 2 * step) % 5 !== 3, settings: settings(kept) };
};

const compiled = new Map<string, CompiledOptimizer>();
const buildOf = (title: string) => compiled.get(title)!.definition.manifest.builds[0]!;
const cudaOf = ({ definition }: CompiledOptimizer) => Object.values(definition.kernels)[0]!.cuda!();
const open = (title: string, options: Omit<HostDeviceOptions, "states">) => cudaTextOnCpu({ ...options, states: buildOf(title).states });

describe.skipIf(whyNoGcc() !== undefined)("numbers in 16 and 8 bits", () => {
  beforeAll(async () => {
    for (const one of cases) compiled.set(one.title, await compileOne(textOf(one), [{ ...one.subject.options, ...one.kept.options }]));
    compileTogether(await Promise.all([...compiled.values()].map(cudaOf)), "-O2");
  }, 300_000);

  test.each(cases)("$title, wherever tensors stand", async (one) => {
    const device = open(one.title, { entry: "model", shift: (index) => [0, 0, 4, 1, 2, 8, 3][index % 7]!, threads: 64 });
    expect(await differences(device, compiled.get(one.title)!, run(one))).toEqual([]);
  });

  test.each(cases)("$title, aligned, of any bit patterns", async (one) => {
    const device = open(one.title, { entry: "model", shift: () => 0, threads: 96 });
    expect(await differences(device, compiled.get(one.title)!, { ...run(one), steps: 2, numbers: randomBits })).toEqual([]);
  });

  const single = cases.filter(({ subject: { text, options } }) => text !== subjects.Lamb!.text && options === undefined);
  test.each(single)("$title, a tensor at a time", async (one) => {
    for (const shift of [() => 0, (index: number) => index + 1]) {
      const device = open(one.title, { entry: "tensor", shift, threads: 32 });
      expect(await differences(device, compiled.get(one.title)!, run(one))).toEqual([]);
    }
  });

  test.each([
    ["AdamW, bf16 parameters and gradients", "word + 0x7fffu", "word"],
    ["AdamW, states of 8 bits", "number = other > number ? other : number", "(void)other"],
    ["AdamW, bf16 at random", "scramble(key ^ element)", "scramble(key ^ (element + 1u))"],
  ])("the comparison sees a wrong %s", async (title, right, wrong) => {
    const { definition, ...optimizer } = compiled.get(title)!;
    const text = await cudaOf({ definition, ...optimizer });
    const cuda = async () => text.replace(right, wrong).replaceAll(/Case(\d+)/g, "Wrong$1");
    const manifest = JSON.parse(JSON.stringify(definition.manifest).replaceAll(/Case(\d+)/g, "Wrong$1")) as typeof definition.manifest;
    const kernels = Object.fromEntries(Object.entries(definition.kernels).map(([key, kernel]) => [key, { ...kernel, cuda }]));
    const device = open(title, { entry: "model", shift: () => 0, threads: 64 });
    const one = cases.find((candidate) => candidate.title === title)!;
    expect(text).toContain(right);
    expect(await differences(device, { ...optimizer, definition: { ...definition, manifest, kernels } }, run(one))).not.toEqual([]);
  });

  test("blocks in which a number is not finite, are zeros, or are small", async () => {
    const numbers: TrainingRun["numbers"] = (length, seed, param, step) => {
      const block = (i: number) => Math.floor(i / 256) % 4;
      const made = noise(length, seed);
      const special = [Number.NaN, -Infinity, 1e-38][(param + step + 3) % 3]!;
      return made.map((x, i) => [x, 0, x * 1e-30, i % 256 === 17 ? special : x][block(i)]!);
    };
    for (const one of cases.filter(({ title }) => title.startsWith("AdamW,"))) {
      for (const shift of [() => 0, () => 1]) {
        const device = open(one.title, { entry: "model", shift, threads: 128 });
        expect(await differences(device, compiled.get(one.title)!, { ...run(one), numbers }), one.title).toEqual([]);
      }
    }
  });
});

describe.skipIf(whyNoGcc() !== undefined)("conversions", () => {
  /** Everything that a device keeps of states, as it is kept. */
  async function keep(from: NumberFormat, to: string, given: Float32Array | Uint16Array): Promise<Uint8Array<ArrayBuffer>> {
    const clause = to === "f32" ? "" : `store { s: ${to} }`;
    const text = `optimizer Keep_${from}_${to} {\n hyper lr = 0 in [0, inf)\n state s = 0\n ${clause}\n s <- grad\n param <- param - lr * s\n}`;
    const optimizer = await compileOne(text, [{ grad_dtype: from }]);
    const plain = cudaTextOnCpu({ entry: "model", shift: () => 0, threads: 32, states: optimizer.definition.manifest.builds[0]!.states });
    const memories: DeviceMemory<unknown>[] = [];
    const device: Device<unknown> = {
      ...(plain as Device<unknown>),
      allocate(layout) {
        const memory = plain.allocate(layout);
        memories.push(memory as DeviceMemory<unknown>);
        return memory as DeviceMemory<unknown>;
      },
    };
    const running = await createOptimizer(optimizer.definition, device, { params: [{ name: "p", shape: [given.length] }] });
    await running.step({ gradients: { p: given } as never });
    const bytes = await memories[0]!.read("state", 0, 0, given.length * (to === "f32" ? 4 : 2));
    running.destroy();
    return bytes;
  }

  test.each(["f16", "bf16"] as const)("every pattern of %s is widened exactly", async (format) => {
    const patterns = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const found = new Float32Array((await keep(format, "f32", patterns)).buffer);
    const expected = widen(format, new Uint8Array(patterns.buffer));
    const wrong = [...patterns.keys()].filter((i) => !Object.is(found[i], expected[i]));
    expect(wrong).toEqual([]);
  });

  test.each(["f16", "bf16"] as const)("every pattern of %s comes back as it was, NaN as one of them", async (format) => {
    const patterns = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const found = new Uint16Array((await keep(format, format, patterns)).buffer);
    const nan = format === "f16" ? 0x7e00 : 0x7fc0;
    const isNaN16 = (bits: number) => (bits & 0x7fff) > (format === "f16" ? 0x7c00 : 0x7f80);
    expect([...patterns].filter((bits) => found[bits] !== (isNaN16(bits) ? nan : bits))).toEqual([]);
  });

  /** Every number of the format, halfway to the next, and their neighbours in f32; then any bits. */
  function awkward(format: "f16" | "bf16"): Float32Array<ArrayBuffer> {
    const numbers = widen(format, new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer));
    const words = new Uint32Array(numbers.buffer);
    const half = (i: number): number => {
      const sum = (numbers[i]! + numbers[i + 1]!) / 2;
      return new Uint32Array(Float32Array.of(Number.isFinite(sum) ? sum : 0).buffer)[0]!;
    };
    const found = new Uint32Array(1_400_000);
    found.set(new Uint32Array(randomBits(found.length, 3).buffer));
    for (let i = 0; i < 65_536; i++) {
      const own = words[i]!;
      const between = i % 0x8000 === 0x7fff ? own : half(i);
      found.set([own - 1, own, own + 1, between - 1, between, between + 1], 6 * i);
    }
    // Between the largest number and what would be the next one, both ways.
    const edges = format === "f16" ? [0x477fe000, 0x477fefff, 0x477ff000, 0x47800000] : [0x7f7f0000, 0x7f7f7fff, 0x7f7f8000, 0x7f7fffff];
    found.set([...edges, ...edges.map((word) => word + 0x80000000)], 6 * 65_536);
    return new Float32Array(found.buffer);
  }

  test.each(["f16", "bf16"] as const)("1.4 million numbers to %s, with all that are halfway", async (format) => {
    const numbers = awkward(format);
    const found = new Uint16Array((await keep("f32", format, numbers)).buffer);
    const expected = narrow(format, numbers);
    const wrong = [...found.keys()].filter((i) => found[i] !== expected[i]);
    expect(wrong.map((i) => `${numbers[i]}: ${found[i]!.toString(16)}, not ${expected[i]!.toString(16)}`).slice(0, 5)).toEqual([]);
  });
});
