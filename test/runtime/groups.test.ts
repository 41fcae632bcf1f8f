// Groups and schedules as values of hypers: final value = peak x schedule x group x rules, on every device, without a launch more.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import type { OptimizerDefinition } from "../../src/contract/manifest.js";
import { createColumn } from "../../src/rules/hyper-values.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import type { Device } from "../../src/runtime/device.js";
import { createHypers } from "../../src/runtime/hypers.js";
import { type BaseSettings, createOptimizer, type Optimizer, type OptimizerTypes } from "../../src/runtime/index.js";
import { readSettings } from "../../src/runtime/settings.js";
import { webgpu } from "../../src/runtime/webgpu/index.js";
import { constant, cosineAnnealingDecay, reduceOnPlateau, scale, stepDecay, warmup } from "../../src/schedules/index.js";
import { openDawn } from "../device/webgpu/dawn.js";

interface Types extends OptimizerTypes {
  readonly hypers: { readonly lr: number; readonly decay: number; readonly size: number; readonly on: boolean; readonly whole: number };
  readonly mutable: "lr" | "decay" | "on" | "whole";
}

/** Moves by lr and decay alone, so that one step shows them. */
const text = `optimizer Plain {
  hyper lr = 0.5 in [0, inf)
  hyper decay = 0.25
  fixed hyper size: int = 3
  hyper on: bool = true
  hyper whole = 1
  host state total: model = 0
  total <- total + whole
  param <- param - lr * grad - decay * (if on then 1 else 0) * size * total
  rules scale lr { "b.*" => 0.5   else => 1 }
}`;

async function definitionOf(source: string): Promise<OptimizerDefinition> {
  const { diagnostics, optimizers } = await compile({ path: "test.opt", text: source }, { targets: [] });
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return optimizers[0]!.definition;
}

const plain = await definitionOf(text);
const { gpu, why } = await openDawn();
const devices: [string, () => Promise<Device>][] = [["cpu", () => cpu()]];
if (why === undefined) devices.push(["webgpu", () => webgpu({ gpu })]);

const names = ["a.w", "a.bias", "b.w", "b.bias"];
const params = names.map((name) => ({ name, shape: [1] }));
const gradients = Object.fromEntries(names.map((name) => [name, Float32Array.of(1)]));
const create = async (device: Device, settings: Record<string, unknown>): Promise<Optimizer<unknown, Types>> =>
  createOptimizer<unknown, Types>(plain, device, { params, decay: 0, ...settings } as BaseSettings);

