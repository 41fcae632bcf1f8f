// What timm, transformers, peft, mup and published functions computed on real models, from texts of this project.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fixture, type Numbers, resolveText, root } from "./texts.js";

interface Table {
  readonly source: { readonly function: string };
  readonly params: readonly (readonly [
    name: string,
    shape: number[],
    dtype: string,
    lrRatio: number | null,
    weightDecay: number | null,
    use: string | null,
    frozen: boolean,
  ])[];
}

const tables = fixture("tables.json.gz") as Readonly<Record<string, Table>>;

/** The text of each table, and the numbers it was computed with where they are not the text's defaults. */
const texts: Readonly<Record<string, readonly [text: string, given?: Numbers]>> = {
  "beit-optim-factory": ["beit-unilm", { weight_decay: 0.05 }],
  "clip-hf-two-depths": ["clip"],
  "convnext-12-groups": ["convnext-12-groups", { weight_decay: 0.05 }],
  "convnext-single": ["convnext-single", { weight_decay: 0.05 }],
  "detectron2-vitdet": ["vitdet", { weight_decay: 0.1 }],
  "dinov2-chunked-blocks": ["dinov2"],
  "electra-layer-lrs": ["electra", { weight_decay: 0.01 }],
  "eva-clip-two-towers": ["eva-clip", { weight_decay: 0.05 }],
  "hf-wd-bert": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-clip": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-electra": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-gpt2": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-llama": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-mamba": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-mixtral": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-modernbert": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-roberta": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-t5": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-whisper": ["no-decay-trainer", { weight_decay: 0.01 }],
  "hf-wd-xlnet": ["no-decay-trainer", { weight_decay: 0.01 }],
  "llrd-qwen2": ["llama"],
  "lora-subset-llrd": ["lora-subset", { weight_decay: 0.01 }],
  "loraplus-llama": ["lora-plus", { weight_decay: 0.01 }],
  "mae-lr-decay": ["mae", { weight_decay: 0.05 }],
  "muon-gpt2": ["muon", { weight_decay: 0.1 }],
  "muon-llama": ["muon", { weight_decay: 0.1 }],
  "muon-modded-nanogpt": ["muon-nanogpt", { lr: 0.05 }],
  "mup-adam-768-from-256": ["mup", { base_width: 256, weight_decay: 0.1 }],
  "mup-adamw-512": ["mup", { weight_decay: 0.1 }],
  "seed-rule-on-clip": ["adamwdl-on-clip"],
  "timm-auto-tv-resnet18-90": ["resnet-auto", { weight_decay: 0.05 }],
  "timm-ld-beit-base-65": ["beit", { weight_decay: 0.05 }],
  "timm-ld-cait-s24-75": ["cait", { weight_decay: 0.05 }],
  "timm-ld-convnext-tiny-80": ["convnext", { weight_decay: 0.05 }],
  "timm-ld-deit3-base-75": ["vit", { weight_decay: 0.05 }],
  "timm-ld-efficientnet-b0-75": ["efficientnet", { weight_decay: 1e-5 }],
  "timm-ld-eva02-base-90": ["vit", { layer_decay: 0.9, weight_decay: 0.02 }],
  "timm-ld-hiera-base-65": ["hiera", { weight_decay: 0.05 }],
  "timm-ld-maxvit-tiny-75": ["maxvit", { weight_decay: 0.05 }],
  "timm-ld-mobilenetv3-75": ["mobilenetv3", { weight_decay: 1e-5 }],
  "timm-ld-resnet50-75": ["resnet", { weight_decay: 0.02 }],
  "timm-ld-swin-base-80": ["swin", { layer_decay: 0.8, weight_decay: 0.05 }],
  "timm-ld-swin-tiny-90": ["swin", { weight_decay: 0.05 }],
  "timm-ld-vit-base-65-min": ["vit", { layer_decay: 0.65, min_scale: 0.05, weight_decay: 0.05 }],
  "timm-ld-vit-base-75": ["vit", { weight_decay: 0.05 }],
  "timm-ld-vit-large-freeze": ["vit", { freeze_below: 0.01, weight_decay: 0.05 }],
  "timm-wd-levit-128": ["no-decay", { weight_decay: 0.025 }],
  "timm-wd-swin-tiny": ["no-decay", { weight_decay: 0.05 }],
  "timm-wd-vit-base": ["no-decay", { weight_decay: 0.05 }],
  "ulmfit-discriminative": ["ulmfit"],
  "wrap-llama-fsdp-ckpt": ["no-decay-trainer", { weight_decay: 0.01 }],
  "wrap-vit-dp-compile": ["vit", { weight_decay: 0.05 }],
};

