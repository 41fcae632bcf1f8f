// Limits are met by a message, never by a later stage, and never by a stack or a clock.

import { expect, test } from "vitest";
import { around, checkText } from "./marked.js";

const codes = (text: string) => [...new Set(checkText(text).diagnostics.map((d) => d.code))];
const many = (count: number, line: (index: number) => string) => Array.from({ length: count }, (_, index) => line(index)).join("\n");

test("states", () => {
  const text = (count: number) => around(many(count, (i) => `state s${i} = 0  s${i} <- s${i} + grad`));
  expect(codes(text(32))).toEqual([]);
  expect(codes(text(33))).toEqual(["too-many-states"]);
});

test("variants", () => {
  const independent = (count: number) => around(many(count, (i) => `if t > ${i} { param <- param * 2 }`));
  expect(codes(independent(6))).toEqual([]);
  expect(codes(independent(7))).toEqual(["too-many-variants"]);
});

test("a chain of conditions makes one variant for each link, not one for each subset", () => {
  const chain = many(40, (i) => `if t == ${i} { param <- param * ${i + 2} } else`);
  expect(codes(around(`${chain} { param <- param - 1 }`))).toEqual([]);
});

test("conditions over host values alone, options, and the same condition again make no variants", () => {
  const host = many(20, (i) => `c${i} = if t > ${i} then 1 else lr  param <- param * c${i}`);
  const options = many(8, (i) => `option o${i} = false  if o${i} { param <- param * ${i + 2} }`);
  const same = many(20, () => "if first { param <- param * 2 }");
  expect(codes(around(`${host}\n${options}\n${same}`))).toEqual([]);
});

test("coefficients", () => {
  const text = (count: number) => around(many(count, (i) => `param <- param * (lr + ${i})`));
  expect(codes(text(250))).toEqual([]);
  expect(codes(text(260))).toEqual(["too-many-coefficients"]);
});

test("the same coefficient again, and literals, take no further slot", () => {
  expect(codes(around(many(300, (i) => `param <- param * (lr + 1) * ${i + 1}`)))).toEqual([]);
});

test("depth", () => {
  const nested = (depth: number) => around(`param <- ${"abs(".repeat(depth)}param${")".repeat(depth)}`);
  expect(codes(nested(20))).toEqual([]);
  expect(codes(nested(1000)).every((code) => code.endsWith("too-deep") || code.endsWith("too-deeply"))).toBe(true);
  expect(codes(nested(1000))).not.toEqual([]);
  const functions = many(300, (i) => `fn f${i}(x) = ${i === 0 ? "x" : `f${i - 1}(x)`}`);
  expect(codes(around(`${functions}\nparam <- f299(param)`))).toEqual(["nested-too-deeply"]);
});

test("functions that double at every level end in one message", () => {
  const functions = many(40, (i) => `fn f${i}(x) = ${i === 0 ? "x + x" : `f${i - 1}(f${i - 1}(x))`}`);
  expect(codes(around(`${functions}\nparam <- f39(param)`))).toEqual(["optimizer-too-large"]);
});

test("locals that double at every line are read once each", () => {
  const locals = (first: string) => `x0 = ${first}\n${many(60, (i) => `x${i + 1} = x${i} + x${i}`)}`;
  expect(codes(around(`${locals("1")}\nparam <- param / x60`))).toEqual([]);
  expect(codes(around(`${locals("t")}\nhost state W: model = 0  W <- x60  param <- param * W`)).length).toBeLessThan(2);
  const conditions = `c0 = rank > 1\n${many(40, (i) => `c${i + 1} = c${i} and (c${i} or rank > ${i + 2})`)}`;
  expect(codes(around(`${conditions}\nstate m = 0 when c40\nif c40 { m <- m + grad }`)).length).toBeLessThan(2);
});