describe.each(devices)("on %s", (_, open) => {
  test("final lr = schedule x group x rules x callback, and explain() says so", async () => {
    const schedule = warmup(cosineAnnealingDecay({ learningRate: 0.8, tMax: 20 }), { steps: 4 });
    const factor = stepDecay({ learningRate: 0.25, stepSize: 2, gamma: 0.5 });
    const groups = [{ params: ["a.w", "b.w"] }, { params: ["b.bias"], lr: factor }, { params: ["a.bias"], lr: { absolute: 0.3 } }];
    const settings = { groups, lr: schedule, lrRatio: ({ name }: { name: string }) => (name.endsWith("w") ? 3 : 1) };
    const optimizer = await create(await open(), settings);
    const expected = new Map(names.map((name) => [name, 0]));
    for (let step = 0; step < 7; step++) {
      await optimizer.step({ gradients });
      const shape = schedule(step) / 0.8;
      const bases = {
        "a.w": schedule(step) * 3,
        "b.w": schedule(step) * 0.5 * 3,
        "b.bias": schedule(step) * factor(step) * 0.5,
        "a.bias": 0.3 * shape,
      };
      for (const [name, lr] of Object.entries(bases)) expected.set(name, Math.fround(expected.get(name)! - Math.fround(lr)));
      for (const { name, hypers, group } of optimizer.explain().params) {
        const { peak, schedule: shaped, group: by = 1, ratio, value } = hypers.lr!;
        expect(value).toBeCloseTo(bases[name as keyof typeof bases], 14);
        expect(peak * shaped! * by * ratio).toBeCloseTo(value, 14);
        expect([peak, by, group]).toEqual(
          name === "b.bias" ? [0.8, factor(step), 1] : [name === "a.bias" ? 0.3 : 0.8, 1, name === "a.bias" ? 2 : 0],
        );
      }
    }
    // A schedule's shape of another peak is one more rounding in f64, which f32 may or may not see.
    for (const name of names) expect(Math.abs((await optimizer.download(name))[0]! - expected.get(name)!)).toBeLessThanOrEqual(2 ** -22);
  });

  test("any partition, any factors: each parameter gets its own, in the launches of no group", async () => {
    const device = await open();
    const bare = await create(device, {});
    const factors = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 4, noNaN: true })), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(factors, fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }), async (lrs, of) => {
        const groups = lrs.map((lr, group) => ({ params: names.filter((_, i) => of[i]! % lrs.length === group), lr }));
        const optimizer = await create(device, { groups });
        expect(optimizer.dispatches).toBe(bare.dispatches);
        await optimizer.step({ gradients });
        for (const [i, name] of names.entries()) {
          const lr = 0.5 * lrs[of[i]! % lrs.length]! * (name.startsWith("b") ? 0.5 : 1);
          expect((await optimizer.download(name))[0]).toBe(Math.fround(-Math.fround(lr)) + 0);
        }
        optimizer.destroy();
      }),
      { numRuns: 25 },
    );
  });

  test("every hyper may differ; a change acts from the next step on, whole or not at all", async () => {
    const groups = [
      { params: ["a.w", "b.w"], decay: 1, lr: 0 },
      { params: ["a.bias", "b.bias"], decay: (step: number) => step, on: false, lr: 0 },
    ];
    const optimizer = await create(await open(), { groups });
    const read = async () => Promise.all(["a.w", "a.bias"].map(async (name) => (await optimizer.download(name))[0]));
    await optimizer.step({ gradients });
    expect(await read()).toEqual([-3, 0]);
    optimizer.set({ on: true }, { group: 1 });
    optimizer.set({ decay: 0.5 }, { group: 0 });
    await optimizer.step({ gradients });
    expect(await read()).toEqual([-3 - 0.5 * 3 * 2, -1 * 3 * 2]);
    expect(() => optimizer.set({ decay: 9, lr: Number.NaN }, { group: 0 })).toThrow("groups[0].lr must be a finite factor");
    expect(() => optimizer.set({ decay: 9, lr: -1 }, { group: 0 })).toThrow(/groups\[0\].lr must be in \[0, inf\), not -0.5/);
    expect(() => optimizer.set({ decay: 9 }, { group: 2 })).toThrow("there is no group 2: groups are numbered from 0 to 1");
    await optimizer.step({ gradients });
    expect(await read()).toEqual([-6 - 0.5 * 3 * 3, -6 - 2 * 3 * 3]);
  });

  test("a value that is not finite names hyper, step and parameters, and nothing moves", async () => {
    const at = (bad: number) => (step: number) => (step === 2 ? bad : 0.5);
    const cases: [Record<string, unknown>, RegExp][] = [
      [
        { lr: at(Number.NaN) },
        /^lr must be a number, not NaN \(from its function, asked for step 2, of parameter "a.w", "a.bias" and 2 more\)$/,
      ],
      [{ decay: scale(at(Number.POSITIVE_INFINITY), 2) }, /^decay must be finite, not Infinity \(from its schedule, asked for step 2/],
      [{ groups: [{ params: names, lr: at(Number.NaN) }] }, /^groups\[0\].lr must be a finite factor .* step 2, of parameter "a.w"/],
      [
        { groups: [{ params: names, decay: at(Number.NaN) }] },
        /^groups\[0\].decay must be a number, not NaN .* step 2, of parameter "a.w"/,
      ],
      [
        { groups: [{ params: names, lr: at(-3) }] },
        /^groups\[0\].lr must be in \[0, inf\), not -1.5 \(0.5 times the group's -3, at step 2, of parameter/,
      ],
      [
        {
          lr: (step: number) => {
            if (step === 2) throw new Error("no data");
            return 1;
          },
        },
        /^lr: its function failed at step 2, of parameter .*: no data$/,
      ],
    ];
    for (const [settings, message] of cases) {
      const optimizer = await create(await open(), settings);
      await optimizer.step({ gradients });
      await optimizer.step({ gradients });
      const before = await optimizer.download("a.w");
      await expect(optimizer.step({ gradients })).rejects.toThrow(message);
      expect(await optimizer.download("a.w")).toEqual(before);
      expect(optimizer.steps).toBe(2);
    }
  });

  test("the spec's schedule multiplies numbers; a function or schedule takes its place", async () => {
    const definition = await definitionOf(
      "optimizer Warm { hyper lr = 0.5 in [0, inf), warm: int = 4 in [1, inf)  schedule lr = 0 -> 1 linear warm; hold 2; -> 0.25 cosine 6  param <- param - lr * grad }",
    );
    const settings = {
      params: [
        { name: "a", shape: [1] },
        { name: "b", shape: [1] },
      ],
      groups: [{ params: ["a"] }, { params: ["b"], lr: 0.5 }],
    };
    const optimizer = await createOptimizer<unknown, Types>(definition, await open(), { ...settings, lr: 2 } as BaseSettings);
    const rates: number[] = [];
    const step = async () => {
      await optimizer.step({ gradients: { a: Float32Array.of(0), b: Float32Array.of(0) } });
      const [a, b] = optimizer.explain().params.map(({ hypers }) => hypers.lr!.value);
      expect(b).toBe(a! * 0.5);
      expect(optimizer.hypers.lr).toBe(a);
      rates.push(a!);
    };
    for (let i = 0; i < 9; i++) await step();
    expect(rates.slice(0, 7)).toEqual([0, 0.5, 1, 1.5, 2, 2, 2]);
    expect(rates[8]).toBeCloseTo(2 - (1.5 * (1 - Math.cos(Math.PI / 3))) / 2, 14);
    optimizer.set({ lr: 1 });
    await step();
    expect(rates[9]).toBeCloseTo(1 - 0.75 / 2, 14);
    optimizer.set({ lr: constant(0.125) });
    await step();
    expect(rates[10]).toBe(0.125);
    optimizer.set({ lr: 4 });
    expect(optimizer.explain().params[0]!.hypers.lr!.value).toBeCloseTo(4 * (1 - (0.75 * (1 - Math.cos((Math.PI * 4) / 6))) / 2), 14);
    await createOptimizer(definition, await open(), { ...settings, warm: 8 } as BaseSettings);
    const wrong = createOptimizer(definition, await open(), { ...settings, groups: [{ params: ["a", "b"], warm: 8 }] } as BaseSettings);
    await expect(wrong).rejects.toThrow(/groups\[0\].warm cannot be given to a group: warm flows into a number of the whole model, at 1:/);
  });
});

