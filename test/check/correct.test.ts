// A correct spec is never flagged, and what the checker lets through is lowered, planned and printed for every build without a fault.

import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Spec } from "../../src/compiler/check/spec.js";
import { compile } from "../../src/compiler/compile.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { makePlan } from "../../src/compiler/passes/make-plan.js";
import { correct } from "./correct.js";
import { checkText } from "./marked.js";

const examples = readdirSync("examples").filter((file) => file.endsWith(".opt"));
const texts: Readonly<Record<string, string>> = {
  ...correct,
  ...Object.fromEntries(examples.map((file) => [file, readFileSync(`examples/${file}`, "utf8")])),
};

/** Every build of a spec, but no more than this many. */
function builds(spec: Spec, most: number): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const { name, words } of spec.options)
    all = all.flatMap((build) => words.map((word) => ({ ...build, [name]: word }))).slice(0, most);
  return all;
}

describe.each(Object.entries(texts))("%s", (_, text) => {
  test("nothing is said about it", () => {
    expect(checkText(text).diagnostics.map((d) => `${d.code}: ${d.message}`)).toEqual([]);
  });
  test("every build is compiled", async () => {
    const { specs, source } = checkText(text);
    const wanted = new Map(specs.map((spec) => [spec.name, builds(spec, 16)]));
    const { optimizers } = await compile(source, { builds: wanted });
    expect(optimizers.map(({ plans }) => plans.length)).toEqual(specs.map((spec) => builds(spec, 16).length));
  });
});

/** Words, numbers, strings, signs and spaces of a text, one piece each. */
function pieces(text: string): string[] {
  return text.match(/"[^"\n]*"|[\p{L}_][\p{L}\p{N}_]*|[\d.]+(?:e-?\d+)?|\s+|<-|\|>|=>|[<>=!]=|./gu)!;
}

test("a text with pieces moved, dropped or exchanged is refused or compiled, never a fault", () => {
  const all = Object.values(texts).map(pieces);
  const edit = fc.record({ at: fc.nat(10_000), from: fc.nat(10_000), kind: fc.constantFrom("drop", "copy", "exchange") });
  fc.assert(
    fc.property(fc.nat(all.length - 1), fc.array(edit, { minLength: 1, maxLength: 6 }), (which, edits) => {
      const text = [...all[which]!];
      for (const { at, from, kind } of edits) {
        const place = at % text.length;
        const other = text[from % text.length]!;
        text.splice(place, kind === "copy" ? 0 : 1, ...(kind === "drop" ? [] : [other]));
      }
      const { specs, diagnostics } = checkText(text.join(""));
      if (specs.length === 0) expect(diagnostics.some((d) => d.severity === "error")).toBe(true);
      for (const spec of specs) for (const build of builds(spec, 4)) makePlan(lower(spec, build), build);
    }),
    { numRuns: 600 },
  );
});
