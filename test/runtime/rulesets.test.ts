// Rulesets at run time, on the CPU: a generated module gives rules to any wrapper. Expected numbers are those of the callback `lrRatio`.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import type { OptimizerDefinition } from "../../src/contract/manifest.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import { type BaseSettings, createOptimizer, type Optimizer, type OptimizerTypes, type Rules } from "../../src/runtime/index.js";
import { noise } from "./adamw-reference.js";

const text = `
optimizer Sgd {
  hyper lr = 0.5 in [0, inf), weight_decay = 0.1 in [0, 1]
  param <- param - lr * (grad + weight_decay * param)
}
ruleset LayerDecay {
  hyper layer_decay = 0.5 in (0, 1]
  order depth { "layers.{n}" => (1, n)   "head" => 2   else => 0 }
  scale lr { else => layer_decay ^ (depth.max - depth) }
}
ruleset NoDecay { set weight_decay { rank <= 1 => 0   else => weight_decay } }
ruleset HalfHead { scale lr { "head" => 0.5   else => 1 } }
ruleset Shared { hyper lr = 1  hyper power = 1  scale weight_decay { else => lr ^ power } }
ruleset Chosen { hyper from = 1  scale lr { "layers.{n}" and n >= from => 2   else => 1 } }
ruleset Layers { scale n_layers { else => 2 } }
ruleset Flag { scale flag { else => 2 } }
ruleset Rate { scale lr { else => 2 } }
optimizer Whole {
  hyper lr = 1, flag: bool = true
  fixed hyper n_layers: int = 2
  host state total: model = 0
  total <- total + lr
  param <- param - (if flag then total else n_layers) * grad
}
ruleset Momentum { scale momentum { else => 2 } }
optimizer Taken = Sgd with LayerDecay { hyper layer_decay = 0.25 }
optimizer Split { hyper lr = 0.1  param <- param - lr * grad  rules use { rank < 2 => AdamW(lr = 3e-4)   else => this } }
`;

