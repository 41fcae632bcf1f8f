// What is wrong with single tokens and characters, wherever they stand.

import type { IToken } from "chevrotain";
import type { Lexed } from "../../../grammar/lexer.js";
import { NumberToken, StringToken } from "../../../grammar/tokens.js";
import type { Reporter } from "../diagnostics/report.js";
import type { SourceText } from "../source.js";
import { spanOfToken } from "./cst.js";
import { numberFault, readString } from "./literals.js";

const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["&&", "and"], ["||", "or"], ["!", "not"], ["**", "^"], [":=", "="], ["\u2212", "-"], ["\u00D7", "*"], ["\u00B7", "*"], ["\u22C5", "*"],
  ["\u00F7", "/"], ["\u2264", "<="], ["\u2265", ">="], ["\u2260", "!="], ["\u2190", "<-"], ["\u2192", "->"], ["\u21D2", "=>"],
]); // biome-ignore format: a table

/** Reports forbidden characters, signs of other languages, and literals and comments of a wrong form. */
export function reportTokens(source: SourceText, lexed: Lexed, reporter: Reporter): void {
  for (const { from, to, codePoint } of lexed.badCharacters) {
    reporter.report("forbidden-character", { codePoint, instead: insteadOf(codePoint) }, { from, to });
  }
  for (const token of lexed.tokens) {
    const instead = INSTEAD.get(token.image);
    if (instead !== undefined) reporter.report("foreign-sign", { sign: token.image, instead }, spanOfToken(token));
    else if (token.tokenType === NumberToken) reportNumber(token, reporter);
    else if (token.tokenType === StringToken) reportString(token, reporter);
  }
  reportComments(source, lexed, reporter);
}

/** What to write instead of an odd character, if one can tell. */
function insteadOf(codePoint: number): string | null {
  const character = String.fromCodePoint(codePoint);
  const at = GREEK_LIKE_LATIN.indexOf(character);
  if (at !== -1) return `this Greek letter looks like \`${LATIN[at]}\`: write the Latin letter, or spell the Greek one out`;
  if (character === "?") return "write `if c then a else b`";
  if (character === "'") return 'strings stand between `"` and `"`';
  if (/[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}]/u.test(character)) return "it is invisible or reorders the text around it: remove it";
  const plain = character.normalize("NFKD");
  return plain !== character && /^[\w.,;:()[\]{}<>=+*/^%@"\u03B1-\u03C9-]+$/.test(plain) ? `write \`${plain}\`` : null;
}

const GREEK_LIKE_LATIN = "\u0391\u0392\u0395\u0396\u0397\u0399\u039A\u039C\u039D\u039F\u03A1\u03A4\u03A5\u03A7\u03BF";
const LATIN = "ABEZHIKMNOPTYXo";

function reportNumber(token: IToken, reporter: Reporter): void {
  const fault = numberFault(token.image);
  if (fault !== null) reporter.report("bad-number", { text: token.image.slice(0, 40), fault }, spanOfToken(token));
}

function reportString(token: IToken, reporter: Reporter): void {
  const { image } = token;
  const span = spanOfToken(token);
  if (image[0] !== '"') {
    reporter.report("string-quotes", {}, span);
    return;
  }
  if (!/^"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"$/.test(image)) reporter.report("unclosed-string", {}, span);
  for (const { at, text } of readString(image).badEscapes) {
    const from = span.from + 1 + at;
    reporter.report("bad-escape", { text: text.slice(0, 20) }, { from, to: from + text.length });
  }
}

function reportComments(source: SourceText, { tokens, comments }: Lexed, reporter: Reporter): void {
  let next = 0;
  for (const comment of comments) {
    if (!comment.image.startsWith("//")) {
      reporter.report("comment-sign", {}, { from: comment.startOffset, to: comment.startOffset + (comment.image[0] === "#" ? 1 : 2) });
    }
    while (next < tokens.length && tokens[next]!.startOffset < comment.startOffset) next++;
    const before = tokens[next - 1];
    const number = /^\/\/ ?(\d+(?:\.\d+)?)\s*$/.exec(comment.image)?.[1];
    if (before === undefined || number === undefined || !/[\w)\]]$/.test(before.image)) continue;
    // `b // 3` with nothing but a number behind it is Python's division; a remark has words or stands apart.
    const gap = source.text.slice(before.startOffset + before.image.length, comment.startOffset);
    if (gap === " " || gap === "") {
      reporter.report("maybe-lost-to-comment", { left: before.image.slice(0, 40), right: number }, spanOfToken(comment));
    }
  }
}
