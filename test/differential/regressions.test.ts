// What random programs and hostile texts have found, each as its smallest text.

import { describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { compileOne, openTargets } from "./compare-batch.js";
import { type Program, type ProgramHyper, plainProgram } from "./program.js";
import { runEverywhere } from "./run-everywhere.js";

const found: Readonly<Record<string, string>> = {
  "a host state that enters a kernel as it stands": "host state w = 1  w <- w * 0.5  s <- if param < w then s else grad",
  "a function of param in an initial value": "state start = clip(param, 2) + ratio(param, 3, 1)  s <- grad * start",
  "a state for ranks from 1 used from 2": "state w = 1 when rank >= 1  if rank >= 2 { w <- w + grad }  s <- if rank >= 1 then w else grad",
  "a state for either of two conditions used under one":
    "state w = 1 when rank == 2 or numel > 4  if rank == 2 { w <- w + grad }  s <- if numel > 4 then w else grad",
  "a state of a condition used under the negation of its opposite":
    "state w = 1 when numel > 4  if numel <= 4 { s <- grad } else { w <- w + grad  s <- w }",
  "a condition with a choice in it, below one that decides the choice":
    "state w = 0 when rank < 2  state u = 0 when numel > (if rank >= 2 then cols else 1)  if rank < 2 { w <- w + grad  s <- w } if numel > (if rank >= 2 then cols else 1) { u <- u + grad  s <- s + u }",
  "a step count of the model beside a number that was computed before param changed":
    "state d: model = 0  a = sum[model](grad)  param <- param + a * 1e-3  d <- max(a, lerp(a, t, 0.5))  s <- grad * d",
  "a total of numbers that some parameters reduce and others know": "s <- grad * sum[model](if rank > 1 then norm(grad) else 1)",
  "totals of totals of totals, of numbers and of elements":
    "a = 1 + norm(grad)  b = max[model](a)  c = sum[model](a / b)  d = sum[model](a / c + b)  e = sum[model](if rank > 1 then a / d else 1)  f = 1 + sum[model](grad / e)  g = sum(grad * f) + a  s <- grad * (min[model](g / c) + g)",
  "a name that governs a call, and changes then": "c = rank > 1  if c { s <- clip(grad, 1) }  c <- not c  if c { s <- grad }",
  "a number of set-up by a function that decides something else besides":
    "fn f(x) { y = grad  if t > 2 { y <- y + x }  return x + 1 }  a = min(2, f(rank))  s <- grad * a",
  "a condition of twenty parts asked twice": `${Array.from({ length: 20 }, (_, i) => `fixed hyper h${i} = ${i}`).join("  ")}
    c = ${Array.from({ length: 20 }, (_, i) => `h${i} > rank`).join(" or ")}
    if c { s <- grad }  if c { param <- param - s } else { s <- 1 - grad }`,
};

const defaultOf = (name: string, byDefault: number): ProgramHyper => {
  return { name, type: "number", fixed: false, byDefault, given: null, clause: null, overrides: [] };
};
/** Texts on which the compiler fell over. */
const broken: Readonly<Record<string, string>> = {
  "a schedule of which nothing could be read":
    "optimizer A { hyper lr = 0.1  schedule lr = min->1, (k + 1) / 300)  param <- param - lr * grad }",
};

describe("texts that are refused in words", () => {
  test.each(Object.entries(broken))("%s", async (_, text) => {
    const { diagnostics, optimizers } = await compile({ path: "a.opt", text });
    expect(diagnostics.filter(({ severity }) => severity === "error")).not.toEqual([]);
    expect(optimizers).toEqual([]);
  });
});

const targets = await openTargets(["cpu"]);

describe("programs that once failed", () => {
  test.each(Object.entries(found))("%s", async (_, statements) => {
    const text = `optimizer Found { hyper lr = 0.1  state s = 0  ${statements}  param <- param - lr * s }`;
    const shapes = [[], [3], [9], [2, 2], [2, 5], [1, 2, 3]];
    const program: Program = {
      ...plainProgram("Found", text),
      ...{ shapes, paramSettings: shapes.map(() => ({})), steps: 3, seed: 5, tame: false },
      hypers: [defaultOf("lr", 0.1), ...Array.from({ length: 20 }, (_, i) => defaultOf(`h${i}`, i))],
    };
    const made = await compileOne(program);
    if (!("optimizer" in made)) return expect.unreachable(`${made.code}: ${made.message}`);
    expect(await runEverywhere(program, made.optimizer, targets)).toMatchObject({ difference: null, refused: null });
  });
});
