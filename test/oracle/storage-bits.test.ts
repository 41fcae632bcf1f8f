// How parameters, gradients and states are kept changes no bit between a device and the interpreter: seven optimizers in every storage,
// tensors of awkward lengths, gradients that are absent or given by rows, several memories and threads.

import { cpu } from "optspec/cpu";
import { beforeAll, describe, expect, test } from "vitest";
import type { CompiledOptimizer } from "../../src/compiler/compile.js";
import type { Device } from "../../src/runtime/device.js";
import { differences, noise, type TrainingRun } from "./against-interpreter.js";
import { compileOne } from "./compile-one.js";
import { randomBits } from "./random-bits.js";
import { exampleText, withClause } from "./replay-case.js";

type Words = Readonly<Record<string, string>>;
type Formats = Readonly<Record<string, string>>;

/** A text, and its states by what they hold: numbers of both signs, second moments, a copy of the parameter. */
interface Subject {
  readonly text: string;
  readonly states: Readonly<Record<string, "signed" | "unsigned" | "start">>;
  readonly options?: Words;
}

const adamw = { text: exampleText("adamw"), states: { m: "signed", v: "unsigned" } } as const;
const subjects: Readonly<Record<string, Subject>> = {
  AdamW: adamw,
  Lion: { text: exampleText("lion"), states: { m: "signed" } },
  "SGD with momentum": { text: exampleText("sgd"), states: { momentum_buffer: "signed" } },
  Lamb: { text: exampleText("lamb"), states: { m: "signed", v: "unsigned" } },
  Prodigy: { text: exampleText("prodigy"), states: { m: "signed", v: "unsigned", s: "signed", p0: "start" } },
  "AdamW, clipped": { ...adamw, options: { grad_clip: "global_norm" } },
  "AdamW, skipping": { ...adamw, options: { non_finite: "skip" } },
};

interface Kept {
  readonly options: Words;
  /** By what a state holds; f32 where nothing is said. */
  readonly states?: Formats;
}

const both = (format: string) => ({ param_dtype: format, grad_dtype: format });
const eight = {
  signed: "q8(signed, block 256) when numel >= 4096",
  unsigned: "q8(unsigned, block 256) when numel >= 4096",
  start: "q8(block 256) when numel >= 4096",
};
const storages: Readonly<Record<string, Kept>> = {
  "bf16 parameters and gradients": { options: both("bf16") },
  "f16 parameters and gradients": { options: both("f16") },
  "bf16 and a master": { options: { ...both("bf16"), master: "f32" } },
  "f16 and a master": { options: { ...both("f16"), master: "f32" } },
  "bf16 and a remainder": { options: { ...both("bf16"), master: "remainder" } },
  "bf16 at random": { options: { ...both("bf16"), rounding: "stochastic" } },
  "f16 at random": { options: { ...both("f16"), rounding: "stochastic" } },
  "states of 16 bits": { options: {}, states: { signed: "bf16", unsigned: "f16", start: "bf16" } },
  "states of 8 bits": { options: {}, states: eight },
  "remainder, f16 gradients, states of 8 bits": {
    options: { param_dtype: "bf16", grad_dtype: "f16", master: "remainder" },
    states: eight,
  },
  "f16 at random, bf16 gradients, one state of 8 bits and one of 16": {
    options: { param_dtype: "f16", grad_dtype: "bf16", rounding: "stochastic" },
    states: { ...eight, signed: "bf16" },
  },
};

const compiled = new Map<string, Promise<CompiledOptimizer>>();
/** Compiled once, whatever the devices. */
function compileIn({ text, states, options }: Subject, kept: Kept, more: Words = {}): Promise<CompiledOptimizer> {
  const entries = Object.entries(states).flatMap(([state, holds]) => kept.states?.[holds] && `${state}: ${kept.states[holds]}`);
  const clause = entries.filter((entry) => entry).join("\n  ");
  const whole = clause === "" ? text : withClause(text, `store {\n  ${clause}\n}`);
  const words = { ...options, ...kept.options, ...more };
  const key = `${JSON.stringify(words)} ${whole}`;
  const known = compiled.get(key) ?? compileOne(whole, [words]);
  compiled.set(key, known);
  return known;
}

const lengths = [1, 3, 5, 255, 256, 257, 1000, 4096, 5000, 16_684];
const flat = lengths.map((length) => ({ name: `p${length}`, shape: [length] }));
const settings = (random: boolean) => ({ lr: 0.01, ...(random && { roundingSeed: 5 }) });

