// Expressions: the flat list of operands and operators of the concrete syntax becomes a tree by precedence. From loosest to tightest:
// |>, or, and, not, comparisons, + -, * / % @, unary -, ^, then .name, calls and indices.

import { joinSpans, type Span } from "../source.js";
import type { Argument, BinaryOperator, CallExpr, Expr, ExtentSyntax, Reducer } from "./ast.js";
import { extentOfExpr } from "./build-extent.js";
import { type Building, identifier } from "./building.js";
import { type CstNode, type IToken, nodeOf, nodesOf, spanOfNode, spanOfToken, tokenOf, tokensOf } from "./cst.js";
import { numberValue, readString } from "./literals.js";

/** A tree taller than this is refused: every pass recurses over it. */
export const MAX_HEIGHT = 500;
const MAX_PREFIXES = 50;

const LEVEL: Readonly<Record<string, number>> = {
  "|>": 0, or: 1, and: 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "@": 6, "^": 8,
}; // biome-ignore format: a table
const NOT_LEVEL = 3;
const COMPARISON = 4;
const UNARY = 7;
const POWER = 8;
const SAME: Readonly<Record<string, string>> = {
  "&&": "and", "||": "or", "!": "not", "**": "^", "=": "==", ":=": "==", "<-": "<", "\u2190": "<",
  "\u2212": "-", "\u00D7": "*", "\u00B7": "*", "\u22C5": "*", "\u00F7": "/", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
}; // biome-ignore format: a table

const heights = new WeakMap<Expr, number>();

interface Cursor {
  readonly build: Building;
  readonly operands: readonly CstNode[];
  readonly prefixes: readonly (readonly IToken[])[];
  readonly infix: readonly IToken[];
  /** Operand to be read next, and the prefix before it. */
  operand: number;
  prefix: number;
}

/** The expression of a node; "missing" where the parser gave it up, with `place` as its span if it has none. */
export function buildExpr(build: Building, node: CstNode | undefined, place: Span): Expr {
  if (node === undefined || node.recoveredNode === true) return { kind: "missing", span: node === undefined ? place : spanOfNode(node) };
  const operands = nodesOf(node, "operand");
  const prefixes = operands.map((operand) => tokensOf(operand, "prefix"));
  const long = prefixes.find((list) => list.length > MAX_PREFIXES);
  if (long !== undefined) {
    build.reporter.report("expression-too-deep", { limit: MAX_PREFIXES }, spanOfToken(long[0]!));
    return { kind: "missing", span: spanOfNode(node) };
  }
  const cursor: Cursor = { build, operands, prefixes, infix: tokensOf(node, "infix"), operand: 0, prefix: 0 };
  const expr = binary(cursor, 0);
  if ((heights.get(expr) ?? 0) <= MAX_HEIGHT) return expr;
  build.reporter.report("expression-too-deep", { limit: MAX_HEIGHT }, { from: expr.span.from, to: expr.span.from + 1 });
  return { kind: "missing", span: expr.span };
}

/** Notes the height of a tree. */
function grown<E extends Expr>(expr: E, ...parts: readonly Expr[]): E {
  let height = 0;
  for (const part of parts) height = Math.max(height, heights.get(part) ?? 0);
  heights.set(expr, height + 1);
  return expr;
}

function operatorText(token: IToken): string {
  return SAME[token.image] ?? token.image;
}

function binary(cursor: Cursor, lowest: number): Expr {
  let left = prefixed(cursor, lowest);
  for (;;) {
    const token = cursor.infix[cursor.operand - 1];
    if (token === undefined) return left;
    const op = operatorText(token);
    const level = LEVEL[op] ?? 0;
    if (level < lowest) return left;
    reportWrongInfix(cursor.build, token);
    if (op === "|>") left = pipe(cursor, left);
    else if (level === COMPARISON) left = comparison(cursor, left, token);
    else if (level === POWER) left = power(cursor, left, token);
    else left = combine(op as BinaryOperator, token, left, binary(cursor, level + 1));
  }
}

function combine(op: BinaryOperator, token: IToken, left: Expr, right: Expr): Expr {
  return grown({ kind: "binary", op, opSpan: spanOfToken(token), left, right, span: joinSpans(left.span, right.span) }, left, right);
}

