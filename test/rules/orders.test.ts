import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import type { RulesetModule } from "../../src/contract/rules.js";
import { classKey } from "../../src/rules/class-key.js";
import { createExplainTable } from "../../src/rules/explain.js";
import { explainChain } from "../../src/rules/explain-chain.js";
import { denseRanks } from "../../src/rules/orders.js";
import { resolveRules } from "../../src/rules/resolve.js";
import type { RuleSettings } from "../../src/rules/settings.js";
import { type Layered, swinModel, swinText } from "./swin.js";

async function rulesetOf(text: string): Promise<RulesetModule> {
  const { diagnostics, rulesets } = await compile({ path: "test.opt", text }, { targets: [] });
  expect(diagnostics).toEqual([]);
  return rulesets[0]!.ruleset;
}

const hypers = { lr: 1e-3, weight_decay: 0.05, layer_decay: 0.8, min_scale: 0 };
const swin = await rulesetOf(swinText);
const table = (ruleset: RulesetModule, params: readonly Layered[], settings: Partial<RuleSettings> = {}) =>
  createExplainTable(resolveRules([ruleset], params, { hypers, ...settings }));

describe("Swin's rules", () => {
  const depths = fc.array(fc.integer({ min: 1, max: 13 }), { minLength: 1, maxLength: 5 });

  it.each([[[2, 2, 6, 2]], [[2, 2, 18, 2]], [[1]], [[3, 11]]])("number the layers of depths %j as timm does", (given) => {
    const model = swinModel(given);
    const { params, problems } = table(swin, model, given.length > 1 ? {} : { allow: ["matches-nothing"] });
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    const top = model.at(-1)!.layer;
    params.forEach((param, i) => {
      const { layer, shape, name } = model[i]!;
      expect(param.orders, name).toEqual({ depth: layer });
      expect(Math.abs(param.hypers.lr!.ratio / 0.8 ** (top - layer) - 1)).toBeLessThanOrEqual(2e-15);
      const decays = shape.length > 1 && !name.endsWith("table");
      expect(param.hypers.weight_decay!.value).toBe(decays ? 0.05 : 0);
    });
  });

  it("are one text for every depth, in any order of the list, below any wrapper", () => {
    fc.assert(
      fc.property(depths, fc.constantFrom("", "module.", "_orig_mod.module."), fc.infiniteStream(fc.nat()), (given, prefix, random) => {
        const model = swinModel(given);
        const keys = new Map(model.map((param) => [param, random.next().value]));
        const shuffled = [...model].sort((a, b) => keys.get(a)! - keys.get(b)!);
        const renamed = shuffled.map((param) => ({ ...param, name: prefix + param.name }));
        const { params } = table(swin, renamed, { allow: ["matches-nothing"] });
        expect(params.map(({ orders }) => orders)).toEqual(shuffled.map(({ layer }) => ({ depth: layer })));
      }),
      { numRuns: 100 },
    );
  });

  it("count frozen parameters and tied names; layers of one rank share a class", () => {
    const model = swinModel([2, 2]);
    const tied = model.map((param) => (param.name.startsWith("head") ? { ...param, name: "lm", aliases: ["norm.tied"] } : param));
    const resolution = resolveRules([swin], tied, { hypers });
    expect(resolution.params.at(-1)!.orders[0]).toMatchObject({ rank: 4, max: 4 });
    const [first, second] = resolution.params.filter(({ name }) => name.includes("layers.1.blocks.0") || name.includes("layers.1.down"));
    expect(classKey(resolution.rules, first!)).toBe(classKey(resolution.rules, second!));
    expect(new Set(resolution.params.map((param) => classKey(resolution.rules, param))).size).toBeGreaterThan(4);
  });

  it("show their ranks in the chain of a parameter", () => {
    const resolution = resolveRules([swin], swinModel([2, 2, 6, 2]), { hypers });
    const chain = explainChain(resolution, resolution.params.find(({ name }) => name === "norm.weight")!);
    expect(chain.map(({ title }) => title)).toEqual(["order depth: 12 of 0 to 13", "rules scale lr", "rules set weight_decay"]);
    expect(chain[0]!.tried.at(-1)).toMatchObject({ decides: true, text: '"^norm" => (1, last)' });
  });
});

