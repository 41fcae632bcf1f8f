import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ParamInfo, RuleSet } from "../../src/contract/rules.js";
import { createExplainTable } from "../../src/rules/explain.js";
import { explainChain, renderChain } from "../../src/rules/explain-chain.js";
import { printable, renderExplainTable } from "../../src/rules/explain-text.js";
import { collapseFamilies } from "../../src/rules/families.js";
import { resolveRules } from "../../src/rules/resolve.js";
import type { RuleSettings } from "../../src/rules/settings.js";
import { and, capture, compare, fact, hyper, layerwise, not, ruleSet } from "./build.js";

const fixture: { params: [string, number[]][] } = JSON.parse(
  readFileSync(new URL("../fixtures/model-names.json", import.meta.url), "utf8"),
);
const ernie: ParamInfo[] = fixture.params.map(([name, shape]) => ({ name, shape }));
const hypers = { lr: 1e-3, weight_decay: 0.01, layerwise_decay: 0.8, n_layers: 12 };
const noDecay = ruleSet(
  [
    {
      verb: "set",
      hyper: "weight_decay",
      arms: [
        ["*norm*", 0],
        ["bias$", 0],
        ["else", hyper("weight_decay")],
      ],
    },
  ],
  [],
  50,
);

const tableOf = (sets: RuleSet[], params: ParamInfo[], settings: Partial<RuleSettings> = {}) =>
  createExplainTable(resolveRules(sets, params, { hypers, ...settings }));
const names = (sets: RuleSet[], params: string[]) =>
  collapseFamilies(
    tableOf(
      sets,
      params.map((name) => ({ name, shape: [2] })),
    ).params,
  ).map((row) => `${row.name} ${row.params.length}`);

describe("the table of ERNIE 3.0", () => {
  it("collapses to its layer family", () => {
    expect(renderExplainTable(tableOf([layerwise], ernie))).toBe(
      [
        "parameter                        tensors  lr ratio        rule",
        'ernie.embeddings.**                    6  0.05498         line 2: "*embedding*" => formula',
        'ernie.encoder.layers.{0..11}.**      192  0.06872 .. 0.8  line 1: "*encoder.layers.{layer}" => formula',
        "ernie.pooler.dense.**                  2  1               line 3: else => 1",
        "classifier.**                          2  1               line 3: else => 1",
        "",
      ].join("\n"),
    );
  });

  it("keeps apart what a second hyper decides otherwise", () => {
    const rows = collapseFamilies(tableOf([layerwise, noDecay], ernie).params);
    expect(rows.map((row) => `${row.name} ${row.params.length}`)).toContain(
      "ernie.encoder.layers.{0..11}.self_attn.(q_proj|k_proj|v_proj|out_proj).bias 48",
    );
    expect(rows.map((row) => `${row.name} ${row.params.length}`)).toContain("ernie.encoder.layers.{0..11}.(norm1|norm2).** 48");
    expect(rows.reduce((sum, row) => sum + row.params.length, 0)).toBe(ernie.length);
    for (const { params } of rows) expect(new Set(params.map((param) => param.hypers.weight_decay!.value)).size).toBe(1);
  });

  it("names its rules by their lines where the terminal is narrow, and lists them below", () => {
    const wide = renderExplainTable(tableOf([layerwise], ernie));
    const columns = Math.max(...wide.split("\n").map((line) => line.length));
    expect(renderExplainTable(tableOf([layerwise], ernie), { width: columns })).toBe(wide);
    const narrow = renderExplainTable(tableOf([layerwise], ernie), { width: columns - 1 }).split("\n");
    const end = narrow.indexOf("");
    expect(Math.max(...narrow.slice(0, end).map((line) => line.length))).toBeLessThan(columns);
    expect(narrow.slice(1, end).every((line) => /line \d+$/.test(line))).toBe(true);
    expect(narrow.slice(end + 1, -1)).toEqual([
      "rules of lr",
      ...wide
        .match(/line \d+: .*/g)!
        .filter((line, i, all) => all.indexOf(line) === i)
        .sort()
        .map((line) => `  ${line}`),
    ]);
  });

  it("has a row for each parameter on request", () => {
    expect(renderExplainTable(tableOf([layerwise], ernie), { every: true }).split("\n")).toHaveLength(ernie.length + 2);
  });

  it("is plain JSON", () => {
    const { params } = JSON.parse(JSON.stringify(tableOf([layerwise, noDecay], ernie)));
    expect(params[7]).toEqual({
      name: "ernie.encoder.layers.0.self_attn.q_proj.bias",
      staticName: "ernie.encoder.layers.0.self_attn.q_proj.bias",
      shape: [768],
      dtype: null,
      frozen: false,
      use: null,
      hypers: {
        lr: { peak: 1e-3, ratio: expect.closeTo(0.8 ** 12, 12), value: expect.closeTo(1e-3 * 0.8 ** 12, 12) },
        weight_decay: { peak: 0, ratio: 1, value: 0 },
      },
      arms: { lr: { line: 1, text: '"*encoder.layers.{layer}" => formula' }, weight_decay: { line: 51, text: '"bias$" => 0' } },
      callbacks: {},
    });
  });
});

