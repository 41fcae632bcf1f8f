// What the parser of patterns has to say: where, and the way out. Hints are for what only looks like another language's pattern.

import { describe, expect, it } from "vitest";
import { parsePattern } from "../../src/rules/pattern.js";

/** `«` and `»` mark the place of the note. */
function place(marked: string): { text: string; from: number; to: number } {
  const from = marked.indexOf("«");
  const to = marked.indexOf("»") - 1;
  return { text: marked.replace(/[«»]/g, ""), from, to };
}

describe("mistakes", () => {
  it.each([
    ["«»", /is empty/, /`else` matches every parameter/],
    ["«^$»", /has no segment/, /else/],
    ["encoder.layers«.»", /ends in an empty segment/, /leave the separator out/],
    ["«.»bias", /an empty segment/, /leave the separator out/],
    ["a«..»b", /an empty segment/, /one whole segment/],
    ["«.*»", /`\.` separates segments/, /any text is `\*`; any number of segments is `\*\*`/],
    ["^«.*»norm", /`\.` separates segments/, /any text is `\*`/],
    ["«**»", /alone matches every name/, /write `else`/],
    ["«**.**»", /alone matches every name/, /write `else`/],
    ["a«**»", /stands alone between separators/, /inside a segment `\*` is any text/],
    ["a«|»b", /stands between parentheses/, /is the character/],
    ["a«)»", /without its `\(`/, /is the character/],
    ["«(»a", /has no `\)`/, /is the character/],
    ["«()»", /holds nothing/, /are the characters/],
    ["(a«.»b|c)", /inside one segment/, /join them by `or`/],
    ["a«^»", /only at the start/, /is the character/],
    ["a«$»b", /only at the end/, /is the character/],
    ["«{0..3}»", /is no capture/, /`\{n: 0\.\.11\}`/],
    ["«{n»", /is no capture/, /its name starts with a letter/],
    ["(«{n}»|a)", /unbound in the other alternative/, /one arm for each alternative/],
    ["{a}«{b}»", /touches/, /put the text between them/],
    ["{n}.«{n}»", /stands twice/, /compare them/],
    ["«{n: 5..2}»", /no number is in 5\.\.2/, /write \{n: 2\.\.5\}/],
    ["«{n: 0..99999999999999999}»", /at most 2\^53 - 1/, null],
    ["a«\\»", /makes nothing plain/, /is the character/],
  ])("%s", (marked, message, help) => {
    const { text, from, to } = place(marked);
    const parsed = parsePattern(text);
    if (!("problem" in parsed)) throw new Error("no problem found");
    expect(parsed.problem).toMatchObject({ from, to, message: expect.stringMatching(message) });
    if (help !== null) expect(parsed.problem.help).toMatch(help);
  });
});

describe("habits of regular expressions", () => {
  it.each([
    ["layers.«\\d»+", /letter d, not a class/, /digits are `\{n\}`/],
    ["«\\w»*", /letter w/, /any text is `\*`/],
    ["encoder«\\.»layer", /never matches: names are split there/, /write `\.`/],
    ["layer«[0-9]»", /plain characters/, /digits are `\{n\}`/],
    ["a«[a-z]»", /plain characters/, /`\?` is one character/],
    ["x*«+»", /`\+` is a plain character/, /any text is `\*`/],
    ["«(?:»a|b)", /one character and a colon/, /captures nothing anyway/],
  ])("%s", (marked, message, help) => {
    const { text, from, to } = place(marked);
    const parsed = parsePattern(text);
    if ("problem" in parsed) throw new Error(parsed.problem.message);
    expect(parsed.hints[0]).toMatchObject({ from, to, message: expect.stringMatching(message), help: expect.stringMatching(help) });
  });

  it.each(["layers.{n}.w", "a[0]", "x+y", "\\*\\?\\(\\)", "(a|b|)", "**.norm?", "^blocks.{s}.{b: 0..3}$", "β.𝛽"])("%s is none", (text) => {
    expect(parsePattern(text)).toMatchObject({ hints: [] });
  });
});
