import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMatcher } from "../../src/rules/match.js";
import { nameSegments, wrapperSegments } from "../../src/rules/names.js";
import { parsePattern } from "../../src/rules/pattern.js";
import { resolveRules } from "../../src/rules/resolve.js";
import { ruleSet } from "./build.js";
import { pattern } from "./pattern.js";
import { slowMatch } from "./slow-match.js";

type Captured = Record<string, number | string>;
const cases: readonly (readonly [topic: string, pattern: string, name: string, expected: "error" | Captured | null, why: string])[] =
  JSON.parse(readFileSync(new URL("../fixtures/rules/adversarial.json", import.meta.url), "utf8"));

function captured(text: string, name: string): Captured | null {
  const captures = createMatcher(pattern(text)).match(nameSegments(name));
  return captures && Object.fromEntries(captures);
}

describe("names and patterns that tell matchers apart", () => {
  it("are all here", () => expect(cases.length).toBe(129));

  it.each(cases)("%s: %j on %j", (_topic, text, name, expected) => {
    if (expected === "error") expect(parsePattern(text)).toHaveProperty("problem");
    else expect(captured(text, name)).toEqual(expected);
  });
});

it("a pattern longer than any name is told so, and not compiled", () => {
  expect(parsePattern("a.".repeat(1_000).slice(0, -1))).toHaveProperty("pattern");
  expect(parsePattern("a.".repeat(300_000))).toMatchObject({ problem: { message: expect.stringContaining("600000 characters") } });
});

describe("captures", () => {
  it.each([
    ["*_{w: word}", "a_b_c", { w: "b_c" }],
    ["{w: word}_*", "a_b_c", { w: "a_b" }],
    ["{w: word}*", "abc", { w: "abc" }],
    ["*{n}*", "a12b3", { n: 12 }],
    ["*{n: 0..11}*", "a12b3", { n: 3 }],
    ["1{n}", "12", null],
    ["{a}.**.{b}.**.{c}$", "1.2.3.4", { a: 1, b: 2, c: 4 }],
    ["**.{a}.x", "1.y.2.x", { a: 2 }],
    ["(a|ab)*{w: word}", "abc", { w: "bc" }],
    ["x.{n}.**", "x.1.x.2", { n: 1 }],
    ["^**.x$", "x.a.x", {}],
    ["^{n: 5..9}", "layers.7", null],
    ["{w: word}", "𝛽", { w: "𝛽" }],
  ])("%j on %j", (text, name, expected) => expect(captured(text, name)).toEqual(expected));
});

describe("wrapper segments", () => {
  const wrappers = [
    "module",
    "_forward_module",
    "_layers",
    "_ddp_module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
    "_fpw_module",
  ];

  it("in front of a name change nothing", () => {
    fc.assert(
      fc.property(anyName, anyPattern, fc.array(fc.constantFrom(...wrappers), { maxLength: 3 }), (name, text, prefix) => {
        const parsed = parsePattern(text);
        if ("problem" in parsed) return;
        const matcher = createMatcher(parsed.pattern);
        const wrapped = [...prefix, name].join(".");
        expect(matcher.match(nameSegments(wrapped))).toEqual(matcher.match(nameSegments(name)));
        expect(wrapperSegments(wrapped)).toEqual(prefix);
      }),
    );
  });

  it("stay where they end the name, and `module` in the middle", () => {
    expect(nameSegments("module._orig_mod")).toEqual(["_orig_mod"]);
    expect(nameSegments("module.module")).toEqual(["module"]);
    expect(nameSegments("a.module._orig_mod.w")).toEqual(["a", "module", "w"]);
    expect(nameSegments("base_model.model.w")).toEqual(["base_model", "model", "w"]);
  });
});

