// The grammar of files, bodies and statements. A statement without its braces is read, too, and reported.

import { type CstNode, type IParserErrorMessageProvider, tokenLabel } from "chevrotain";
import { DeclarationParser } from "./declarations.js";
import type { Rule } from "./expressions.js";
import type { Lexed } from "./lexer.js";
import type { Problem } from "./recovery.js";
import * as T from "./tokens.js";

/** What the recovery needs to know of a mistake: what was awaited. */
const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => tokenLabel(expected),
  buildNotAllInputParsedMessage: () => "",
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? "",
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? "",
};

class Parser extends DeclarationParser {
  constructor(checked: boolean) {
    super(T.vocabulary, {
      recoveryEnabled: true,
      maxLookahead: 1,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: messages,
      skipValidations: !checked,
    });
    this.analyse();
  }

  parse(lexed: Lexed): { readonly cst: CstNode; readonly problems: readonly Problem[] } {
    this.start(lexed);
    const cst = this.file();
    return { cst, problems: this.problems };
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

  private readonly stray = this.plainRule("stray", () => {
    this.CONSUME(T.Stray);
    this.ACTION(() => this.reportJunk("stray", "declaration"));
  });

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

  private readonly junk = this.plainRule("junk", () => {
    this.CONSUME(T.Junk);
    this.ACTION(() => this.reportJunk("junk", "item"));
  });

  private readonly functionItem = this.plainRule("functionItem", () => this.functionTail());

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
}

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
