// Extents and stages as the language page says: an operator joins extents and takes the later stage; hypers become global where
// they flow into a number of the whole model; host state has one value for the model or for each class, as its values need.

import { expect, test } from "vitest";
import type { Spec, TypedExpr, TypedStatement } from "../../src/compiler/check/spec.js";
import { printIr } from "../../src/compiler/ir/print.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { around, checkText, specOf } from "./marked.js";

/** Extent and stage of each local defined by `=` in the body. */
function localsOf(spec: Spec): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (statement: TypedStatement): void => {
    if (statement.kind === "define") found[statement.name] = `${statement.value.extent} ${statement.value.stage}`;
    if (statement.kind === "if") [...statement.then, ...statement.otherwise].forEach(visit);
  };
  spec.body.forEach(visit);
  return found;
}

test("a function called with `t` for a number of the whole model keeps its other arguments", () => {
  const text = "fn f(a, b) { c = b * 2  return a + c }  host state W: model = 0  W <- f(t, lr)  param <- param * W";
  expect(printIr(lower(specOf(around(text)), {}))).toContain("c = lr * 2\n  W = step + c");
});

test("extents and stages of expressions", () => {
  const spec = specOf(
    around(`option o = false  fixed hyper n: int = 2  state m = 0  host state W = 1
  a = 2 ^ 3
  b = if o then 1 else 2
  c = rank + n
  d = lr * t
  e = d + c
  f = grad * 2
  g = if c > 2 then d else 1
  h = if m > 0 then 1 else 2
  i = numel[model]
  j = machine_epsilon
  k = first and o
  l = W * 2
  x = if k then a * b * c else e * f * g * h * i * j * l
  W <- W + 1
  m <- m + x`),
  );
  expect(localsOf(spec)).toEqual({
    a: "model build",
    b: "model build",
    c: "tensor setup",
    d: "tensor step",
    e: "tensor step",
    f: "elem device",
    g: "tensor step",
    h: "elem device",
    i: "model setup",
    j: "model build",
    k: "tensor step",
    l: "model step",
    x: "elem device",
  });
});

test("a local has the later stage of both branches, from the condition on", () => {
  const spec = specOf(
    around("x = 1  y = x  if first { x <- lr } else { x <- 2 }  z = x + y  if grad > 0 { x <- 3 }  w = x * z  param <- param * w"),
  );
  expect(localsOf(spec)).toEqual({ x: "model build", y: "model build", z: "tensor step", w: "elem device" });
});

test("a function's value joins what it is given", () => {
  const spec = specOf(
    around(
      "fn f(x, y) { z = x  if y > 1 { z <- z + y }  return z }  a = f(rank, 1)  b = f(t, 2)  c = f(grad, b)  param <- param - a * b * c",
    ),
  );
  expect(localsOf(spec)).toEqual({ a: "tensor setup", b: "tensor step", c: "elem device" });
});

test("host state: one number for the model, or for each class", () => {
  const spec = specOf(around("host state A, B, C, D = 0  A <- A + 1  B <- B + lr  C <- C + D  D <- D * B + 1  param <- param * A * C"));
  expect(spec.states.map(({ name, extent, home }) => `${name} ${extent} ${home}`)).toEqual([
    "A model host",
    "B tensor host",
    "C tensor host",
    "D tensor host",
  ]);
});

test("host state under a condition of one parameter is kept for each class", () => {
  const spec = specOf(around("host state A = 0  if rank > 1 { A <- A + 1 }  param <- param * A"));
  expect(spec.states[0]!.extent).toBe("tensor");
});

test("hypers that flow into a number of the whole model are global, also through locals", () => {
  const text = around("hyper a = 1, b = 2, c = 3  host state W: model = a  x = b * 2  W <- W + x  param <- param * W * c");
  const spec = specOf(text);
  const places = spec.hypers.map(({ name, globalBecause }) => [name, globalBecause && text.slice(globalBecause.from, globalBecause.to)]);
  expect(Object.fromEntries(places)).toEqual({ lr: null, a: "W", b: "W", c: null });
});

test("where `t` flows into a number of the whole model it counts the optimizer's steps", () => {
  const spec = specOf(around("fn f(x) = x + 1  host state W: model = 0  x = f(t * 2)  W <- W + x  param <- param * W * x"));
  const stored = spec.body.find((statement) => statement.kind === "assign-cell" && statement.cell === "W");
  expect(stored?.kind === "assign-cell" && ambientsOf(stored.value)).toEqual(["step"]);
  expect(stored?.kind === "assign-cell" && stored.value.extent).toBe("model");
});

test("a local that counts steps and reads what has changed since does not fit there", () => {
  const told = (lines: string) =>
    checkText(around(`host state W, V: model = 0  ${lines}  W <- W + V  V <- x  param <- param * W`)).diagnostics.map((d) => d.code);
  expect(told("x = t * 2")).toEqual([]);
  expect(told("x = t + V")).toEqual([]);
  expect(told("x = t + W")).toEqual(["extent-too-wide"]);
  expect(told("y = 1  x = t + y  y <- 2")).toEqual(["extent-too-wide"]);
});

function ambientsOf(expr: TypedExpr): string[] {
  if (expr.kind === "ambient") return [expr.ambient];
  if (expr.kind === "apply") return expr.args.flatMap(ambientsOf);
  if (expr.kind !== "block") return [];
  return [
    ...expr.statements.flatMap((statement) => (statement.kind === "define" ? ambientsOf(statement.value) : [])),
    ...ambientsOf(expr.result),
  ];
}

test("extents of reductions reach the rest of the text before they are compiled", () => {
  const told = (lines: string) => checkText(around(lines)).diagnostics.flatMap((d) => (d.code === "not-available-yet" ? [] : d.code));
  expect(told("state R: row = 0  R <- R + mean[row](grad)  param <- param - R")).toEqual([]);
  expect(told("state R: row = 0  R <- R + mean[col](grad)  param <- param - R")).toEqual(["extent-too-wide"]);
  expect(told("state R: row = 0  R <- R + mean[matrix](grad)  param <- param - R")).toEqual([]);
  expect(told("state d: model = 1  d <- max(d, sum[model](grad) * lr)  param <- param - d")).toEqual([]);
  expect(told("state d: model = 1  d <- max(d, norm(grad))  param <- param - d")).toEqual(["extent-too-wide"]);
  expect(told("host state W = 0  W <- W + sum[model](grad)  param <- param * W")).toEqual(["device-into-host"]);
  expect(told("state d: model = 1  d <- d + lr  param <- param - d  rules scale lr { else => 1 }")).toEqual(["rule-for-global"]);
});
