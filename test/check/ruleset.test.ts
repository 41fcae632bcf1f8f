// Rulesets by themselves and in `optimizer B = A with R`: whose hypers they are, what is told where.

import { describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { checkText } from "./marked.js";

const base = `optimizer A {
  /// Learning rate.
  hyper lr = 1e-3 in [0, inf)
  hyper weight_decay = 0.01 in [0, 1]
  option nesterov = false
  state m = 0
  m <- 0.9 * m + grad
  param <- param - lr * ((if nesterov then grad + 0.9 * m else m) + weight_decay * param)
}
`;
const decay = `ruleset Decay {
  hyper layer_decay = 0.9 in (0, 1]
  hyper depth: int = 12 in [1, inf)
  fn at(id) = layer_decay ^ (depth - id)
  set embed = "*embed*"
  scale lr { "layers.{n}" => at(n)   embed => at(0)   else => 1 }
}
`;
const noDecay = "ruleset NoDecay { set weight_decay { rank <= 1 => 0   else => weight_decay } }\n";

const codes = (text: string) => checkText(text).diagnostics.map(({ code }) => code);
const specs = (text: string) => {
  const { specs: all, diagnostics } = checkText(text);
  expect(diagnostics.map(({ message }) => message)).toEqual([]);
  return new Map(all.map((spec) => [spec.name, spec]));
};

describe("a ruleset alone", () => {
  test("has hypers of its own and requires what it decides or reads by a form", () => {
    const { rulesets, diagnostics } = checkText(
      "ruleset R { hyper k = 0.5 in [0, 1]  scale lr { else => k }  set weight_decay { beta.ratio < 1 => 0   else => weight_decay } }",
    );
    expect(diagnostics).toEqual([]);
    expect(rulesets[0]!.hypers.map(({ name }) => name)).toEqual(["k"]);
    expect(rulesets[0]!.requires).toEqual(["lr", "weight_decay", "beta"]);
  });

  test("is told what it lacks", () => {
    expect(codes("ruleset R { scale lr { else => k } }")).toEqual(["unknown-name"]);
    expect(codes("ruleset R { hyper k = 1  scale lr { else => 2 } }")).toEqual(["unused-hyper"]);
    expect(codes("ruleset R { scale lr { else => 2 } }  ruleset r { scale lr { else => 2 } }")).toEqual(["optimizers-collide"]);
    expect(codes("ruleset R { fn f(x) = y  scale lr { else => 2 } }")).toEqual(["unknown-name"]);
  });

  test("may use its orders in functions, conditions and values, not outside of rules", () => {
    expect(
      codes(`ruleset R { hyper d = 0.5 in (0, 1]  order o { "a.{n}" => n   else => 0 }  fn at(k) = d ^ (o.max - k)
        scale lr { o < 2 => at(0)   else => at(o) }  freeze { else => o == 0 } }`),
    ).toEqual([]);
    expect(codes("ruleset R { order o { else => 0 }  order p { else => o }  scale lr { else => 0.5 ^ (p.max - o) } }")).toEqual([
      "not-visible-here",
    ]);
    expect(codes("ruleset R { order o { lr.ratio < 1 => 1   else => t }  scale lr { else => 0.5 ^ o } }")).toEqual([
      "not-visible-here",
      "not-visible-here",
    ]);
    expect(codes("ruleset R { order o { else => index }  scale lr { else => 0.5 ^ o } }")).toEqual(["not-visible-here"]);
    expect(codes("ruleset R { order o { else => 0 }  scale lr { else => o.min } }")).toEqual(["unknown-member"]);
    expect(codes('ruleset R { order o { "a.{n}" => 0 }  scale lr { else => o } }')).toEqual(["missing-else", "unused-capture"]);
    expect(codes('ruleset R { order o { "a" => 0   "a.b" => 1   else => 2 }  scale lr { else => o } }')).toEqual(["unreachable-arm"]);
  });
});

describe("optimizer B = A with R", () => {
  test("has A's text and hypers, R's hypers and rules, B's defaults", () => {
    const b = specs(
      `${base}${decay}${noDecay}optimizer B = A with Decay, NoDecay { hyper lr = 2e-3, layer_decay = 0.8  option nesterov = true }`,
    ).get("B")!;
    const defaults = b.hypers.map(({ name, value, range, doc }) => [name, value.kind === "literal" && value.value, range?.low, doc]);
    expect(defaults).toEqual([
      ["lr", 2e-3, 0, "Learning rate."],
      ["weight_decay", 0.01, 0, null],
      ["layer_decay", 0.8, 0, null],
      ["depth", 12, 1, null],
    ]);
    expect(b.options).toMatchObject([{ name: "nesterov", value: "true", kind: "boolean" }]);
    expect([b.rules, ...b.rulesets].map(({ name, blocks }) => [name, blocks.length])).toEqual([
      ["B", 0],
      ["Decay", 1],
      ["NoDecay", 1],
    ]);
    expect(b.rulesets[0]!.bounds).toEqual([{ capture: "n", hyper: "depth", block: 0, arm: 0 }]);
    expect(b.states.map(({ name }) => name)).toEqual(["m"]);
  });

  test("goes over several steps, and adds rules of its own", () => {
    const c = specs(`${base}${noDecay}optimizer C = B { rules scale lr { "head" => 10   else => 1 } }\noptimizer B = A with NoDecay`).get(
      "C",
    )!;
    expect([c.rules, ...c.rulesets].map(({ name, blocks }) => [name, blocks.length])).toEqual([
      ["C", 1],
      ["NoDecay", 1],
    ]);
  });

  test("rulesets do not see each other's names", () => {
    const other = decay.replaceAll("Decay", "Other").replace("scale lr", "scale weight_decay");
    specs(`${base}${decay}${other}optimizer B = A with Decay, Other`);
  });

  test("what a ruleset may not do with this optimizer is told at the ruleset", () => {
    const told = (rules: string, optimizer = base) =>
      checkText(`${optimizer}ruleset R { ${rules} }\noptimizer B = A with R`).diagnostics.map(({ code }) => code);
    expect(told("scale rate { else => 2 }")).toEqual(["rule-for-unknown"]);
    expect(told("set weight_decay { else => 2 }")).toEqual(["rule-value-out-of-range"]);
    expect(
      told(
        "scale lr { else => 2 }",
        base
          .replace("state m = 0", "state m = 0\n  host state W: model = 0\n  W <- W + lr")
          .replace("0.9 * m + grad", "0.9 * m + grad * W"),
      ),
    ).toEqual(["rule-for-global"]);
    expect(codes(`${base}${noDecay}ruleset Two { set weight_decay { else => 0 } }\noptimizer B = A with NoDecay, Two`)).toEqual([
      "block-twice",
    ]);
    expect(codes(`${base}${noDecay}ruleset Two { override set weight_decay { else => 0 } }\noptimizer B = A with NoDecay, Two`)).toEqual(
      [],
    );
  });

  test("a mistake is told once, however many optimizers take it", () => {
    expect(codes(`${base}ruleset R { scale lr { else => x } }\noptimizer B = A with R\noptimizer C = A with R`)).toEqual(["unknown-name"]);
    expect(codes(`${base.replace("+ grad\n", "+ gradd\n")}${noDecay}optimizer B = A with NoDecay`)).toEqual(["unknown-name"]);
    expect(codes(`${base}ruleset R { scale lr { "a.{n}" => 2   else => 1 } }\noptimizer B = A with R`)).toEqual(["unused-capture"]);
  });

  test("every build is compiled, with the rulesets in the manifest", async () => {
    const { optimizers } = await compile({ path: "t.opt", text: `${base}${decay}optimizer B = A with Decay` });
    expect(optimizers.map(({ definition }) => definition.manifest.rulesets?.map(({ name }) => name))).toEqual([undefined, ["Decay"]]);
    const kernel = (name: string) =>
      optimizers.find((o) => o.name === name)!.files.find(({ path }) => path.endsWith("default.wat"))!.content;
    const body = (name: string) => String(kernel(name)).replace(/^;;.*\n/gm, "");
    expect(body("B")).toBe(body("A"));
  });
});
