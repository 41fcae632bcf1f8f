import { describe, expect, it } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { createExplainTable } from "../../src/rules/explain.js";
import { renderExplainTable } from "../../src/rules/explain-text.js";
import { resolveRules } from "../../src/rules/resolve.js";

const { optimizers } = await compile(
  {
    path: "test.opt",
    text: `optimizer Muon {
  hyper lr = 0.02, weight_decay = 0.1
  param <- param - lr * (grad + weight_decay * param)
  rules use { "h.{n}.b" => AdamW(lr = 1e-3 * (n + 1), beta2 = 0.95)   "*embed*" => Lion   else => this }
  rules scale lr { "h.1" => 0.5   else => 1 }
}`,
  },
  { targets: [] },
);
const { rules } = optimizers[0]!.definition.manifest;
const params = ["h.0.w", "h.0.b", "h.1.b", "embed.w"].map((name) => ({ name, shape: [2] }));
const hypers = { lr: 0.02, weight_decay: 0.1 };

describe("rules use", () => {
  it("names the optimizer and replaces the peak: scales still apply", () => {
    const table = createExplainTable(resolveRules([rules], params, { hypers }));
    expect(table.params.map(({ use, hypers: { lr } }) => [use, lr])).toEqual([
      [null, { peak: 0.02, ratio: 1, value: 0.02 }],
      ["AdamW", { peak: 1e-3, ratio: 1, value: 1e-3 }],
      ["AdamW", { peak: 2e-3, ratio: 0.5, value: 1e-3 }],
      ["Lion", { peak: 0.02, ratio: 1, value: 0.02 }],
    ]);
    expect(renderExplainTable(table)).toContain("Lion");
  });
});

describe("callbacks", () => {
  it("show in the table as such", () => {
    const resolution = resolveRules([], params, {
      hypers,
      lrRatio: ({ name }) => (name.startsWith("h") ? 1 : 0.25),
      applyDecay: ({ name }) => !name.endsWith("b"),
    });
    const lines = renderExplainTable(createExplainTable(resolution)).split("\n");
    expect(lines[0]).toMatch(/callbacks$/);
    expect(lines.find((line) => line.startsWith("embed"))).toMatch(/lrRatio 0\.25$/);
    expect(lines.find((line) => line.includes(".b"))).toMatch(/applyDecay false$/);
  });
});
