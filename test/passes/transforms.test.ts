// Transforms: each call is an instance with states of its own, named after what it is bound to; a condition around it governs its states.

import { expect, test } from "vitest";
import { createInterpreter } from "../../src/compiler/ir/interpret.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { specOf } from "../check/marked.js";

const ema = "transform slow(x; beta) { state m: like x = 0  m <- beta * m + (1 - beta) * x  return m }";

function start(body: string, options: Record<string, string> = {}) {
  const ir = lower(specOf(`${ema}\noptimizer A {\n  hyper lr = 1\n  ${body}\n  param <- param - lr * grad\n}`), options);
  const params = [
    { name: "w", shape: [2, 2], data: [1, 2, 3, 4] },
    { name: "b", shape: [3], data: [1, 2, 3] },
  ];
  const run = createInterpreter(ir, { arithmetic: "f64", params, hyper: () => 1 });
  return { run, extents: Object.fromEntries(ir.cells.filter(({ role }) => role === "state").map(({ name, extent }) => [name, extent])) };
}

const gradients = new Map([
  ["w", [1, -1, 2, -2]],
  ["b", [1, 1, 1]],
]);

test("states are named after the value, with the transform's name where that is taken", () => {
  const { extents } = start(
    "u = slow(grad; 0.9) + slow(param; 0.8)  v = slow(norm(u); 0.5)  w = slow(norm[model](u); 0.5)  param <- slow(u; 0.1) + v + w",
  );
  expect(extents).toEqual({ "u.m": "elem", "u.slow.m": "elem", "v.m": "tensor", "w.m": "model", "slow.m": "elem" });
});

test("a declared state keeps its spelling: the instance gives way", () => {
  expect(Object.keys(start("state u_m = 0  u_m <- u_m + grad  u = slow(u_m; 0.9)  param <- param - u").extents)).toEqual([
    "u_m",
    "u.slow.m",
  ]);
});

test("transforms inside transforms carry the path", () => {
  const twice = "transform twice(x) { state n = 1  inner = slow(x; 0.9)  n <- n + 1  return slow(inner; 0.5) / n }";
  expect(Object.keys(start(`${twice}  u = twice(grad)  param <- param - u`).extents)).toEqual(["u.n", "u.inner.m", "u.m"]);
});

test("the return of a transform gives its name on; a second state of it does not collide", () => {
  const both = "transform both(x) { state m = 0  m <- m + x  return slow(m; 0.9) }";
  expect(Object.keys(start(`${both}  u = both(grad)  param <- param - u`).extents)).toEqual(["u.m", "u.slow.m"]);
});

test("each instance runs on its own", () => {
  const { run } = start("u = slow(grad; 0.5)  v = slow(u; 0.5)  param <- param - u - v");
  run.step(gradients);
  run.step(gradients);
  expect([...run.state("w", "u.m")!]).toEqual([0.75, -0.75, 1.5, -1.5]);
  expect([...run.state("w", "v.m")!]).toEqual([0.5, -0.5, 1, -1]);
});

test("a device condition, of elements or of a tensor, chooses whether the states move", () => {
  const { run } = start("u = if grad > 0 then slow(grad; 0.5) else 0  if sum(grad) > 0 { v = slow(grad; 0.5)  param <- param - v * u }");
  run.step(gradients);
  expect([...run.state("w", "u.m")!]).toEqual([0.5, 0, 1, 0]);
  expect([...run.state("w", "v.m")!]).toEqual([0, 0, 0, 0]);
  expect([...run.state("b", "v.m")!]).toEqual([0.5, 0.5, 0.5]);
});

test("where a condition is known at set-up the states exist only where it holds; a build without the branch has none", () => {
  const body =
    "option on = true  if rank > 1 { u = slow(grad; 0.5)  param <- param - u }  v = if on then slow(grad; 0.5) else grad  param <- param - v";
  const { run, extents } = start(body);
  run.step(gradients);
  expect([run.state("b", "u.m"), run.state("w", "u.m")?.[0], run.state("b", "v.m")?.[0]]).toEqual([null, 0.5, 0.5]);
  expect(Object.keys(extents)).toEqual(["u.m", "v.m"]);
  expect(Object.keys(start(body, { on: "false" }).extents)).toEqual(["u.m"]);
});

test("states start from hypers and numbers handed in", () => {
  const counted = "transform counted(x; from) { state n: tensor = from  n <- n + 1  return x * n }";
  const { run } = start(`${counted}  u = counted(grad; 3 * lr)  param <- param - u`);
  run.step(gradients);
  expect(run.state("w", "u.n")).toEqual(Float64Array.of(4));
});

test("`old` and host states inside", () => {
  const change =
    "transform change(x) { state last = 0  host state calls = 0  calls <- calls + 1  last <- x  return (x - old(last)) * calls }";
  const { run } = start(`${change}  u = change(grad)  param <- param * 0 + u + lr * grad`);
  run.step(gradients);
  run.step(new Map([["b", [4, 4, 4]]]));
  expect([...run.param("b")]).toEqual([6, 6, 6]);
});
