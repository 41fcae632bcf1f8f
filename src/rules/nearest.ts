// What an arm that matches nothing may have meant: the pattern a little changed, or the names that come nearest.

import type { Pattern, PatternPart, PatternSegment } from "../contract/rules.js";
import { nearest } from "../nearest-names.js";
import type { CompiledCondition } from "./compiled-rules.js";
import { createMatcher, longestText } from "./match.js";
import { printPattern } from "./print-pattern.js";

/** A name and the segments that patterns see. */
export interface SplitName {
  readonly name: string;
  readonly segments: readonly string[];
}

/** A way out for a condition that holds for none of the names, or null. */
export function suggest(condition: CompiledCondition, names: readonly SplitName[]): string | null {
  const patterns = patternsOf(condition);
  for (const pattern of patterns) {
    for (const variant of variantsOf(pattern)) {
      const matcher = createMatcher(variant);
      const example = names.find(({ segments }) => matcher.match(segments));
      if (example) return `"${printPattern(variant)}" would match \`${example.name}\``;
    }
  }
  const near = patterns.flatMap((pattern) => nearestBySegment(longestText(pattern), names));
  return near.length === 0
    ? null
    : `the nearest names are ${near
        .slice(0, 3)
        .map((name) => `\`${name}\``)
        .join(", ")}`;
}

function patternsOf(condition: CompiledCondition): Pattern[] {
  if (condition.kind === "pattern") return [condition.matcher.pattern];
  return condition.kind === "and" || condition.kind === "or" ? condition.terms.flatMap(patternsOf) : [];
}

/** Habits of substrings and regular expressions, each undone: `^norm` for a prefix, `layer` for `layers`, `.*` across segments. */
function variantsOf(pattern: Pattern): Pattern[] {
  const free: Pattern = { ...pattern, fromStart: false, toEnd: false };
  const star: PatternPart = { kind: "star" };
  const last = pattern.segments.length - 1;
  const open = (segment: PatternSegment, i: number, before: boolean): PatternSegment => {
    if (segment.kind === "rest") return segment;
    const head = before && i === 0 && segment.parts[0]?.kind !== "star" ? [star] : [];
    const tail = i === last && segment.parts.at(-1)?.kind !== "star" ? [star] : [];
    return { kind: "parts", parts: [...head, ...segment.parts, ...tail] };
  };
  const spread = pattern.segments.flatMap((segment, i): PatternSegment[] => (i === 0 ? [segment] : [{ kind: "rest" }, segment]));
  return [
    { ...pattern, segments: pattern.segments.map((segment, i) => open(segment, i, false)) },
    free,
    { ...free, segments: free.segments.map((segment, i) => open(segment, i, true)) },
    { ...free, segments: spread },
  ];
}

/** One name for each segment that comes near the text. */
function nearestBySegment(text: string, names: readonly SplitName[]): string[] {
  const examples = new Map<string, string>();
  for (const { name, segments } of names) for (const segment of segments) if (!examples.has(segment)) examples.set(segment, name);
  const same = examples.has(text) ? [text] : [];
  return [...same, ...nearest(text, examples.keys())].map((segment) => examples.get(segment)!);
}