const library = readdirSync(join(root, "examples/rules")).map((file) => file.slice(0, -".opt".length));
const pathOf = (text: string) => (library.includes(text) ? `examples/rules/${text}.opt` : `test/fixtures/rules/texts/${text}.opt`);

describe("tables of other libraries", () => {
  it("are all here, and every text has one", () => {
    expect(Object.keys(tables)).toHaveLength(52);
    expect(Object.keys(texts)).toEqual(Object.keys(tables));
    const own = readdirSync(join(root, "test/fixtures/rules/texts")).map((file) => file.slice(0, -".opt".length));
    // Two texts of the library have their oracles in library.test.ts.
    const used = new Set([...Object.values(texts).map(([text]) => text), "bert", "no-decay-embeddings"]);
    expect([...library, ...own].filter((text) => !used.has(text))).toEqual([]);
  });

  it.each(Object.entries(texts))("%s", async (name, [text, given = {}]) => {
    const { params } = tables[name]!;
    const all = { lr: 1, weight_decay: 1, ...given };
    const list = params.map(([paramName, shape, dtype]) => ({ name: paramName, shape, dtype: dtype.toUpperCase() }));
    const resolved = await resolveText(pathOf(text), list, all);
    expect(resolved.problems.filter(({ severity }) => severity !== "hint")).toEqual([]);
    params.forEach(([paramName, , , ratio, decay, use, frozen], i) => {
      const row = resolved.params[i]!;
      expect(row.frozen, paramName).toBe(frozen);
      if (use !== null) expect(row.use ?? "Muon", paramName).toBe(use);
      if (ratio !== null) expectClose(resolved.value(i, "lr") / all.lr, ratio, paramName);
      if (decay !== null) expectClose(resolved.value(i, "weight_decay"), decay, paramName);
    });
  });
});

describe("a real list from its end, below wrappers", () => {
  // One text counts by `index`, which is the order of the list.
  const independent = Object.entries(texts).filter(([, [text]]) => !/\bindex\b/.test(readFileSync(join(root, pathOf(text)), "utf8")));

  it("is all but one", () => expect(independent).toHaveLength(Object.keys(texts).length - 1));

  it.each(independent)("%s", async (name, [text, given = {}]) => {
    const list = tables[name]!.params.map(([paramName, shape, dtype]) => ({ name: paramName, shape, dtype: dtype.toUpperCase() }));
    const turned = list.map((param) => ({ ...param, name: `module._orig_mod.${param.name}` })).reverse();
    const all = { lr: 1, weight_decay: 1, ...given };
    const [plain, wrapped] = [await resolveText(pathOf(text), list, all), await resolveText(pathOf(text), turned, all)];
    const decided = ({ frozen, use, hypers, orders, arms }: (typeof plain.params)[number]) => ({ frozen, use, hypers, orders, arms });
    expect([...wrapped.params].reverse().map(decided)).toEqual(plain.params.map(decided));
  });
});

/** To 2e-15, relative: `Math.pow` and C's `pow` differ in the last place. */
function expectClose(actual: number, expected: number, name: string): void {
  if (!(Math.abs(actual - expected) <= 2e-15 * Math.abs(expected))) expect(actual, name).toBe(expected);
}
