// Lists of real models through the tables: every layer family is met, whole, and by the name that people would write.

import { describe, expect, it } from "vitest";
import { collapseFamilies } from "../../src/rules/families.js";
import { fixture, resolveText } from "./texts.js";

type Param = readonly [name: string, shape: number[], ...rest: unknown[]];
type Family = readonly [prefix: string, indices: string, count: number, suffixes: number];

interface Listed {
  readonly params: readonly Param[];
  readonly families: readonly Family[];
}

interface Named {
  readonly params: readonly Param[];
  readonly layers: number | null;
}

const tables = fixture("tables.json.gz") as Readonly<Record<string, Listed>>;
const models = fixture("models.json.gz") as Readonly<Record<string, Listed>>;
const names = fixture("model-names.json.gz") as Readonly<Record<string, Named>>;

const listOf = (params: readonly Param[]) => params.map(([name, shape]) => ({ name, shape }));

/** `0..3, 5` for numbers in order. */
function ranges(numbers: readonly number[]): string {
  const runs: [from: number, to: number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}..${to}`)).join(", ");
}

/** Segments that rules do not see. */
const bare = (prefix: string) => prefix.replace(/^(?:(?:module|_orig_mod|_fsdp_wrapped_module)\.)+/, "");

describe("layer families of real models", () => {
  const lists = [...Object.entries(tables), ...Object.entries(models)];

  it("are of 97 lists", () => expect(lists).toHaveLength(97));

  it.each(lists)("%s", async (_name, { params, families }) => {
    const arms = families.map(([prefix], i) => `"^${bare(prefix)}.{n}" => (${i}, n)`);
    // Each layer is a rank of its own, and each family a factor of its own, so rows of two families are never joined.
    const scales = families.map(([prefix], i) => `"^${bare(prefix)}.{n}" => ${i + 2} * (n + 1)`);
    const text = `ruleset Families { order layer { ${[...arms, `else => ${families.length}`].join("\n")} }
      scale lr { ${[...scales, "else => 1 + 0 * layer"].join("\n")} } }`;
    const resolved = await resolveText("families.opt", listOf(params), {}, text);
    expect(resolved.problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(resolved.params.map(({ name }) => name)).toEqual(params.map(([name]) => name));

    families.forEach(([prefix, indices, count, suffixes], i) => {
      const members = resolved.params.filter(({ arms: { lr } }) => lr!.text === scales[i]);
      const found = members.map((param) => ({ layer: param.hypers.lr!.ratio / (i + 2) - 1, name: param.name }));
      const layers = [...new Set(found.map(({ layer }) => layer))].sort((a, b) => a - b);
      expect(ranges(layers), prefix).toBe(indices);
      expect(layers, prefix).toHaveLength(count);
      expect(new Set(found.map(({ layer, name }) => name.slice(`${prefix}.${layer}.`.length))).size, prefix).toBe(suffixes);
      expect(new Set(members.map(({ orders }) => orders!.layer)).size, prefix).toBe(count);
    });
    const rows = collapseFamilies(resolved.params);
    expect(rows.flatMap((row) => row.params)).toHaveLength(params.length);
    for (const [prefix, indices, count] of families) {
      const suffixes = params.flatMap(([name]) => (name.startsWith(`${prefix}.`) ? name.slice(prefix.length).replace(/^\.\d+/, "") : []));
      const whole = suffixes.some((suffix) => suffixes.filter((other) => other === suffix).length === count);
      if (!whole || !/^\d+\.\.\d+$/.test(indices)) continue;
      expect(
        rows.map(({ name }) => name.slice(0, `${prefix}.{${indices}}`.length)),
        prefix,
      ).toContain(`${prefix}.{${indices}}`);
    }
  });
});

describe("lists of 29 models", () => {
  it("are all here", () => expect(Object.keys(names)).toHaveLength(29));

  /** What counts as a layer in each: blocks over stages where there are stages. */
  const layerOf: readonly (readonly [models: RegExp, arms: string])[] = [
    [/^timm\/swin/, '"^layers.{s}.blocks.{b}" => (1, s, b)'],
    [/^timm\/convnext/, '"^stages.{s}.blocks.{b}" => (1, s, b)'],
    [/^timm\/resnet/, '"^layer{s}.{b}" => (1, s, b)'],
    [/^timm\//, '"^blocks.{n}" => (1, n)'],
    [/^hf-vit/, '"vit.layers.{n}" => (1, n)'],
    [/^hf-swin/, '"encoder.layers.{s}.blocks.{b}" => (1, s, b)'],
    [/^gpt2/, '"h.{n}" => (1, n)'],
    [/^Llama/, '"layers.{n}" => (1, n)'],
    [/^t5/, '"encoder.block.{n}" => (1, n)'],
    [/^clip/, '"vision_model.encoder.layers.{n}" => (1, n)'],
    [/^xlnet/, '"transformer.layer.{n}" => (1, n)'],
    [/./, '"encoder.(layer|layers).{n}" => (1, n)'],
  ];

  it.each(Object.entries(names))("%s has the layers it says", async (model, { params, layers }) => {
    const arm = layerOf.find(([pattern]) => pattern.test(model))![1];
    const text = `ruleset Layers { order layer { ${arm}  else => 0 }  scale lr { else => layer + 1 } }`;
    const resolved = await resolveText("layers.opt", listOf(params), {}, text);
    const ranks = new Set(resolved.params.map(({ orders }) => orders!.layer));
    expect(ranks.size - 1).toBe(layers);
  });
});
