// Source beside rendered frame. The marks must stand under what they mark, and nothing of a source may reach a terminal raw.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/compiler/diagnostics/diagnostic.js";
import { renderGithub, renderJson, renderPretty } from "../../src/compiler/diagnostics/render.js";
import { read } from "../syntax/read.js";

function at(text: string, marked: string, more: Partial<Diagnostic> = {}): Diagnostic {
  const from = text.indexOf(marked);
  return {
    code: "a-code",
    severity: "error",
    message: "what is wrong",
    source: { path: "a.opt", text },
    span: { from, to: from + marked.length },
    ...more,
  };
}

const plain = (diagnostic: Diagnostic, width = 100) => renderPretty([diagnostic], { color: false, width });

describe("a page", () => {
  test("message, place, excerpt, help", () => {
    const text = "optimizer A {\n  param <- param - lrr * grad\n}\n";
    expect(plain(at(text, "lrr", { caption: "not declared", help: "did you mean `lr`?" }))).toBe(`error[a-code]: what is wrong
 --> a.opt:2:20
  |
2 |   param <- param - lrr * grad
  |                    ^^^ not declared
  = help: did you mean \`lr\`?
`);
  });

  test("labels on other lines, in the order of the text, with a gap where lines are left out", () => {
    const text = `${"a = 1\n".repeat(8)}b = 2\nc = 3\nd = b`;
    const label = (marked: string, words: string) => ({ span: at(text, marked).span, text: words });
    expect(
      plain(at(text, "d", { severity: "warning", labels: [label("b = 2", "here"), label("c = 3", "and here")] })),
    ).toBe(`warning[a-code]: what is wrong
  --> a.opt:11:1
   |
 9 | b = 2
   | ----- here
10 | c = 3
   | ----- and here
11 | d = b
   | ^
`);
    expect(plain(at(text, "d", { labels: [label("a", "far above")] }))).toBe(`error[a-code]: what is wrong
  --> a.opt:11:1
   |
 1 | a = 1
   | - far above
  ...
11 | d = b
   | ^
`);
  });

  test("what the parser says, as it is read", () => {
    const { diagnostics } = read("optimizer A {\n  if 0 < t < 10 {\n    x = (a +\n  }\n}\n");
    expect(renderPretty(diagnostics, { color: false })).toBe(`error[chained-comparison]: comparisons do not chain
 --> test.opt:2:6
  |
2 |   if 0 < t < 10 {
  |      ^^^^^^^^^^
  = help: write \`0 < t and t < 10\`

error[missing-expression]: an expression is missing after \`+\`
 --> test.opt:3:13
  |
3 |     x = (a +
  |             ^ here
`);
  });

  test("at the end of the text, in an empty text, over several lines", () => {
    expect(plain({ ...at("ab", "b"), span: { from: 2, to: 2 } })).toContain("1 | ab\n  |   ^\n");
    expect(plain({ ...at("", ""), span: { from: 0, to: 0 } })).toContain("a.opt:1:1\n  |\n1 |\n  | ^\n");
    expect(plain({ ...at("ab", "b"), span: { from: 7, to: 9 } })).toContain("a.opt:1:3");
    expect(plain(at("x = (\r\n  1 +\r\n  2)", "(\r\n  1 +\r\n  2)"))).toContain("1 | x = (\n  |     ^\n");
  });
});

/** The text that stands above the marks of the main span. */
function underlined(page: string): string {
  const lines = page.split("\n");
  const marks = lines.findIndex((line) => /^ *\| +\^|^ *\| \^/.test(line));
  const from = lines[marks]!.indexOf("^");
  return lines[marks - 1]!.slice(from, lines[marks]!.lastIndexOf("^") + 1);
}

