// Two claims that the checker makes about pairs of patterns, held to a matcher that tries everything: what one covers the other never
// loses, and a name that is shown for a crossing is matched by both.

import fc from "fast-check";
import { expect, test } from "vitest";
import { patternCovers } from "../../src/compiler/check/pattern-cover.js";
import { overlapExample } from "../../src/compiler/check/pattern-overlap.js";
import { nameSegments } from "../../src/rules/names.js";
import { parsePattern } from "../../src/rules/pattern.js";
import { slowMatch } from "../rules/slow-match.js";

const part = fc.constantFrom("a", "b", "ab", "*", "?", "(a|b)", "(ab|)", "{n}", "{m: 0..11}", "{w: word}", "1", "_");
const segment = fc.oneof(
  { weight: 6, arbitrary: fc.array(part, { minLength: 1, maxLength: 2 }).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.constant("**") },
);
const anyPattern = fc
  .tuple(fc.boolean(), fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([start, segments, end]) => parsePattern((start ? "^" : "") + segments.join(".") + (end ? "$" : "")))
  .filter((parsed) => !("problem" in parsed))
  .map((parsed) => ("problem" in parsed ? expect.fail() : parsed.pattern));
const anyName = fc
  .array(
    fc.array(fc.constantFrom("a", "b", "1", "2", "_", "𝛽"), { maxLength: 3 }).map((letters) => letters.join("")),
    { minLength: 1, maxLength: 4 },
  )
  .map((segments) => segments.join("."));

test("what is covered matches no more", () => {
  let [covering, held] = [0, 0];
  fc.assert(
    fc.property(anyPattern, anyPattern, fc.array(anyName, { minLength: 12, maxLength: 12 }), (wide, narrow, names) => {
      if (!patternCovers(wide, narrow)) return;
      covering++;
      for (const name of names) {
        if (slowMatch(narrow, name.split(".")) === null) continue;
        held++;
        expect(slowMatch(wide, name.split(".")), `${wide.text} over ${narrow.text} on ${name}`).not.toBeNull();
      }
    }),
    { numRuns: 80_000 },
  );
  expect(covering).toBeGreaterThan(200);
  expect(held).toBeGreaterThan(200);
});

test("an example of a crossing is matched by both", () => {
  let shown = 0;
  fc.assert(
    fc.property(anyPattern, anyPattern, (a, b) => {
      const example = overlapExample(a, b);
      if (example === null) return;
      shown++;
      const segments = nameSegments(example);
      expect(slowMatch(a, segments), `${a.text} on ${example}`).not.toBeNull();
      expect(slowMatch(b, segments), `${b.text} on ${example}`).not.toBeNull();
    }),
    { numRuns: 10_000 },
  );
  expect(shown).toBeGreaterThan(100);
});