test("a product with a rule that is not finite names hyper, parameter and step", async () => {
  const definition = await definitionOf(
    'optimizer Tall { hyper lr = 1, rise = 1  param <- param - lr * grad  rules scale lr { "a" => 10 ^ rise   else => 1 } }',
  );
  const list = ["a", "b"].map((name) => ({ name, shape: [1] }));
  const rise = (step: number) => (step === 3 ? 400 : 0);
  const optimizer = await createOptimizer(definition, await cpu(), { params: list, rise } as BaseSettings);
  const gradients = { a: Float32Array.of(1), b: Float32Array.of(1) };
  for (let i = 0; i < 3; i++) await optimizer.step({ gradients });
  await expect(optimizer.step({ gradients })).rejects.toThrow('lr of parameter "a" is Infinity (1 times the ratio Infinity, at step 3)');
});

test("an optimizer that decides lr by `set` keeps the schedule's shape", async () => {
  const definition = await definitionOf(
    'optimizer Set { hyper lr = 0.5  param <- param - lr * grad  rules set lr { "a" => 0.1   else => lr } }',
  );
  const list = ["a", "b"].map((name) => ({ name, shape: [1] }));
  const lr = warmup(constant(2), { steps: 4 });
  const optimizer = await createOptimizer(definition, await cpu(), { params: list, lr } as BaseSettings);
  for (const expected of [
    [0, 0],
    [0.025, 0.5],
    [0.05, 1],
    [0.075, 1.5],
    [0.1, 2],
  ]) {
    await optimizer.step({ gradients: { a: Float32Array.of(0), b: Float32Array.of(0) } });
    const values = optimizer.explain().params.map(({ hypers }) => hypers.lr!.value);
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i]!, 15);
  }
});

test("rules read the hypers of the parameter's group, in formulas and in conditions", async () => {
  const definition = await definitionOf(`optimizer Rho {
    hyper lr = 1, rho = 0.5, from = 1
    param <- param - lr * grad
    rules scale lr { "layers.{n}" and n >= from => rho ^ n   else => 1 }
  }`);
  const list = [0, 1, 2, 3].map((n) => ({ name: `layers.${n}`, shape: [1] }));
  const groups = [{ params: ["layers.0", "layers.3"] }, { params: ["layers.1", "layers.2"], rho: 0.25, from: 2, lr: 3 }];
  const optimizer = await createOptimizer<unknown, Types>(definition, await cpu(), { params: list, groups } as BaseSettings);
  const values = () => optimizer.explain().params.map(({ hypers }) => hypers.lr!.value);
  expect(values()).toEqual([1, 3, 3 * 0.25 ** 2, 0.5 ** 3]);
  optimizer.set({ rho: 0.125 } as never, { group: 1 });
  expect(values()).toEqual([1, 3, 3 * 0.125 ** 2, 0.5 ** 3]);
  expect(() => optimizer.set({ from: 3 } as never, { group: 1 })).toThrow("from cannot change: a condition of the rules reads it");
});

