// Patterns over parameter names: from the text between the quotes to a Pattern. The first mistake ends the parse; habits that only look
// wrong are hints. String escapes (`\n`, `\u{...}`) have been resolved before; here `\` makes the next character plain.

import type { Pattern, PatternPart, PatternSegment } from "../contract/rules.js";

/** Something to say about a pattern; offsets are UTF-16 units of its text, half-open. */
export interface PatternNote {
  readonly from: number;
  readonly to: number;
  readonly message: string;
  readonly help?: string;
}

export type ParsedPattern = { readonly pattern: Pattern; readonly hints: readonly PatternNote[] } | { readonly problem: PatternNote };

class Mistake extends Error {
  readonly note: PatternNote;
  constructor(note: PatternNote) {
    super(note.message);
    this.note = note;
  }
}

/** Far above any name. */
const LONGEST = 50_000;
/** Parentheses nest no deeper. */
const DEEPEST_GROUP = 64;

/** A reading position; captures and hints gather as the text is read. */
interface Reader {
  readonly text: string;
  /** Before a final `$`. */
  readonly end: number;
  at: number;
  /** Open parentheses. */
  depth: number;
  readonly captures: Set<string>;
  readonly hints: PatternNote[];
}

/** Parses a whole pattern, e.g. `^encoder.layers.{n: 0..11}.**.(q|k|v)_proj`. */
export function parsePattern(text: string): ParsedPattern {
  try {
    return readPattern(text);
  } catch (error) {
    if (error instanceof Mistake) return { problem: error.note };
    throw error;
  }
}

function readPattern(text: string): ParsedPattern {
  if (text.length > LONGEST)
    fail(0, text.length, `a pattern of ${text.length} characters; the longest has ${LONGEST}`, "no name is that long");
  const broken = /\p{Surrogate}/u.exec(text);
  if (broken) fail(broken.index, broken.index + 1, "half of a surrogate pair is not a character");
  const fromStart = text.startsWith("^");
  const toEnd = endsPlain(text, "$");
  const reader: Reader = { text, end: text.length - (toEnd ? 1 : 0), at: fromStart ? 1 : 0, depth: 0, captures: new Set(), hints: [] };
  if (reader.at >= reader.end) {
    fail(0, text.length, text === "" ? "the pattern is empty" : `the pattern \`${text}\` has no segment`, "`else` matches every parameter");
  }
  const segments: PatternSegment[] = [];
  for (;;) {
    segments.push(readSegment(reader));
    if (reader.at >= reader.end) break;
    reader.at++;
  }
  if (segments.every((segment) => segment.kind === "rest"))
    fail(0, text.length, "a pattern of `**` alone matches every name", "write `else`");
  return { pattern: { text, fromStart, toEnd, segments }, hints: reader.hints };
}

/** True where the text ends in this character and no backslash makes it plain. */
function endsPlain(text: string, character: string): boolean {
  if (!text.endsWith(character)) return false;
  let backslashes = 0;
  while (text[text.length - 2 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 0;
}

function readSegment(reader: Reader): PatternSegment {
  const from = reader.at;
  const parts = readParts(reader);
  const written = reader.text.slice(from, reader.at);
  if (written === "**") return { kind: "rest" };
  if (written === "") failEmptySegment(reader);
  const double = findDouble(reader.text, from, reader.at);
  if (double !== -1) fail(double, double + 2, "`**` stands alone between separators", "inside a segment `*` is any text");
  return { kind: "parts", parts };
}

function failEmptySegment({ text, at, end }: Reader): never {
  const from = Math.max(0, at - 1);
  if (text.startsWith(".*") || text.startsWith("^.*")) {
    fail(
      text.indexOf("."),
      text.indexOf("*") + 1,
      "`.` separates segments, so nothing stands before it",
      "any text is `*`; any number of segments is `**`",
    );
  }
  const help = "a pattern matches whole segments anywhere in the name: leave the separator out; `*` alone is one whole segment";
  fail(from, Math.min(at + 1, text.length), at >= end ? "the pattern ends in an empty segment" : "an empty segment", help);
}

/** Offset of `**` among plain stars, or -1. Groups are checked as they are read. */
function findDouble(text: string, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "*" && text[i + 1] === "*" && i + 1 < to) return i;
  }
  return -1;
}

/** Reads up to a separator or the end; inside parentheses up to `|` or `)`. */
function readParts(reader: Reader): PatternPart[] {
  const parts: PatternPart[] = [];
  while (reader.at < reader.end) {
    const character = String.fromCodePoint(reader.text.codePointAt(reader.at)!);
    if (character === "." || character === "/") {
      if (reader.depth === 0) break;
      fail(reader.at, reader.at + 1, "alternatives stand inside one segment", "write one pattern for each path and join them by `or`");
    }
    if (reader.depth > 0 && (character === "|" || character === ")")) break;
    readPart(reader, parts, character);
  }
  return parts;
}

const misplaced: Readonly<Record<string, string>> = {
  "|": "`|` stands between parentheses: `(a|b)` is a or b",
  ")": "a `)` without its `(`",
  "}": "a `}` without its `{`",
  "^": "`^` stands only at the start of a pattern",
  $: "`$` stands only at the end of a pattern",
};

