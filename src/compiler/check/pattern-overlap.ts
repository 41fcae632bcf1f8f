// Two patterns of which neither is the narrower and that meet on the same segments: which arm stands first decides. Shown by a name
// that both match. Patterns that only meet by standing one after the other (`layers.{n}` and `norm`), or by one in the place of a
// `*`, are how people write: nothing is said of them.

import type { Pattern, PatternPart, PatternSegment } from "../../contract/rules.js";
import { createMatcher } from "../../rules/match.js";
import { nameSegments } from "../../rules/names.js";
import { patternCovers, segmentCovers } from "./pattern-cover.js";

/** A name that both patterns match, null where there is none or one of them is the narrower. */
export function overlapExample(a: Pattern, b: Pattern): string | null {
  if (patternCovers(a, b) || patternCovers(b, a)) return null;
  const [longer, shorter] = a.segments.length >= b.segments.length ? [a, b] : [b, a];
  for (let offset = 0; offset <= longer.segments.length - shorter.segments.length; offset++) {
    const segments = longer.segments.map((segment, i) => {
      const other = shorter.segments[i - offset];
      return other === undefined ? sample(segment) : meet(segment, other);
    });
    const share = shorter.segments.some((segment, i) => isNarrow(segment) && isNarrow(longer.segments[i + offset]!));
    if (!share || !segments.every((segment) => segment !== null)) continue;
    const name = segments.join(".");
    if ([a, b].every((pattern) => createMatcher(pattern).match(nameSegments(name)) !== null)) return name;
  }
  return null;
}

/** False for a segment of any text. */
function isNarrow(segment: PatternSegment): boolean {
  return segment.kind === "parts" && segment.parts.some(({ kind }) => kind !== "star" && kind !== "word");
}

/** A segment that both take: one of the narrower, or a number within the bounds of both. */
function meet(a: PatternSegment, b: PatternSegment): string | null {
  if (segmentCovers(a, b)) return sample(b);
  if (segmentCovers(b, a)) return sample(a);
  const [first, second] = [onlyNumber(a), onlyNumber(b)];
  if (first === null || second === null) return null;
  const low = Math.max(first.low ?? 0, second.low ?? 0);
  return low <= Math.min(first.high ?? low, second.high ?? low) ? `${low}` : null;
}

function onlyNumber(segment: PatternSegment): Extract<PatternPart, { kind: "number" }> | null {
  const part = segment.kind === "parts" && segment.parts.length === 1 ? segment.parts[0] : undefined;
  return part?.kind === "number" ? part : null;
}

/** A text that a segment takes; null for `**`. */
function sample(segment: PatternSegment): string | null {
  if (segment.kind === "rest") return null;
  return textOf(segment.parts) || "x";
}

function textOf(parts: readonly PatternPart[]): string {
  return parts.map(textOfPart).join("");
}

function textOfPart(part: PatternPart): string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "star":
      return "";
    case "question":
      return "x";
    case "alternatives":
      return textOf(part.choices[0] ?? []);
    case "number":
      return `${part.low ?? 0}`;
    case "word":
      return "x";
    default:
      throw new Error(`bug: part ${JSON.stringify(part satisfies never)}`);
  }
}
