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
      setType(token, typeOfWord(token.image, at));
    } else if (token.tokenType === T.LBrace) brackets.push(holdsArms(at) ? "arms" : "{");
    else if (token.tokenType === T.LParen || token.tokenType === T.LBracket) brackets.push(isCall(at) ? "call" : "(");
    else if (token.tokenType === T.RBrace) {
      while (isRound(brackets.at(-1))) brackets.pop();
      brackets.pop();
    } else if ((token.tokenType === T.RParen || token.tokenType === T.RBracket) && isRound(brackets.at(-1))) brackets.pop();
  }
  return { tokens, newLine };

  function typeOfWord(word: string, at: number): TokenType {
    const reserved = T.RESERVED.get(word);
    if (reserved !== undefined) return reserved;
    if (beginsAssignment(at)) return T.Target;
    const keyword = keywords.get(word);
    if (keyword !== undefined && beginsItem(at, keyword) && keyword.follows(at + 1)) return keyword.type;
    const contextual = T.CONTEXTUAL.get(word);
    if (contextual !== undefined) return contextual;
    return (T.REDUCERS as readonly string[]).includes(word) ? T.Reducer : T.Name;
  }

  /** Whether an item may begin here. Where an operand is still awaited, two words on a line of their own are an item after a mistake. */
  function beginsItem(at: number, { loose }: Keyword): boolean {
    const before = tokens[at - 1];
    const awaited = before !== undefined && (awaitsOperand(before) || KEYWORDS_AWAIT.has(before.tokenType));
    return !awaited || (newLine[at] === 1 && newLine[at + 1] === 0 && !loose);
  }

  function beginsAssignment(at: number): boolean {
    const next = tokens[at + 1]?.tokenType;
    const before = tokens[at - 1];
    const within = brackets.at(-1);
    // `f(a,\n lr = 3)` goes on; `f(a +\n lr = 3` does not.
    if (within === "arms" || (within === "call" && isOpener(before))) return false;
    // `==` is a slip only where no expression goes on.
    if (next === T.EqualEqual) return newLine[at] === 1 && (before === undefined || STATEMENT_ENDS.has(before.tokenType));
    if (awaitsOperand(before) && newLine[at] !== 1) return false;
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
  /** What follows could also go on an expression, were the word a name. */
  readonly loose: boolean;
}

function keywordTable(tokens: readonly IToken[], image: (at: number) => string, isWord: Follows): Map<string, Keyword> {
  const type = (at: number) => tokens[at]?.tokenType;
  const isOneOf =
    (...words: string[]): Follows =>
    (at) =>
      words.includes(image(at));
  const isBrace: Follows = (at) => type(at) === T.LBrace;
  const isValue: Follows = (at) => isWord(at) || [T.NumberToken, T.LParen, T.Minus].includes(type(at)!);
  const hasBlock: Follows = (at) => isWord(at) && type(at + 1) === T.LBrace;
  const verb = isOneOf("scale", "set", "freeze", "use", "override");
  const ruleBlock: Follows = (at) => isBrace(at) || hasBlock(at);
  const strict = (type: TokenType, follows: Follows): Keyword => ({ type, follows, loose: false });
  const loose = (type: TokenType, follows: Follows): Keyword => ({ type, follows, loose: true });
  return new Map<string, Keyword>([
    ["optimizer", strict(T.Optimizer, isWord)],
    ["ruleset", strict(T.Ruleset, isWord)],
    ["fn", strict(T.Fn, isWord)],
    ["transform", strict(T.Transform, isWord)],
    ["fixed", strict(T.Fixed, isOneOf("hyper"))],
    ["hyper", strict(T.Hyper, isWord)],
    ["option", strict(T.Option, isWord)],
    ["state", strict(T.State, isWord)],
    ["host", strict(T.Host, isOneOf("state", "input"))],
    ["input", strict(T.Input, isWord)],
    ["rules", strict(T.Rules, verb)],
    ["override", strict(T.Override, verb)],
    ["scale", loose(T.Scale, ruleBlock)],
    ["set", loose(T.SetWord, (at) => ruleBlock(at) || (isWord(at) && type(at + 1) === T.Equals))],
    ["freeze", loose(T.Freeze, ruleBlock)],
    ["use", loose(T.Use, ruleBlock)],
    ["order", strict(T.Order, hasBlock)],
    ["store", loose(T.Store, isBrace)],
    ["schedule", strict(T.Schedule, isWord)],
    ["entry", strict(T.Entry, isWord)],
    ["step", strict(T.Step, isOneOf("from"))],
    ["before", loose(T.Before, isBrace)],
    ["after", loose(T.After, isBrace)],
    ["every", loose(T.Every, isValue)],
    ["repeat", loose(T.Repeat, isValue)],
    ["return", loose(T.Return, (at) => isValue(at) || image(at) === "if" || image(at) === "not")],
  ]);
}

/** What follows these is a name or an expression, never an item. */
const KEYWORDS_AWAIT: ReadonlySet<TokenType> = new Set([
  ...[T.Optimizer, T.Ruleset, T.Fn, T.Transform, T.Hyper, T.Option, T.State, T.Input, T.Order, T.Schedule, T.Entry, T.Scale, T.SetWord],
  ...[T.From, T.With, T.When, T.Every, T.Repeat, T.Return, T.Else],
]);
const STATEMENT_ENDS: ReadonlySet<TokenType> = new Set([
  ...[T.Name, T.Reducer, T.NumberToken, T.StringToken, T.RParen, T.RBracket, T.LBrace, T.RBrace, T.Semi],
]);
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