function readPart(reader: Reader, parts: PatternPart[], character: string): void {
  const from = reader.at;
  reader.at += character.length;
  switch (character) {
    case "*":
      parts.push({ kind: "star" });
      return;
    case "?":
      parts.push({ kind: "question" });
      return;
    case "(":
      parts.push(readAlternatives(reader, from));
      return;
    case "{":
      parts.push(readCapture(reader, from, parts.at(-1)));
      return;
    case "\\":
      pushText(parts, readEscape(reader, from));
      return;
    default:
      if (Object.hasOwn(misplaced, character)) fail(from, from + 1, misplaced[character]!, `\`\\${character}\` is the character`);
      if (character === "[") hintClass(reader, from);
      if (character === "+" && from > 0 && /[.*)\]]/.test(reader.text[from - 1]!)) {
        hint(reader, from, from + 1, "`+` is a plain character in patterns", "any text is `*`, digits are `{n}`");
      }
      pushText(parts, character);
  }
}

function pushText(parts: PatternPart[], text: string): void {
  const last = parts.at(-1);
  if (last?.kind === "text") parts[parts.length - 1] = { kind: "text", text: last.text + text };
  else parts.push({ kind: "text", text });
}

function readEscape(reader: Reader, from: number): string {
  if (reader.at >= reader.end) fail(from, reader.at, "a `\\` at the end makes nothing plain", "`\\\\` is the character");
  const character = String.fromCodePoint(reader.text.codePointAt(reader.at)!);
  reader.at += character.length;
  if (/[dDwWsSbB]/.test(character)) {
    hint(
      reader,
      from,
      reader.at,
      `\`\\${character}\` is the letter ${character}, not a class of characters`,
      "digits are `{n}`, any text is `*`",
    );
  } else if (character === "." || character === "/") {
    hint(reader, from, reader.at, `\`\\${character}\` never matches: names are split there`, `write \`${character}\``);
  }
  return character;
}

function hintClass(reader: Reader, from: number): void {
  const looksLikeClass = /^\[(\^|[^\]]*\w-\w)[^\]]*\]/.exec(reader.text.slice(from, reader.end));
  if (!looksLikeClass) return;
  hint(
    reader,
    from,
    from + looksLikeClass[0].length,
    "`[` and `]` are plain characters in patterns",
    "digits are `{n}`, `(a|b)` is a or b, `?` is one character",
  );
}

function readAlternatives(reader: Reader, from: number): PatternPart {
  if (reader.text.startsWith("?:", reader.at))
    hint(reader, from, from + 3, "`(?:` is one character and a colon here", "`(a|b)` captures nothing anyway");
  if (++reader.depth > DEEPEST_GROUP) fail(from, from + 1, `parentheses nest at most ${DEEPEST_GROUP} deep`);
  const choices: PatternPart[][] = [];
  for (;;) {
    choices.push(readParts(reader));
    if (reader.at >= reader.end) fail(from, from + 1, "this `(` has no `)`", "`\\(` is the character");
    if (reader.text[reader.at++] === ")") break;
  }
  reader.depth--;
  if (choices.length === 1 && choices[0]!.length === 0) fail(from, reader.at, "`()` holds nothing", "`\\(\\)` are the characters");
  return { kind: "alternatives", choices };
}

const capture = /^\{\s*([A-Za-z_\p{Script=Greek}][\w\p{Script=Greek}]*)\s*(?::\s*(?:(word)|(\d+)\s*\.\.\s*(\d+))\s*)?\}/u;

function readCapture(reader: Reader, from: number, before: PatternPart | undefined): PatternPart {
  const { text, end } = reader;
  const match = capture.exec(text.slice(from, end));
  if (!match) {
    const close = text.indexOf("}", from);
    const to = close === -1 || close >= end ? end : close + 1;
    fail(
      from,
      to,
      "this is no capture",
      "a capture is `{n}`, `{n: 0..11}` or `{w: word}`; its name starts with a letter; `\\{` is the character",
    );
  }
  const to = from + match[0].length;
  const name = match[1]!;
  if (reader.depth > 0)
    fail(from, to, "a capture inside `( )` would be unbound in the other alternative", "write one arm for each alternative");
  if (before?.kind === "number" || before?.kind === "word") {
    fail(
      from,
      to,
      `\`{${name}}\` touches \`{${before.name}}\`: nobody can tell where one ends`,
      "put the text between them that stands in the names",
    );
  }
  if (reader.captures.has(name))
    fail(from, to, `\`{${name}}\` stands twice in one pattern`, "give each capture its own name and compare them");
  reader.captures.add(name);
  reader.at = to;
  if (match[2]) return { kind: "word", name };
  if (match[3] === undefined) return { kind: "number", name, low: null, high: null };
  const low = Number(match[3]);
  const high = Number(match[4]);
  if (low > high) fail(from, to, `no number is in ${low}..${high}`, `write {${name}: ${high}..${low}}`);
  if (high > Number.MAX_SAFE_INTEGER) fail(from, to, "a bound is at most 2^53 - 1");
  return { kind: "number", name, low, high };
}

function hint(reader: Reader, from: number, to: number, message: string, help: string): void {
  reader.hints.push({ from, to, message, help });
}

function fail(from: number, to: number, message: string, help?: string): never {
  throw new Mistake(help === undefined ? { from, to, message } : { from, to, message, help });
}