function reportWrongInfix(build: Building, token: IToken): void {
  const span = spanOfToken(token);
  if (token.image === "<-" || token.image === "\u2190") build.reporter.report("arrow-in-expression", {}, span);
  else if (token.image === "=" || token.image === ":=") build.reporter.report("equals-in-expression", {}, span);
}

function pipe(cursor: Cursor, value: Expr): Expr {
  const right = binary(cursor, 1);
  if (right.kind === "call") return grown({ kind: "pipe", value, call: right, span: joinSpans(value.span, right.span) }, value, right);
  if (right.kind !== "missing" && right.kind !== "if") cursor.build.reporter.report("pipe-into-call", {}, right.span);
  return { kind: "missing", span: joinSpans(value.span, right.span) };
}

function comparison(cursor: Cursor, first: Expr, token: IToken): Expr {
  const text = (expr: Expr) => cursor.build.source.text.slice(expr.span.from, expr.span.to).replace(/\s+/g, " ");
  let left = first;
  let last = operand(token);
  let tree = combine(operatorText(token) as BinaryOperator, token, left, last);
  const form = [`${text(left)} ${operatorText(token)} ${text(last)}`];
  for (;;) {
    const next = cursor.infix[cursor.operand - 1];
    if (next === undefined || LEVEL[operatorText(next)] !== COMPARISON) break;
    left = last;
    last = operand(next);
    form.push(`${text(left)} ${operatorText(next)} ${text(last)}`);
    tree = combine("and", next, tree, combine(operatorText(next) as BinaryOperator, next, left, last));
  }
  if (form.length > 1) cursor.build.reporter.report("chained-comparison", { form: form.join(" and ") }, tree.span);
  return tree;

  function operand(sign: IToken): Expr {
    const value = binary(cursor, COMPARISON + 1);
    // `a <-1` is read as `a < -1`.
    if (operatorText(sign) !== "<" || sign.image === "<") return value;
    return grown({ kind: "unary", op: "-", operand: value, span: value.span }, value);
  }
}

function power(cursor: Cursor, base: Expr, first: IToken): Expr {
  let tree = combine("^", first, base, prefixed(cursor, POWER));
  for (let reported = false; ; reported = true) {
    const next = cursor.infix[cursor.operand - 1];
    if (next === undefined || operatorText(next) !== "^") return tree;
    if (!reported) cursor.build.reporter.report("second-power", {}, spanOfToken(next));
    tree = combine("^", next, tree, prefixed(cursor, POWER));
  }
}

/** An operand with the prefix operators that bind it here. */
function prefixed(cursor: Cursor, lowest: number): Expr {
  const { build, prefixes, operands } = cursor;
  const token = prefixes[cursor.operand]?.[cursor.prefix];
  if (token === undefined) {
    const node = operands[cursor.operand]!;
    if (nodeOf(node, "ifExpr") !== undefined && (cursor.operand > 0 || cursor.prefix > 0)) {
      build.reporter.report(
        "if-needs-parentheses",
        {},
        spanOfToken(tokenOf(nodeOf(node, "ifExpr")!, "If") ?? cursor.infix[cursor.operand - 1]!),
      );
    }
    cursor.operand++;
    cursor.prefix = 0;
    return operandOf(build, node);
  }
  cursor.prefix++;
  const op = operatorText(token);
  const span = spanOfToken(token);
  if (op === "+") {
    build.reporter.report("unary-plus", {}, span);
    return prefixed(cursor, lowest);
  }
  if (op === "not") {
    if (lowest > NOT_LEVEL) build.reporter.report("not-needs-parentheses", {}, span);
    const value = binary(cursor, lowest > NOT_LEVEL ? UNARY : NOT_LEVEL);
    return grown({ kind: "unary", op: "not", operand: value, span: joinSpans(span, value.span) }, value);
  }
  const value = lowest >= POWER ? prefixed(cursor, POWER) : binary(cursor, UNARY);
  return grown({ kind: "unary", op: "-", operand: value, span: joinSpans(span, value.span) }, value);
}

function operandOf(build: Building, node: CstNode): Expr {
  let expr = primary(build, node);
  for (const token of tokensOf(node, "member")) {
    const member = identifier(token);
    expr = grown({ kind: "member", object: expr, member, span: joinSpans(expr.span, member.span) }, expr);
  }
  return expr;
}

