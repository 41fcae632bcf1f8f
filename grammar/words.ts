// Tells words apart by where they stand: a soft keyword is one only where it begins a declaration or a statement, and a name followed by
// `=` or `<-` begins a statement. Every other word is a plain name, so an optimizer may have a local called `order` or `state`.

import type { IToken, TokenType } from "chevrotain";
import * as T from "./tokens.js";

export interface Words {
  readonly tokens: IToken[];
  /** 1 where a new line begins before the token. */
  readonly newLine: Uint8Array;
}

type Follows = (at: number) => boolean;

/** Gives every Name of `tokens` its type, in place. */
export function classifyWords(tokens: IToken[], text: string): Words {
  const newLine = findNewLines(tokens, text);
  const image = (at: number) => tokens[at]?.image ?? "";
  const isWord: Follows = (at) => tokens[at]?.tokenType === T.Name && !T.RESERVED.has(image(at));
  const keywords = keywordTable(tokens, image, isWord);
  const brackets: ("{" | "arms" | "call" | "(")[] = [];
  // The tokens before have their types already: they decide whether an operand is awaited.
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token.tokenType === T.Name) {
      const begins = newLine[at] === 1 || !awaitsOperand(tokens[at - 1]);
      setType(token, typeOfWord(token.image, at, begins));
    } else if (token.tokenType === T.LBrace) brackets.push(holdsArms(at) ? "arms" : "{");
    else if (token.tokenType === T.LParen || token.tokenType === T.LBracket) brackets.push(isCall(at) ? "call" : "(");
    else if (token.tokenType === T.RBrace) {
      while (isRound(brackets.at(-1))) brackets.pop();
      brackets.pop();
    } else if ((token.tokenType === T.RParen || token.tokenType === T.RBracket) && isRound(brackets.at(-1))) brackets.pop();
  }
  return { tokens, newLine };

  function typeOfWord(word: string, at: number, begins: boolean): TokenType {
    const reserved = T.RESERVED.get(word);
    if (reserved !== undefined) return reserved;
    if (begins && beginsAssignment(at)) return T.Target;
    const keyword = keywords.get(word);
    if (begins && keyword?.follows(at + 1) === true) return keyword.type;
    const contextual = T.CONTEXTUAL.get(word);
    if (contextual !== undefined) return contextual;
    return (T.REDUCERS as readonly string[]).includes(word) ? T.Reducer : T.Name;
  }

  function beginsAssignment(at: number): boolean {
    const next = tokens[at + 1]?.tokenType;
    const within = brackets.at(-1);
    // `f(a,\n lr = 3)` goes on; `f(a +\n lr = 3` does not.
    if (within === "arms" || (within === "call" && isOpener(tokens[at - 1]))) return false;
    if (next === T.EqualEqual) return newLine[at] === 1;
    return next === T.Equals || next === T.Assign || next === T.Compound;
  }

  function isCall(at: number): boolean {
    const before = tokens[at - 1];
    return before !== undefined && before.tokenType.CATEGORIES!.includes(T.Word) && before.endOffset! + 1 === tokens[at]!.startOffset;
  }

  function holdsArms(at: number): boolean {
    const before = image(at - 1);
    return before === "freeze" || before === "use" || ["scale", "set", "order"].includes(image(at - 2));
  }
}

interface Keyword {
  readonly type: TokenType;
  /** Whether the tokens from here on make the word before them a keyword. */
  readonly follows: Follows;
}

