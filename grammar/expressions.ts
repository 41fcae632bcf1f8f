// Expressions, as flat lists of operands and operators: `src/compiler/syntax` decides precedence, so that nesting costs few stack frames.
// A little more is read than the language has, where a wrong form is clear: a chain of comparisons, `=` for `==`, `<-1` for `< -1`.

import { type CstNode, type ParserMethod, type TokenType, tokenMatcher } from "chevrotain";
import { type FrameKind, RecoveringParser } from "./recovery.js";
import * as T from "./tokens.js";

export type Rule = ParserMethod<[], CstNode>;

const OPERAND: readonly TokenType[] = [T.Word, T.NumberToken, T.StringToken, T.LParen, T.Minus, T.Not, T.If];

export abstract class ExpressionParser extends RecoveringParser {
  /** A rule that can be given up alone. */
  protected partRule(name: string, kind: FrameKind, parse: () => void): Rule {
    return this.RULE(name, () => this.part(kind, parse));
  }

  protected plainRule(name: string, parse: () => void): Rule {
    return this.RULE(name, parse, { resyncEnabled: false });
  }

  readonly expr: Rule = this.partRule("expr", "expression", () => {
    this.nested(() => {
      this.SUBRULE(this.operand);
      this.MANY({
        GATE: () => this.next(T.Infix) || this.isWrongInfix(),
        DEF: () => {
          this.OR([
            { ALT: () => this.CONSUME(T.Infix, { LABEL: "infix" }) },
            { ALT: () => this.CONSUME(T.WrongInfix, { LABEL: "infix" }) },
          ]);
          this.SUBRULE2(this.operand);
        },
      });
    });
  });

  protected readonly operand: Rule = this.plainRule("operand", () => {
    this.MANY(() => this.CONSUME(T.Prefix, { LABEL: "prefix" }));
    this.OR({
      DEF: [
        { ALT: () => this.CONSUME(T.NumberToken) },
        { GATE: () => this.stringFits(), ALT: () => this.CONSUME(T.StringToken) },
        {
          ALT: () => {
            this.CONSUME(T.Word);
            this.OPTION({ GATE: () => this.touches(), DEF: () => this.SUBRULE(this.bracket) });
            this.OPTION2({ GATE: () => this.touches(), DEF: () => this.SUBRULE(this.call) });
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.LParen);
            this.SUBRULE(this.expr);
            this.CONSUME(T.RParen);
          },
        },
        { ALT: () => this.SUBRULE(this.ifExpr) },
      ],
      ERR_MSG: "expression\0an expression",
    });
    this.MANY2(() => {
      this.CONSUME(T.Dot);
      this.CONSUME2(T.Word, { LABEL: "member" });
    });
  });

  protected readonly bracket = this.plainRule("bracket", () => {
    this.CONSUME(T.LBracket);
    this.SUBRULE(this.expr);
    this.CONSUME(T.RBracket);
  });

  protected readonly call = this.plainRule("call", () => {
    this.CONSUME(T.LParen);
    this.OPTION(() => {
      this.SUBRULE(this.arg);
      this.MANY(() => {
        this.OR([
          { ALT: () => this.CONSUME(T.Comma, { LABEL: "separator" }) },
          { ALT: () => this.CONSUME(T.Semi, { LABEL: "separator" }) },
        ]);
        this.SUBRULE2(this.arg);
      });
    });
    this.CONSUME(T.RParen);
  });

  protected readonly arg = this.plainRule("arg", () => {
    this.OPTION({
      GATE: () => this.next(T.Equals, 2),
      DEF: () => {
        this.CONSUME(T.AnyWord, { LABEL: "name" });
        this.CONSUME(T.Equals);
      },
    });
    this.SUBRULE(this.expr);
  });

  protected readonly ifExpr: Rule = this.plainRule("ifExpr", () => {
    this.CONSUME(T.If);
    this.SUBRULE(this.expr, { LABEL: "condition" });
    this.CONSUME(T.Then);
    this.SUBRULE2(this.expr, { LABEL: "then" });
    this.OR([
      {
        // `else =>` is the arm's.
        GATE: () => this.next(T.Else) && !this.next(T.FatArrow, 2),
        ALT: () => {
          this.CONSUME(T.Else);
          this.SUBRULE3(this.expr, { LABEL: "otherwise" });
        },
      },
      { ALT: () => this.ACTION(() => this.report("no-else", "`else`")) },
    ]);
  });

  // ---- looking ahead --------------------------------------------------------------------------

  protected beginsOperand(ahead: number): boolean {
    return (
      OPERAND.some((type) => this.next(type, ahead)) && !(this.next(T.LParen, ahead) && this.touches(ahead)) && !this.next(T.Minus, ahead)
    );
  }

  /** No arithmetic takes a string: on a new line it begins the next arm. */
  private stringFits(): boolean {
    const before = this.LA(0);
    if (this.owner?.kind !== "arm" || this.owner.start === this.here || !this.newLineBefore()) return true;
    return (
      !tokenMatcher(before, T.FatArrow) && (!tokenMatcher(before, T.Infix) || tokenMatcher(before, T.And) || tokenMatcher(before, T.Or))
    );
  }

  /** `=` where `==` is meant, `<-1` where `< -1` is meant. */
  private isWrongInfix(): boolean {
    if (!OPERAND.some((type) => this.next(type, 2)) || this.newLineBefore() || this.newLineBefore(2)) return false;
    if (this.owner?.kind !== "arm" || this.next(T.Assign)) return true;
    // In a condition of an arm: only if the `=>` is still to come.
    for (let ahead = 2; !this.newLineBefore(ahead) && !this.next(T.RBrace, ahead) && this.LA(ahead).tokenType.name !== "EOF"; ahead++) {
      if (this.next(T.FatArrow, ahead)) return true;
    }
    return false;
  }
}
