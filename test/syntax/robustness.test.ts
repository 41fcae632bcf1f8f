// Whatever the text, the parser answers: with a tree and messages, never with an exception, and soon.

import fc from "fast-check";
import { expect, test } from "vitest";
import { read } from "./read.js";

const pieces = fc.constantFrom(
  ...[
    "optimizer A {",
    "}",
    "{",
    "(",
    ")",
    "[",
    "]",
    "=",
    "<-",
    "==",
    "=>",
    "->",
    "|>",
    "|",
    ",",
    ";",
    ":",
    ".",
    "+",
    "-",
    "*",
    "/",
    "^",
    "@",
    "%",
    "<",
  ],
  ...[
    "a",
    "m",
    "lr",
    "1",
    "1.",
    '"x"',
    '"',
    "'",
    "if",
    "then",
    "else",
    "and",
    "or",
    "not",
    "in",
    "when",
    "from",
    "with",
    "hold",
    "optional",
    "\n",
  ],
  ...[
    "hyper",
    "fixed",
    "option",
    "state",
    "host",
    "input",
    "rules",
    "scale",
    "set",
    "freeze",
    "use",
    "override",
    "order",
    "store",
    "schedule",
  ],
  ...[
    "entry",
    "step",
    "before",
    "after",
    "every",
    "repeat",
    "return",
    "fn",
    "transform",
    "ruleset",
    "max",
    "//",
    "///",
    "/*",
    "#",
    "$",
    "\u202E",
    "\0",
  ],
);

test("random sequences of words and signs", () => {
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), fc.constantFrom(" ", "", "\n"), (words, between) => {
      const text = words.join(between);
      const { ast, diagnostics } = read(text);
      expect(Array.isArray(ast.declarations)).toBe(true);
      for (const { span, message } of diagnostics) {
        expect(span.from).toBeGreaterThanOrEqual(0);
        expect(span.to).toBeGreaterThanOrEqual(span.from);
        expect(span.to).toBeLessThanOrEqual(text.length);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 600 },
  );
});

test("random texts", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      expect(Array.isArray(read(`optimizer A { ${text}`).ast.declarations)).toBe(true);
      expect(Array.isArray(read(text).ast.declarations)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

const codes = (text: string) => [...new Set(read(text).diagnostics.map((d) => d.code))];
const value = (text: string) => codes(`optimizer A { x = ${text} }`);
const many = 10_000;

test.each<[string, string]>([
  ["parentheses", `${"(".repeat(many)}1${")".repeat(many)}`],
  ["parentheses that never close", "(".repeat(many)],
  ["calls", `${"f(".repeat(many)}1${")".repeat(many)}`],
  ["indices", `${"a[".repeat(many)}1${"]".repeat(many)}`],
  ["conditions", `${"if a then 1 else ".repeat(many)}1`],
])("%s ten thousand deep", (_, text) => {
  expect(value(text)).toEqual(["syntax-too-deep"]);
});

test.each<[string, string]>([
  ["a sum", `1${" + 1".repeat(many)}`],
  ["minus signs", `${"- ".repeat(many)}1`],
  ["negations", `${"not ".repeat(many)}a`],
  ["pipes", `a${" |> f()".repeat(many)}`],
  ["members", `a${".T".repeat(many)}`],
])("%s of ten thousand", (_, text) => {
  expect(value(text)).toEqual(["expression-too-deep"]);
});

test("blocks and functions ten thousand deep", () => {
  expect(codes(`optimizer A { ${"if a { ".repeat(many)}${"}".repeat(many)} }`)).toEqual(["syntax-too-deep"]);
  expect(codes(`optimizer A { if a { } ${"else if a { }".repeat(many)} }`)).toEqual(["syntax-too-deep"]);
  expect(codes(`optimizer A { ${"fn f(x) { ".repeat(many)}`)).toEqual(["syntax-too-deep"]);
});

test("what people write is not too deep", () => {
  expect(value(`${"(".repeat(80)}1${")".repeat(80)}`)).toEqual([]);
  expect(value(`1${" + a * 2".repeat(200)}`)).toEqual([]);
  expect(value(`${"if a then 1 else ".repeat(80)}1`)).toEqual([]);
});

test("after a hundred mistakes the rest is left", () => {
  const { diagnostics } = read(`optimizer A {\n${"x = + *\n".repeat(10_000)}}`);
  expect(diagnostics.length).toBe(101);
  expect(diagnostics.at(-1)?.code).toBe("too-many-errors");
  expect(read(`optimizer A {\nx = *\n${"x = 1 < 2 < 3\n".repeat(10_000)}}`).diagnostics.length).toBe(101);
});

test("long texts", () => {
  const long = 50_000;
  for (const text of ["(", "}", "{", "\\", '"', "a", "1", "/*", "#", "<-", "=", ".", "\u202E"])
    expect(codes(text.repeat(long))).not.toEqual([]);
  expect(codes("optimizer A { x = 1 }\n".repeat(5_000))).toEqual([]);
});
