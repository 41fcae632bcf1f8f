// The token types. Every word leaves the lexer as a Name; `classifyWords` (words.ts) then tells the few reserved words, and the soft
// keywords where they begin something, from ordinary names. A form that is wrong but clear (`&&`, `1.`, `−`) is a token of the kind it
// stands for, so that one slip is one message.

import { createToken, type ITokenConfig, Lexer, type TokenType } from "chevrotain";

const token = (name: string, label: string, config: Omit<ITokenConfig, "name" | "label"> = {}): TokenType =>
  createToken({ name, label, pattern: Lexer.NA, ...config });

// ---- categories ------------------------------------------------------------------------------

/** Any token at all: the last resort of the file. */
export const Stray = token("Stray", "anything");
/** Any token but `}` and what begins a declaration of the file: the last resort of a body. */
export const Junk = token("Junk", "anything", { categories: [Stray] });
/** A name, also one that begins a statement. */
export const AnyWord = token("AnyWord", "a name", { categories: [Junk] });
/** A name where an expression may stand. */
export const Word = token("Word", "a name", { categories: [AnyWord] });
export const Infix = token("Infix", "an operator", { categories: [Junk] });
/** `=` and `<-` where an operator is meant: read and reported. */
export const WrongInfix = token("WrongInfix", "an operator", { categories: [Junk] });
/** `=` of a declaration; `==` and `<-` are read and reported. */
export const Defines = token("Defines", "`=`", { categories: [Junk] });
export const Prefix = token("Prefix", "an operator", { categories: [Junk] });

// ---- words -------------------------------------------------------------------------------------

// Beyond ASCII everything but spaces and the signs below is a letter here; the lexer then reports what is not allowed. So one odd letter
// does not break a name in two.
const BEYOND =
  "\\u0080-\\u009F\\u00A1-\\u00B6\\u00B8-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u1FFF\\u200B-\\u201B\\u201E-\\u2027\\u202A-\\u202E\\u2030-\\u218F" +
  "\\u2191\\u2193-\\u21D1\\u21D3-\\u2211\\u2213-\\u225F\\u2261-\\u2263\\u2266-\\u22C4\\u22C6-\\u2FFF\\u3001-\\uFEFE\\uFF00-\\uFFFF";
const WORD = new RegExp(`[A-Za-z_${BEYOND}][0-9A-Za-z_${BEYOND}]*`);
export const Name = token("Name", "a name", { pattern: WORD, categories: [Word] });
/** A name followed by `=` or `<-` that begins a statement. */
export const Target = token("Target", "a name", { categories: [AnyWord] });
export const Reducer = token("Reducer", "a name", { categories: [Word] });

const contextual = (word: string) => token(word[0]!.toUpperCase() + word.slice(1), `\`${word}\``, { categories: [Word] });
export const In = contextual("in");
export const When = contextual("when");
export const From = contextual("from");
export const With = contextual("with");
export const Optional = contextual("optional");
export const Hold = contextual("hold");

const reserved = (word: string, categories: TokenType[] = [Junk]) =>
  token(word[0]!.toUpperCase() + word.slice(1), `\`${word}\``, { categories });
export const If = reserved("if");
export const Then = reserved("then");
export const Else = reserved("else");
export const And = reserved("and", [Infix]);
export const Or = reserved("or", [Infix]);
export const Not = reserved("not", [Prefix]);

// Soft keywords: of this type only where they begin a declaration or a statement.
export const Optimizer = reserved("optimizer", [Stray]);
export const Ruleset = reserved("ruleset", [Stray]);
export const Fn = reserved("fn");
export const Transform = reserved("transform");
export const Fixed = reserved("fixed");
export const Hyper = reserved("hyper");
export const Option = reserved("option");
export const State = reserved("state");
export const Host = reserved("host");
export const Input = reserved("input");
export const Rules = reserved("rules");
export const Override = reserved("override");
export const Scale = reserved("scale");
export const SetWord = reserved("set");
export const Freeze = reserved("freeze");
export const Use = reserved("use");
export const Order = reserved("order");
export const Store = reserved("store");
export const Schedule = reserved("schedule");
export const Entry = reserved("entry");
export const Step = reserved("step");
export const Before = reserved("before");
export const After = reserved("after");
export const Every = reserved("every");
export const Repeat = reserved("repeat");
export const Return = reserved("return");

// ---- literals and signs --------------------------------------------------------------------------

