// Bad settings, gradients and names: each refused with its own words, before anything is made or written.

import { describe, expect, test } from "vitest";
import { cpu } from "../../src/runtime/cpu/index.js";
import { type BaseSettings, createOptimizer, type Optimizer, OptimizerError } from "../../src/runtime/index.js";
import { noise } from "./adamw-reference.js";
import { type HandAdamTypes, handAdam } from "./hand-made.js";

const definition = handAdam();
const device = await cpu();
const w = { name: "w", shape: [2, 3] };

/** Settings come from plain JavaScript too, so tests give anything. */
async function create(settings: unknown): Promise<Optimizer<Float32Array, HandAdamTypes>> {
  return createOptimizer(definition, device, settings as BaseSettings);
}

test.each<[string, unknown, string, string | RegExp]>([
  ["settings that are no object", null, "invalid-setting", "settings must be an object"],
  ["no parameters", {}, "invalid-setting", "params must be a list of { name, shape, data? }, not undefined"],
  ["an empty list", { params: [] }, "invalid-setting", "there is nothing to optimize"],
  [
    "an unknown key",
    { params: [w], weightdecay: 1 },
    "unknown-setting",
    'HandAdam has no setting "weightdecay" (did you mean "weightDecay"?)',
  ],
  [
    "clipping that no build has",
    { params: [w], gradClip: "norm", clipNorm: 1 },
    "build-missing",
    'no setting "gradClip", for no build of it clips gradients. Add { "grad_clip": "norm" } to builds.HandAdam in optspec.config.json',
  ],
  ["a limit that no build has", { params: [w], clipMax: 1 }, "build-missing", 'Add { "grad_clip": "value" } to builds.HandAdam'],
  ["a key like the prototype's", JSON.parse('{ "__proto__": 1 }'), "unknown-setting", '"__proto__"'],
  ["a hyper out of range", { params: [w], beta1: 1 }, "invalid-hyper", "beta1 must be in [0, 1), not 1"],
  ["an open end", { params: [w], epsilon: 0 }, "invalid-hyper", "epsilon must be in (0, inf), not 0"],
  ["not finite", { params: [w], lr: Number.NaN }, "invalid-hyper", "lr must be a number, not NaN"],
  ["infinite", { params: [w], lr: Number.POSITIVE_INFINITY }, "invalid-hyper", "lr must be in [0, inf), not Infinity"],
  ["a text for a number", { params: [w], lr: "1e-3" }, "invalid-hyper", 'lr must be a number, not "1e-3"'],
  ["a bigint", { params: [w], lr: 1n }, "invalid-hyper", "lr must be a number, not 1n"],
  ["half a layer", { params: [w], nLayers: 1.5 }, "invalid-hyper", "nLayers must be a whole number, not 1.5"],
  ["a schedule for a fixed hyper", { params: [w], nLayers: () => 1 }, "fixed-hyper", "nLayers is fixed"],
  [
    "a schedule out of range",
    { params: [w], lr: () => -1 },
    "invalid-hyper",
    'lr must be in [0, inf), not -1 (from its function, asked for step 0, of parameter "w")',
  ],
  [
    "a misspelled option word",
    { params: [w], decay: "rato" },
    "invalid-setting",
    'decay must be one of "base", "ratio" (did you mean "ratio"?), not "rato"',
  ],
  ["an option of another type", { params: [w], decay: true }, "invalid-setting", "decay must be one of"],
  [
    "a build that does not exist",
    { params: [w], decay: "ratio" },
    "build-missing",
    'not built with { "decay": "ratio" }; built: { "decay": "base" }. Add { "decay": "ratio" } to builds.HandAdam in optspec.config.json',
  ],
  ["a wrong mode", { params: [w], gradients: "any" }, "invalid-setting", 'gradients must be "all" or "some", not "any"'],
  ["names that are no object", { params: [w], names: 3 }, "invalid-setting", "names must be an object"],
  ["a static name that is no text", { params: [w], names: { w: 3 } }, "invalid-setting", 'names["w"] must be a string, not 3'],
  ["a callback that is none", { params: [w], lrRatio: 0.5 }, "invalid-setting", "lrRatio must be a function"],
  ["an unknown waiver", { params: [w], allow: ["everything"] }, "invalid-setting", 'an entry of allow must be "layer-index"'],
  [
    "a parameter registered twice",
    { params: [w, { name: "x", shape: [1] }, w] },
    "duplicate-parameter",
    '"w" is registered twice: params[0] and params[2]',
  ],
  [
    "a parameter without a name",
    { params: [{ shape: [1] }] },
    "invalid-setting",
    "params[0].name must be a text that is not empty, not undefined",
  ],
  ["a parameter that is none", { params: ["w"] }, "invalid-setting", 'params[0] must be { name, shape, data? }, not "w"'],
  ["an unknown key of a parameter", { params: [{ ...w, dat: 1 }] }, "invalid-parameter", 'unknown key "dat" (did you mean "data"?)'],
  ["a negative shape", { params: [{ name: "w", shape: [2, -1] }] }, "invalid-parameter", "shape [2, -1] has an entry"],
  ["a shape of fractions", { params: [{ name: "w", shape: [0.5] }] }, "invalid-parameter", "shape [0.5] has an entry"],
  ["a shape that is no list", { params: [{ name: "w", shape: 6 }] }, "invalid-parameter", "shape must be a list of whole numbers, not 6"],
  ["too many elements", { params: [{ name: "w", shape: [2 ** 20, 2 ** 20] }] }, "invalid-parameter", "1099511627776 elements"],
  [
    "data of float64",
    { params: [{ ...w, data: new Float64Array(6) }] },
    "invalid-parameter",
    "must be a Float32Array of 6 elements, not Float64Array; convert it with new Float32Array(...)",
  ],
  ["data as a list", { params: [{ ...w, data: [1, 2, 3, 4, 5, 6] }] }, "invalid-parameter", "not an array of 6; convert it"],
  [
    "data of another length",
    { params: [{ ...w, data: new Float32Array(5) }] },
    "invalid-parameter",
    'data of parameter "w" has 5 elements where its shape has 6',
  ],
  ["aliases that are no names", { params: [{ ...w, aliases: [1] }] }, "invalid-parameter", "aliases must be a list of names"],
  ["a layer beyond the last", { params: [{ name: "layers.12.w", shape: [1] }] }, "rules", "layers.12.w"],
  ["a ratio that is not finite", { params: [w], lrRatio: () => Number.NaN }, "invalid-ratio", "NaN"],
  ["a filter that returns nothing", { params: [w], applyDecay: () => {} }, "invalid-ratio", "`applyDecay` returned nothing for `w`"],
])("%s", async (_, settings, code, message) => {
  const refusal: unknown = await create(settings).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(OptimizerError);
  expect(refusal).toMatchObject({ code });
  expect((refusal as Error).message).toMatch(message instanceof RegExp ? message : new RegExp(escapeRegExp(message)));
});

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