function keywordTable(tokens: readonly IToken[], image: (at: number) => string, isWord: Follows): Map<string, Keyword> {
  const type = (at: number) => tokens[at]?.tokenType;
  const isOneOf =
    (...words: string[]): Follows =>
    (at) =>
      words.includes(image(at));
  const isBrace: Follows = (at) => type(at) === T.LBrace;
  // `state m <- ...` on two lines is the value `state` and a statement, never a declaration.
  const isNamed: Follows = (at) => isWord(at) && type(at + 1) !== T.Assign;
  const isValue: Follows = (at) => isWord(at) || [T.NumberToken, T.LParen, T.Minus].includes(type(at)!);
  const hasBlock: Follows = (at) => isWord(at) && type(at + 1) === T.LBrace;
  const verb = isOneOf("scale", "set", "freeze", "use", "override");
  const ruleBlock: Follows = (at) => isBrace(at) || hasBlock(at);
  return new Map<string, Keyword>([
    ["optimizer", { type: T.Optimizer, follows: isNamed }],
    ["ruleset", { type: T.Ruleset, follows: isNamed }],
    ["fn", { type: T.Fn, follows: isWord }],
    ["transform", { type: T.Transform, follows: isWord }],
    ["fixed", { type: T.Fixed, follows: isOneOf("hyper") }],
    ["hyper", { type: T.Hyper, follows: isNamed }],
    ["option", { type: T.Option, follows: isNamed }],
    ["state", { type: T.State, follows: isNamed }],
    ["host", { type: T.Host, follows: isOneOf("state", "input") }],
    ["input", { type: T.Input, follows: isNamed }],
    ["rules", { type: T.Rules, follows: verb }],
    ["override", { type: T.Override, follows: verb }],
    ["scale", { type: T.Scale, follows: ruleBlock }],
    ["set", { type: T.SetWord, follows: (at) => ruleBlock(at) || (isWord(at) && type(at + 1) === T.Equals) }],
    ["freeze", { type: T.Freeze, follows: isBrace }],
    ["use", { type: T.Use, follows: isBrace }],
    ["order", { type: T.Order, follows: hasBlock }],
    ["store", { type: T.Store, follows: isBrace }],
    ["schedule", { type: T.Schedule, follows: isNamed }],
    ["entry", { type: T.Entry, follows: isNamed }],
    ["step", { type: T.Step, follows: isOneOf("from") }],
    ["before", { type: T.Before, follows: isBrace }],
    ["after", { type: T.After, follows: isBrace }],
    ["every", { type: T.Every, follows: isValue }],
    ["repeat", { type: T.Repeat, follows: isValue }],
    ["return", { type: T.Return, follows: (at) => type(at) === T.Name || type(at) === T.StringToken || isValue(at) }],
  ]);
}

const OPENERS: ReadonlySet<TokenType> = new Set([T.LParen, T.LBracket, T.Comma, T.Semi]);
const AWAIT: ReadonlySet<TokenType> = new Set([
  ...[T.LParen, T.LBracket, T.Comma, T.Colon, T.Dot, T.Bar, T.FatArrow, T.Arrow, T.Equals, T.Assign, T.Compound],
  ...[T.If, T.Then, T.And, T.Or, T.Not],
]);

function isRound(bracket: string | undefined): boolean {
  return bracket === "(" || bracket === "call";
}

function isOpener(token: IToken | undefined): boolean {
  return token !== undefined && OPENERS.has(token.tokenType);
}

function awaitsOperand(token: IToken | undefined): boolean {
  if (token === undefined) return false;
  const type = token.tokenType;
  return AWAIT.has(type) || type.CATEGORIES!.includes(T.Infix) || type.CATEGORIES!.includes(T.Prefix);
}

function setType(token: IToken, type: TokenType): void {
  token.tokenType = type;
  token.tokenTypeIdx = type.tokenTypeIdx!;
}

function findNewLines(tokens: readonly IToken[], text: string): Uint8Array {
  const flags = new Uint8Array(tokens.length + 1);
  let next = text.indexOf("\n");
  for (const [at, token] of tokens.entries()) {
    if (next === -1) break;
    if (next < token.startOffset) {
      flags[at] = 1;
      next = text.indexOf("\n", token.startOffset);
    }
  }
  if (next !== -1) flags[tokens.length] = 1;
  return flags;
}
