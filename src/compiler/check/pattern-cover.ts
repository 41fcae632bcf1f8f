// Whether an earlier condition of a block leaves nothing for a later one. Sound, not complete: what is found is certain.

import type { Formula } from "../../contract/host-formula.js";
import type { Condition, Pattern, PatternPart, PatternSegment } from "../../contract/rules.js";
import { createMatcher } from "../../rules/match.js";

/** True where every parameter that meets `later` also meets `earlier`. `fixed`: the formula reads no capture. */
export function covers(earlier: Condition, later: Condition, fixed: (formula: Formula) => boolean): boolean {
  return equal(earlier, later) || coversPart(earlier, later, fixed);
}

const equal = (a: Condition, b: Condition) => JSON.stringify(a) === JSON.stringify(b);

/** A comparison of a capture means what its own arm captured, so it stands for nothing in another arm. */
function coversPart(earlier: Condition, later: Condition, fixed: (formula: Formula) => boolean): boolean {
  if (later.kind === "or") return later.terms.every((term) => coversPart(earlier, term, fixed));
  if (earlier.kind === "or") return earlier.terms.some((term) => coversPart(term, later, fixed));
  if (earlier.kind === "and") return earlier.terms.every((term) => coversPart(term, later, fixed));
  if (later.kind === "and") return later.terms.some((term) => coversPart(earlier, term, fixed));
  if (equal(earlier, later) && earlier.kind !== "not") return earlier.kind !== "compare" || (fixed(earlier.left) && fixed(earlier.right));
  return earlier.kind === "pattern" && later.kind === "pattern" && patternCovers(earlier.pattern, later.pattern);
}

/** Looks for a run of the narrow pattern's segments that the wide one takes whatever their text. */
export function patternCovers(wide: Pattern, narrow: Pattern): boolean {
  const spare = narrow.segments.length - wide.segments.length;
  if ((wide.fromStart && !narrow.fromStart) || (wide.toEnd && !narrow.toEnd)) return false;
  for (let from = 0; from <= spare; from++) {
    if ((wide.fromStart && from > 0) || (wide.toEnd && from < spare)) continue;
    if (wide.segments.every((segment, index) => segmentCovers(segment, narrow.segments[from + index]!))) return true;
  }
  return false;
}

export function segmentCovers(wide: PatternSegment, narrow: PatternSegment): boolean {
  if (wide.kind === "rest" || narrow.kind === "rest") return wide.kind === narrow.kind;
  if (JSON.stringify(wide.parts.map(unnamed)) === JSON.stringify(narrow.parts.map(unnamed))) return true;
  if (wide.parts.every((part) => part.kind === "star")) return true;
  const [only] = wide.parts;
  const [other] = narrow.parts;
  if (wide.parts.length === 1 && narrow.parts.length === 1 && only?.kind === "number" && other?.kind === "number") {
    return (only.low ?? 0) <= (other.low ?? 0) && (only.high ?? Number.POSITIVE_INFINITY) >= (other.high ?? Number.POSITIVE_INFINITY);
  }
  const text = plainText(narrow.parts);
  if (text !== null) return createMatcher({ text: "", fromStart: true, toEnd: true, segments: [wide] }).match([text]) !== null;
  return containsText(wide.parts, narrow.parts);
}

/** `*x*` takes every segment with a text that holds x. */
function containsText(wide: readonly PatternPart[], narrow: readonly PatternPart[]): boolean {
  const [before, middle, after] = wide;
  if (wide.length !== 3 || before?.kind !== "star" || middle?.kind !== "text" || after?.kind !== "star") return false;
  return narrow.some((part) => part.kind === "text" && part.text.includes(middle.text));
}

function plainText(parts: readonly PatternPart[]): string | null {
  return parts.every((part) => part.kind === "text") ? parts.map((part) => part.text).join("") : null;
}

function unnamed(part: PatternPart): PatternPart {
  return part.kind === "number" || part.kind === "word" ? { ...part, name: "" } : part;
}
