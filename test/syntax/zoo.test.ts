// Published optimizers in the language: every text is read, as it stands and joined into one line, as the same tree.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bare, joined, read } from "./read.js";

const drafts = JSON.parse(readFileSync(new URL("../fixtures/zoo-drafts.json", import.meta.url), "utf8")) as Record<string, string>;
const examples = new URL("../../examples/", import.meta.url);
const texts: [string, string][] = [
  ...Object.entries(drafts),
  ...readdirSync(examples)
    .filter((name) => name.endsWith(".opt"))
    .map((name): [string, string] => [name, readFileSync(new URL(name, examples), "utf8")]),
];

test("there are many", () => {
  expect(texts.length).toBeGreaterThan(90);
});

test.each(texts)("%s", (_, text) => {
  const one = read(text);
  const other = read(joined(text));
  expect(one.diagnostics.map((d) => d.message)).toEqual([]);
  expect(other.diagnostics.map((d) => d.message)).toEqual([]);
  expect(one.ast.declarations.length).toBe([...text.matchAll(/^(?:optimizer|fn|transform) /gm)].length);
  expect(bare(other.ast)).toEqual(bare(one.ast));
});

/** Every node of a tree that has a place. */
function* nodes(value: unknown): Generator<{ span: { from: number; to: number } }> {
  if (Array.isArray(value)) for (const inner of value) yield* nodes(inner);
  else if (value !== null && typeof value === "object") {
    if ("span" in value) yield value as { span: { from: number; to: number } };
    for (const [key, inner] of Object.entries(value)) if (key !== "source") yield* nodes(inner);
  }
}

test("every node has its place, and a name's place holds the name", () => {
  for (const [name, text] of texts) {
    for (const node of nodes(read(text).ast.declarations)) {
      expect(node.span.from, name).toBeGreaterThanOrEqual(0);
      expect(node.span.to, name).toBeGreaterThan(node.span.from);
      expect(node.span.to, name).toBeLessThanOrEqual(text.length);
      if ("name" in node && typeof node.name === "string" && !("kind" in node && node.kind !== "name")) {
        expect(text.slice(node.span.from, node.span.to).replace(/^\(+\s*|\s*\)+$/g, "")).toBe(node.name);
      }
    }
  }
});