type Create = (hypers?: Record<string, unknown>) => Rules;
const sets = new Map<string, Create>();
const definitions = new Map<string, OptimizerDefinition>();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rulesets-"));
  const { optimizers, rulesets, diagnostics } = await compile({ path: "test.opt", text });
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  for (const { name, definition } of optimizers) definitions.set(name, definition);
  for (const { folder: stem, files } of rulesets) {
    expect(files.map(({ path }) => path)).toEqual([`${stem}/${stem}.js`, `${stem}/${stem}.d.ts`]);
    const path = join(folder, `${stem}.mjs`);
    await writeFile(path, files[0]!.content);
    for (const [name, create] of Object.entries((await import(pathToFileURL(path).href)) as Record<string, Create>)) sets.set(name, create);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const shapes: Record<string, number[]> = {
  "embed.w": [3, 2],
  "layers.0.w": [2, 2],
  "layers.0.b": [2],
  "layers.1.w": [2, 2],
  "head.w": [4],
};
const params = Object.entries(shapes).map(([name, shape], i) => ({
  name,
  shape,
  data: noise(
    shape.reduce((a, b) => a * b, 1),
    i,
  ),
}));

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

async function create(name: string, settings: Partial<BaseSettings> & Record<string, unknown>): Promise<Optimizer<unknown, AnyTypes>> {
  return createOptimizer<unknown, AnyTypes>(definitions.get(name)!, await cpu(), { params, ...settings });
}

async function trained(name: string, settings: Partial<BaseSettings> & Record<string, unknown>, steps = 2) {
  await using optimizer = await create(name, settings);
  for (let s = 0; s < steps; s++) {
    await optimizer.step({
      gradients: Object.fromEntries(params.map(({ name: param, data }, i) => [param, noise(data.length, 10 * s + i)])),
    });
  }
  return { values: await Promise.all(params.map((param) => optimizer.download(param.name))), dispatches: optimizer.dispatches };
}

const depth: Record<string, number> = { "embed.w": 0, "layers.0.w": 1, "layers.0.b": 1, "layers.1.w": 2, "head.w": 3 };
const rules = (name: string, hypers?: Record<string, unknown>) => sets.get(name)!(hypers);

describe("rules of a generated module", () => {
  test("are functions named after their rulesets, and plain data", () => {
    expect([...sets.keys()]).toEqual(["layerDecay", "noDecay", "halfHead", "shared", "chosen", "layers", "flag", "rate", "momentum"]);
    const taken = rules("layerDecay", { layerDecay: 0.8 });
    expect(JSON.parse(JSON.stringify(taken))).toEqual(taken);
  });

  test("scale as the callback would; no launch more", async () => {
    const plain = await trained("Sgd", {});
    const ruled = await trained("Sgd", { rules: rules("layerDecay", { layerDecay: 0.8 }) });
    const byHand = await trained("Sgd", { lrRatio: ({ name }) => 0.8 ** (3 - depth[name]!) });
    expect(ruled).toEqual(byHand);
    expect(ruled.values).not.toEqual(plain.values);
    expect(ruled.dispatches).toBe(plain.dispatches);
  });

  test("have defaults, add up in a list, and multiply", async () => {
    const list = [rules("layerDecay"), rules("noDecay"), rules("halfHead")];
    const expected = await trained("Sgd", {
      lrRatio: ({ name }) => 0.5 ** (3 - depth[name]!) * (name === "head.w" ? 0.5 : 1),
      applyDecay: ({ shape }) => shape.length > 1,
    });
    expect(await trained("Sgd", { rules: list })).toEqual(expected);
    expect(await trained("Sgd", { rules: list.toReversed() })).toEqual(expected);
  });

  test("change with the step where a function is given, or where they are set", async () => {
    const byStep = await trained("Sgd", { rules: rules("layerDecay", { layerDecay: (step: number) => (step === 0 ? 1 : 0.5) }) });
    await using optimizer = await create("Sgd", { rules: rules("layerDecay", { layerDecay: 1 }) });
    const gradients = (s: number) => Object.fromEntries(params.map(({ name, data }, i) => [name, noise(data.length, 10 * s + i)]));
    await optimizer.step({ gradients: gradients(0) });
    optimizer.set({ "LayerDecay.layerDecay": 0.5 });
    await optimizer.step({ gradients: gradients(1) });
    expect(await Promise.all(params.map(({ name }) => optimizer.download(name)))).toEqual(byStep.values);
    expect(optimizer.hypers).toEqual({ lr: 0.5, weightDecay: 0.1, "LayerDecay.layerDecay": 0.5 });
  });

  test("a hyper that the optimizer has too is the optimizer's", async () => {
    await using optimizer = await create("Sgd", { lr: 0.25, rules: rules("shared", { power: 2 }) });
    expect(optimizer.explain().params[0]!.hypers).toEqual({ weight_decay: { peak: 0.1, ratio: 0.0625, value: 0.1 * 0.0625 } });
    await expect(create("Sgd", { rules: rules("shared", { lr: 2 }) })).rejects.toThrow("lr is a hyper of Sgd itself: give it there");
  });

  test("with is the same at build time, under the hyper's own name", async () => {
    const ruled = await trained("Sgd", { rules: rules("layerDecay", { layerDecay: 0.25 }) });
    expect(await trained("Taken", {})).toEqual(ruled);
    expect(await trained("Taken", { layerDecay: 0.5 })).toEqual(await trained("Sgd", { rules: rules("layerDecay") }));
    await expect(create("Taken", { rules: rules("layerDecay") })).rejects.toThrow('the ruleset "LayerDecay" is taken twice');
  });

  test("show in the table, with ranks", async () => {
    await using optimizer = await create("Sgd", { rules: [rules("layerDecay")] });
    expect(optimizer.explain().params.map(({ name, orders, hypers }) => [name, orders, hypers.lr!.ratio])).toEqual(
      params.map(({ name }) => [name, { depth: depth[name] }, 0.5 ** (3 - depth[name]!)]),
    );
  });
});

describe("what is refused", () => {
  test.each([
    ["something else", () => ({ layerDecay: 1 }), "rules must be what the function of a generated ruleset returns"],
    ["null", () => null, "rules must be what"],
    ["an unknown hyper", () => rules("layerDecay", { layerDecy: 1 }), 'LayerDecay has no hyper "layerDecy" (did you mean "layerDecay"?)'],
    ["a value out of range", () => rules("layerDecay", { layerDecay: 2 }), "LayerDecay.layerDecay must be in (0, 1], not 2"],
    ["one twice", () => [rules("noDecay"), rules("noDecay")], 'the ruleset "NoDecay" is taken twice'],
    ["for a hyper that is not there", () => rules("momentum"), "Momentum decides `momentum`, which is no hyper of this optimizer"],
  ])("%s", async (_, given, message) => {
    await expect(create("Sgd", { rules: given() as Rules })).rejects.toThrow(message);
  });

  test.each([
    ["layers", "Layers cannot scale n_layers of Whole: it is fixed"],
    ["flag", "Flag cannot scale flag of Whole: it is true or false"],
    ["rate", "Rate cannot scale lr of Whole: it flows into a number of the whole model, at "],
  ])("rules %s for a hyper that is one for all parameters", async (name, message) => {
    await expect(create("Whole", { rules: rules(name) })).rejects.toThrow(message);
  });

  test("a misspelled arm, at creation, with the way out; `allow` waives it", async () => {
    const few = params.filter(({ name }) => !name.startsWith("head"));
    const made = create("Sgd", { params: few, rules: rules("layerDecay") });
    await expect(made).rejects.toMatchObject({
      code: "rules",
      message: expect.stringMatching(/line \d+ of `order depth` matches no parameter: "head" => 2; write `optional`/),
    });
    await using optimizer = await create("Sgd", { params: few, rules: rules("layerDecay"), allow: ["matches-nothing"] });
    expect(optimizer.explain().problems).toMatchObject([{ code: "matches-nothing", severity: "warning" }]);
  });

  test("changing what a condition was decided by", async () => {
    await using optimizer = await create("Sgd", { rules: rules("chosen") });
    expect(() => optimizer.set({ "Chosen.from": 0 })).toThrow("a condition of the rules reads it");
  });

  test("a parameter that `rules use` gives to another optimizer", async () => {
    await expect(create("Split", {})).rejects.toThrow(
      '`rules use` gives "layers.0.b" and 1 more to AdamW, which does not run beside Split yet',
    );
    await using optimizer = await create("Split", { params: params.filter(({ shape }) => shape.length > 1) });
    expect(optimizer.explain().params.map(({ use }) => use)).toEqual([null, null, null]);
  });
});
