import { describe, expect, it } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import type { RulesetModule } from "../../src/contract/rules.js";
import { resolveRules } from "../../src/rules/resolve.js";

async function rulesets(text: string): Promise<RulesetModule[]> {
  const compiled = await compile({ path: "test.opt", text }, { targets: [] });
  expect(compiled.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return compiled.rulesets.map(({ ruleset }) => ruleset);
}

const list = (...names: string[]) => names.map((name) => ({ name, shape: [2, 3] }));
const layers = (...indices: number[]) => list(...indices.map((i) => `encoder.layers.${i}.attn.weight`));

async function problems(rules: string, params: { name: string; shape: number[] }[], hypers: Record<string, number> = {}) {
  return resolveRules(await rulesets(`ruleset R { ${rules} }`), params, { hypers: { lr: 1, ...hypers } }).problems.map(
    ({ severity, code, message }) => `${severity} ${code}: ${message}`,
  );
}

describe("indices", () => {
  const decay = 'scale lr { "layers.{n}" => 0.9 ^ n   else => 1 }';

  it("with gaps earn advice", async () => {
    expect(await problems(decay, layers(0, 1, 2))).toEqual([]);
    expect(await problems(decay, layers(2, 3, 4))).toEqual([]);
    expect(await problems(decay, layers(0, 1, 3, 7))).toEqual([
      "hint index-gap: line 1 of `rules scale lr` meets no parameter with n 2",
      "hint index-gap: line 1 of `rules scale lr` meets no parameter with n 4..6",
    ]);
  });

  it("that another arm decided are no gap", async () => {
    expect(await problems('scale lr { "layers.2" => 3   "layers.{n}" => 0.9 ^ n   else => 1 }', layers(0, 1, 2, 3))).toEqual([]);
  });
});

describe("coverage", () => {
  const spelled = 'scale lr { "layers.0" => 0.5   "layers.1" => 0.6   "layers.2" => 0.7   else => 1 }';

  it("is uneven where `else` decides what spelled numbers left over", async () => {
    expect(await problems(spelled, layers(0, 1, 2))).toEqual([]);
    expect(await problems(spelled, layers(0, 1, 2, 3))).toEqual([
      "warning uneven-coverage: `else` decides `encoder.layers.3.attn.weight`, while arms of their own decide `encoder.layers.0.attn.weight` and 2 more like it",
    ]);
  });

  it("is meant where a bound or a comparison says so, or where most are left over", async () => {
    expect(await problems('scale lr { "layers.{n: 0..2}" => 0.9 ^ n   else => 1 }', layers(0, 1, 2, 3))).toEqual([]);
    expect(await problems('freeze { "layers.{n}" and n < 3 => true   else => false }  scale lr { else => 1 }', layers(0, 1, 2, 3))).toEqual(
      [],
    );
    const few = list("embed.0.w", "embed.1.w", "embed.2.w", "embed.3.w");
    expect(await problems('scale lr { "embed.0" => 0.5   "embed.1" => 0.5   else => 1 }', few)).toEqual([]);
  });
});

describe("exponents", () => {
  it("are checked as they come out", async () => {
    const rules = (right: string) =>
      `hyper top = 4  order d { "layers.{n}" => n   else => 0 }  scale lr { "layers.{n}" => ${right}   else => d.max / 5 + top / 4 - 1 }`;
    expect(await problems(rules("0.9 ^ (top - n)"), layers(0, 1, 2, 3, 4), { top: 4 })).toEqual([]);
    expect(await problems(rules("0.9 ^ (top - n)"), layers(3, 4, 5, 6), { top: 4 })).toEqual([
      'error negative-exponent: an exponent is -1 for `encoder.layers.5.attn.weight`, by line 1: "layers.{n}" => 0.9 ^ (top - n) (and 1 more parameter like it)',
    ]);
    expect(await problems(rules("0.9 ^ (2 - d)"), layers(0, 1, 2, 3), { top: 4 })).toMatchObject([expect.stringContaining("-1")]);
    expect(await problems(rules("if n > top then 1 else 0.9 ^ (top - n)"), layers(3, 4, 5), { top: 4 })).toEqual([]);
  });
});

describe("rulesets together", () => {
  const resolve = async (text: string, hypers: Record<string, number>) =>
    resolveRules(await rulesets(text), layers(0, 1), { hypers }).problems.map(({ code, message, help }) => `${code}: ${message}; ${help}`);

  it("must find the hypers that they decide and read", async () => {
    const text = "ruleset R { set weight_decay { lr.ratio < 1 => 0   else => weight_decay } }";
    expect(await resolve(text, { lr: 1, weight_decays: 1 })).toEqual([
      "missing-hyper: R decides `weight_decay`, which is no hyper of this optimizer; did you mean `weight_decays`?",
    ]);
    expect(await resolve(text, { weight_decay: 1 })).toEqual([
      expect.stringContaining("missing-hyper: R reads `lr`, which is no hyper of this optimizer"),
    ]);
  });

  it("set a hyper once, unless one is marked `override`", async () => {
    const two = (mark: string) => `ruleset R { set wd { else => 2 } }  ruleset S { ${mark} set wd { else => 3 } }`;
    expect(await resolve(two(""), { wd: 1 })).toEqual([
      "set-twice: `wd` is set by two blocks, in R line 1 and in S line 1; mark one of them `override`",
    ]);
    expect(await resolve(two("override"), { wd: 1 })).toEqual([]);
  });

  it("make no cycle of ratios", async () => {
    const text = "ruleset R { scale lr { else => wd.ratio } }  ruleset S { scale wd { else => lr.ratio } }";
    expect(await resolve(text, { lr: 1, wd: 1 })).toEqual([expect.stringMatching(/^ratio-cycle: the ratio of `lr` depends on itself/)]);
  });
});
