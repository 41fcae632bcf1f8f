// The grammar. It reads a little more than the language, where a wrong form is clear: a chain of comparisons, `=` inside an expression, a
// statement without braces. `src/compiler/syntax` reports those when it builds the tree. An expression is a flat list of operands and
// operators here; precedence is decided there too, so that nesting costs few stack frames.

import type { CstNode, IParserErrorMessageProvider, ParserMethod } from "chevrotain";
import { type TokenType, tokenLabel, tokenMatcher } from "chevrotain";
import type { Lexed } from "./lexer.js";
import { type Problem, RecoveringParser } from "./recovery.js";
import * as T from "./tokens.js";

type Rule = ParserMethod<[], CstNode>;

const OPERAND: readonly TokenType[] = [T.Word, T.NumberToken, T.StringToken, T.LParen, T.Minus, T.Not, T.If];

/** What the recovery needs to know of a mistake: what was awaited. */
const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => tokenLabel(expected),
  buildNotAllInputParsedMessage: () => "",
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? "",
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? "",
};

class Parser extends RecoveringParser {
  constructor(checked: boolean) {
    super(T.vocabulary, {
      recoveryEnabled: true,
      maxLookahead: 1,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: messages,
      skipValidations: !checked,
    });
    this.performSelfAnalysis();
  }

  parse(lexed: Lexed): { readonly cst: CstNode; readonly problems: readonly Problem[] } {
    this.start(lexed);
    const cst = this.file();
    return { cst, problems: this.problems };
  }

  /** A rule that can be given up alone. */
  private partRule(name: string, kind: "expression" | "item" | "arm" | "declaration", parse: () => void): Rule {
    return this.RULE(name, () => this.part(kind, parse));
  }

  private plainRule(name: string, parse: () => void): Rule {
    return this.RULE(name, parse, { resyncEnabled: false });
  }

  // ---- the file -----------------------------------------------------------------------------

  readonly file: Rule = this.RULE("file", () => {
    this.MANY(() =>
      this.OR({
        DEF: [
          { ALT: () => this.SUBRULE(this.optimizerDecl) },
          { ALT: () => this.SUBRULE(this.rulesetDecl) },
          { ALT: () => this.SUBRULE(this.functionDecl) },
          { ALT: () => this.SUBRULE(this.stray) },
        ],
        IGNORE_AMBIGUITIES: true,
      }),
    );
  });

  private readonly stray = this.plainRule("stray", () => {
    this.CONSUME(T.Stray);
    this.ACTION(() => this.reportJunk("stray", "declaration"));
  });

  private readonly junk = this.plainRule("junk", () => {
    this.CONSUME(T.Junk);
    this.ACTION(() => this.reportJunk("junk", "item"));
  });

  private readonly armJunk = this.plainRule("armJunk", () => {
    this.CONSUME(T.Junk);
    this.ACTION(() => this.reportJunk("junk", "arm"));
  });

