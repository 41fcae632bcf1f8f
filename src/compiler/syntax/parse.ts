// Text to tree. Never throws and never fails: what cannot be read is reported, in the order of the text, and left out of the tree.

import { lex } from "../../../grammar/lexer.js";
import { parseCst } from "../../../grammar/parser.js";
import type { Reporter } from "../diagnostics/report.js";
import type { SourceText } from "../source.js";
import type { Ast } from "./ast.js";
import { buildAst } from "./build-ast.js";
import { collectDocs } from "./docs.js";
import { reportProblems } from "./report-problems.js";
import { reportTokens } from "./report-tokens.js";

/** More than these are no help to anybody. */
const MAX_REPORTS = 100;

/** Reads a text; its mistakes go to `reporter`. */
export function parse(source: SourceText, reporter: Reporter): Ast {
  const found: { readonly from: number; readonly tell: () => void }[] = [];
  const inOrder: Reporter = {
    diagnostics: reporter.diagnostics,
    hasErrors: false,
    report: (code, args, span, labels) => found.push({ from: span.from, tell: () => reporter.report(code, args, span, labels) }),
  };
  const lexed = lex(source.text);
  const { cst, problems } = parseCst(lexed);
  reportTokens(source, lexed, inOrder);
  reportProblems(source, lexed, problems, inOrder);
  const ast = buildAst({ source, reporter: inOrder, docs: collectDocs(lexed) }, cst);
  found.sort((a, b) => a.from - b.from);
  for (const { tell } of found.slice(0, MAX_REPORTS)) tell();
  const next = found[MAX_REPORTS];
  if (next !== undefined) reporter.report("too-many-errors", { shown: MAX_REPORTS }, { from: next.from, to: next.from });
  return ast;
}