export const NumberToken = token("Number", "a number", {
  // With what must not follow a number, so that the message shows all of it: `1.`, `2x`, `1e`, `1.2.3`.
  pattern: /(?:\d|\.\d)(?:[eE][+-]\d|[0-9A-Za-z_]|\.[eE][+-]?\d|\.(?![A-Za-z_]))*/,
  categories: [Junk],
});
export const StringToken = token("String", "a string", {
  pattern: /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*(?:"|\\?)|'[^'\n]*'|[\u201C\u201D][^\u201C\u201D\n]*[\u201C\u201D]/,
  categories: [Junk],
});

const sign = (name: string, label: string, pattern: string | RegExp, categories: TokenType[] = [Junk]) =>
  token(name, `\`${label}\``, { pattern, categories });
export const LBrace = sign("LBrace", "{", "{");
export const RBrace = sign("RBrace", "}", "}", [Stray]);
export const LParen = sign("LParen", "(", "(");
export const RParen = sign("RParen", ")", ")");
export const LBracket = sign("LBracket", "[", "[");
export const RBracket = sign("RBracket", "]", "]");
export const Comma = sign("Comma", ",", ",");
export const Semi = sign("Semi", ";", ";");
export const Colon = sign("Colon", ":", ":");
export const Dot = sign("Dot", ".", ".");
export const Bar = sign("Bar", "|", "|");
export const Pipe = sign("Pipe", "|>", "|>", [Infix]);
export const FatArrow = sign("FatArrow", "=>", /=>|\u21D2/);
export const Arrow = sign("Arrow", "->", /->|\u2192/);
export const Assign = sign("Assign", "<-", /<-|\u2190/, [WrongInfix, Defines]);
export const Compound = sign("Compound", "<-", /[-+*/]=/);
export const Equals = sign("Equals", "=", /:?=/, [WrongInfix, Defines]);
export const EqualEqual = sign("EqualEqual", "==", "==", [Infix, Defines]);
export const NotEqual = sign("NotEqual", "!=", /!=|\u2260/, [Infix]);
export const LessEqual = sign("LessEqual", "<=", /<=|\u2264/, [Infix]);
export const GreaterEqual = sign("GreaterEqual", ">=", />=|\u2265/, [Infix]);
export const Less = sign("Less", "<", "<", [Infix]);
export const Greater = sign("Greater", ">", ">", [Infix]);
export const Plus = sign("Plus", "+", "+", [Infix, Prefix]);
export const Minus = sign("Minus", "-", /[-\u2212]/, [Infix, Prefix]);
export const Caret = sign("Caret", "^", /\^|\*\*/, [Infix]);
export const Star = sign("Star", "*", /[*\u00D7\u00B7\u22C5]/, [Infix]);
export const Slash = sign("Slash", "/", /[/\u00F7]/, [Infix]);
export const Percent = sign("Percent", "%", "%", [Infix]);
export const At = sign("At", "@", "@", [Infix]);
export const AndSign = sign("AndSign", "and", "&&", [And, Infix]);
export const OrSign = sign("OrSign", "or", "||", [Or, Infix]);
export const NotSign = sign("NotSign", "not", "!", [Not, Prefix]);

/** Printable signs that mean nothing; reported as forbidden characters. */
export const Odd = token("Odd", "a sign", { pattern: /[$&'?\\`~]/, categories: [Junk] });

export const WhiteSpace = createToken({ name: "WhiteSpace", pattern: /[ \t\r\n]+/, group: Lexer.SKIPPED, line_breaks: true });
/** `//` comments and `///` documentation; also `#` and `/* *\/`, which are reported. */
export const Comment = createToken({
  name: "Comment",
  pattern: /(?:\/\/|#)[^\n\r]*|\/\*[\s\S]*?\*\/|\/\*/,
  group: "comments",
  line_breaks: true,
});

// ---- the words, by their text --------------------------------------------------------------------

export const RESERVED: ReadonlyMap<string, TokenType> = new Map([
  ["if", If],
  ["then", Then],
  ["else", Else],
  ["and", And],
  ["or", Or],
  ["not", Not],
]);
export const CONTEXTUAL: ReadonlyMap<string, TokenType> = new Map([
  ["in", In],
  ["when", When],
  ["from", From],
  ["with", With],
  ["optional", Optional],
  ["hold", Hold],
]);
export const REDUCERS = ["sum", "mean", "max", "min", "norm", "rms", "dot", "any"] as const;

/** What the lexer knows, in the order in which it tries. */
export const lexicon: TokenType[] = [
  WhiteSpace, Comment, Name, NumberToken, StringToken,
  LBrace, RBrace, LParen, RParen, LBracket, RBracket, Comma, Semi, Colon, Dot,
  FatArrow, Pipe, OrSign, Bar, Arrow, Assign, Compound, EqualEqual, NotEqual, LessEqual, GreaterEqual, Equals, Less, Greater,
  Caret, Plus, Minus, Star, Slash, Percent, At, AndSign, NotSign, Odd,
]; // biome-ignore format: a table

/** What the parser knows. */
export const vocabulary: TokenType[] = [
  Stray, Junk, AnyWord, Word, Infix, WrongInfix, Defines, Prefix, Target, Reducer, In, When, From, With, Optional, Hold, If, Then, Else, And, Or, Not,
  Optimizer, Ruleset, Fn, Transform, Fixed, Hyper, Option, State, Host, Input, Rules, Override, Scale, SetWord,
  Freeze, Use, Order, Store,
  Schedule, Entry, Step, Before, After, Every, Repeat, Return, ...lexicon,
]; // biome-ignore format: a table
