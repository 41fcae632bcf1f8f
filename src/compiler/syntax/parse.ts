// Text to tree. Never throws and never fails: what cannot be read is reported, in the order of the text, and left out of the tree.

import { lex } from "../../../grammar/lexer.js";
import { parseCst } from "../../../grammar/parser.js";
import type { Reporter } from "../diagnostics/report.js";
import { positionAt, type SourceText, type Span } from "../source.js";
import type { Ast } from "./ast.js";
import { buildAst } from "./build-ast.js";
import { collectDocs } from "./docs.js";
import { reportProblems } from "./report-problems.js";
import { reportTokens } from "./report-tokens.js";

/** More than these are no help to anybody. */
const MAX_REPORTS = 100;

interface Finding {
  readonly span: Span;
  readonly tell: () => void;
}

/** Reads a text; its mistakes go to `reporter`. */
export function parse(source: SourceText, reporter: Reporter): Ast {
  const lexed = lex(source.text);
  const { cst, problems } = parseCst(lexed);
  const found: Finding[] = [];
  const collector: Reporter = {
    diagnostics: reporter.diagnostics,
    hasErrors: false,
    report: (code, args, span, labels) => found.push({ span, tell: () => reporter.report(code, args, span, labels) }),
  };
  reportProblems(source, lexed, problems, collector);
  // What the tree shows of a line that the parser could not read is an echo.
  const broken = new Set(found.slice(0, MAX_REPORTS).map(({ span }) => positionAt(source, span.from).line));
  const forms: Reporter = {
    ...collector,
    report: (code, args, span, labels) => {
      // Enough to be sorted and cut below.
      if (found.length > 4 * MAX_REPORTS) return;
      if (broken.size === 0 || !broken.has(positionAt(source, span.from).line)) collector.report(code, args, span, labels);
    },
  };
  const bracesBroken = problems.some((problem) => problem.expected === "`}`");
  const ast = buildAst({ source, docs: collectDocs(lexed), bracesBroken, reporter: forms }, cst);
  reportTokens(source, lexed, collector);
  found.sort((a, b) => a.span.from - b.span.from);
  for (const { tell } of found.slice(0, MAX_REPORTS)) tell();
  const next = found[MAX_REPORTS];
  if (next !== undefined) reporter.report("too-many-errors", { shown: MAX_REPORTS }, { from: next.span.from, to: next.span.from });
  return ast;
}
