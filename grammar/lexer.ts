// Text to tokens. Never fails: what no token begins with is reported and skipped.

import { type IToken, Lexer, type TokenType } from "chevrotain";
import { Comment, lexicon, Name, Odd, StringToken } from "./tokens.js";
import { classifyWords, type Words } from "./words.js";

/** A character that may not stand where it does. */
export interface BadCharacter {
  readonly from: number;
  readonly to: number;
  readonly codePoint: number;
}

export interface Lexed extends Words {
  readonly comments: readonly IToken[];
  readonly badCharacters: readonly BadCharacter[];
}

let lexer: Lexer | undefined;

/** Tokens, comments and forbidden characters of a text. */
export function lex(text: string): Lexed {
  lexer ??= new Lexer(lexicon, { positionTracking: "onlyOffset", skipValidations: true });
  // A byte order mark at the start is the editor's, not the author's.
  const result = lexer.tokenize(text.startsWith("\uFEFF") ? ` ${text.slice(1)}` : text);
  const comments = result.groups.comments ?? [];
  const badCharacters: BadCharacter[] = result.errors.map(({ offset, length }) => badCharacter(text, offset, offset + length));
  for (const token of [...result.tokens, ...comments]) {
    token.endOffset = token.startOffset + token.image.length - 1;
    const pattern = FORBIDDEN.get(token.tokenType);
    const at = pattern === undefined ? -1 : token.image.search(pattern);
    if (at !== -1) badCharacters.push(badCharacter(text, token.startOffset + at));
  }
  return { ...classifyWords(result.tokens, text), comments, badCharacters };
}

// Greek letters but those that are drawn like a Latin one.
const NOT_A_LETTER = /[^A-Za-z0-9_\u0393\u0394\u0398\u039B\u039E\u03A0\u03A3\u03A6\u03A8\u03A9\u03B1-\u03BE\u03C0-\u03C9]/;

/** Controls, bidirectional marks, invisible spaces and line separators: what would make a reader see another text. */
const UNSAFE = /(?![\t\r\n])\p{Cc}|[\p{Cs}\p{Zl}\p{Zp}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/u;

const FORBIDDEN: ReadonlyMap<TokenType, RegExp> = new Map([
  [Name, NOT_A_LETTER],
  [StringToken, UNSAFE],
  [Comment, UNSAFE],
  [Odd, /./],
]);

function badCharacter(text: string, from: number, to?: number): BadCharacter {
  const codePoint = text.codePointAt(from)!;
  return { from, to: to ?? from + String.fromCodePoint(codePoint).length, codePoint };
}
