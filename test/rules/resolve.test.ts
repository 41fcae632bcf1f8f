import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ParamInfo, RuleSet } from "../../src/contract/rules.js";
import { classKey } from "../../src/rules/class-key.js";
import { createHyperValues, valuesAtRegistration } from "../../src/rules/hyper-values.js";
import { resolveRules } from "../../src/rules/resolve.js";
import type { RuleSettings } from "../../src/rules/settings.js";
import { and, apply, capture, compare, fact, hyper, layerwise, not, or, ruleSet } from "./build.js";

const json = (path: string) => JSON.parse(readFileSync(new URL(`../fixtures/${path}`, import.meta.url), "utf8"));
const list = (...names: string[]): ParamInfo[] => names.map((name) => ({ name, shape: [2, 3] }));

/** Ratio of `lr` for each parameter. */
function ratios(sets: RuleSet | RuleSet[], params: ParamInfo[], settings: RuleSettings): number[] {
  const resolution = resolveRules([sets].flat(), params, settings);
  const values = valuesAtRegistration(resolution.rules, params, settings.hypers);
  return resolution.params.map((param) => {
    values.compute(param);
    return values.ratio[values.indexOf("lr")]!;
  });
}

const problemsOf = (sets: RuleSet | RuleSet[], params: ParamInfo[], settings: Partial<RuleSettings> = {}) =>
  resolveRules([sets].flat(), params, { hypers: { lr: 1, weight_decay: 0.1, n_layers: 12, layerwise_decay: 0.8 }, ...settings }).problems;

describe("AdamWDL's ratios", () => {
  it("fall through where the original crashes", () => {
    const names = ["encoder.layers_norm.weight", "encoder.layers.norm.weight", "encoder.layers", "x.encoder.layers.11.w"];
    expect(ratios(layerwise, list(...names), { hypers: { lr: 1, layerwise_decay: 0.5, n_layers: 12 } })).toEqual([1, 1, 1, 0.5]);
  });

  it("use the static name", () => {
    const params = list("linear_0.w_0", "embedding_0.w_0", "__proto__");
    const names = { "linear_0.w_0": "bert.encoder.layers.10.linear1.weight", "embedding_0.w_0": "bert.embeddings.word_embeddings.weight" };
    expect(ratios(layerwise, params, { hypers: { lr: 1, layerwise_decay: 0.5, n_layers: 12 }, names })).toEqual([0.25, 2 ** -13, 1]);
  });
});

