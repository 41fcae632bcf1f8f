// Matches the parts of one pattern segment against one segment of a name. The parts become states; a position and a state are visited
// at most once (a table of bits remembers), so that time is name times pattern whatever the stars. States are tried in the order
// of preference: `*` takes the least, `{w: word}` the most, `{n}` exactly a maximal run of digits, alternatives as written.

import type { PatternPart } from "../contract/rules.js";

/** Counts visited cells of the table, for tests of linear time. */
export interface Meter {
  steps: number;
}

export interface SegmentMatcher {
  readonly captures: boolean;
  test(text: string): boolean;
  /** Adds what `{ }` took to the map; the text must pass `test`. */
  read(text: string, captures: Map<string, number | string>): void;
}

type State =
  | { readonly kind: "character"; readonly character: string }
  | { readonly kind: "any" | "star" | "match" }
  | { readonly kind: "number"; readonly name: string; readonly low: number; readonly high: number }
  | { readonly kind: "word-start" | "word-more" | "word-end"; readonly name: string }
  /** The first target is preferred. */
  | { readonly kind: "split"; readonly targets: readonly number[] };

/** Prepares one segment's parts. */
export function createSegmentMatcher(parts: readonly PatternPart[], meter?: Meter): SegmentMatcher {
  const only = parts.length === 1 ? parts[0]! : null;
  if (only?.kind === "text") return { captures: false, test: (text) => text === only.text, read: () => {} };
  if (only?.kind === "number") return wholeNumber(only.name, only.low ?? 0, only.high ?? Number.MAX_SAFE_INTEGER);
  const states = [...statesOf(parts, 0), { kind: "match" } as const];
  const { certain, possible } = prefilter(parts);
  return {
    captures: parts.some((part) => part.kind === "number" || part.kind === "word"),
    test: (text) => possible(text) && (certain || run(states, text, null, meter)),
    read: (text, captures) => void run(states, text, captures, meter),
  };
}

/** The most frequent kind of capture, `{n}` as a whole segment. */
function wholeNumber(name: string, low: number, high: number): SegmentMatcher {
  const test = (text: string) => /^[0-9]+$/.test(text) && Number(text) >= low && Number(text) <= high;
  return { captures: true, test, read: (text, captures) => void captures.set(name, Number(text)) };
}

/** Cheap tests of plain text, which every match passes; `certain` where nothing else needs to be asked. */
function prefilter(parts: readonly PatternPart[]): { certain: boolean; possible: (text: string) => boolean } {
  const textOf = (part: PatternPart | undefined) => (part?.kind === "text" ? part.text : "");
  const prefix = textOf(parts[0]);
  const suffix = textOf(parts.at(-1));
  const texts = parts.map(textOf);
  const inner = texts.slice(1, -1).reduce((a, b) => (b.length > a.length ? b : a), "");
  const shortest = texts.reduce((sum, text) => sum + text.length, 0);
  const shape = parts.map((part) => part.kind).join(" ");
  return {
    certain: ["star", "text star", "star text", "text star text", "star text star"].includes(shape),
    possible: (text) => text.length >= shortest && text.startsWith(prefix) && text.endsWith(suffix) && text.includes(inner),
  };
}

/** States of the parts, numbered from `first`; every state but `split` goes on to the next one. */
function statesOf(parts: readonly PatternPart[], first: number): State[] {
  const states: State[] = [];
  for (const part of parts) {
    switch (part.kind) {
      case "text":
        for (const character of part.text) states.push({ kind: "character", character });
        break;
      case "star":
        states.push({ kind: "star" });
        break;
      case "question":
        states.push({ kind: "any" });
        break;
      case "number":
        states.push({ kind: "number", name: part.name, low: part.low ?? 0, high: part.high ?? Number.MAX_SAFE_INTEGER });
        break;
      case "word":
        for (const kind of ["word-start", "word-more", "word-end"] as const) states.push({ kind, name: part.name });
        break;
      case "alternatives":
        states.push(...alternativeStates(part.choices, first + states.length));
        break;
      default:
        throw new Error(`bug: unknown part of a pattern ${JSON.stringify(part satisfies never)}`);
    }
  }
  return states;
}

/** A split to the choices; each choice but the last ends in a split to the common end. */
function alternativeStates(choices: readonly (readonly PatternPart[])[], first: number): State[] {
  const targets: number[] = [];
  const bodies: State[] = [];
  const exits: number[] = [];
  for (const choice of choices) {
    targets.push(first + 1 + bodies.length);
    for (const state of statesOf(choice, first + 1 + bodies.length)) bodies.push(state);
    exits.push(bodies.length);
    bodies.push({ kind: "split", targets: [] });
  }
  const end = first + 1 + bodies.length;
  for (const exit of exits) bodies[exit] = { kind: "split", targets: [end] };
  return [{ kind: "split", targets }, ...bodies];
}

const isDigit = (character: string | undefined) => character !== undefined && character >= "0" && character <= "9";

/** Depth first from the start, each cell once; true at the first match, which is the preferred one. */
function run(states: readonly State[], text: string, captures: Map<string, number | string> | null, meter?: Meter): boolean {
  const characters = Array.from(text);
  const width = states.length;
  const visited = new Uint32Array(Math.ceil(((characters.length + 1) * width) / 32));
  const wordStarts = new Map<string, number>();
  const pending = [0];
  while (pending.length > 0) {
    const cell = pending.pop()!;
    const bit = 1 << (cell & 31);
    if ((visited[Math.floor(cell / 32)]! & bit) !== 0) continue;
    visited[Math.floor(cell / 32)]! |= bit;
    if (meter) meter.steps++;
    const at = Math.floor(cell / width);
    const state = states[cell % width]!;
    const character = characters[at];
    switch (state.kind) {
      case "match":
        if (character === undefined) return true;
        break;
      case "character":
        if (character === state.character) pending.push(cell + width + 1);
        break;
      case "any":
        if (character !== undefined) pending.push(cell + width + 1);
        break;
      case "star":
        if (character !== undefined) pending.push(cell + width);
        pending.push(cell + 1);
        break;
      case "word-start":
        wordStarts.set(state.name, at);
        if (character !== undefined) pending.push(cell + width + 1);
        break;
      case "word-more":
        pending.push(cell + 1);
        if (character !== undefined) pending.push(cell + width);
        break;
      case "word-end":
        // Every path to a match passes each capture, and later paths overwrite: what stands at the end is the match's own.
        captures?.set(state.name, characters.slice(wordStarts.get(state.name), at).join(""));
        pending.push(cell + 1);
        break;
      case "number": {
        const end = runOfDigits(characters, at);
        const value = end === at ? -1 : Number(characters.slice(at, end).join(""));
        if (value < state.low || value > state.high) break;
        captures?.set(state.name, value);
        pending.push(cell + (end - at) * width + 1);
        break;
      }
      case "split":
        for (let i = state.targets.length - 1; i >= 0; i--) pending.push(at * width + state.targets[i]!);
        break;
      default:
        throw new Error(`bug: unknown state ${JSON.stringify(state satisfies never)}`);
    }
  }
  return false;
}

/** The end of the maximal run of digits that starts here; `at` itself where none does. */
function runOfDigits(characters: readonly string[], at: number): number {
  if (isDigit(characters[at - 1])) return at;
  let end = at;
  while (isDigit(characters[end])) end++;
  return end;
}
