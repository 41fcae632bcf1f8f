// The places where the parser broke off, as messages: what was probably meant decides the words.

import type { IToken, TokenType } from "chevrotain";
import type { Lexed } from "../../../grammar/lexer.js";
import { MAX_NESTING, type Problem } from "../../../grammar/recovery.js";
import * as T from "../../../grammar/tokens.js";
import { nearest } from "../../nearest-names.js";
import type { Reporter } from "../diagnostics/report.js";
import type { SourceText, Span } from "../source.js";
import { findOpener, suspectOf } from "./brackets.js";
import { spanOfToken } from "./cst.js";

interface Place {
  readonly source: SourceText;
  readonly lexed: Lexed;
  readonly reporter: Reporter;
  readonly at: number;
  readonly found: IToken | undefined;
  readonly before: IToken | undefined;
}

const FORMS: Readonly<Record<string, string>> = {
  optimizer: "optimizer Name { ... }",
  ruleset: "ruleset Name { ... }",
  fn: "fn name(x) = expression",
  transform: "transform name(x; a) { ... return e }",
  hyper: "hyper name = 1e-3 in [0, inf)",
  fixed: "fixed hyper name: int = 12",
  option: "option name: a | b = a",
  state: "state name = 0",
  host: "host state name = 0",
  input: "input name",
  rules: 'rules scale lr { "pattern" => 0.5   else => 1 }',
  order: 'order name { "pattern" => 0   else => 1 }',
  store: "store { name: bf16 }",
  schedule: "schedule name = 0 -> 1 linear 2000",
  entry: "entry name { ... }",
  before: "before { ... }",
  after: "after { ... }",
  every: "every 10 { ... }",
  repeat: "repeat 5 { ... }",
  return: "return expression",
};
const CLOSERS: Readonly<Record<string, string>> = { "`)`": "(", "`]`": "[", "`}`": "{" };

/** Reports each problem once, in its own words. */
export function reportProblems(source: SourceText, lexed: Lexed, problems: readonly Problem[], reporter: Reporter): void {
  let bracesMissing = 0;
  for (const { kind, at, expected } of problems) {
    const place: Place = { source, lexed, reporter, at, found: lexed.tokens[at], before: lexed.tokens[at - 1] };
    // The character itself has been reported.
    if (place.found?.tokenType === T.Odd || place.before?.tokenType === T.Odd) continue;
    // A `}` too many is the one that was missed before the next optimizer.
    if (kind === "stray" && place.found?.tokenType === T.RBrace && bracesMissing-- > 0) continue;
    if (kind === "token" && expected === "`}`" && place.found !== undefined) bracesMissing++;
    switch (kind) {
      case "too-deep":
        reporter.report("syntax-too-deep", { limit: MAX_NESTING }, spanOf(place));
        break;
      case "no-else":
        reportNoElse(place);
        break;
      case "no-braces":
        reporter.report("missing-braces", {}, spanOf(place));
        break;
      case "junk":
      case "stray":
        if (!reportCommon(place)) reportJunk(place, kind);
        break;
      case "expression":
        if (!reportCommon(place)) reportNoExpression(place);
        break;
      case "token":
        if (!reportCommon(place) && !reportUnclosed(place, expected)) {
          reporter.report("unexpected-token", { expected, found: describe(place.found) }, spanOf(place));
        }
        break;
      default:
        kind satisfies never;
    }
  }
}

/** Where the mistake shows: the token found, or the end of what stands before it on an earlier line. */
function spanOf({ source, lexed, at, found, before }: Place): Span {
  if (found !== undefined && (before === undefined || lexed.newLine[at] === 0)) return spanOfToken(found);
  const end = before === undefined ? Math.min(1, source.text.length) : before.startOffset + before.image.length;
  return { from: end, to: end };
}

function describe(token: IToken | undefined): string {
  if (token === undefined) return "the end of the file";
  if (token.tokenType === T.StringToken) return "a string";
  return `\`${token.image.length > 40 ? `${token.image.slice(0, 40)}...` : token.image}\``;
}

/** Slips that may show in any of the parser's complaints. */
function reportCommon(place: Place): boolean {
  const { reporter, found, before } = place;
  const division = lostToComment(place);
  if (division !== null) {
    reporter.report("lost-to-comment", division, division.span);
    return true;
  }
  if (found === undefined || before === undefined || !isWord(before)) return false;
  if (found.tokenType === T.LParen || found.tokenType === T.LBracket) {
    const gap = { from: before.startOffset + before.image.length, to: found.startOffset + 1 };
    if (gap.to - gap.from === 1) return false;
    reporter.report(found.tokenType === T.LParen ? "call-gap" : "bracket-gap", { name: before.image.slice(0, 40) }, gap);
    return true;
  }
  return false;
}

