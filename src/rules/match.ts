// A pattern against the segments of a name, in time linear in name times pattern. `**` cuts a pattern into blocks of adjacent segments;
// the leftmost place of each block after the one before it is also the match with the leftmost start and the least `**`, and where
// those fail no other places can succeed. So nothing is ever tried twice.

import type { Pattern } from "../contract/rules.js";
import { createSegmentMatcher, type Meter, type SegmentMatcher } from "./segment-matcher.js";

/** What `{n}` (a number) and `{w: word}` (a text) took. */
export type Captures = ReadonlyMap<string, number | string>;

export const noCaptures: Captures = new Map();

export interface Matcher {
  readonly pattern: Pattern;
  /** A cheap test of a whole name that every match passes: the pattern's longest plain text is in it. */
  possible(name: string): boolean;
  /** The captures, or null where the name does not match. `segments` come from `nameSegments`. */
  match(segments: readonly string[]): Captures | null;
}

/** Prepares a pattern for many names. */
export function createMatcher(pattern: Pattern, meter?: Meter): Matcher {
  const blocks: SegmentMatcher[][] = [[]];
  for (const segment of pattern.segments) {
    if (segment.kind === "rest") blocks.push([]);
    else blocks.at(-1)!.push(createSegmentMatcher(segment.parts, meter));
  }
  const captures = blocks.some((block) => block.some((segment) => segment.captures));

  function match(segments: readonly string[]): Captures | null {
    const found = captures ? new Map<string, number | string>() : null;
    let from = 0;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i]!;
      const last = segments.length - block.length;
      const first = pattern.toEnd && i === blocks.length - 1 ? Math.max(from, last) : from;
      const at = find(block, segments, first, pattern.fromStart && i === 0 ? Math.min(0, last) : last);
      if (at === -1) return null;
      for (let k = 0; found && k < block.length; k++) if (block[k]!.captures) block[k]!.read(segments[at + k]!, found);
      from = at + block.length;
    }
    return found ?? noCaptures;
  }

  const needed = longestText(pattern);
  return { pattern, match, possible: (name) => name.includes(needed) };
}

/** The longest text that every match of the pattern contains; "" where there is none. */
export function longestText(pattern: Pattern): string {
  let longest = "";
  for (const segment of pattern.segments) {
    if (segment.kind === "rest") continue;
    for (const part of segment.parts) if (part.kind === "text" && part.text.length > longest.length) longest = part.text;
  }
  return longest;
}

/** The longest whole segment that is plain text, which every match has among its segments; null where there is none. */
export function plainSegment(pattern: Pattern): string | null {
  let longest: string | null = null;
  for (const segment of pattern.segments) {
    const only = segment.kind === "parts" && segment.parts.length === 1 ? segment.parts[0]! : null;
    if (only?.kind === "text" && only.text.length > (longest?.length ?? -1)) longest = only.text;
  }
  return longest;
}

/** The first place in [first, last] where every segment of the block matches, or -1. */
function find(block: readonly SegmentMatcher[], segments: readonly string[], first: number, last: number): number {
  for (let at = first; at <= last; at++) {
    let k = 0;
    while (k < block.length && block[k]!.test(segments[at + k]!)) k++;
    if (k === block.length) return at;
  }
  return -1;
}
