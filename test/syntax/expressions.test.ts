// Precedence, and that a tree survives being printed and read again.

import fc from "fast-check";
import { expect, test } from "vitest";
import { reported, tree } from "./read.js";

test.each([
  ["a + b * c", "(a + (b * c))"],
  ["a - b - c", "((a - b) - c)"],
  ["a / b * c % d @ e", "((((a / b) * c) % d) @ e)"],
  ["2 * A @ A", "((2 * A) @ A)"],
  ["-x^2", "(- (x ^ 2))"],
  ["2^-1", "(2 ^ (- 1))"],
  ["-a * b", "((- a) * b)"],
  ["a * -b^2", "(a * (- (b ^ 2)))"],
  ["--a", "(- (- a))"],
  ["t^-decay_rate", "(t ^ (- decay_rate))"],
  ["1 - beta1^t / 2", "(1 - ((beta1 ^ t) / 2))"],
  ["not a < b", "(not (a < b))"],
  ["not a and not not b", "((not a) and (not (not b)))"],
  ["a or b and c or d", "((a or (b and c)) or d)"],
  ["a + 1 < b * 2 and c != d", "(((a + 1) < (b * 2)) and (c != d))"],
  ["if a then b else c + d", "(if a then b else (c + d))"],
  ["if a then b else if c then d else e", "(if a then b else (if c then d else e))"],
  ["(if a then b else c) + d", "((if a then b else c) + d)"],
  ["if a then b |> f() else c |> g(1)", "(if a then (b |> f()) else (c |> g(1)))"],
  ["a + b |> f(c) |> g()", "(((a + b) |> f(c)) |> g())"],
  ["a or b |> f()", "((a or b) |> f())"],
  ["X.T @ X", "(X.T @ X)"],
  ["(a + b).T.T", "(a + b).T.T"],
  ["lr.base^2", "(lr.base ^ 2)"],
  ["shape[0] * h[keep - 1]", "(shape[0] * h[(keep - 1)])"],
  ["numel[model]", "numel[model]"],
  ["adam(g; beta1, epsilon = 1e-8)", "adam(g; beta1, epsilon=1e-8)"],
  ["f(a = 1; b = 2)", "f(a=1; b=2)"],
  ["f()", "f()"],
  ["norm(g)", "norm<g>"],
  ["norm[model](g) + max[block(256)](abs(x))", "(norm[model]<g> + max[block(256)]<abs(x)>)"],
  ["mean[axis(i + 1)](g)", "mean[axis((i + 1))]<g>"],
  ["max(a, b, c)", "max<a, b, c>"],
  ["rms > 0", "(rms > 0)"],
  ['"a" or contains("b")', '("a" or contains("b"))'],
  ["when + in * from", "(when + (in * from))"],
  ["state + order * hyper", "(state + (order * hyper))"],
])("%s", (text, expected) => {
  expect(tree(text)).toBe(expected);
});

// ---- printed and read again --------------------------------------------------------------------

type Node =
  | { readonly kind: "leaf"; readonly text: string }
  | { readonly kind: "unary"; readonly op: "-" | "not"; readonly operand: Node }
  | { readonly kind: "binary"; readonly op: string; readonly left: Node; readonly right: Node }
  | { readonly kind: "if"; readonly parts: readonly [Node, Node, Node] }
  | { readonly kind: "pipe"; readonly value: Node; readonly name: string; readonly args: readonly Node[] }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Node[] };

/** How tightly each operator binds, and what its sides may be at least: written down again from the table of the language. */
const RULES: Readonly<Record<string, { readonly level: number; readonly left: number; readonly right: number }>> = {
  or: { level: 2, left: 2, right: 3 },
  and: { level: 3, left: 3, right: 4 },
  ...Object.fromEntries(["==", "!=", "<", "<=", ">", ">="].map((op) => [op, { level: 5, left: 6, right: 6 }])),
  ...Object.fromEntries(["+", "-"].map((op) => [op, { level: 6, left: 6, right: 7 }])),
  ...Object.fromEntries(["*", "/", "%", "@"].map((op) => [op, { level: 7, left: 7, right: 8 }])),
  "^": { level: 9, left: 10, right: 10 },
};

/** The text of a tree with no more parentheses than needed. */
function print(node: Node, least: number): string {
  const wrap = (level: number, text: string) => (level < least ? `(${text})` : text);
  switch (node.kind) {
    case "leaf":
      return node.text;
    case "call":
      return `${node.name}(${node.args.map((arg) => print(arg, 0)).join(", ")})`;
    case "unary":
      return node.op === "not" ? wrap(4, `not ${print(node.operand, 4)}`) : wrap(8, `-${print(node.operand, 8)}`);
    case "if":
      return wrap(0, `if ${print(node.parts[0], 0)} then ${print(node.parts[1], 0)} else ${print(node.parts[2], 0)}`);
    case "pipe":
      return wrap(1, `${print(node.value, 1)} |> ${node.name}(${node.args.map((arg) => print(arg, 0)).join(", ")})`);
    case "binary": {
      const { level, left, right } = RULES[node.op]!;
      return wrap(level, `${print(node.left, left)} ${node.op} ${print(node.right, right)}`);
    }
  }
}