describe("dense ranks", () => {
  const tuple = fc.record({ tuple: fc.array(fc.integer({ min: -2, max: 3 }), { maxLength: 3 }), last: fc.boolean() });

  /** The greatest that starts so, by trying all. */
  const resolvedBy = (all: readonly { tuple: number[]; last: boolean }[], one: { tuple: number[]; last: boolean }): number[] =>
    all
      .filter((other) => one.last && !other.last && one.tuple.every((c, i) => other.tuple[i] === c))
      .map((other) => other.tuple)
      .reduce((most, other) => (before(most, other) ? other : most), one.tuple);

  function before(a: readonly number[], b: readonly number[]): boolean {
    const at = a.findIndex((component, i) => component !== b[i]);
    if (at === -1) return a.length < b.length;
    return at < b.length && a[at]! < b[at]!;
  }

  it("count the different tuples below, and do not depend on the order of the list", () => {
    fc.assert(
      fc.property(fc.array(tuple, { maxLength: 12 }), (all) => {
        const resolved = all.map((one) => resolvedBy(all, one));
        const expected = resolved.map((one) => new Set(resolved.filter((other) => before(other, one)).map(String)).size);
        expect(denseRanks(all)).toEqual(expected);
        expect(denseRanks([...all].reverse())).toEqual(expected.reverse());
      }),
      { numRuns: 2000 },
    );
  });
});

describe("problems of orders", () => {
  it.each([
    ['"x" => error("no place for this")  else => 0', "`x.w`: no place for this"],
    ['"x" => 1 / (rank - 2)  else => 0', '`x.w`: a component of `order d` is Infinity, by line 1: "x" => 1 / (rank - 2)'],
    ["rank == 2 => cols ^ 4000  else => rows", "a component of `order d` is Infinity"],
  ])("%s", async (arms, message) => {
    const ruleset = await rulesetOf(`ruleset R { order d { ${arms} }  scale lr { else => 0.5 ^ (d.max - d) } }`);
    const { problems } = resolveRules([ruleset], [{ name: "x.w", shape: [2, 3] }], { hypers: { lr: 1 } });
    expect(problems[0]).toMatchObject({ code: "rule-error", message: expect.stringContaining(message) });
  });

  it("a tied tensor with two places is an error that shows both", () => {
    const model = [...swinModel([2, 2]), { name: "layers.0.blocks.0.tied", aliases: ["layers.1.blocks.1.tied"], shape: [2], layer: 0 }];
    expect(table(swin, model).problems).toMatchObject([
      { code: "tied-tensor", message: expect.stringMatching(/`order depth`.*layers\.0\.blocks\.0\.tied.*layers\.1\.blocks\.1\.tied/) },
    ]);
  });

  it("an arm that matches nothing is an error with the nearest name, unless it is `optional` or waived", async () => {
    const model = swinModel([2, 2]);
    const misspelled = await rulesetOf(swinText.replace("^patch_embed", "^patch_embedd"));
    expect(table(misspelled, model).problems).toMatchObject([
      {
        code: "matches-nothing",
        severity: "error",
        arm: { line: 7, text: '"^patch_embedd" => 0' },
        message: 'line 7 of `order depth` matches no parameter: "^patch_embedd" => 0',
        help: "the nearest names are `patch_embed.proj.weight`",
      },
    ]);
    expect(table(misspelled, model, { allow: ["matches-nothing"] }).problems).toMatchObject([
      { code: "matches-nothing", severity: "warning" },
    ]);
    const optional = await rulesetOf(swinText.replace('"^patch_embed"', 'optional "^patch_embedd"'));
    expect(table(optional, model).problems).toEqual([]);
    const shadowed = await rulesetOf(swinText.replace('"^norm" ', '"head" => 2  rank == 2 and "fc" => 3  "^norm" '));
    expect(table(shadowed, model).problems).toMatchObject([
      { code: "never-decides", severity: "hint", arm: { text: 'rank == 2 and "fc" => 3' } },
    ]);
  });

  it("a hyper in an order is fixed", async () => {
    const { fixedByConditions } = await rulesetOf(
      'ruleset R { hyper k = 3  order d { "a.{n}" and n < k => n   else => k }  scale lr { else => 0.5 ^ (d.max - d) } }',
    );
    expect(fixedByConditions).toEqual(["k"]);
  });
});
