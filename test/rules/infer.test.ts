// Inferred rulesets on real models: each compiles without a remark, resolves without one, and ranks every layer family of the list.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inferRules } from "../../src/rules/infer/infer-rules.js";
import { fixture, resolveText } from "./texts.js";

type Param = readonly [name: string, shape: number[], ...rest: unknown[]];
interface Listed {
  readonly params: readonly Param[];
  readonly families: readonly (readonly [prefix: string, indices: string, count: number, suffixes: number])[];
}
interface Named {
  readonly params: readonly Param[];
  readonly layers: number | null;
}

const listed = { ...fixture("tables.json.gz"), ...fixture("models.json.gz") } as Readonly<Record<string, Listed>>;
const named = fixture("model-names.json.gz") as Readonly<Record<string, Named>>;
const listOf = (params: readonly Param[]) => params.map(([name, shape]) => ({ name, shape }));

async function inferred(params: readonly Param[]) {
  const list = listOf(params);
  const found = inferRules(list, "Inferred", "model.json");
  const resolved = await resolveText("inferred.opt", list, { layer_decay: 0.5, weight_decay: 1 }, found.text);
  expect(resolved.problems.filter(({ severity }) => severity !== "hint")).toEqual([]);
  return { ...found, resolved, ratio: (i: number) => resolved.value(i, "lr") };
}

/** Numbered lists that are no layers: tables of embeddings, the parts of a stem, and what stands inside of one layer. */
const noLayers = /^(?:emb_l|value_embeds|stem|controlnet_cond_embedding\.blocks)$|encoder_layer_\d+\.mlp$/;

describe("families of 97 lists", () => {
  let counted = 0;
  it.each(Object.entries(listed))("%s", async (_name, { params, families }) => {
    const { text, ratio } = await inferred(params);
    expect(text).toContain("a start to edit");
    for (const [prefix, , count] of families) {
      if (count < 2 || noLayers.test(prefix)) continue;
      counted++;
      const layers = new Map<number, number[]>();
      params.forEach(([name], i) => {
        const index = name.startsWith(`${prefix}.`) ? /^\d+(?=\.|$)/.exec(name.slice(prefix.length + 1))?.[0] : undefined;
        if (index !== undefined) layers.set(Number(index), [...(layers.get(Number(index)) ?? []), ratio(i)]);
      });
      expect(layers.size, prefix).toBe(count);
      const sorted = [...layers].sort(([a], [b]) => a - b).map(([, ratios]) => ratios);
      for (const [i, ratios] of sorted.entries()) {
        expect(Math.max(...ratios), prefix).toBeLessThan(1);
        if (i > 0) expect(Math.max(...sorted[i - 1]!), `${prefix} ${i}`).toBeLessThan(Math.min(...ratios));
      }
    }
  });

  it("are more than a hundred", () => expect(counted).toBeGreaterThan(100));
});

describe("29 models", () => {
  /** The layers that each list counts: blocks over stages where there are stages. */
  const layerOf: readonly (readonly [models: RegExp, layers: RegExp])[] = [
    [/^timm\/swin/, /^layers\.\d+\.blocks\.\d+\./],
    [/^timm\/convnext/, /^stages\.\d+\.blocks\.\d+\./],
    [/^timm\/resnet/, /^layer\d\.\d+\./],
    [/^hf-swin/, /encoder\.layers\.\d+\.blocks\.\d+\./],
    [/^t5/, /^encoder\.block\.\d+\./],
    [/^clip/, /^vision_model\.encoder\.layers\.\d+\./],
    [/./, /(?:^|\.)(?:blocks|h|layers?)\.\d+\./],
  ];

  it.each(Object.entries(named))("%s has as many ratios as layers", async (model, { params, layers }) => {
    const { ratio, embeddings: found } = await inferred(params);
    const pattern = layerOf.find(([models]) => models.test(model))![1];
    const ratios = new Set(params.flatMap(([name], i) => (pattern.test(name) ? [ratio(i)] : [])));
    expect(ratios.size).toBe(layers);
    // Embeddings of the input stand below every layer of some family.
    const below = params.flatMap(([name], i) => (/word_embedd|embed_tokens|patch_embed|wte/.test(name) ? [ratio(i)] : []));
    if (below.length > 0) expect(Math.min(...below)).toBeLessThan(Math.min(...ratios) * 1.001);
    expect(found.length > 0 || below.length === 0).toBe(true);
  });
});

describe("what is decided", () => {
  it("vectors do not decay, by shape or, where no shapes are told, by name", async () => {
    const params: Param[] = [
      ["layers.0.w", [2, 2]],
      ["layers.0.norm.scale", [2]],
      ["layers.1.w", [2, 2]],
      ["layers.1.bias", [2]],
    ];
    const shaped = await inferred(params);
    expect(params.map((_, i) => shaped.resolved.value(i, "weight_decay"))).toEqual([1, 0, 1, 0]);
    const bare = await inferred(params.map(([name]) => [name, []]));
    expect(params.map((_, i) => bare.resolved.value(i, "weight_decay"))).toEqual([1, 0, 1, 0]);
  });

  it("experts and sublayers are no layers; stages are numbered block by block", async () => {
    const grid = (path: (s: number, b: number) => string) => [0, 1, 2].flatMap((s) => [0, 1].map((b): Param => [path(s, b), [2, 2]]));
    const experts = await inferred(grid((s, b) => `layers.${s}.experts.${b}.w`));
    expect(new Set([0, 1, 2, 3, 4, 5].map((i) => experts.ratio(i)))).toEqual(new Set([0.25, 0.5, 1]));
    const stages = await inferred(grid((s, b) => `stages.${s}.blocks.${b}.w`));
    expect([0, 1, 2, 3, 4, 5].map((i) => stages.ratio(i))).toEqual([2 ** -5, 2 ** -4, 2 ** -3, 2 ** -2, 2 ** -1, 1]);
  });

  it("numbered embeddings are embeddings; an embedding inside of a layer is the layer's", async () => {
    const { text, ratio } = await inferred([
      ["model.embed.0.w", [2, 2]],
      ["model.embed.1.w", [2, 2]],
      ["model.layers.0.rel_embed.w", [2, 2]],
      ["model.layers.1.rel_embed.w", [2, 2]],
      ["head.w", [2, 2]],
    ]);
    expect([0, 1, 2, 3, 4].map(ratio)).toEqual([0.125, 0.125, 0.25, 0.5, 1]);
    expect(text).toContain('"^model.embed"');
  });

  it("no family, one parameter", async () => {
    const { ratio, families } = await inferred([["weight", [2, 2]]]);
    expect([ratio(0), families]).toEqual([1, []]);
  });

  it("whatever names there are, the text compiles and resolves", async () => {
    const segment = fc.oneof(
      fc.constantFrom(
        "layers",
        "0",
        "1",
        "2",
        "embed",
        "w",
        "",
        "*",
        "**",
        '"',
        "\\",
        "{n}",
        "(a|b)",
        "$",
        "^",
        "__proto__",
        "a b",
        "\n",
        "\u202e",
        "β",
        "\ud800",
        "//",
        "norm_1",
        "x2",
      ),
      fc.string({ maxLength: 4, unit: "binary" }),
    );
    const names = fc.uniqueArray(
      fc
        .array(segment, { minLength: 1, maxLength: 5 })
        .map((segments) => segments.join("."))
        .filter((name) => name !== ""),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(names, async (given) => {
        await inferred(given.map((name): Param => [name, [2, 2]]));
      }),
      { numRuns: 150 },
    );
  });
});