test("names cannot smuggle control characters into a terminal", async () => {
  const name = "w\u001b[31m\n\u202e";
  const refusal = (await create({ params: [{ name, shape: [0.5] }] }).catch((error: unknown) => error)) as Error;
  expect(refusal.message).toContain('"w\\u001b[31m\\n\\u202e"');
});

test("a layer number beyond the last is allowed where it is waived", async () => {
  const optimizer = await create({ params: [{ name: "layers.12.w", shape: [1] }], allow: ["layer-index"] });
  expect(optimizer.explain().params[0]!.hypers.lr!.ratio).toBe(1);
});

test("a parameter may be called like a member of every object", async () => {
  const names = ["__proto__", "constructor", "toString"];
  const optimizer = await create({ params: names.map((name) => ({ name, shape: [1] })), gradients: "some" });
  await optimizer.step({ gradients: { constructor: Float32Array.of(1) } });
  expect(names.map((name) => optimizer.t(name))).toEqual([0, 1, 0]);
});

describe("gradients", () => {
  const params = ["a", "b"].map((name, i) => ({ name, shape: [4], data: noise(4, i + 1) }));
  const good = () => noise(4, 9);
  test.each<[string, unknown, string, string]>([
    ["missing", { a: good() }, "missing-gradient", 'no gradient for "b". Create the optimizer with gradients: "some"'],
    ["undefined", { a: good(), b: undefined }, "missing-gradient", '"b"'],
    ["of an unknown name", { a: good(), b: good(), bb: good() }, "unknown-gradient", 'gradient "bb" belongs to no parameter'],
    [
      "in a Map under an unknown name",
      new Map([
        ["a", good()],
        ["c", good()],
      ]),
      "unknown-gradient",
      '"c"',
    ],
    [
      "of another length",
      { a: good(), b: new Float32Array(5) },
      "invalid-gradient",
      'the gradient of "b" has 5 elements where its shape has 4',
    ],
    [
      "of another dtype",
      { a: good(), b: new Float64Array(4) },
      "invalid-gradient",
      "not Float64Array; convert it with new Float32Array(...)",
    ],
    ["as a list", { a: good(), b: [1, 2, 3, 4] }, "invalid-gradient", "not an array of 4"],
    ["in a list", [good(), good()], "invalid-gradient", "gradients must be an object or a Map"],
    ["as one array", good(), "invalid-gradient", "gradients must be an object or a Map"],
    ["null", null, "invalid-gradient", "gradients must be an object or a Map"],
  ])("%s: refused before anything is written", async (_, gradients, code, message) => {
    const optimizer = await create({ params });
    await optimizer.step({ gradients: { a: noise(4, 5), b: noise(4, 6) } });
    const before = await Promise.all(["a", "b"].map((name) => optimizer.download(name)));
    const refusal: unknown = await optimizer.step({ gradients } as never).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(await Promise.all(["a", "b"].map((name) => optimizer.download(name)))).toEqual(before);
    expect(await optimizer.download("a", "grad")).toEqual(noise(4, 5));
    expect([optimizer.steps, optimizer.t("a")]).toEqual([1, 1]);
  });

  test("a frozen parameter needs none", async () => {
    const optimizer = await create({ params: [...params, { name: "frozen", shape: [1] }] });
    await optimizer.step({ gradients: { a: good(), b: good() } });
    expect(optimizer.t("frozen")).toBe(0);
  });
});

