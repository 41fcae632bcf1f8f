// Characters, numbers and strings.

import { expect, test } from "vitest";
import { itemsOf, read, reported } from "./read.js";

const inBody = (text: string) => reported(`optimizer A {\n${text}\n}`);

test.each(["α", "β1", "ε", "λ_2", "Δ", "Σx", "ω", "_", "__proto__", "constructor", "x9"])("%s is a name", (name) => {
  expect(itemsOf(`${name} = 1`)).toMatchObject([{ statement: { target: { name } } }]);
});

test.each([
  ["\u202E", "right-to-left override"],
  ["\u2066", "isolate"],
  ["\u200B", "zero-width space"],
  ["\u200D", "zero-width joiner"],
  ["\u0410", "Cyrillic A"],
  ["\u0391", "Greek capital Alpha, which looks like A"],
  ["\u03BF", "Greek omicron, which looks like o"],
  ["\uFF21", "fullwidth A"],
  ["\u00E9", "e with an accent"],
  ["\u{1D6FD}", "mathematical beta"],
  ["\uD800", "half of a pair"],
])("%j in a name is an error that names it (%s)", (character) => {
  const { diagnostics } = read(`optimizer A { l${character}r = 1 }`);
  expect(diagnostics.map((d) => d.code)).toEqual(["forbidden-character"]);
  const codePoint = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  expect(diagnostics[0]!.message).toContain(`U+${codePoint}`);
  expect(diagnostics[0]!.message).not.toContain(character);
  expect(diagnostics[0]!.span).toEqual({ from: 15, to: 15 + character.length });
});

test("invisible and bidirectional characters stand nowhere, also not in comments and strings; others may", () => {
  expect(inBody("x = 1 // ok: naïve 中文 🎉")).toEqual([]);
  expect(inBody('rules scale lr { "ü中🎉" => 2 else => 1 }')).toEqual([]);
  for (const bad of ["\u202E", "\u2067", "\u200E", "\u2028", "\u0007", "\u001B", "\u0085", "\u0000", "\uFEFF"]) {
    expect(inBody(`x = 1 // ${bad}`)).toEqual(["2:10 forbidden-character"]);
    expect(inBody(`/// ${bad}\nx = 1`)).toEqual(["2:5 forbidden-character"]);
    expect(inBody(`rules scale lr { "${bad}" => 2 else => 1 }`)).toEqual(["2:19 forbidden-character"]);
  }
  expect(inBody("x = 1\u00A0+ 2")).toEqual(["2:6 forbidden-character"]);
});

test("line ends of every kind are blanks", () => {
  expect(inBody("x = 1\r\ny =\r2 // a\r\nz = 3\t")).toEqual([]);
});

test.each([
  ["1", 1],
  ["0.5", 0.5],
  ["1e-8", 1e-8],
  ["2.5E+3", 2500],
  ["007", 7],
  ["1e999", Number.POSITIVE_INFINITY],
  ["2.220446049250313e-16", 2.220446049250313e-16],
])("%s is a number", (text, value) => {
  expect(itemsOf(`x = ${text}`)).toMatchObject([{ statement: { value: { kind: "number", text, value } } }]);
});

test.each(["1.", "1.e3", ".5", "1e", "2x", "0x10", "1_000", "1.2.3", "1..2"])("%s is one bad number", (text) => {
  expect(inBody(`x = ${text}\ny = 2`)).toEqual(["2:5 bad-number"]);
});

test.each([
  ['"a.b"', "a.b", "a.b"],
  [String.raw`"\"q\\ \n\t"`, '"q\\ \n\t', String.raw`\"q\\ \n\t`],
  [String.raw`"\u{3B2}\u{1F389}"`, "β🎉", String.raw`\u{3B2}\u{1F389}`],
  [String.raw`"\*\{\d"`, String.raw`\*\{\d`, String.raw`\*\{\d`],
  ['"// no comment"', "// no comment", "// no comment"],
])("the string %s", (text, value, raw) => {
  expect(itemsOf(`set s = ${text}`)).toMatchObject([{ condition: { kind: "string", value, raw } }]);
});

test.each([
  ['"abc', ["2:9 unclosed-string"]],
  ['"abc\\"', ["2:9 unclosed-string"]],
  ['"', ["2:9 unclosed-string"]],
  ["'abc'", ["2:9 string-quotes"]],
  ["“abc”", ["2:9 string-quotes"]],
  [String.raw`"a\u{}"`, ["2:11 bad-escape"]],
  [String.raw`"\u12"`, ["2:10 bad-escape"]],
  [String.raw`"\u{D800}"`, ["2:10 bad-escape"]],
])("%s", (text, expected) => {
  expect(inBody(`set s = ${text}\ny = 2`)).toEqual(expected);
});

test("a bare number behind `//` reads like a division and is a warning; a remark is not", () => {
  expect(inBody("x = b // 3")).toEqual(["2:7 maybe-lost-to-comment"]);
  expect(read("optimizer A { x = b // 3\n}").diagnostics[0]).toMatchObject({
    severity: "warning",
    help: expect.stringContaining("floor(b / 3)"),
  });
  expect(inBody("x = b // 3 of them\ny = b   // 3\nz = { } // 3".replace("z = { } // 3", "if a { } // 3"))).toEqual([]);
});