test.each<[string, unknown, RegExp]>([
  [
    "a parameter in two groups",
    [{ params: ["a.w", "b.w"] }, { params: ["b.bias", "b.w", "a.bias"] }],
    /parameter "b.w" stands in two groups, groups\[0\] and groups\[1\]/,
  ],
  ["a parameter in none", [{ params: ["a.w", "b.w", "b.bias"] }], /parameter "a.bias" stands in no group: add it to one/],
  ["parameters in none", [{ params: ["a.w"] }], /parameters "a.bias", "b.w", "b.bias" stand in no group/],
  ["a parameter twice", [{ params: ["a.w", "a.w"] }], /groups\[0\] names parameter "a.w" twice/],
  ["a name that is no parameter", [{ params: ["a.ww"] }], /groups\[0\] names "a.ww", which is no parameter \(did you mean "a.w"\?\)/],
  ["no list", { params: names }, /groups must be a list such as/],
  ["an empty list", [], /groups must be a list such as/],
  ["a group of nothing", ["a.w"], /groups\[0\] must be \{ params: \[...\] \} with hypers, not "a.w"/],
  ["no names", [{ lr: 2 }], /groups\[0\].params must be a list of parameter names, not undefined/],
  ["a number for a name", [{ params: [3] }], /groups\[0\].params\[0\] must be a parameter's name, not 3/],
  ["an unknown hyper", [{ params: names, learningRate: 2 }], /groups\[0\] has no setting "learningRate"; settings: params, lr, decay/],
  ["a misspelled hyper", [{ params: names, decya: 2 }], /no setting "decya" \(did you mean "decay"\?\)/],
  [
    "a fixed hyper",
    [{ params: names, size: 2 }],
    /groups\[0\].size cannot be given to a group: size is fixed, one number for all parameters/,
  ],
  [
    "a hyper of the whole model",
    [{ params: names, whole: 2 }],
    /groups\[0\].whole cannot be given to a group: whole flows into a number of the whole model/,
  ],
  [
    "a factor that is none",
    [{ params: names, lr: "2" }],
    /groups\[0\].lr must be a finite factor on the optimizer's lr, or \{ absolute: lr \}, not "2"/,
  ],
  ["an absolute lr out of range", [{ params: names, lr: { absolute: -1 } }], /groups\[0\].lr.absolute must be in \[0, inf\), not -1/],
  ["a number for true or false", [{ params: names, on: 1 }], /groups\[0\].on must be true or false, not 1/],
])("refused: %s", async (_, groups, message) => {
  const error = await create(await cpu(), { groups }).catch((reason: unknown) => reason);
  expect(String((error as Error).message)).toMatch(message);
  expect((error as { code: string }).code).toMatch(/^(invalid|unknown)-/);
});

describe("for a saved state", () => {
  const plateau = () => reduceOnPlateau({ learningRate: 0.5 });
  const hypersOf = (given: Record<string, unknown>) => {
    const settings = readSettings(plain, { params, ...given });
    return createHypers(plain.manifest, settings.hypers, { groups: settings.groups, params: names });
  };
  const groups = (lr: unknown, decay: unknown) => [
    { params: ["a.w", "b.w"], lr },
    { params: ["a.bias", "b.bias"], decay },
  ];

  test("schedules with state are listed by the setting that they were given as", () => {
    const [first, second] = [plateau(), plateau()];
    const hypers = hypersOf({ lr: warmup(first, { steps: 3 }), groups: groups(0.5, second) });
    expect(hypers.stateful().map(({ setting, schedule }) => [setting, schedule.state()])).toEqual([
      ["lr", { parts: { 0: first.state() } }],
      ["groups[1].decay", second.state()],
    ]);
  });

  test("numbers of groups are put back, functions must be given again", () => {
    const before = hypersOf({ groups: groups(0.5, (step: number) => step), lr: 0.25 });
    before.prepare({ lr: 0.125 }, 0)();
    before.refresh(3);
    const saved = before.saved();
    expect(saved.get("groups[0].lr")).toEqual({ value: 0.125, given: "number" });
    expect(saved.get("groups[1].decay")).toEqual({ value: 3, given: "function" });
    const after = hypersOf({ groups: groups(2, (step: number) => step), lr: 1 });
    const { differences, take } = after.compare(saved);
    expect(differences).toEqual([]);
    take();
    after.refresh(3);
    const column = createColumn(after.names.length);
    for (const [i, each] of after.columns.entries()) {
      column.base.set(each.base);
      expect(column.base).toEqual(before.columns[i]!.base);
    }
    const other = hypersOf({ groups: groups(() => 1, 3) }).compare(saved);
    expect(other.differences.join("\n")).toMatch(/groups\[0\].lr was 0.125, and is a function of the step/);
    expect(other.differences.join("\n")).toMatch(/groups\[1\].decay was a function of the step \(last 3\), and is 3 here/);
    expect(hypersOf({}).compare(saved).differences.join("\n")).toMatch(/there is no hyper "groups\[0\].lr" here/);
  });
});