describe("resolving", () => {
  const settings: RuleSettings = { hypers: { lr: 1, weight_decay: 0.1, n_layers: 12, layerwise_decay: 0.8 } };
  const ernie: ParamInfo[] = (json("model-names.json").params as [string, number[]][]).map(([name, shape]) => ({ name, shape }));

  it("does not depend on the order of the list or on wrapper prefixes", () => {
    const expected = new Map(ratios(layerwise, ernie, settings).map((ratio, i) => [ernie[i]!.name, ratio]));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(ernie, { minLength: ernie.length }),
        fc.constantFrom("", "module.", "_orig_mod.module.", "_layers."),
        (shuffled, prefix) => {
          const params = shuffled.map((param) => ({ ...param, name: prefix + param.name }));
          expect(ratios(layerwise, params, settings)).toEqual(shuffled.map(({ name }) => expected.get(name)));
        },
      ),
      { numRuns: 20 },
    );
  });

  it("takes the first arm that matches, scales multiply, callbacks join in", () => {
    const set = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["a", 2],
          ["*", 3],
          ["else", 5],
        ],
      },
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["b", 7],
          ["else", 1],
        ],
      },
    ]);
    expect(ratios(set, list("a.b", "b", "x.y"), settings)).toEqual([14, 21, 3]);
    expect(ratios(set, list("a.b", "b"), { ...settings, lrRatio: ({ staticName }) => (staticName === "b" ? 0.5 : 1) })).toEqual([14, 10.5]);
  });

  it("knows shapes, and that a length which does not exist compares with nothing", () => {
    const set = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          [compare(fact("rows"), ">", 4), 2],
          [compare(fact("rows"), "<=", 4), 3],
          [compare({ op: "shape", axis: 1 }, "!=", 9), 5],
          [{ kind: "dtype", op: "==", dtype: "BF16" }, 7],
          ["else", fact("numel")],
        ],
      },
    ]);
    const params: ParamInfo[] = [
      { name: "a", shape: [8, 2] },
      { name: "b", shape: [9, 4, 2] },
      { name: "c", shape: [6] },
      { name: "d", shape: [], dtype: "BF16" },
    ];
    expect(ratios(set, params, settings)).toEqual([2, 3, 6, 7]);
  });

  it("joins conditions; captures bind from left to right", () => {
    const set = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          [and("blocks.{n}", compare(capture("n"), ">=", apply("sub", hyper("n_layers"), 2)), not("norm")), capture("n")],
          [or({ kind: "contains", text: "ocks.3" }, "^head$"), 100],
          ["else", 1],
        ],
      },
    ]);
    expect(ratios(set, list("blocks.10.w", "blocks.11.norm.w", "blocks.9.w", "x.blocks.3.w", "head"), settings)).toEqual([
      10, 1, 1, 100, 100,
    ]);
  });

  it("decides conditions on another hyper's ratio after that hyper, whatever the order of the text", () => {
    const set = ruleSet([
      {
        verb: "set",
        hyper: "weight_decay",
        arms: [
          [compare(hyper("lr", "ratio"), "<", 1), 0],
          ["else", hyper("weight_decay")],
        ],
      },
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["a", 0.5],
          ["else", 1],
        ],
      },
    ]);
    const resolution = resolveRules([set], list("a", "b"), settings);
    expect(resolution.params.map(({ decisions }) => decisions[0]!.arm)).toEqual([0, 1]);
  });

  it("freezes", () => {
    const set = ruleSet([
      {
        verb: "freeze",
        arms: [
          ["emb", 1],
          ["else", 0],
        ],
      },
    ]);
    expect(resolveRules([set], list("emb.w", "head.w"), settings).params.map(({ frozen }) => frozen)).toEqual([true, false]);
  });
});

describe("hyper values", () => {
  const set = ruleSet([
    {
      verb: "scale",
      hyper: "lr",
      arms: [
        ["a", hyper("k")],
        ["else", 1],
      ],
    },
    {
      verb: "set",
      hyper: "lr",
      arms: [
        ["b", 0.5],
        ["else", hyper("lr")],
      ],
    },
    {
      verb: "set",
      hyper: "weight_decay",
      arms: [
        [compare(fact("rank"), "<=", 1), 0],
        ["else", hyper("weight_decay")],
      ],
    },
  ]);
  const hypers = { lr: 0.1, weight_decay: 0.01, k: 0.25 };
  const params: ParamInfo[] = [
    { name: "a.w", shape: [2, 2] },
    { name: "b.w", shape: [2, 2] },
    { name: "c.bias", shape: [2] },
  ];

  it("are peak, base, ratio and value of each parameter", () => {
    const { rules, params: resolved } = resolveRules([set], params, { hypers });
    const values = createHyperValues(rules, ["lr", "weight_decay", "k"]);
    const row = () => ["peak", "base", "ratio", "value"].map((form) => values[form as "peak"][values.indexOf("lr")]);
    const [given] = values.given.columns;
    given!.peak.set([0.1, 0.01, 0.25]);
    given!.schedule[0] = 0.5;
    given!.base.set([0.05, 0.01, 0.25]);
    expect(values.compute(resolved[0]!)).toBe(-1);
    expect(row()).toEqual([0.1, 0.05, 0.25, 0.0125]);
    values.compute(resolved[1]!);
    expect(row()).toEqual([0.5, 0.25, 1, 0.25]);
    values.compute(resolved[2]!);
    expect(values.value[1]).toBe(0);
    given!.base[2] = Number.POSITIVE_INFINITY;
    expect(values.compute(resolved[0]!)).toBe(0);
  });

  it("have no weight decay where the filter says so", () => {
    const { rules, params: resolved } = resolveRules([set], params, { hypers, applyDecay: ({ name }) => name !== "a.w" });
    const values = createHyperValues(rules, ["lr", "weight_decay", "k"]);
    for (const form of ["peak", "base"] as const) values.given.columns[0]![form].set([0.1, 0.01, 0.25]);
    const decay = resolved.map((param) => {
      values.compute(param);
      return [values.peak[1], values.base[1], values.value[1]];
    });
    expect(decay).toEqual([
      [0, 0, 0],
      [0.01, 0.01, 0.01],
      [0, 0, 0],
    ]);
  });
});

