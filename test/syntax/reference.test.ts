// The reference's samples of mistakes fail with the code that their fence names, and its right samples raise no warning either.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { check } from "../../src/compiler/check/check.js";
import { createReporter } from "../../src/compiler/diagnostics/report.js";
import { parse } from "../../src/compiler/syntax/parse.js";

const markdown = readFileSync(new URL("../../grammar/reference.md", import.meta.url), "utf8");
const samples = [...markdown.matchAll(/^```opt(?: error ([a-z-]+)| (parse))?\n([\s\S]*?)^```$/gm)].map(([, error, parseOnly, text]) => ({
  line: markdown.slice(0, markdown.indexOf(text!)).split("\n").length,
  expected: error === undefined ? [] : [error],
  checked: parseOnly === undefined,
  text: text!,
}));

test("no fence is overlooked", () => {
  expect(samples.length).toBe([...markdown.matchAll(/^```opt/gm)].length);
  expect(samples.filter((sample) => sample.expected.length > 0).length).toBeGreaterThan(2);
});

test.each(samples)("line $line", ({ text, expected, checked }) => {
  const source = { path: "reference.opt", text };
  const reporter = createReporter(source);
  const ast = parse(source, reporter);
  if (checked && !reporter.hasErrors) check(ast, reporter);
  expect(reporter.diagnostics.map((d) => d.code)).toEqual(expected);
});
