// The concrete syntax of a file becomes the tree of ast.ts. Only the builders see a Cst.

import type { Span } from "../source.js";
import type { Ast, FunctionDecl, Item, OptimizerDecl, RulesetDecl } from "./ast.js";
import { buildBody } from "./build-body.js";
import { buildExpr } from "./build-expression.js";
import { type Building, docBefore, identifier } from "./building.js";
import { type CstNode, nodeOf, nodesOf, spanOfNode, spanOfToken, tokenOf, tokensOf } from "./cst.js";

type Declaration = OptimizerDecl | RulesetDecl | FunctionDecl;

/** The tree of a file; what the parser gave up is left out or "missing". */
export function buildAst(build: Building, file: CstNode): Ast {
  const declarations: Declaration[] = [];
  const nodes = ["optimizerDecl", "rulesetDecl", "functionDecl"].flatMap((kind) => nodesOf(file, kind));
  nodes.sort((a, b) => spanOfNode(a).from - spanOfNode(b).from);
  for (const node of nodes) {
    const made = node.name === "functionDecl" ? buildFunction(build, node) : buildNamed(build, node);
    if (made !== null) declarations.push(made);
  }
  return { source: build.source, declarations };
}

function buildNamed(build: Building, node: CstNode): OptimizerDecl | RulesetDecl | null {
  const name = tokenOf(node, "name");
  if (name === undefined) return null;
  const isRuleset = node.name === "rulesetDecl";
  const bodyNode = nodeOf(node, "body");
  const inside = (body: CstNode) => buildBody(build, body, { kind: isRuleset ? "ruleset" : "optimizer", buildFunction });
  const common = {
    doc: docBefore(build, tokenOf(node, isRuleset ? "Ruleset" : "Optimizer")),
    name: identifier(name),
    body: bodyNode === undefined ? [] : inside(bodyNode),
    span: spanOfNode(node),
  };
  if (isRuleset) return { kind: "ruleset", ...common };
  const base = tokenOf(node, "base");
  return {
    kind: "optimizer",
    base: base === undefined ? null : identifier(base),
    rulesets: tokensOf(node, "ruleset").map(identifier),
    ...common,
  };
}

/** A `fn` or a `transform`, of the file or of a body. */
function buildFunction(build: Building, node: CstNode): FunctionDecl | null {
  const word = tokenOf(node, "Fn") ?? tokenOf(node, "Transform");
  const name = tokenOf(node, "name");
  if (word === undefined || name === undefined) return null;
  const kind = word.image === "fn" ? "fn" : "transform";
  const span = spanOfNode(node);
  return {
    kind,
    doc: docBefore(build, word),
    name: identifier(name),
    params: parametersOf(build, node),
    body: functionBody(build, node, kind, span),
    span,
  };
}

function parametersOf(build: Building, node: CstNode): FunctionDecl["params"] {
  const separators = tokensOf(node, "separator");
  let half: 0 | 1 = 0;
  return tokensOf(node, "parameter").map((token, index) => {
    const separator = separators[index - 1];
    if (separator?.image === ";") {
      if (half === 1) build.reporter.report("second-semicolon", {}, spanOfToken(separator));
      half = 1;
    }
    return { name: identifier(token), half };
  });
}

function functionBody(build: Building, node: CstNode, kind: "fn" | "transform", span: Span): readonly Item[] {
  const body = nodeOf(node, "body");
  if (body !== undefined) return buildBody(build, body, { kind, buildFunction });
  const value = buildExpr(build, nodeOf(node, "expr"), span);
  return [{ kind: "statement", statement: { kind: "return", value, span: value.span }, span: value.span }];
}