/** In the third step a gradient of one tensor is not finite: where steps are skipped, nothing may change. */
const withNaN: TrainingRun["numbers"] = (length, seed, param, step) => {
  const numbers = noise(length, seed);
  if (step === 2 && param === 8) numbers[4321] = Number.NaN;
  return numbers;
};

/** Devices by the name of a target; each several times, as it may differ without changing a bit. */
const targets = {
  cpu: [() => cpu({ threads: 1 }), () => cpu({ threads: 1, arenaBytes: 600_000 })],
  "cpu-threads": [() => cpu({ threads: 2, elementsPerThread: 1 })],
} as const satisfies Readonly<Record<string, readonly (() => Promise<Device<unknown>>)[]>>;

describe.each(Object.keys(targets) as (keyof typeof targets)[])("%s", (target) => {
  const devices: Device<unknown>[] = [];
  beforeAll(async () => {
    for (const open of targets[target]) devices.push(await open());
  });
  async function found(optimizer: CompiledOptimizer, run: TrainingRun): Promise<readonly string[]> {
    const all = [];
    for (const device of devices) all.push(...(await differences(device, optimizer, run)));
    return all;
  }

  for (const [name, subject] of Object.entries(subjects)) {
    test.each(Object.entries(storages))(`${name}: %s`, async (_, kept) => {
      const optimizer = await compileIn(subject, kept);
      const run = {
        params: flat,
        steps: 4,
        seed: 11,
        present: (param: number, step: number) => (param + 2 * step) % 5 !== 3,
        settings: settings(kept.options.rounding === "stochastic"),
        ...(subject.options?.non_finite === "skip" && { numbers: withNaN }),
      };
      expect(await found(optimizer, run)).toEqual([]);
    });
  }

  test.each(Object.entries(storages))("clipped and skipping: %s", async (_, kept) => {
    const optimizer = await compileIn(adamw, kept, { grad_clip: "global_norm", non_finite: "skip" });
    const random = kept.options.rounding === "stochastic";
    const run = { params: flat, steps: 4, seed: 23, numbers: withNaN, settings: { ...settings(random), clipNorm: 0.5 } };
    expect(await found(optimizer, run)).toEqual([]);
  });

  test.each(Object.entries(storages))("any bits of gradients and parameters: %s", async (_, kept) => {
    const optimizer = await compileIn(adamw, kept);
    const run = { params: flat, steps: 3, seed: 37, numbers: randomBits, settings: settings(kept.options.rounding === "stochastic") };
    expect(await found(optimizer, run)).toEqual([]);
  });

  const tables = [
    { name: "rows", shape: [1250, 4] },
    { name: "square", shape: [64, 64] },
    { name: "long", shape: [3, 5000] },
    { name: "bias", shape: [17] },
  ];
  const rowsAt: TrainingRun["rows"] = (param, step) => {
    const rows = tables[param]!.shape[0]!;
    if (param === 3 || (param + step) % 4 === 3) return null;
    return Array.from({ length: rows }, (_, row) => row).filter((row) => (row * 7 + step) % (param + 3) === 0 || row === rows - 1);
  };

  test.each(Object.entries(storages))("gradients by rows: %s", async (_, kept) => {
    const random = kept.options.rounding === "stochastic";
    const optimizer = await compileIn(subjects["SGD with momentum"]!, kept);
    expect(await found(optimizer, { params: tables, steps: 4, seed: 41, rows: rowsAt, settings: settings(random) })).toEqual([]);
  });

  const lazy = Object.entries(storages).filter(([, { states }]) => !Object.values(states ?? {}).some((format) => format.startsWith("q8")));
  test.each(lazy)("lazy rows: %s", async (_, kept) => {
    const random = kept.options.rounding === "stochastic";
    const optimizer = await compileIn(adamw, kept);
    const run = { params: tables.slice(0, 3), steps: 4, seed: 43, rows: rowsAt, settings: { ...settings(random), lazyRows: true } };
    expect(await found(optimizer, run)).toEqual([]);
  });

  test("lazy rows and states of 8 bits exclude each other", async () => {
    const optimizer = await compileIn(adamw, storages["states of 8 bits"]!);
    const run = { params: tables, steps: 1, seed: 1, settings: { lazyRows: true } };
    await expect(found(optimizer, run)).rejects.toThrow(/lazyRows: AdamW keeps states of 8 bits in blocks, which are no rows/);
  });
});