describe("class keys", () => {
  it("are equal exactly where every value must be", () => {
    const set = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["layers.{n}.{w: word}", apply("pow", 0.5, capture("n"))],
          ["x", fact("cols")],
          ["else", 1],
        ],
      },
    ]);
    const params: ParamInfo[] = [
      { name: "layers.1.q", shape: [2, 2] },
      { name: "layers.1.k", shape: [3, 4] },
      { name: "layers.2.q", shape: [2, 2] },
      { name: "x.a", shape: [9, 2] },
      { name: "x.b", shape: [8, 2] },
      { name: "x.c", shape: [8, 3] },
      { name: "y", shape: [1] },
      { name: "z", shape: [7, 7] },
    ];
    const resolve = (settings: Partial<RuleSettings>) => resolveRules([set], params, { hypers: { lr: 1 }, ...settings });
    const groups = (settings: Partial<RuleSettings>, facts: string[] = []) => {
      const { rules, params: resolved } = resolve(settings);
      const keys = resolved.map((param) => classKey(rules, param, facts));
      return keys.map((key) => keys.indexOf(key));
    };
    expect(groups({})).toEqual([0, 0, 2, 3, 3, 5, 6, 6]);
    expect(groups({}, ["rank"])).toEqual([0, 0, 2, 3, 3, 5, 6, 7]);
    expect(groups({}, ["shape[0]", "lr.peak"])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(groups({ lrRatio: ({ name }) => (name === "layers.1.k" ? 2 : 1) })).toEqual([0, 1, 2, 3, 3, 5, 6, 6]);
  });
});