function shown(node: Node): string {
  switch (node.kind) {
    case "leaf":
      return node.text;
    case "call":
      return `${node.name}(${node.args.map(shown).join(", ")})`;
    case "unary":
      return `(${node.op} ${shown(node.operand)})`;
    case "if":
      return `(if ${shown(node.parts[0])} then ${shown(node.parts[1])} else ${shown(node.parts[2])})`;
    case "pipe":
      return `(${shown(node.value)} |> ${node.name}(${node.args.map(shown).join(", ")}))`;
    case "binary":
      return `(${shown(node.left)} ${node.op} ${shown(node.right)})`;
  }
}

const names = fc.constantFrom("a", "lr", "β1", "state", "in", "when", "grad", "_x", "order", "every", "return", "step", "use", "sum");
const functions = fc.constantFrom("f", "adam", "state", "when");
const { expr } = fc.letrec<{ expr: Node }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 6, depthIdentifier: "expr" },
    fc.oneof(names, fc.constantFrom("1", "0.5", "1e-8")).map((text): Node => ({ kind: "leaf", text })),
    fc
      .record({ op: fc.constantFrom(...Object.keys(RULES)), left: tie("expr"), right: tie("expr") })
      .map((n): Node => ({ kind: "binary", ...n })),
    fc.record({ op: fc.constantFrom("-" as const, "not" as const), operand: tie("expr") }).map((n): Node => ({ kind: "unary", ...n })),
    fc.tuple(tie("expr"), tie("expr"), tie("expr")).map((parts): Node => ({ kind: "if", parts })),
    fc.record({ name: functions, args: fc.array(tie("expr"), { maxLength: 2 }) }).map((n): Node => ({ kind: "call", ...n })),
    fc
      .record({ value: tie("expr"), name: functions, args: fc.array(tie("expr"), { maxLength: 2 }) })
      .map((n): Node => ({ kind: "pipe", ...n })),
  ),
}));

test("a printed tree is read as the same tree, also spread over lines", () => {
  fc.assert(
    fc.property(expr, (node) => {
      const text = print(node, 0);
      expect(tree(text)).toBe(shown(node));
      expect(tree(text.replaceAll(" ", "\n"))).toBe(shown(node));
    }),
    { numRuns: 500 },
  );
});

test.each([
  ["x = 0 < a < 1", "2:5 chained-comparison"],
  ["x = 0 < a == b", "2:5 chained-comparison"],
  ["x = a^b^c", "2:8 second-power"],
  ["x = a^-b^c", "2:9 second-power"],
  ["x = +a", "2:5 unary-plus"],
  ["x = 1 + not a", "2:9 not-needs-parentheses"],
  ["x = 1 + if a then b else c", "2:9 if-needs-parentheses"],
  ["x = -if a then b else c", "2:6 if-needs-parentheses"],
  ["x = a |> f() + 1", "2:10 pipe-into-call"],
  ["x = a |> b", "2:10 pipe-into-call"],
  ["x = f(a; b; c)", "2:11 second-semicolon"],
  ["x = norm()", "2:5 reduction-without-argument"],
  ["x = norm[model] + 1", "2:5 reduction-without-argument"],
  ["x = f[model](a)", "2:6 not-a-reduction"],
  ["x = max(a, b = c)", "2:12 named-reduction-argument"],
  ["x = max(a; b)", "2:12 semicolon-in-reduction"],
  ["x = mean[rwo](a)", "2:10 unknown-extent"],
  ["x = mean[block](a)", "2:10 unknown-extent"],
  ["x = sqrt (a)", "2:9 call-gap"],
  ["x = h [0]", "2:6 bracket-gap"],
  ["x = if a then b", "2:5 if-without-else"],
  ["if a = b { x <- 1 }", "2:6 equals-in-expression"],
  ["if a <-1 { x <- 1 }", "2:6 arrow-in-expression"],
  ["x = a <-1", "2:7 arrow-in-expression"],
  ["x == 1", "2:3 definition-by-comparison"],
  ["x -= 1", "2:3 compound-assignment"],
])("%s is one mistake", (text, expected) => {
  expect(reported(`optimizer A {\n${text}\n}`)).toEqual([expected]);
});
