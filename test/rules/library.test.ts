// The library of rulesets: every text compiles without a remark, names its source, and explains its model on the command line.
// What it computes is held to other libraries in tables.test.ts and paddle-ratios.test.ts, and here where there is no table.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { optspec, put } from "../cli/command.js";
import { temporaryFolder } from "../cli/folder.js";
import { fixture, resolveText, root } from "./texts.js";

interface Listed {
  readonly params: readonly (readonly [name: string, shape: number[]])[];
}

const tables = fixture("tables.json.gz") as Readonly<Record<string, Listed>>;
const models = fixture("models.json.gz") as Readonly<Record<string, Listed>>;
const named = fixture("model-names.json.gz") as Readonly<Record<string, Listed>>;

/** A list of each text's model. */
const modelOf: Readonly<Record<string, Listed>> = {
  beit: tables["timm-ld-beit-base-65"]!,
  bert: named["bert-large-uncased"]!,
  clip: tables["clip-hf-two-depths"]!,
  convnext: models["timm.convnextv2_base"]!,
  dinov2: models["timm.vit_base_patch14_reg4_dinov2"]!,
  efficientnet: models["timm.efficientnet_b0"]!,
  "eva-clip": models["open_clip.ViT-B-16"]!,
  llama: named["Llama-3.2-1B"]!,
  "lora-plus": tables["loraplus-llama"]!,
  mae: tables["mae-lr-decay"]!,
  muon: named["Llama-2-7B"]!,
  mup: tables["mup-adamw-512"]!,
  "no-decay": tables["timm-wd-swin-tiny"]!,
  "no-decay-embeddings": named.gpt2!,
  "no-decay-trainer": named["roberta-base"]!,
  swin: named["timm/swin_base_patch4_window7_224"]!,
  vit: models["timm.deit3_base_patch16_224"]!,
};

const listOf = ({ params }: Listed) => params.map(([name, shape]) => ({ name, shape }));

describe("examples/rules", () => {
  it("is all tested", () => {
    expect(new Set(readdirSync(join(root, "examples/rules")))).toEqual(new Set(Object.keys(modelOf).map((name) => `${name}.opt`)));
  });

  it.each(Object.entries(modelOf))("%s.opt explains its model", async (name, model) => {
    const path = `examples/rules/${name}.opt`;
    const text = readFileSync(join(root, path), "utf8");
    expect(text).toMatch(/^\/\/\/ (?:.*\n)+?\/\/\/ Sources?: /);
    const { diagnostics } = await compile({ path, text }, { targets: [] });
    expect(diagnostics, "a correct text is never flagged").toEqual([]);
    const folder = temporaryFolder();
    put(folder, { "rules.opt": text, "list.json": JSON.stringify(listOf(model)) });
    const ran = await optspec(folder, ["explain", "rules.opt", "--params", "list.json", "--json"]);
    expect(ran.exitCode, ran.out).toBe(0);
    const { params, problems } = JSON.parse(ran.out) as { params: { name: string }[]; problems: { severity: string }[] };
    expect(params.map((param) => param.name)).toEqual(model.params.map(([param]) => param));
    expect(problems.filter(({ severity }) => severity !== "hint")).toEqual([]);
  });
});

it("README shows what explain prints", async () => {
  const ran = await optspec(root, ["explain", "examples/rules/bert.opt", "--params", "examples/data/ernie-3.0-base.json"]);
  expect(ran.exitCode).toBe(0);
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`\n\`\`\`\n${ran.out.trimEnd()}\n\`\`\`\n`);
});

describe("texts without a table", () => {
  it("no-decay-embeddings.opt decays minGPT's linear weights, and nothing else", async () => {
    const model = named.gpt2!;
    const resolved = await resolveText("examples/rules/no-decay-embeddings.opt", listOf(model), { weight_decay: 0.1 });
    // minGPT: every bias, every weight of a LayerNorm or an Embedding is left out.
    const decays = (name: string) => /\.(c_attn|c_proj|c_fc|lm_head)\.weight$/.test(name);
    const decayed = model.params.map(([name]) => name).filter((_, i) => resolved.value(i, "weight_decay") !== 0);
    expect(decayed).toEqual(model.params.map(([name]) => name).filter(decays));
    expect(decayed).toHaveLength(48);
  });

  it.each(["bert-large-uncased", "roberta-base", "electra-small-discriminator-seqcls"])(
    "bert.opt counts the layers of transformers' %s, whose depth it is not told",
    async (name) => {
      const model = named[name]! as Listed & { readonly layers: number };
      const resolved = await resolveText("examples/rules/bert.opt", listOf(model), { layer_decay: 0.5 });
      model.params.forEach(([param], i) => {
        const layer = /encoder\.layer\.(\d+)\./.exec(param)?.[1];
        const exponent = layer !== undefined ? model.layers - Number(layer) : /embeddings/.test(param) ? model.layers + 1 : 0;
        expect(resolved.value(i, "lr"), param).toBe(2 ** -exponent);
      });
    },
  );
});