describe("problems", () => {
  const layers = (count: number) =>
    list(...Array.from({ length: count }, (_, n) => `bert.encoder.layers.${n}.linear1.weight`), "bert.embeddings.word.weight");

  it("a layer index that is not below n_layers names the parameter and the index", () => {
    const [problem] = problemsOf(layerwise, layers(24));
    expect(problem).toMatchObject({
      code: "layer-index",
      severity: "error",
      param: "bert.encoder.layers.12.linear1.weight",
      arm: { line: 1 },
      message: "`bert.encoder.layers.12.linear1.weight` has layer 12, which is not below n_layers = 12 (and 11 more, up to index 23)",
    });
    expect(problem!.help).toContain("n_layers to 24");
    expect(problemsOf(layerwise, layers(24), { allow: ["layer-index"] })[0]!.severity).toBe("warning");
    expect(problemsOf(layerwise, layers(12))).toEqual([]);
  });

  const arms = (...names: string[]) =>
    ruleSet([{ verb: "scale", hyper: "lr", arms: [...names.map((name) => [name, 2] as const), ["else", 1]] }]);

  it.each([
    ["^norm", ["norm_pre.weight"], '"^norm*" would match `norm_pre.weight`'],
    ["^blocks", ["model.blocks.0.w"], '"blocks" would match `model.blocks.0.w`'],
    ["embed", ["patch_embed.w"], '"*embed*" would match `patch_embed.w`'],
    ["encoder.*weight", ["encoder.layer.dense.weight"], '"encoder.**.*weight" would match `encoder.layer.dense.weight`'],
    ["encoder.layer", ["encoder.layers.0.w"], '"encoder.layer*" would match `encoder.layers.0.w`'],
    ["enocder.layers", ["head", "encoder.layers.0.w"], "the nearest names are `encoder.layers.0.w`"],
    ["LayerNorm", ["layernorm.w"], "the nearest names are `layernorm.w`"],
  ])("%j matches nothing in %j", (text, names, help) => {
    expect(problemsOf(arms(text), list(...names))).toMatchObject([{ code: "matches-nothing", severity: "error", help }]);
    expect(problemsOf(arms(text), list(...names), { allow: ["matches-nothing"] })).toMatchObject([
      { code: "matches-nothing", severity: "warning" },
    ]);
  });

  it("`optional` arms may match nothing; arms that never decide are a hint", () => {
    const optional = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["nowhere", 2, "optional"],
          ["else", 1],
        ],
      },
    ]);
    expect(problemsOf(optional, list("a"))).toEqual([]);
    expect(problemsOf(arms("a", "a.b"), list("a.b"))).toMatchObject([{ code: "never-decides", severity: "hint", arm: { line: 2 } }]);
  });

  it("a tied tensor decided twice shows both; `else` is no decision", () => {
    const set = arms("*embed*", "lm_head");
    const tied = { name: "embed.w", aliases: ["lm_head.w"], shape: [2, 2] };
    const problem = problemsOf(set, [tied]).find(({ code }) => code === "tied-tensor")!;
    expect(problem.severity).toBe("error");
    expect(problem.message).toContain("`embed.w` by line 1");
    expect(problem.message).toContain("`lm_head.w` by line 2");
    expect(problemsOf(arms("lm_head"), [tied])).toEqual([]);
    expect(ratios(arms("lm_head"), [tied], { hypers: { lr: 1 } })).toEqual([2]);
  });

  it("shared layers conflict only where the index is used", () => {
    const shared = { name: "encoder.layers.0.w", aliases: ["encoder.layers.1.w"], shape: [2] };
    expect(problemsOf(layerwise, [shared]).map(({ code }) => code)).toContain("tied-tensor");
    expect(problemsOf(arms("encoder.layers.{n}"), [shared])).toEqual([]);
  });

  it.each<[string, ParamInfo[], Partial<RuleSettings>]>([
    ["flat-parameter", list("layers.0._flat_param"), {}],
    ["duplicate-name", list("a", "b", "a"), {}],
    ["duplicate-name", [...list("a"), { name: "b", aliases: ["a"], shape: [1] }], {}],
    ["callback", list("a"), { lrRatio: () => undefined as unknown as number }],
    ["callback", list("a"), { lrRatio: () => Number.NaN }],
    ["callback", list("a"), { applyDecay: () => undefined as unknown as boolean }],
    ["callback", list("a"), { lrRatio: () => 1, hypers: { beta: 1 } }],
  ])("%s", (code, params, settings) => {
    expect(problemsOf([], params, settings)).toMatchObject([{ code, severity: "error" }]);
  });

  it("a negative ratio is an error where the hyper's range has no room for it", () => {
    const ranges = { lr: { low: 0, high: null, lowClosed: true, highClosed: false } };
    const set = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["a", -2],
          ["else", 1],
        ],
      },
    ]);
    expect(problemsOf(set, list("a", "b"), { ranges })).toMatchObject([
      { code: "out-of-range", severity: "error", param: "a", message: expect.stringContaining("the ratio of `lr` is -2 for `a`") },
    ]);
    const callback = { lrRatio: ({ name }: { name: string }) => (name === "b" ? -0.5 : 1) };
    expect(problemsOf([], list("a", "b"), { ...callback, ranges })).toMatchObject([
      { code: "callback", severity: "error", param: "b", message: "`lrRatio` returned -0.5 for `b`: a learning rate below 0 would climb" },
    ]);
    // Where nothing is said about the range, or it goes below 0, climbing is meant; a ratio above 1 always may be.
    expect(problemsOf(set, list("a", "b"), callback)).toEqual([]);
    expect(problemsOf(set, list("a", "b"), { ...callback, ranges: { lr: { ...ranges.lr, low: -1 } } })).toEqual([]);
    expect(problemsOf([], list("a"), { lrRatio: () => 16, ranges })).toEqual([]);
  });

  it("names that nothing is called by, and wrappers, are told", () => {
    expect(problemsOf([], list("a"), { names: { b: "c" } })).toMatchObject([{ code: "unknown-name", severity: "warning", param: "b" }]);
    expect(problemsOf([], list("module.a"))).toMatchObject([{ code: "wrapper-segments", severity: "hint" }]);
  });

  it("a ratio that is not finite names the parameter and the arm", () => {
    const set = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["layers.{n}", apply("div", 1, capture("n"))],
          ["else", 1],
        ],
      },
    ]);
    const [problem] = problemsOf(set, list("layers.1.w", "layers.0.w", "layers.0.b"));
    expect(problem).toMatchObject({
      code: "not-finite",
      severity: "error",
      param: "layers.0.w",
      arm: { line: 1, text: '"layers.{n}" => formula' },
    });
    expect(problem!.message).toContain("Infinity for `layers.0.w`");
    expect(problem!.message).toContain("1 more parameter");
  });

  it("what is frozen has no ratio to be wrong", () => {
    const set = ruleSet(
      [
        {
          verb: "scale",
          hyper: "lr",
          arms: [
            ["layers.{n}", apply("div", 1, capture("n"))],
            ["else", 1],
          ],
        },
        {
          verb: "freeze",
          arms: [
            ["layers.{n: 0..0}", 1],
            ["layers.20", 1],
            ["else", 0],
          ],
        },
      ],
      [{ capture: "n", hyper: "n_layers", block: 0, arm: 0 }],
    );
    expect(problemsOf(set, list("layers.0.w", "layers.1.w", "layers.20.w"))).toMatchObject([{ code: "index-gap", severity: "hint" }]);
  });

  it("`set` respects the range; error(...) speaks for its author; two sets need `override`", () => {
    const negative = ruleSet([
      {
        verb: "set",
        hyper: "lr",
        arms: [
          ["a", -1],
          ["else", hyper("lr")],
        ],
      },
    ]);
    const ranges = { lr: { low: 0, high: null, lowClosed: true, highClosed: false } };
    expect(problemsOf(negative, list("a"), { ranges })).toMatchObject([
      { code: "out-of-range", message: expect.stringContaining("outside [0, inf)") },
    ]);
    const refusing = ruleSet([{ verb: "scale", hyper: "lr", arms: [["else", { op: "error", message: "no rule for this parameter" }]] }]);
    expect(problemsOf(refusing, list("a"))).toMatchObject([{ code: "rule-error", message: "`a`: no rule for this parameter" }]);
    const half = (override: boolean) => ruleSet([{ verb: "set", hyper: "lr", override, arms: [["else", override ? 2 : 3]] }]);
    expect(problemsOf([half(false), half(false)], list("a"))).toMatchObject([{ code: "set-twice", severity: "error" }]);
    for (const sets of [
      [half(false), half(true)],
      [half(true), half(false)],
    ]) {
      const { rules, params, problems } = resolveRules(sets, list("a"), { hypers: { lr: 1 } });
      const values = valuesAtRegistration(rules, list("a"), { lr: 1 });
      values.compute(params[0]!);
      expect([problems, values.value[0]]).toEqual([[], 2]);
    }
  });
});
