// Every sample of the documents is a spec without errors, as it stands and joined into one line. A fence that says `opt parse` holds what
// the grammar knows and the compiler does not build yet: it must parse.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { check } from "../src/compiler/check/check.js";
import { createReporter } from "../src/compiler/diagnostics/report.js";
import { parse } from "../src/compiler/syntax/parse.js";

const DOCUMENTS = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "grammar/reference.md",
  "docs/low-precision.md",
  "docs/rules.md",
  "docs/schedules.md",
];

interface Sample {
  readonly place: string;
  readonly mode: "check" | "parse";
  readonly text: string;
}

function samplesOf(document: string, markdown: string): Sample[] {
  return [...markdown.matchAll(/^```opt( parse)?\n([\s\S]*?)^```$/gm)].map(({ index, 1: parseOnly, 2: text }) => ({
    place: `${document}:${markdown.slice(0, index).split("\n").length + 1}`,
    mode: parseOnly === undefined ? "check" : "parse",
    text: text!,
  }));
}

/** Without comments, line ends as blanks. */
function joined(text: string): string {
  return text.replace(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*/g, (found) => (found.startsWith("/") ? "" : found)).replaceAll("\n", " ");
}

/** The errors of a text, as "line: message". */
function errorsOf(text: string, mode: Sample["mode"]): string[] {
  const reporter = createReporter({ path: "sample.opt", text });
  const ast = parse({ path: "sample.opt", text }, reporter);
  if (mode === "check" && !reporter.hasErrors) check(ast, reporter);
  const errors = reporter.diagnostics.filter(({ severity }) => severity === "error");
  return errors.map(({ message, span }) => `${text.slice(0, span.from).split("\n").length}: ${message}`);
}

const documents = DOCUMENTS.filter((document) => existsSync(fileURLToPath(new URL(`../${document}`, import.meta.url))));
const samples = documents.flatMap((document) => samplesOf(document, readFileSync(new URL(`../${document}`, import.meta.url), "utf8")));

test("the documents are there and have samples", () => {
  expect(documents).toEqual(DOCUMENTS);
  for (const document of ["README.md", "grammar/reference.md"])
    expect(samples.some(({ place }) => place.startsWith(`${document}:`))).toBe(true);
});

test.each(samples)("$place", ({ text, mode }) => {
  expect(errorsOf(text, mode)).toEqual([]);
  expect(errorsOf(joined(text), mode)).toEqual([]);
});

test("a wrong sample would be seen, and where it stands", () => {
  const [sample] = samplesOf("x.md", "words\n\n```opt\noptimizer A {\n  param <- param - lr * grad\n}\n```\n");
  expect(sample).toMatchObject({ place: "x.md:4", mode: "check" });
  expect(errorsOf(sample!.text, sample!.mode)).toEqual([expect.stringMatching(/^2: .*lr/)]);
  expect(joined('a "//" // b\nc')).toBe('a "//"  c');
});