  private readonly optimizerDecl = this.partRule("optimizerDecl", "declaration", () => {
    this.CONSUME(T.Optimizer);
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.body) },
        {
          ALT: () => {
            this.CONSUME(T.Equals);
            this.CONSUME2(T.AnyWord, { LABEL: "base" });
            this.OPTION(() => {
              this.CONSUME(T.With);
              this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.CONSUME3(T.AnyWord, { LABEL: "ruleset" }), ERR_MSG: "a name" });
            });
            this.OPTION2(() => this.SUBRULE2(this.body));
          },
        },
      ],
      ERR_MSG: "`{` or `= another optimizer`",
    });
  });

  private readonly rulesetDecl = this.partRule("rulesetDecl", "declaration", () => {
    this.CONSUME(T.Ruleset);
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.SUBRULE(this.body);
  });

  private readonly functionDecl = this.partRule("functionDecl", "declaration", () => this.functionTail());

  private functionTail(): void {
    this.OR([{ ALT: () => this.CONSUME(T.Fn) }, { ALT: () => this.CONSUME(T.Transform) }]);
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.CONSUME(T.LParen);
    this.OPTION(() => {
      this.CONSUME2(T.AnyWord, { LABEL: "parameter" });
      this.MANY(() => {
        this.OR2([
          { ALT: () => this.CONSUME(T.Comma, { LABEL: "separator" }) },
          { ALT: () => this.CONSUME(T.Semi, { LABEL: "separator" }) },
        ]);
        this.CONSUME3(T.AnyWord, { LABEL: "parameter" });
      });
    });
    this.CONSUME(T.RParen);
    this.OR3({
      DEF: [
        {
          ALT: () => {
            this.CONSUME(T.Equals);
            this.SUBRULE(this.expr);
          },
        },
        { ALT: () => this.SUBRULE(this.body) },
      ],
      ERR_MSG: "`= expression` or `{`",
    });
  }

  // ---- bodies -------------------------------------------------------------------------------

  private readonly body: Rule = this.plainRule("body", () => {
    this.nested(() => {
      this.CONSUME(T.LBrace);
      this.MANY(() =>
        this.OR({ DEF: [{ ALT: () => this.CONSUME(T.Semi) }, { ALT: () => this.SUBRULE(this.item) }], IGNORE_AMBIGUITIES: true }),
      );
      this.CONSUME(T.RBrace);
    });
  });

  /** The braces of a statement; one statement without them is read and reported. */
  private readonly block: Rule = this.plainRule("block", () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.body) },
        {
          ALT: () => {
            this.ACTION(() => this.next(T.Then) || this.report("no-braces", "`{`"));
            this.SUBRULE(this.item);
            this.OPTION({
              GATE: () => this.spendClosingBrace(),
              DEF: () => {
                this.MANY(() => this.SUBRULE2(this.item));
                this.CONSUME(T.RBrace);
              },
            });
          },
        },
      ],
      IGNORE_AMBIGUITIES: true,
      ERR_MSG: "`{`",
    });
  });

  private readonly item: Rule = this.partRule("item", "item", () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.assignment) },
        { ALT: () => this.SUBRULE(this.ifStatement) },
        { ALT: () => this.SUBRULE(this.everyStatement) },
        { ALT: () => this.SUBRULE(this.repeatStatement) },
        { ALT: () => this.SUBRULE(this.returnStatement) },
        { ALT: () => this.SUBRULE(this.hyperDecl) },
        { ALT: () => this.SUBRULE(this.optionDecl) },
        { ALT: () => this.SUBRULE(this.keptDecl) },
        { ALT: () => this.SUBRULE(this.functionItem) },
        { ALT: () => this.SUBRULE(this.rulesDecl) },
        { GATE: () => !(this.next(T.SetWord) && this.next(T.Equals, 3)), ALT: () => this.SUBRULE(this.ruleBlock) },
        { ALT: () => this.SUBRULE(this.setDecl) },
        { ALT: () => this.SUBRULE(this.orderDecl) },
        { ALT: () => this.SUBRULE(this.storeDecl) },
        { ALT: () => this.SUBRULE(this.scheduleDecl) },
        { ALT: () => this.SUBRULE(this.entryDecl) },
        { ALT: () => this.SUBRULE(this.wrapDecl) },
        { ALT: () => this.SUBRULE(this.junk) },
      ],
      IGNORE_AMBIGUITIES: true,
    });
  });

  private readonly functionItem = this.plainRule("functionItem", () => this.functionTail());

  // ---- declarations -------------------------------------------------------------------------

  private readonly hyperDecl = this.plainRule("hyperDecl", () => {
    this.OPTION(() => this.CONSUME(T.Fixed));
    this.CONSUME(T.Hyper);
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.hyperEntry), ERR_MSG: "a name" });
  });

  private readonly hyperEntry = this.plainRule("hyperEntry", () => {
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

  private readonly interval = this.plainRule("interval", () => {
    this.OR({
      DEF: [{ ALT: () => this.CONSUME(T.LBracket) }, { ALT: () => this.CONSUME(T.LParen) }],
      ERR_MSG: "an interval such as `[0, 1)`",
    });
    this.SUBRULE(this.expr);
    this.CONSUME(T.Comma);
    this.SUBRULE2(this.expr);
    this.OR2({ DEF: [{ ALT: () => this.CONSUME(T.RBracket) }, { ALT: () => this.CONSUME(T.RParen) }], ERR_MSG: "`]` or `)`" });
  });

  private readonly optionDecl = this.plainRule("optionDecl", () => {
    this.CONSUME(T.Option);
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.optionEntry), ERR_MSG: "a name" });
  });

  private readonly optionEntry = this.plainRule("optionEntry", () => {
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(T.Colon);
      this.AT_LEAST_ONE_SEP({ SEP: T.Bar, DEF: () => this.SUBRULE(this.optionWord, { LABEL: "word" }), ERR_MSG: "a word or a number" });
    });
    this.CONSUME(T.Defines);
    this.SUBRULE2(this.optionWord, { LABEL: "value" });
  });

  private readonly optionWord = this.plainRule("optionWord", () => {
    this.OR({ DEF: [{ ALT: () => this.CONSUME(T.AnyWord) }, { ALT: () => this.CONSUME(T.NumberToken) }], ERR_MSG: "a word or a number" });
  });

  /** `state` and `input`. */
  private readonly keptDecl = this.plainRule("keptDecl", () => {
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

  private readonly stateEntry = this.plainRule("stateEntry", () => {
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(T.LBracket);
      this.SUBRULE(this.expr);
      this.CONSUME(T.RBracket);
    });
  });

  private readonly extent = this.plainRule("extent", () => {
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

  private readonly rulesDecl = this.plainRule("rulesDecl", () => {
    this.CONSUME(T.Rules);
    this.SUBRULE(this.ruleBlock);
  });

  private readonly ruleBlock = this.plainRule("ruleBlock", () => {
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

  private readonly arm = this.partRule("arm", "arm", () => {
    this.OPTION({ GATE: () => this.beginsOperand(2), DEF: () => this.CONSUME(T.Optional) });
    this.OR([{ ALT: () => this.CONSUME(T.Else) }, { ALT: () => this.SUBRULE(this.expr, { LABEL: "condition" }) }]);
    this.CONSUME(T.FatArrow);
    this.SUBRULE2(this.expr);
    this.OPTION2(() => this.OR2([{ ALT: () => this.CONSUME(T.Comma) }, { ALT: () => this.CONSUME(T.Semi) }]));
  });

  private readonly setDecl = this.plainRule("setDecl", () => {
    this.CONSUME(T.SetWord);
    this.CONSUME(T.AnyWord, { LABEL: "name" });
    this.CONSUME(T.Defines);
    this.SUBRULE(this.expr);
  });

  private readonly orderDecl = this.plainRule("orderDecl", () => {
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

  private readonly orderArm = this.partRule("orderArm", "arm", () => {
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

  private readonly storeDecl = this.plainRule("storeDecl", () => {
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

  private readonly storeEntry = this.partRule("storeEntry", "arm", () => {
    this.CONSUME(T.AnyWord, { LABEL: "name" });
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

  private readonly scheduleDecl = this.plainRule("scheduleDecl", () => {
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

  private readonly piece = this.plainRule("piece", () => {
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

  private readonly entryDecl = this.plainRule("entryDecl", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(T.Entry);
          this.CONSUME(T.AnyWord, { LABEL: "name" });
          this.OPTION(() => {
            this.CONSUME(T.From);
            this.CONSUME2(T.AnyWord, { LABEL: "from" });
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.Step);
          this.CONSUME2(T.From);
          this.CONSUME3(T.AnyWord, { LABEL: "from" });
        },
      },
    ]);
    this.SUBRULE(this.body);
  });

  private readonly wrapDecl = this.plainRule("wrapDecl", () => {
    this.OR([{ ALT: () => this.CONSUME(T.Before) }, { ALT: () => this.CONSUME(T.After) }]);
    this.SUBRULE(this.body);
  });

  // ---- statements ---------------------------------------------------------------------------

  private readonly assignment = this.plainRule("assignment", () => {
    this.CONSUME(T.Target);
    this.OR([
      { ALT: () => this.CONSUME(T.Equals, { LABEL: "sign" }) },
      { ALT: () => this.CONSUME(T.Assign, { LABEL: "sign" }) },
      { ALT: () => this.CONSUME(T.Compound, { LABEL: "sign" }) },
      { ALT: () => this.CONSUME(T.EqualEqual, { LABEL: "sign" }) },
    ]);
    this.SUBRULE(this.expr);
  });

  private readonly ifStatement: Rule = this.plainRule("ifStatement", () => {
    this.nested(() => {
      this.CONSUME(T.If);
      this.SUBRULE(this.expr);
      this.SUBRULE(this.block);
      this.OPTION(() => {
        this.CONSUME(T.Else);
        this.OR({
          DEF: [{ ALT: () => this.SUBRULE(this.ifStatement) }, { ALT: () => this.SUBRULE2(this.block) }],
          IGNORE_AMBIGUITIES: true,
          ERR_MSG: "`{`",
        });
      });
    });
  });

  private readonly everyStatement = this.plainRule("everyStatement", () => {
    this.CONSUME(T.Every);
    this.SUBRULE(this.expr);
    this.OPTION(() => {
      this.CONSUME(T.From);
      this.SUBRULE2(this.expr, { LABEL: "from" });
    });
    this.SUBRULE(this.block);
  });

  private readonly repeatStatement = this.plainRule("repeatStatement", () => {
    this.CONSUME(T.Repeat);
    this.SUBRULE(this.expr);
    this.SUBRULE(this.block);
  });

  private readonly returnStatement = this.plainRule("returnStatement", () => {
    this.CONSUME(T.Return);
    this.SUBRULE(this.expr);
  });

  // ---- expressions --------------------------------------------------------------------------

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

  private readonly operand: Rule = this.plainRule("operand", () => {
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

  private readonly bracket = this.plainRule("bracket", () => {
    this.CONSUME(T.LBracket);
    this.SUBRULE(this.expr);
    this.CONSUME(T.RBracket);
  });

  private readonly call = this.plainRule("call", () => {
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

  private readonly arg = this.plainRule("arg", () => {
    this.OPTION({
      GATE: () => this.next(T.Equals, 2),
      DEF: () => {
        this.CONSUME(T.AnyWord, { LABEL: "name" });
        this.CONSUME(T.Equals);
      },
    });
    this.SUBRULE(this.expr);
  });

  private readonly ifExpr: Rule = this.plainRule("ifExpr", () => {
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

  private beginsOperand(ahead: number): boolean {
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

let parser: Parser | undefined;

/** The concrete syntax of a text and the places where it breaks; never throws. */
export function parseCst(lexed: Lexed): { readonly cst: CstNode; readonly problems: readonly Problem[] } {
  parser ??= new Parser(false);
  return parser.parse(lexed);
}

/** Builds the parser with chevrotain's own checks of the grammar on; throws what they find. */
export function checkGrammar(): void {
  new Parser(true);
}