describe("marks", () => {
  test.each([
    ["\t\tx = lr\t+ 1", "lr"],
    ["a\tb\tlr", "lr"],
    ["x = \u202Elr", "lr"],
    ["\u001B[31mlr", "lr"],
    ["e\u0301 lr", "lr"],
  ])("%j marks %s", (text, marked) => {
    const found = underlined(plain(at(text, marked)).normalize("NFC"));
    expect(found).toBe(marked);
  });

  test("wide characters take two columns", () => {
    expect(plain(at("// 中文 lr", "lr"))).toContain(`1 | // 中文 lr\n  | ${" ".repeat(8)}^^\n`);
    expect(plain(at("// 🎉 lr", "🎉"))).toContain(`  | ${" ".repeat(3)}^^\n`);
  });

  test("a long line is cut around the mark", () => {
    const text = `${"a + ".repeat(5000)}wrong${" + b".repeat(5000)}`;
    const page = plain(at(text, "wrong"), 60);
    expect(underlined(page)).toBe("wrong");
    for (const line of page.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
    expect(page).toMatch(/1 \| ….* \+ wrong \+ .*…\n/);
    expect(underlined(plain(at(text, "a + ".repeat(5000)), 60)).length).toBeGreaterThan(10);
  });

  test("wherever the mark is, it is whole or cut, and the line fits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 60, max: 120 }),
        (before, length, width) => {
          const page = plain(at(`${"-".repeat(before)}${"x".repeat(length)}${"-".repeat(200)}`, "x".repeat(length)), width);
          expect(underlined(page)).toBe("x".repeat(length));
          for (const line of page.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

const hostile = "\u001B]0;title\u0007\u001B[2J\u202E\u2066\u200B\u009B31m\r\n\0\uFEFF";

describe("nothing raw", () => {
  const diagnostic = (): Diagnostic => ({
    ...at(`x = ${hostile} lr`, "lr"),
    message: `a ${hostile}`,
    caption: hostile,
    help: hostile,
    labels: [{ span: { from: 4, to: 8 }, text: hostile }],
    source: { path: `p${hostile}.opt`, text: `x = ${hostile} lr` },
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
  const raw = /[\x00-\x09\x0B-\x1F\x7F-\x9F\u200B\u202A-\u202E\u2066-\u2069\uFEFF]/;

  test("on a terminal, in JSON, in a workflow", () => {
    expect(renderPretty([diagnostic()], { color: false })).not.toMatch(raw);
    expect(renderPretty([diagnostic()], { color: true }).replaceAll("\u001B[", "")).not.toMatch(raw);
    expect(renderJson([diagnostic()])).not.toMatch(raw);
    expect(renderGithub([diagnostic()])).not.toMatch(raw);
    expect(renderPretty([diagnostic()], { color: false })).toContain("<U+202E>");
  });

  test("whatever the text and the span", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.nat(60), fc.nat(60), (text, from, length) => {
        const one = { ...at("", ""), source: { path: "a", text }, span: { from, to: from + length } };
        expect(renderPretty([one], { color: false })).not.toMatch(raw);
        expect(renderPretty([one], { color: false }).split("\n").length).toBe(6);
      }),
      { numRuns: 500 },
    );
  });
});

test("colour is there on request only", () => {
  const one = at("x = lr", "lr");
  expect(renderPretty([one], { color: true })).toContain("\u001B[31m");
  expect(renderPretty([one], { color: false })).not.toContain("\u001B");
});

test("JSON gives code, places from 1, and what there is", () => {
  const text = "a\nb = lr";
  expect(JSON.parse(renderJson([at(text, "lr", { help: "h\u2028", labels: [{ span: { from: 0, to: 1 }, text: "l" }] })]))).toEqual([
    {
      code: "a-code",
      severity: "error",
      message: "what is wrong",
      path: "a.opt",
      start: { line: 2, column: 5, offset: 6 },
      end: { line: 2, column: 7, offset: 8 },
      help: "h\u2028",
      labels: [{ text: "l", start: { line: 1, column: 1, offset: 0 }, end: { line: 1, column: 2, offset: 1 } }],
    },
  ]);
  expect(renderJson([])).toBe("[]\n");
});

test("workflow commands escape what would end or forge one", () => {
  const text = "x = lr";
  const one = at(text, "lr", { severity: "hint", message: "50% of\n::error::x", help: "a, b: c", source: { path: "a,b:c%.opt", text } });
  expect(renderGithub([one])).toBe(
    "::notice file=a%2Cb%3Ac%25.opt,line=1,col=5,endLine=1,endColumn=7,title=a-code::50%25 of ::error::x%0Aa, b: c\n",
  );
  expect(renderGithub([one, one]).split("\n").length).toBe(3);
});
