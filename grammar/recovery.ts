// How the parser goes on after a mistake. Where no token can be supplied, the innermost expression, arm, item or declaration is given up:
// its tokens are skipped to where it surely ends. A mistake at the very place of the last one is its echo and stays silent.
// This takes the place of chevrotain's own search for a follow token, which in a language of soft keywords stops at any name.

import {
  type CstNode,
  CstParser,
  type IRecognitionException,
  type IToken,
  isRecognitionException,
  type TokenType,
  tokenMatcher,
} from "chevrotain";
import type { Lexed } from "./lexer.js";
import * as T from "./tokens.js";

export type ProblemKind = "token" | "expression" | "junk" | "stray" | "no-else" | "no-braces" | "too-deep";

export interface Problem {
  readonly kind: ProblemKind;
  /** Index of the token at which the parser stopped; the number of tokens at the end of the text. */
  readonly at: number;
  /** What would have fitted, in words. */
  readonly expected: string;
}

export type FrameKind = "expression" | "item" | "arm" | "declaration";
interface Frame {
  readonly kind: FrameKind;
  readonly start: number;
  /** A mistake in it has been noted: the rest of it says nothing new. */
  broken: boolean;
}

/** Nesting of expressions and blocks beyond this is refused: the parser and the passes recurse. */
export const MAX_NESTING = 100;

/** After so many mistakes the rest of the text is not read. */
export const MAX_PROBLEMS = 200;

// Members of chevrotain's parser that its types leave out; the version is pinned in package-lock.json.
interface Internals {
  currIdx: number;
  recoveryEnabled: boolean;
  readonly CST_STACK: readonly (Omit<CstNode, "recoveredNode"> & { recoveredNode?: boolean })[];
  invokeRuleCatch(error: Error, resync: boolean, recovered: () => unknown): unknown;
}

export abstract class RecoveringParser extends CstParser {
  problems: Problem[] = [];
  private lexed: Lexed | null = null;
  private frames: Frame[] = [];
  private silentAt = -1;
  private nesting = 0;
  private excessBraces = 0;

  /** Chevrotain's analysis without its follow sets, a fifth of its time, which this recovery does not use. */
  protected analyse(): void {
    const internals = this as unknown as Internals;
    internals.recoveryEnabled = false;
    this.performSelfAnalysis();
    internals.recoveryEnabled = true;
  }

  protected start(lexed: Lexed): void {
    this.problems = [];
    this.lexed = lexed;
    this.frames = [];
    this.silentAt = -1;
    this.nesting = 0;
    this.excessBraces = 0;
    for (const { tokenType } of lexed.tokens) this.excessBraces += tokenType === T.RBrace ? 1 : tokenType === T.LBrace ? -1 : 0;
    // A copy: chevrotain adds end marks to its input.
    this.input = [...lexed.tokens];
  }

  /** Index of the next token. */
  protected get here(): number {
    return (this as unknown as Internals).currIdx + 1;
  }

  protected next(is: TokenType, ahead = 1): boolean {
    return tokenMatcher(this.LA(ahead), is);
  }

  protected newLineBefore(ahead = 1): boolean {
    return this.lexed?.newLine[this.here + ahead - 1] === 1;
  }

  /** Whether the token `ahead` stands right behind the one before it. */
  protected touches(ahead = 1): boolean {
    return this.LA(ahead).startOffset === this.LA(ahead - 1).endOffset! + 1;
  }

  /** The statement, declaration or arm that is being read. */
  protected get owner(): Frame | undefined {
    return this.frames.findLast((frame) => frame.kind !== "expression");
  }

  /** Runs `parse` as a part that can be given up alone. */
  protected part(kind: FrameKind, parse: () => void): void {
    this.ACTION(() => this.frames.push({ kind, start: this.here, broken: false }));
    parse();
    this.ACTION(() => this.frames.pop());
  }

  /** Runs `parse` one level deeper. */
  protected nested(parse: () => void): void {
    this.ACTION(() => {
      if (++this.nesting <= MAX_NESTING) return;
      this.report("too-deep", "");
      this.giveUp();
    });
    try {
      parse();
    } finally {
      this.ACTION(() => this.nesting--);
    }
  }

  /** Notes a mistake at the next token, unless it is the echo of another: one is enough for a statement, a declaration or an arm. */
  protected report(kind: ProblemKind, expected: string): void {
    const { owner } = this;
    if (this.here !== this.silentAt && owner?.broken !== true) this.problems.push({ kind, at: this.here, expected });
    if (owner !== undefined) owner.broken = true;
    this.silentAt = this.here;
    if (this.problems.length === MAX_PROBLEMS) this.giveUp();
  }

  private giveUp(): void {
    (this as unknown as Internals).currIdx = this.lexed!.tokens.length - 1;
    this.silentAt = this.here;
  }

  /** Notes the token just read as out of place, and gives up what seems to begin with it. */
  protected reportJunk(kind: "junk" | "stray", part: FrameKind): void {
    const internals = this as unknown as Internals;
    const at = internals.currIdx--;
    // What follows a mistake on its line is the rest of it.
    if (this.followsProblem()) this.silentAt = this.here;
    this.report(kind, "");
    if (internals.currIdx > at) return;
    internals.currIdx = at;
    this.skip({ kind: part, start: this.here - 1, broken: true });
  }

  private followsProblem(): boolean {
    const { tokens, newLine } = this.lexed!;
    const last = this.problems.at(-1)?.at ?? -1;
    for (let at = this.here; at > last; at--) {
      const type = tokens[at]!.tokenType;
      if (newLine[at] === 1 || type === T.Semi || type === T.LBrace || type === T.RBrace) return false;
    }
    return last !== -1;
  }

