// The shipped library: every member parses, can be called, and stands in the reference.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createLibrary } from "../../src/compiler/check/library.js";
import { prelude } from "../../src/compiler/prelude/prelude.opt.js";
import { around, checkText } from "./marked.js";

const members = [...createLibrary()];
/** What the compiler calls by itself, or another member. */
const inner = ["floored_modulo", "both_or_neither", "half_wave", "sine", "sine_terms", "root_of_squares", "scaled_down"];
const reference = readFileSync(new URL("../../grammar/reference.md", import.meta.url), "utf8");

test("every line that begins a member is one", () => {
  expect(members.length).toBe([...prelude.matchAll(/^(fn|transform) /gm)].length);
});

test.each(members)("%s", (name, { decl }) => {
  const values: Readonly<Record<string, string>> = { p: "param", g: "grad" };
  const given = decl.params.map((param, i) => {
    const separator = i === 0 ? "" : param.half === decl.params[i - 1]!.half ? ", " : "; ";
    return separator + (i === 0 ? "grad" : (values[param.name.name] ?? "lr"));
  });
  if (name === "both_or_neither") return;
  expect(checkText(around(`u = ${name}(${given.join("")})  param <- param - u`)).diagnostics).toEqual([]);
  if (!inner.includes(name)) expect(reference).toMatch(new RegExp(`\\b${name}\\b`));
});