const anyPart = fc.constantFrom(
  "a",
  "b",
  "ab",
  "*",
  "*",
  "?",
  "(a|b)",
  "(ab|a|)",
  "((a|1)b|*)",
  "{n}",
  "{m: 0..11}",
  "{w: word}",
  "1",
  "12",
  "_",
);
const anySegment = fc.oneof(
  { weight: 6, arbitrary: fc.array(anyPart, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.constant("**") },
);
const anyPattern = fc
  .tuple(fc.boolean(), fc.array(anySegment, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([start, segments, end]) => (start ? "^" : "") + segments.join(".") + (end ? "$" : ""));
const anyName = fc
  .array(
    fc.array(fc.constantFrom("a", "b", "1", "2", "_", "ab", "12", "𝛽"), { maxLength: 5 }).map((letters) => letters.join("")),
    { minLength: 1, maxLength: 5 },
  )
  .map((segments) => segments.join("."));

/** Numbers from a seed, so that a failure can be told again. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PARTS = ["a", "b", "ab", "*", "*", "?", "(a|b)", "(ab|a|)", "((a|1)b|*)", "{n}", "{m: 0..11}", "{w: word}", "1", "12", "_"];
const LETTERS = ["a", "b", "1", "2", "_", "ab", "12", "𝛽"];

describe("against a matcher that tries everything", () => {
  /** OPTSPEC_PAIRS=20000000 looks longer. */
  const pairs = Number(process.env.OPTSPEC_PAIRS ?? 1_000_000);
  const NAMES = 100;

  it(`answers alike on ${pairs} pairs of patterns and names, captures included`, { timeout: pairs / 10 }, () => {
    const below = random(Number(process.env.OPTSPEC_SEED ?? 1));
    const some = (least: number, most: number, make: () => string) => Array.from({ length: least + below(most - least + 1) }, make);
    const segment = () => (below(7) === 0 ? "**" : some(1, 4, () => PARTS[below(PARTS.length)]!).join(""));
    let [tried, matched] = [0, 0];
    while (tried < pairs) {
      const text = (below(2) === 0 ? "^" : "") + some(1, 4, segment).join(".") + (below(2) === 0 ? "$" : "");
      const parsed = parsePattern(text);
      if ("problem" in parsed) continue;
      const matcher = createMatcher(parsed.pattern);
      for (let i = 0; i < NAMES; i++, tried++) {
        const segments = some(1, 4, () => some(0, 3, () => LETTERS[below(LETTERS.length)]!).join(""));
        const captures = matcher.match(segments);
        const slow = slowMatch(parsed.pattern, segments);
        if (captures) matched++;
        const same = captures === null ? slow === null : slow !== null && sameCaptures(captures, slow);
        if (!same) expect(captures && Object.fromEntries(captures), `${text} on ${segments.join(".")}`).toEqual(slow);
        if (captures && !matcher.possible(segments.join("."))) expect.fail(`${text} is thought impossible on ${segments.join(".")}`);
      }
    }
    expect(matched).toBeGreaterThan(pairs / 20);
  });

  it("chooses the arm that trying all of them in order chooses, whatever its index of segments leaves out", () => {
    const below = random(2);
    const words = ["a", "b", "layers", "1", "2", "module", "_orig_mod"];
    const arm = () => Array.from({ length: 1 + below(3) }, () => ["a", "b", "layers", "{n}", "*", "**", "(a|b)"][below(7)]!).join(".");
    let decided = 0;
    for (let run = 0; run < 2_000; run++) {
      const texts = Array.from({ length: 6 }, arm).filter((text) => !("problem" in parsePattern(text)));
      const set = ruleSet([{ verb: "scale", hyper: "lr", arms: [...texts.map((text, i) => [text, i + 1] as const), ["else", 0]] }]);
      const names = [
        ...new Set(Array.from({ length: 8 }, () => Array.from({ length: 1 + below(4) }, () => words[below(words.length)]!).join("."))),
      ];
      const { params } = resolveRules(
        [set],
        names.map((name) => ({ name, shape: [] })),
        { hypers: { lr: 1 } },
      );
      for (const { name, decisions } of params) {
        const first = texts.findIndex((text) => slowMatch(pattern(text), nameSegments(name)) !== null);
        expect(decisions[0]!.arm, `${name} by ${texts.join(" | ")}`).toBe(first === -1 ? texts.length : first);
        if (first !== -1) decided++;
      }
    }
    expect(decided).toBeGreaterThan(5_000);
  });
});

function sameCaptures(captures: ReadonlyMap<string, number | string>, slow: Readonly<Record<string, number | string>>): boolean {
  const names = Object.keys(slow);
  return names.length === captures.size && names.every((name) => captures.get(name) === slow[name]);
}

describe("time is linear in name times pattern", () => {
  function steps(text: string, name: string): number {
    const meter = { steps: 0 };
    createMatcher(pattern(text), meter).match(nameSegments(name));
    return meter.steps;
  }
  const cells = (text: string, name: string) => (text.length * 4 + 4) * (name.length + 2);

  it.each([
    ["*a*a*a*a*a*b", "a".repeat(200)],
    ["*a*a*a*a*a*?b?", "a".repeat(10_000)],
    [`${"*a".repeat(300)}{n}`, "a".repeat(3_000)],
    [`${"(a|aa)".repeat(40)}b?`, "a".repeat(2_000)],
    ["*(a|b)*(a|b)*(a|b)*{n}*x?", "ab".repeat(5_000)],
    ["{w: word}_*_*_*_*_{n}", "_".repeat(5_000)],
    ["*.*.*.**.*.*.**.*.x", "a.".repeat(5_000)],
    [`${"**.a.".repeat(1_000)}b`, "a.".repeat(5_000)],
  ])("%j", (text, name) => expect(steps(text, name)).toBeLessThanOrEqual(cells(text, name)));

  it("doubles with the name", () => {
    const text = "*a*a*a*a*a*(b|c)";
    expect(steps(text, "a".repeat(4_000)) / steps(text, "a".repeat(2_000))).toBeCloseTo(2, 1);
  });

  it("answers hostile names and patterns", () => {
    expect(createMatcher(pattern("*a".repeat(4_000))).match(["a".repeat(10_000)])).not.toBeNull();
    expect(createMatcher(pattern(`${"*a".repeat(4_000)}*(b|c)`)).match(["a".repeat(10_000)])).toBeNull();
    expect(createMatcher(pattern(`${"**.x.".repeat(4_000)}y`)).match(nameSegments("x.".repeat(5_000)))).toBeNull();
    expect(createMatcher(pattern("{n}")).match(["9".repeat(10_000)])).toBeNull();
    expect(
      createMatcher(pattern("{w: word}"))
        .match(["9".repeat(200_000)])
        ?.get("w"),
    ).toHaveLength(200_000);
  });
});
