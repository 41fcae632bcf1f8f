// Declarations that have no body of their own.

import type { TokenType } from "chevrotain";
import { ExpressionParser } from "./expressions.js";
import * as T from "./tokens.js";

export abstract class DeclarationParser extends ExpressionParser {
  protected readonly hyperDecl = this.plainRule("hyperDecl", () => {
    this.OPTION(() => this.CONSUME(T.Fixed));
    this.CONSUME(T.Hyper);
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.hyperEntry), ERR_MSG: "a name" });
  });

  protected readonly hyperEntry = this.plainRule("hyperEntry", () => {
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(T.Colon);
      this.CONSUME2(T.AnyWord, { LABEL: "type" });
    });
    this.CONSUME(T.Defines);
    this.SUBRULE(this.expr);
    this.OPTION2(() => {
      this.CONSUME(T.In);
      this.SUBRULE(this.interval);
    });
  });

  protected readonly interval = this.plainRule("interval", () => {
    this.OR({
      DEF: [{ ALT: () => this.CONSUME(T.LBracket) }, { ALT: () => this.CONSUME(T.LParen) }],
      ERR_MSG: "an interval such as `[0, 1)`",
    });
    this.SUBRULE(this.expr);
    this.CONSUME(T.Comma);
    this.SUBRULE2(this.expr);
    this.OR2({ DEF: [{ ALT: () => this.CONSUME(T.RBracket) }, { ALT: () => this.CONSUME(T.RParen) }], ERR_MSG: "`]` or `)`" });
  });

  protected readonly optionDecl = this.plainRule("optionDecl", () => {
    this.CONSUME(T.Option);
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.optionEntry), ERR_MSG: "a name" });
  });

  protected readonly optionEntry = this.plainRule("optionEntry", () => {
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(T.Colon);
      this.AT_LEAST_ONE_SEP({ SEP: T.Bar, DEF: () => this.SUBRULE(this.optionWord, { LABEL: "word" }), ERR_MSG: "a word or a number" });
    });
    this.CONSUME(T.Defines);
    this.SUBRULE2(this.optionWord, { LABEL: "value" });
  });

  protected readonly optionWord = this.plainRule("optionWord", () => {
    this.OR({ DEF: [{ ALT: () => this.CONSUME(T.AnyWord) }, { ALT: () => this.CONSUME(T.NumberToken) }], ERR_MSG: "a word or a number" });
  });

  /** `state` and `input`. */
  protected readonly keptDecl = this.plainRule("keptDecl", () => {
    this.OPTION(() => this.CONSUME(T.Host));
    this.OR({
      DEF: [
        {
          ALT: () => {
            this.CONSUME(T.State);
            this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.stateEntry), ERR_MSG: "a name" });
            this.OPTION2(() => {
              this.CONSUME(T.Colon);
              this.SUBRULE(this.extent);
            });
            this.CONSUME(T.Defines);
            this.SUBRULE(this.expr);
            this.OPTION3(() => {
              this.CONSUME(T.When);
              this.SUBRULE2(this.expr, { LABEL: "condition" });
            });
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.Input);
            this.CONSUME(T.AnyWord, { LABEL: "name" });
            this.OPTION4(() => {
              this.CONSUME2(T.Colon);
              this.SUBRULE2(this.extent);
            });
          },
        },
      ],
      ERR_MSG: "`state` or `input`",
    });
  });

  protected readonly stateEntry = this.plainRule("stateEntry", () => {
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(T.LBracket);
      this.SUBRULE(this.expr);
      this.CONSUME(T.RBracket);
    });
  });

  protected readonly extent = this.plainRule("extent", () => {
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.OPTION({
      GATE: () => this.touches(),
      DEF: () => {
        this.CONSUME(T.LParen);
        this.SUBRULE(this.expr);
        this.CONSUME(T.RParen);
      },
    });
    this.OPTION2({ GATE: () => this.LA(0).image === "like", DEF: () => this.CONSUME2(T.AnyWord, { LABEL: "of" }) });
  });

  protected readonly rulesDecl = this.plainRule("rulesDecl", () => {
    this.CONSUME(T.Rules);
    this.SUBRULE(this.ruleBlock);
  });

  protected readonly ruleBlock = this.plainRule("ruleBlock", () => {
    this.OPTION(() => this.CONSUME(T.Override));
    this.OR({
      DEF: [
        { ALT: () => this.CONSUME(T.Scale) },
        { ALT: () => this.CONSUME(T.SetWord) },
        { ALT: () => this.CONSUME(T.Freeze) },
        { ALT: () => this.CONSUME(T.Use) },
      ],
      ERR_MSG: "`scale` or `set` with a hyper, `freeze` or `use`",
    });
    this.OPTION2(() => this.CONSUME(T.AnyWord, { LABEL: "target" }));
    this.CONSUME(T.LBrace);
    this.MANY(() =>
      this.OR2({
        DEF: [{ ALT: () => this.SUBRULE(this.arm) }, { ALT: () => this.SUBRULE(this.armJunk) }],
        IGNORE_AMBIGUITIES: true,
      }),
    );
    this.CONSUME(T.RBrace);
  });

  protected readonly armJunk = this.plainRule("armJunk", () => {
    this.CONSUME(T.Junk);
    this.ACTION(() => this.reportJunk("junk", "arm"));
  });

  protected readonly arm = this.partRule("arm", "arm", () => {
    this.OPTION({ GATE: () => this.beginsOperand(2), DEF: () => this.CONSUME(T.Optional) });
    this.OR([{ ALT: () => this.CONSUME(T.Else) }, { ALT: () => this.SUBRULE(this.expr, { LABEL: "condition" }) }]);
    this.CONSUME(T.FatArrow);
    this.SUBRULE2(this.expr);
    this.OPTION2(() => this.OR2([{ ALT: () => this.CONSUME(T.Comma) }, { ALT: () => this.CONSUME(T.Semi) }]));
  });

  protected readonly setDecl = this.plainRule("setDecl", () => {
    this.CONSUME(T.SetWord);
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.CONSUME(T.Defines);
    this.SUBRULE(this.expr);
  });

  protected readonly orderDecl = this.plainRule("orderDecl", () => {
    this.CONSUME(T.Order);
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.CONSUME(T.LBrace);
    this.MANY(() =>
      this.OR({
        DEF: [{ ALT: () => this.SUBRULE(this.orderArm) }, { ALT: () => this.SUBRULE(this.armJunk) }],
        IGNORE_AMBIGUITIES: true,
      }),
    );
    this.CONSUME(T.RBrace);
  });

  protected readonly orderArm = this.partRule("orderArm", "arm", () => {
    this.OPTION2({ GATE: () => this.beginsOperand(2), DEF: () => this.CONSUME(T.Optional) });
    this.OR([{ ALT: () => this.CONSUME(T.Else) }, { ALT: () => this.SUBRULE(this.expr, { LABEL: "condition" }) }]);
    this.CONSUME(T.FatArrow);
    this.OR2([
      {
        GATE: () => this.isTuple(),
        ALT: () => {
          this.CONSUME(T.LParen);
          this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE2(this.expr, { LABEL: "component" }) });
          this.CONSUME(T.RParen);
        },
      },
      { ALT: () => this.SUBRULE3(this.expr, { LABEL: "component" }) },
    ]);
    this.OPTION(() => this.OR3([{ ALT: () => this.CONSUME(T.Comma) }, { ALT: () => this.CONSUME(T.Semi) }]));
  });

  protected readonly storeDecl = this.plainRule("storeDecl", () => {
    this.CONSUME(T.Store);
    this.CONSUME(T.LBrace);
    this.MANY(() =>
      this.OR({
        DEF: [{ ALT: () => this.CONSUME(T.Semi) }, { ALT: () => this.SUBRULE(this.storeEntry) }, { ALT: () => this.SUBRULE(this.armJunk) }],
        IGNORE_AMBIGUITIES: true,
      }),
    );
    this.CONSUME(T.RBrace);
  });

  protected readonly storeEntry = this.partRule("storeEntry", "arm", () => {
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.MANY(() => {
      this.CONSUME(T.Dot);
      this.CONSUME7(T.AnyWord, { LABEL: "name" });
    });
    this.CONSUME(T.Colon);
    this.CONSUME2(T.AnyWord, { LABEL: "codec" });
    this.OPTION(() => {
      this.CONSUME(T.LParen);
      this.CONSUME3(T.AnyWord, { LABEL: "word" });
      this.OPTION2(() => {
        this.CONSUME(T.Comma);
        this.CONSUME4(T.AnyWord, { LABEL: "word" });
      });
      this.CONSUME(T.NumberToken);
      this.CONSUME(T.RParen);
    });
    this.OPTION3({
      GATE: () => this.LA(1).image === "master",
      DEF: () => {
        this.CONSUME5(T.AnyWord, { LABEL: "master" });
        this.CONSUME6(T.AnyWord, { LABEL: "master" });
      },
    });
    this.OPTION4(() => {
      this.CONSUME(T.When);
      this.SUBRULE(this.expr);
    });
  });

  protected readonly scheduleDecl = this.plainRule("scheduleDecl", () => {
    this.CONSUME(T.Schedule);
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.CONSUME(T.Defines);
    this.OR([
      {
        GATE: () => this.isPiece(1),
        ALT: () => {
          this.SUBRULE(this.piece);
          this.MANY({
            GATE: () => this.isPiece(2),
            DEF: () => {
              this.CONSUME(T.Semi);
              this.SUBRULE2(this.piece);
            },
          });
        },
      },
      { ALT: () => this.SUBRULE(this.expr) },
    ]);
  });

  protected readonly piece = this.plainRule("piece", () => {
    this.OR([
      {
        GATE: () => !this.next(T.Arrow, 2),
        ALT: () => {
          this.CONSUME(T.Hold);
          this.SUBRULE(this.expr, { LABEL: "steps" });
        },
      },
      {
        ALT: () => {
          this.OPTION(() => this.SUBRULE2(this.expr, { LABEL: "from" }));
          this.CONSUME(T.Arrow);
          this.SUBRULE3(this.expr, { LABEL: "to" });
          this.CONSUME(T.AnyWord, { LABEL: "shape" });
          this.SUBRULE4(this.expr, { LABEL: "steps" });
        },
      },
    ]);
  });

  // ---- looking ahead --------------------------------------------------------------------------

  /** Whether the parentheses that begin here hold a comma of their own. */
  private isTuple(): boolean {
    for (let ahead = 2, depth = 1; depth > 0; ahead++) {
      const type = this.LA(ahead).tokenType;
      if (type === T.LParen || type === T.LBracket) depth++;
      else if (type === T.RParen || type === T.RBracket) depth--;
      else if (type === T.Comma && depth === 1) return true;
      else if (type === T.RBrace || type === T.LBrace || type === T.FatArrow || type.name === "EOF") return false;
    }
    return false;
  }

  /** Whether a piece of a schedule stands `ahead`: `hold n`, or something with an `->` in it. */
  private isPiece(ahead: number): boolean {
    if (this.next(T.Hold, ahead) && !this.next(T.Target, ahead)) return true;
    for (let k = ahead; ; k++) {
      const type = this.LA(k).tokenType;
      if (type === T.Arrow) return true;
      if (PIECE_ENDS.has(type) || type.name === "EOF") return false;
    }
  }
}

const PIECE_ENDS: ReadonlySet<TokenType> = new Set([T.Semi, T.LBrace, T.RBrace, T.Target, T.Equals, T.Assign, T.FatArrow]);