describe("families", () => {
  it("show ranges with gaps, deeper indices, and lone parameters by name", () => {
    expect(names([layerwise], ["h.0.w", "h.1.w", "h.2.w", "h.7.w", "x.encoder.layers.3.w"])).toEqual([
      "h.{0..2, 7}.w 4",
      "x.encoder.layers.3.w 1",
    ]);
    const stages = ["s.0.b.0.w", "s.0.b.1.w", "s.1.b.0.w", "encoder.layers.0.w"];
    expect(names([layerwise], stages)).toEqual(["s.{0..1}.b.{0..1}.w 3", "encoder.layers.0.w 1"]);
  });

  it("hold where one name is the beginning of another", () => {
    expect(names([layerwise], ["a", "a.b", "a.b.c", "encoder.layers.0"])).toEqual(["a.** 3", "encoder.layers.0 1"]);
    const bias = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["b$", 2],
          ["else", 1],
        ],
      },
    ]);
    expect(names([bias], ["a", "a.b", "c"])).toEqual(["a 1", "a.b 1", "c 1"]);
  });

  it("keep the names as they are written: a lone one whole, slashes where all have them", () => {
    const named = (...names: string[]) =>
      collapseFamilies(
        tableOf(
          [layerwise],
          names.map((name) => ({ name, shape: [2] })),
        ).params,
      ).map(({ name }) => name);
    expect(named("</script>")).toEqual(["</script>"]);
    expect(named("a.b/c", "encoder.layers.0/w")).toEqual(["a.b/c", "encoder.layers.0/w"]);
    expect(named("bert/layer_0/kernel", "bert/layer_0/bias", "head/kernel").every((name) => !name.includes("."))).toBe(true);
    expect(named("block/0/w", "block/1/w")).toEqual(["block/{0..1}/w"]);
  });

  it("never join what differs", () => {
    const byIndex = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["a.{n}", capture("n")],
          ["b.{n}.{m}", capture("m")],
          ["else", fact("index")],
        ],
      },
    ]);
    expect(names([byIndex], ["a.0.w", "a.1.w", "a.0.v", "a.1.v", "b.0.1.x", "b.0.2.x", "b.1.1.y", "b.1.2.y"])).toEqual([
      "a.{0..1}.** 4",
      "b.0.{1..2}.x 2",
      "b.1.{1..2}.y 2",
    ]);
    expect(names([byIndex], ["c", "d"])).toEqual(["c 1", "d 1"]);
  });
});

describe("text for a terminal", () => {
  it("spells whatever could move it", () => {
    expect(printable("a\u001b[31m\u202eb\n")).toBe("a\\u{1b}[31m\\u{202e}b\\u{a}");
    const table = renderExplainTable(tableOf([layerwise], [{ name: "w\u001b[2J\r\nx", shape: [1] }]));
    expect(table).toContain("w\\u{1b}[2J\\u{d}\\u{a}x");
    expect(table.split("\n")).toHaveLength(3);
  });

  it("shows frozen parameters and callbacks", () => {
    const set = ruleSet([
      {
        verb: "freeze",
        arms: [
          ["a", 1],
          ["else", 0],
        ],
      },
    ]);
    const table = tableOf(
      [set],
      [
        { name: "a", shape: [1] },
        { name: "b", shape: [1] },
      ],
      { lrRatio: () => 0.5, applyDecay: ({ name }) => name === "a" },
    );
    expect(table.params[1]).toMatchObject({
      callbacks: { lrRatio: 0.5, applyDecay: false },
      hypers: { lr: { ratio: 0.5 }, weight_decay: { value: 0 } },
    });
    expect(renderExplainTable(table)).toContain("frozen");
    expect(renderExplainTable(tableOf([layerwise], []))).toBe("no parameters\n");
  });
});

describe("the chain of one parameter", () => {
  const chainOf = (set: RuleSet, name: string, shape: number[] = [2]) => {
    const resolution = resolveRules([set], [{ name, shape }], { hypers });
    return explainChain(resolution, resolution.params[0]!);
  };

  it("says why each arm did not match", () => {
    const set = ruleSet([
      {
        verb: "scale",
        hyper: "lr",
        arms: [
          ["decoder", 1],
          ["encoder.layers.{n: 0..3}", 1],
          ["^layers", 1],
          ["layers$", 1],
          [compare(fact("rank"), ">", 1), 1],
          [compare(fact("rows"), ">", 1), 1],
          [and("layers.{k}", compare(capture("k"), "<", 2)), 1],
          [{ kind: "contains", text: "head" }, 1],
          [not("norm"), capture("n")],
        ],
      },
    ]);
    const [block] = chainOf(set, "encoder.layers.7.norm");
    expect(block!.title).toBe("rules scale lr");
    expect(block!.tried.map(({ why }) => why)).toEqual([
      "no segment matches `decoder`",
      "`encoder.layers` matches, but not with `{n: 0..3}` after it",
      "the name does not start with it",
      "the name goes on after it",
      "1 > 1 does not hold",
      "the shape has no such length",
      "7 < 2 does not hold",
      'the name does not contain "head"',
      "what `not` excludes holds",
    ]);
  });

  it("ends with the arm that decides and what it captured", () => {
    const resolution = resolveRules([layerwise], ernie, { hypers });
    const param = resolution.params[20]!;
    expect(renderChain(param, explainChain(resolution, param))).toBe(
      [
        "ernie.encoder.layers.0.norm2.weight  [768]",
        "rules scale lr",
        '  => line 1: "*encoder.layers.{layer}" => formula',
        "       layer = 0",
        "",
      ].join("\n"),
    );
  });
});
