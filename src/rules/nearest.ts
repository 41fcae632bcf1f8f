// What an arm that matches nothing may have meant: the pattern a little changed, or the names that come nearest.

import type { Pattern, PatternPart, PatternSegment } from "../contract/rules.js";
import type { CompiledCondition } from "./compiled-rules.js";
import { createMatcher, longestText } from "./match.js";
import { printPattern } from "./print-pattern.js";

/** Longer names are not compared. */
const LONGEST = 200;

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
  return nearestNames(text, [...examples.keys()]).map((segment) => examples.get(segment)!);
}

/** Candidates within a third of the name's length in edits, nearest first; case counts as no edit. */
export function nearestNames(name: string, candidates: readonly string[]): string[] {
  const reach = Math.floor(Math.min(name.length, LONGEST) / 3);
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    if (name.length > LONGEST || Math.abs(candidate.length - name.length) > reach) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= reach) found.push({ candidate, distance });
  }
  return found.sort((a, b) => a.distance - b.distance).map(({ candidate }) => candidate);
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
