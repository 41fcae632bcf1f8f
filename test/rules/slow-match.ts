// The meaning of patterns by exhaustive search: every way to match, in order of preference. Exponential, and independent of src/rules.

import type { Pattern, PatternPart } from "../../src/contract/rules.js";

type Captured = Readonly<Record<string, number | string>>;

/** The captures of the preferred match, or null. */
export function slowMatch(pattern: Pattern, segments: readonly string[]): Captured | null {
  for (let start = 0; start <= (pattern.fromStart ? 0 : segments.length); start++) {
    for (const match of runs(pattern, 0, segments, start, {})) return match;
  }
  return null;
}

function* runs(pattern: Pattern, index: number, segments: readonly string[], at: number, captured: Captured): Generator<Captured> {
  const segment = pattern.segments[index];
  if (segment === undefined) {
    if (!pattern.toEnd || at === segments.length) yield captured;
  } else if (segment.kind === "rest") {
    for (let skip = at; skip <= segments.length; skip++) yield* runs(pattern, index + 1, segments, skip, captured);
  } else if (at < segments.length) {
    for (const more of ways(segment.parts, segments[at]!)) yield* runs(pattern, index + 1, segments, at + 1, { ...captured, ...more });
  }
}

function* ways(parts: readonly PatternPart[], text: string): Generator<Captured> {
  for (const [end, captured] of prefixes(parts, Array.from(text), 0)) if (end === Array.from(text).length) yield captured;
}

/** Every way in which the parts match from `at`: where they end and what they captured. */
function* prefixes(parts: readonly PatternPart[], text: readonly string[], at: number): Generator<[number, Captured]> {
  const [part, ...rest] = parts;
  if (part === undefined) {
    yield [at, {}];
    return;
  }
  for (const [end, captured] of onePart(part, text, at)) {
    for (const [last, more] of prefixes(rest, text, end)) yield [last, { ...captured, ...more }];
  }
}

function* onePart(part: PatternPart, text: readonly string[], at: number): Generator<[number, Captured]> {
  if (part.kind === "text") {
    const wanted = Array.from(part.text);
    if (wanted.every((character, i) => text[at + i] === character)) yield [at + wanted.length, {}];
  } else if (part.kind === "question") {
    if (at < text.length) yield [at + 1, {}];
  } else if (part.kind === "star") {
    for (let end = at; end <= text.length; end++) yield [end, {}];
  } else if (part.kind === "word") {
    for (let end = text.length; end > at; end--) yield [end, { [part.name]: text.slice(at, end).join("") }];
  } else if (part.kind === "alternatives") {
    for (const choice of part.choices) yield* prefixes(choice, text, at);
  } else {
    const run = /^[0-9]+/.exec(text.slice(at).join(""))?.[0];
    if (run === undefined || /[0-9]/.test(text[at - 1] ?? "")) return;
    const value = BigInt(run);
    if (value <= 2n ** 53n - 1n && value >= BigInt(part.low ?? 0) && value <= BigInt(part.high ?? Number.MAX_SAFE_INTEGER)) {
      yield [at + run.length, { [part.name]: Number(value) }];
    }
  }
}