function primary(build: Building, node: CstNode): Expr {
  const number = tokenOf(node, "Number");
  if (number !== undefined) return { kind: "number", value: numberValue(number.image), text: number.image, span: spanOfToken(number) };
  const string = tokenOf(node, "String");
  if (string !== undefined) {
    const { value, raw } = readString(string.image);
    return { kind: "string", value, raw, span: spanOfToken(string) };
  }
  const word = tokenOf(node, "Word");
  if (word !== undefined) return named(build, node, word);
  const open = tokenOf(node, "LParen");
  if (open !== undefined) {
    const close = tokenOf(node, "RParen");
    const inner = buildExpr(build, nodeOf(node, "expr"), spanOfToken(open));
    const copy = { ...inner, span: joinSpans(spanOfToken(open), close === undefined ? inner.span : spanOfToken(close)) };
    return grown(copy, inner);
  }
  const choice = nodeOf(node, "ifExpr");
  return choice === undefined ? { kind: "missing", span: spanOfNode(node) } : conditional(build, choice);
}

function conditional(build: Building, node: CstNode): Expr {
  const span = spanOfNode(node);
  const condition = buildExpr(build, nodeOf(node, "condition"), span);
  const then = buildExpr(build, nodeOf(node, "then"), span);
  const otherwise = buildExpr(build, nodeOf(node, "otherwise"), span);
  return grown({ kind: "if", condition, then, otherwise, span }, condition, then, otherwise);
}

const REDUCER: ReadonlySet<string> = new Set<Reducer>(["sum", "mean", "max", "min", "norm", "rms", "dot", "any"]);
const isReducer = (name: string): name is Reducer => REDUCER.has(name);

/** A name, and the call, reduction or index that it begins. */
function named(build: Building, node: CstNode, word: IToken): Expr {
  const name = identifier(word);
  const bracket = nodeOf(node, "bracket");
  const call = nodeOf(node, "call");
  if (bracket === undefined && call === undefined) return { kind: "name", name: name.name, span: name.span };
  const span = [bracket, call].reduce<Span>((whole, part) => (part === undefined ? whole : joinSpans(whole, spanOfNode(part))), name.span);
  const inside = bracket === undefined ? null : buildExpr(build, nodeOf(bracket, "expr"), spanOfNode(bracket));
  if (call === undefined) {
    if (isReducer(name.name)) {
      build.reporter.report("reduction-without-argument", { name: name.name }, span);
      return { kind: "missing", span };
    }
    return grown({ kind: "index", object: name, index: inside!, span }, inside!);
  }
  const args = argumentsOf(build, call);
  if (isReducer(name.name)) {
    const to = inside === null ? null : extentOfExpr(build, inside);
    return reduction(build, name.name, span, to, args);
  }
  if (inside !== null) build.reporter.report("not-a-reduction", { name: name.name }, spanOfNode(bracket!));
  const made: CallExpr & { span: Span } = { kind: "call", callee: name, args, span };
  return grown(made, ...args.map((arg) => arg.value));
}

function reduction(build: Building, by: Reducer, span: Span, to: ExtentSyntax | null, args: readonly Argument[]): Expr {
  if (args.length === 0) build.reporter.report("reduction-without-argument", { name: by }, span);
  for (const arg of args) {
    if (arg.name !== null) build.reporter.report("named-reduction-argument", { name: by }, arg.name.span);
    else if (arg.half === 1) build.reporter.report("semicolon-in-reduction", { name: by }, arg.span);
  }
  const values = args.map((arg) => arg.value);
  return grown({ kind: "reduction", by, to, args: values, span }, ...values);
}

function argumentsOf(build: Building, call: CstNode): Argument[] {
  const separators = tokensOf(call, "separator");
  let half: 0 | 1 = 0;
  return nodesOf(call, "arg").map((node, index) => {
    const separator = separators[index - 1];
    if (separator?.image === ";") {
      if (half === 1) build.reporter.report("second-semicolon", {}, spanOfToken(separator));
      half = 1;
    }
    const name = tokenOf(node, "name");
    const span = spanOfNode(node);
    return {
      name: name === undefined ? null : identifier(name),
      value: buildExpr(build, nodeOf(node, "expr"), span),
      half,
      span,
    };
  });
}
