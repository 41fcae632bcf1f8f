// Bodies and their statements.

import { joinSpans, type Span } from "../source.js";
import type { Expr, FunctionDecl, Item, Statement } from "./ast.js";
import { buildDeclarations } from "./build-declarations.js";
import { buildExpr } from "./build-expression.js";
import { type Building, identifier } from "./building.js";
import { type CstNode, choiceOf, type IToken, nodeOf, nodesOf, spanOfNode, spanOfToken, tokenOf } from "./cst.js";

export type BodyKind = "optimizer" | "ruleset" | "fn" | "transform" | "entry" | "wrap";

export interface BodyRules {
  readonly kind: BodyKind;
  readonly buildFunction: (build: Building, node: CstNode) => FunctionDecl | null;
}

const EVERYTHING = null;
const ALLOWED: Readonly<Record<BodyKind, ReadonlySet<Item["kind"]> | null>> = {
  optimizer: EVERYTHING,
  ruleset: new Set<Item["kind"]>(["hyper", "set", "order", "fn", "rules"]),
  fn: new Set<Item["kind"]>(["statement", "fn"]),
  transform: new Set<Item["kind"]>(["statement", "fn", "state"]),
  entry: new Set<Item["kind"]>(["statement", "fn"]),
  wrap: new Set<Item["kind"]>(["statement", "fn"]),
};

/** The items of a `{ }`, those that may not stand in such a body left out with a message. */
export function buildBody(build: Building, node: CstNode, rules: BodyRules): Item[] {
  const allowed = ALLOWED[rules.kind];
  return nodesOf(node, "item").flatMap((item) => {
    const items = buildItem(build, item, rules);
    const wrong = items.find((made) => allowed !== null && !allowed.has(made.kind));
    if (wrong === undefined) return items;
    if (!build.bracesBroken) build.reporter.report("misplaced-item", { item: wrong.kind, body: rules.kind }, wrong.span);
    return [];
  });
}

function buildItem(build: Building, item: CstNode, rules: BodyRules): Item[] {
  const node = choiceOf(item);
  if (node === undefined || node.name === "junk") return [];
  if (node.name === "functionItem") {
    const made = rules.buildFunction(build, node);
    return made === null ? [] : [made];
  }
  const statement = buildStatement(build, node, rules);
  if (statement !== null) return [{ kind: "statement", statement, span: statement.span }];
  return buildDeclarations(build, node, (body, kind) => buildBody(build, body, { ...rules, kind }));
}

function buildStatement(build: Building, node: CstNode, rules: BodyRules): Statement | null {
  const span = spanOfNode(node);
  const expr = (name = "expr") => buildExpr(build, nodeOf(node, name), span);
  switch (node.name) {
    case "assignment":
      return assignment(build, node, span);
    case "ifStatement":
      return conditional(build, node, rules);
    case "everyStatement": {
      const from = nodeOf(node, "from") === undefined ? null : expr("from");
      return { kind: "every", period: expr(), from, body: block(build, nodeOf(node, "block"), rules), span };
    }
    case "repeatStatement":
      return { kind: "repeat", count: expr(), body: block(build, nodeOf(node, "block"), rules), span };
    case "returnStatement":
      return { kind: "return", value: expr(), span };
    default:
      return null;
  }
}

function assignment(build: Building, node: CstNode, span: Span): Statement | null {
  const name = tokenOf(node, "Target");
  const sign = tokenOf(node, "sign");
  if (name === undefined || sign === undefined) return null;
  const target = identifier(name);
  const value = buildExpr(build, nodeOf(node, "expr"), { from: span.to, to: span.to });
  if (sign.tokenType.name === "Compound") return compound(build, target, sign, value, span);
  if (sign.image === "==") build.reporter.report("definition-by-comparison", { name: target.name }, spanOfToken(sign));
  return { kind: sign.tokenType.name === "Assign" ? "assign" : "define", target, value, span };
}

/** `x -= e`, reported and read as `x <- x - e`. */
function compound(build: Building, target: ReturnType<typeof identifier>, sign: IToken, right: Expr, span: Span): Statement {
  const op = sign.image[0] as "+" | "-" | "*" | "/";
  build.reporter.report("compound-assignment", { name: target.name, op }, spanOfToken(sign));
  const left: Expr = { kind: "name", name: target.name, span: target.span };
  return {
    kind: "assign",
    target,
    value: { kind: "binary", op, opSpan: spanOfToken(sign), left, right, span: joinSpans(left.span, right.span) },
    span,
  };
}

/** An `if` with its chain of `else if`, from the last to the first. */
function conditional(build: Building, node: CstNode, rules: BodyRules): Statement {
  const span = spanOfNode(node);
  const condition = buildExpr(build, nodeOf(node, "expr"), span);
  // The first block is `then` also where the parser gave the second up.
  const [first, second] = nodesOf(node, "block");
  const then = block(build, first, rules);
  const chained = nodeOf(node, "ifStatement");
  let otherwise: Statement[] | null = null;
  if (chained !== undefined) otherwise = [conditional(build, chained, rules)];
  else if (tokenOf(node, "Else") !== undefined) otherwise = block(build, second, rules);
  return { kind: "if", condition, then, otherwise, span };
}

/** The statements of a block; a declaration in it is reported. */
function block(build: Building, node: CstNode | undefined, rules: BodyRules): Statement[] {
  if (node === undefined) return [];
  const body = nodeOf(node, "body");
  const items = body === undefined ? nodesOf(node, "item") : nodesOf(body, "item");
  return items
    .flatMap((item) => buildItem(build, item, rules))
    .flatMap((item) => {
      if (item.kind === "statement") return [item.statement];
      if (!build.bracesBroken) build.reporter.report("declaration-in-block", { item: item.kind }, item.span);
      return [];
    });
}