describe("later calls", () => {
  const optimizer = create({ params: [w] });
  test.each<[string, (o: Optimizer<Float32Array, HandAdamTypes>) => unknown, string, string]>([
    ["an unknown hyper", (o) => o.set({ beta: 0.5 } as never), "unknown-setting", 'no hyper "beta" (did you mean "beta1"?)'],
    ["an option", (o) => o.set({ decay: "ratio" } as never), "unknown-setting", 'no hyper "decay"'],
    ["a fixed hyper", (o) => o.set({ nLayers: 3 } as never), "fixed-hyper", "nLayers is declared fixed"],
    ["an unknown parameter", (o) => o.t("W"), "unknown-parameter", 'there is no parameter "W" (did you mean "w"?)'],
    ["an unknown parameter's views", (o) => o.tensor("x"), "unknown-parameter", '"x"'],
    ["an unknown state", (o) => o.upload("w", new Float32Array(6), "mm" as never), "invalid-data", 'there is no "mm"'],
    [
      "data of another length",
      (o) => o.upload("w", new Float32Array(7)),
      "invalid-data",
      'data for "w" has 7 elements where its shape has 6',
    ],
    [
      "data of another dtype",
      (o) => o.upload("w", new Int32Array(6) as never, "m"),
      "invalid-data",
      'data for m of "w" must be a Float32Array',
    ],
  ])("%s", async (_, call, code, message) => {
    const o = await optimizer;
    expect(() => call(o)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("a hyper that a condition of the rules reads is fixed", async () => {
    const { manifest, kernels } = definition;
    const rules = { ...manifest.rules, fixedByConditions: ["beta2"] };
    const fixed: Optimizer<Float32Array, HandAdamTypes> = await createOptimizer({ manifest: { ...manifest, rules }, kernels }, device, {
      params: [w],
    });
    expect(() => fixed.set({ beta2: 0.9 })).toThrow("a condition of the rules reads it");
  });
});

test("a manifest of another version is refused", async () => {
  const { manifest, kernels } = definition;
  const other = { manifest: { ...manifest, manifestVersion: 1 as 2 }, kernels };
  await expect(createOptimizer(other, device, { params: [w] })).rejects.toMatchObject({ code: "manifest" });
});

test("explain() shows the rules with the hypers as they are", async () => {
  const optimizer = await create({
    params: [
      { name: "layers.3.w", shape: [1] },
      { name: "bias", shape: [1] },
    ],
  });
  optimizer.set({ lr: 0.5 });
  const { params } = optimizer.explain();
  expect(params.map(({ hypers }) => [hypers.lr!.peak, hypers.weight_decay!.value])).toEqual([
    [0.5, 0.01],
    [0.5, 0],
  ]);
  expect(params[0]!.hypers.lr!.ratio).toBeCloseTo(0.8 ** 9, 15);
});