function isWord(token: IToken): boolean {
  return token.tokenType === T.AnyWord || [T.Word, T.AnyWord].some((category) => token.tokenType.CATEGORIES!.includes(category));
}

/** A comment right before the place that reads like the second half of a division. */
function lostToComment({ source, lexed, found, before }: Place): { left: string; right: string; span: Span } | null {
  if (before === undefined || !/[\w)\]]$/.test(before.image)) return null;
  const from = before.startOffset + before.image.length;
  const comment = lexed.comments.find(
    (token) => token.startOffset >= from && (found === undefined || token.startOffset < found.startOffset),
  );
  if (comment === undefined || source.text.slice(from, comment.startOffset).includes("\n")) return null;
  const right = /^\/\/\s*(\d[\w.]*|[A-Za-z_]\w*)\s*(?:[-+*/^%),;]\s*(?:[\w.]+\s*)?)*(?:=>.*)?[{}]?$/.exec(comment.image)?.[1];
  return right === undefined ? null : { left: before.image.slice(0, 40), right: right.slice(0, 40), span: spanOfToken(comment) };
}

function reportNoElse(place: Place): void {
  const { lexed, reporter, at, found } = place;
  let thens = 0;
  let start = at - 1;
  for (; start >= 0; start--) {
    const type = lexed.tokens[start]!.tokenType;
    if (type === T.Then) thens++;
    else if (type === T.If && --thens <= 0) break;
  }
  const word = lexed.tokens[start];
  const span = word === undefined ? spanOf(place) : spanOfToken(word);
  if (found?.tokenType === T.Else) {
    reporter.report("else-of-arm", {}, span, [{ span: spanOfToken(found), text: "the arm's `else`" }]);
  } else reporter.report("if-without-else", {}, span);
}

function reportNoExpression(place: Place): void {
  const { reporter, found, before, lexed, at } = place;
  if (before !== undefined && (found === undefined || lexed.newLine[at] === 1 || found.tokenType === T.RBrace)) {
    reporter.report(
      "missing-expression",
      { after: describe(before) },
      { from: before.startOffset + before.image.length, to: before.startOffset + before.image.length },
    );
  } else reporter.report("expected-expression", { found: describe(found) }, spanOf(place));
}

/** A bracket that is not closed where it should be: its opening is shown. */
function reportUnclosed({ source, lexed, reporter, at, found }: Place, expected: string): boolean {
  const bracket = CLOSERS[expected];
  if (bracket === undefined) return false;
  // `f(a b)` is closed further on: there something else is wrong.
  if (found !== undefined && lexed.newLine[at] === 0 && ![T.LBrace, T.RBrace].includes(found.tokenType)) return false;
  const opener = findOpener(lexed.tokens, at, bracket);
  if (opener === null) return false;
  const suspect = bracket === "{" ? suspectOf(source, lexed.tokens, opener) : null;
  const labels = suspect === null ? [] : [{ span: spanOfToken(suspect), text: "perhaps it is this one: its `}` stands further left" }];
  reporter.report("unclosed-bracket", { bracket, close: expected.slice(1, -1) }, spanOfToken(opener), labels);
  return true;
}

const SIGN_REPORTS: ReadonlyMap<TokenType, "stray-else" | "then-in-statement"> = new Map([
  [T.Else, "stray-else"],
  [T.Then, "then-in-statement"],
]);

function reportJunk(place: Place, kind: "junk" | "stray"): void {
  const { lexed, reporter, at } = place;
  const found = place.found!;
  const span = spanOfToken(found);
  const sign = SIGN_REPORTS.get(found.tokenType);
  if (sign !== undefined) reporter.report(sign, {}, span);
  else if ([T.RParen, T.RBracket, T.RBrace].includes(found.tokenType)) reporter.report("unmatched-bracket", { bracket: found.image }, span);
  else if (Object.hasOwn(FORMS, found.image) && isWord(found))
    reporter.report("incomplete-item", { word: found.image, form: FORMS[found.image]! }, span);
  else if (isWord(found) && lexed.tokens[at + 1]?.tokenType === T.LBracket && kind === "junk") {
    reporter.report("assigned-element", { name: found.image.slice(0, 40) }, span);
  } else if (isWord(found) && nearest(found.image, Object.keys(FORMS)).length > 0) {
    reporter.report("unknown-item", { word: found.image.slice(0, 40), near: nearest(found.image, Object.keys(FORMS)) }, span);
  } else if (kind === "stray") reporter.report("outside-declaration", { found: describe(found) }, span);
  else if (isWord(found)) reporter.report("unknown-item", { word: found.image.slice(0, 40), near: [] }, span);
  else reporter.report("unexpected-token", { expected: "", found: describe(found) }, span);
}