  /** Whether the text has more `}` than `{`: then a missing `{` has its `}`. Counts one of them as spent. */
  protected spendClosingBrace(): boolean {
    return this.excessBraces-- > 0;
  }

  // ---- overrides of chevrotain --------------------------------------------------------------

  SAVE_ERROR(error: IRecognitionException): IRecognitionException {
    const [kind, expected] = error.message.split("\0");
    this.report(kind === "expression" ? "expression" : "token", expected ?? error.message);
    return error;
  }

  consumeInternalRecovery(type: TokenType, _index: number, error: Error): IToken {
    if (!this.suppliable(type)) throw error;
    return this.getTokenToInsert(type);
  }

  /** Keeps what a rule has read before it breaks off, so that a declaration keeps its name. */
  invokeRuleCatch(error: Error & { partialCstResult?: CstNode }, resync: boolean, recovered: () => unknown): unknown {
    const partial = (this as unknown as Internals).CST_STACK.at(-1);
    if (!resync && isRecognitionException(error) && partial !== undefined) {
      partial.recoveredNode = true;
      error.partialCstResult = partial;
    }
    return (CstParser.prototype as unknown as Internals).invokeRuleCatch.call(this, error, resync, recovered);
  }

  shouldInRepetitionRecoveryBeTried(): boolean {
    return false;
  }

  findReSyncTokenType(): null {
    return null;
  }

  isInCurrentRuleReSyncSet(): boolean {
    return true;
  }

  reSyncTo(): IToken[] {
    const frame = this.frames.pop();
    if (frame !== undefined) this.skip(frame);
    return [];
  }

  // ---- skipping -------------------------------------------------------------------------------

  private suppliable(type: TokenType): boolean {
    const next = this.LA(1);
    const operand = [T.Word, T.NumberToken, T.LParen, T.Minus].some((is) => tokenMatcher(next, is));
    if (type === T.RBrace) return true;
    if (type === T.RParen || type === T.RBracket)
      return this.endsEverything(this.here) || [T.FatArrow, T.Then, T.Else].includes(next.tokenType);
    if (type === T.LBrace) return this.beginsItem(this.here);
    if (type === T.Equals || type === T.Defines || type === T.FatArrow || type === T.Then || type === T.Comma || type === T.Colon)
      return operand;
    return false;
  }

  private endsEverything(at: number): boolean {
    const type = this.lexed!.tokens[at]?.tokenType;
    return type === undefined || type === T.LBrace || type === T.RBrace || this.beginsItem(at);
  }

  private beginsItem(at: number): boolean {
    const type = this.lexed!.tokens[at]?.tokenType;
    return type !== undefined && (ITEM_STARTS.has(type) || (type === T.If && this.lexed!.newLine[at] === 1));
  }

  private skip(frame: Frame): void {
    const { tokens } = this.lexed!;
    const internals = this as unknown as Internals;
    let at = this.here;
    const balance = { brace: 0, bracket: 0 };
    for (let i = frame.start; i < at; i++) weigh(balance, tokens[i]!);
    const inArm = frame.kind === "arm" || (frame.kind === "expression" && this.owner?.kind === "arm");
    // A part that read nothing must not end where it began, or its repetition would never end.
    if (frame.kind !== "expression" && at === frame.start && at < tokens.length) weigh(balance, tokens[at++]!);
    const from = at;
    while (at < tokens.length && !this.endsPart(frame.kind, at, balance, inArm, from)) {
      weigh(balance, tokens[at++]!);
    }
    internals.currIdx = at - 1;
    this.silentAt = at;
  }

  private endsPart(kind: FrameKind, at: number, open: Balance, inArm: boolean, from: number): boolean {
    const { tokens, newLine } = this.lexed!;
    const type = tokens[at]!.tokenType;
    const before = tokens[at - 1];
    if (type === T.Optimizer || type === T.Ruleset) return true;
    if (kind === "declaration") return open.brace <= 0 && (type === T.Fn || type === T.Transform);
    if (open.brace > 0) return false;
    if (type === T.RBrace) return true;
    if (kind === "expression" && type === T.LBrace) return true;
    // An arm may go on behind an operator, but not where the mistake was seen.
    if (inArm && newLine[at] === 1 && (at === from || !tokenMatcher(before!, T.Infix))) return true;
    if (kind === "item") return type === T.Semi || (this.beginsItem(at) && before?.tokenType !== T.Else);
    if (this.beginsItem(at) && !inArm) return true;
    return open.bracket <= 0 && EXPRESSION_ENDS.has(type);
  }
}

interface Balance {
  brace: number;
  bracket: number;
}

function weigh(open: Balance, { tokenType }: IToken): void {
  if (tokenType === T.LBrace) open.brace++;
  else if (tokenType === T.RBrace) open.brace--;
  else if (tokenType === T.LParen || tokenType === T.LBracket) open.bracket++;
  else if (tokenType === T.RParen || tokenType === T.RBracket) open.bracket--;
}

const ITEM_STARTS: ReadonlySet<TokenType> = new Set([
  ...[
    T.Target,
    T.Optimizer,
    T.Ruleset,
    T.Fn,
    T.Transform,
    T.Fixed,
    T.Hyper,
    T.Option,
    T.State,
    T.Host,
    T.Input,
    T.Rules,
    T.Override,
    T.Scale,
  ],
  ...[T.SetWord, T.Freeze, T.Use, T.Order, T.Store, T.Schedule, T.Entry, T.Step, T.Before, T.After, T.Every, T.Repeat, T.Return],
]);
const EXPRESSION_ENDS: ReadonlySet<TokenType> = new Set([
  ...[T.Comma, T.Semi, T.RParen, T.RBracket, T.FatArrow, T.Arrow, T.Then, T.Else, T.When],
]);
