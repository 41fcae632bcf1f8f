// PaddleNLP's own `layerwise_lr_decay` on 24 of its models, against the rules of examples/adamwdl.opt and of the library.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { valuesAtRegistration } from "../../src/rules/hyper-values.js";
import { resolveRules } from "../../src/rules/resolve.js";
import { fixture, resolveText } from "./texts.js";

interface Run {
  readonly nLayers: number;
  readonly decay: number;
  readonly params: readonly (readonly [name: string, shape: number[], ratio: number])[];
}

const runs = fixture("paddle-ratios.json.gz") as Readonly<Record<string, Run>>;
const listOf = ({ params }: Run) => params.map(([name, shape]) => ({ name, shape }));

/** Whose names are those of a BERT-like encoder that PaddleNLP finds, so that an order can count the layers. */
const encoders = [
  "bart-base",
  "bert-base",
  "bigbird-base",
  "convbert-base",
  "distilbert-base",
  "electra-base",
  "ernie-3.0-base",
  "ernie-3.0-medium-seqcls",
  "ernie-doc-base",
  "ernie-gram",
  "ernie-m-base",
  "ernie-pretraining",
  "ernie-vil-2.0-base",
  "roberta-base",
  "roformer",
  "skep",
  "unimo-base",
];

describe("layerwise_lr_decay of PaddleNLP", () => {
  it("has 24 tables here", () => expect(Object.keys(runs)).toHaveLength(24));

  it.each(Object.entries(runs))("is AdamWDL's ratio on %s", async (_model, run) => {
    const path = new URL("../../examples/adamwdl.opt", import.meta.url);
    const { optimizers } = await compile({ path: "adamwdl.opt", text: readFileSync(path, "utf8") }, { targets: [] });
    const hypers = { lr: 1, layerwise_decay: run.decay, n_layers: run.nLayers };
    const { rules, params, problems } = resolveRules([optimizers[0]!.definition.manifest.rules], listOf(run), {
      hypers,
      // PaddleNLP says nothing where a model has no layers or embeddings of these names.
      allow: ["layer-index", "matches-nothing"],
    });
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    const values = valuesAtRegistration(rules, params, hypers);
    run.params.forEach(([name, , ratio], i) => {
      values.compute(params[i]!);
      expect(Math.abs(values.ratio[values.indexOf("lr")]! / ratio - 1), name).toBeLessThanOrEqual(2e-15);
    });
  });

  it.each(encoders)("is the ratio of examples/rules/bert.opt on %s, which is not told its depth", async (model) => {
    const run = runs[model]!;
    const resolved = await resolveText("examples/rules/bert.opt", listOf(run), { layer_decay: run.decay });
    expect(resolved.problems).toEqual([]);
    expect(new Set(run.params.map(([, , ratio]) => ratio)).size).toBe(run.nLayers + 2);
    run.params.forEach(([name, , ratio], i) => {
      expect(Math.abs(resolved.value(i, "lr") / ratio - 1), name).toBeLessThanOrEqual(2e-15);
    });
  });
});
