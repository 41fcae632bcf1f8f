import { describe, expect, test } from "vitest";
import { printIr } from "../../src/compiler/ir/print.js";
import { verifyIr } from "../../src/compiler/ir/verify.js";
import { lower } from "../../src/compiler/passes/lower.js";
import {
  adamW,
  assign,
  cell,
  choose,
  define,
  hostCell,
  hyper,
  is,
  local,
  num,
  op,
  option,
  type Parts,
  rank,
  spec,
  state,
  t,
  when,
} from "./handmade.js";

const grad = cell("grad");
const param = cell("param");
const lr = hyper("lr");
const first = op("eq", t, 1);

/** The dump of a lowered text, without the lines of cells. */
function lowered(parts: Parts, options: Readonly<Record<string, string>> = {}): string {
  const ir = lower(spec(parts), options);
  verifyIr(ir, { device: "any" });
  return `\n${printIr(ir).split("\n\n").slice(1).join("\n\n")}`;
}

describe("options", () => {
  test("a branch on an option is gone, with its states", () => {
    expect(printIr(lower(adamW(), { amsgrad: "false" }))).toMatchInlineSnapshot(`
      "cell param: elem
      cell grad: elem
      cell m: elem = 0
      cell v: elem = 0

      step
        m' = beta1 * m + (1 - beta1) * grad
        v' = beta2 * v + (1 - beta2) * (grad * grad)
        param' = param - lr * weight_decay * param
        param'' = param' - lr / (1 - beta1^t) * (m' / (sqrt(v') / sqrt(1 - beta2^t) + epsilon))
        param <- param''
        m <- m'
        v <- v'
      "
    `);
    expect(lower(adamW(), { amsgrad: "true" }).cells.map(({ name }) => name)).toEqual(["param", "grad", "m", "v", "vmax"]);
  });

  test("an option left out has its default", () => {
    expect(printIr(lower(adamW(), {}))).toBe(printIr(lower(adamW(), { amsgrad: "false" })));
  });

  test("a state that a build only reads is kept, one that it does not touch is not", () => {
    const parts = { states: [state("anchor", 0.5), state("unused")], body: [assign("param", op("sub", param, cell("anchor")))] };
    expect(lower(spec(parts), {}).cells.map(({ name }) => name)).toEqual(["param", "anchor"]);
  });

  test("the branch not taken is not lowered: it may read states that are not there", () => {
    const parts = {
      options: [option("kind", ["plain", "momentum"], "plain")],
      states: [state("m", 0, { when: is("kind", "momentum") })],
      body: [assign("param", op("sub", param, choose(is("kind", "momentum"), cell("m"), grad)))],
    };
    expect(lowered(parts)).toMatchInlineSnapshot(`
      "
      step
        param' = param - grad
        param <- param'
      "
    `);
  });
});

describe("host conditions", () => {
  test("one that governs device values makes variants", () => {
    const parts = {
      states: [state("m")],
      body: [assign("m", choose(first, grad, op("add", cell("m"), grad))), assign("param", op("sub", param, cell("m")))],
    };
    expect(lowered(parts)).toMatchInlineSnapshot(`
      "
      step when t == 1
        param' = param - grad
        param <- param'
        m <- grad

      step when t != 1
        m' = m + grad
        param' = param - m'
        param <- param'
        m <- m'
      "
    `);
  });

  test("one that governs host values alone is a lazy select", () => {
    expect(lowered({ body: [assign("param", op("mul", choose(op("lt", t, 10), op("div", lr, t), lr), grad))] })).toMatchInlineSnapshot(`
      "
      step
        param = (if t < 10 then lr / t else lr) * grad
        param <- param
      "
    `);
  });

  test("an `if` over host states alone makes no variant", () => {
    const parts = {
      globals: ["lr"],
      states: [state("best", 0, { home: "host", extent: "model" })],
      body: [
        when(op("lt", hostCell("best"), lr), [assign("best", lr)]),
        assign("param", op("sub", param, op("mul", hostCell("best"), grad))),
      ],
    };
    expect(lowered(parts)).toMatchInlineSnapshot(`
      "
      step
        best' = if best < lr then lr else best
        param' = param - best' * grad
        best <- best'
        param <- param'
      "
    `);
  });

  test("a condition is asked once, its negation and what it implies are known", () => {
    const ready = op("lt", t, 5);
    const parts = {
      body: [
        when(op("not", ready), [assign("param", op("sub", param, grad))]),
        when(op("and", ready, op("lt", lr, 1)), [assign("param", op("mul", param, lr))]),
        assign("param", op("add", param, choose(ready, 1, 2))),
      ],
    };
    expect(lowered(parts)).toMatchInlineSnapshot(`
      "
      step when t < 5 and lr < 1
        param' = param * lr
        param'' = param' + 1
        param <- param''

      step when t < 5 and not (lr < 1)
        param' = param + 1
        param <- param'

      step when not (t < 5)
        param' = param - grad
        param'' = param' + 2
        param <- param''
      "
    `);
  });

  test("a set-up condition of a device state is a decision, also where nothing else asks", () => {
    const parts = { states: [state("m", 0, { when: op("le", num(2), rank) })], body: [when(op("le", num(2), rank), [assign("m", grad)])] };
    expect(lowered(parts)).toMatchInlineSnapshot(`
      "
      step when rank >= 2
        m <- grad

      step when not (rank >= 2)
      "
    `);
  });

  test("a boolean hyper is decided, never a number of a kernel", () => {
    const big = op("lt", num(1), op("abs", grad));
    const clip = hyper("clip", { type: "boolean" });
    expect(lowered({ body: [assign("param", choose(op("and", clip, big), 0, param))] })).toMatchInlineSnapshot(`
      "
      step when clip
        param' = if abs(grad) > 1 then 0 else param
        param <- param'

      step when not clip
      "
    `);
  });
});

describe("device conditions", () => {
  test("both sides are computed, what changed is selected", () => {
    const parts = {
      states: [state("m")],
      body: [
        define(0, "u", grad),
        when(op("lt", grad, 0), [assign("m", op("neg", grad)), define(1, "x", grad)]),
        assign("param", op("add", local(0, grad), cell("m"))),
      ],
    };
    expect(lowered(parts)).toMatchInlineSnapshot(`
      "
      step
        m' = -grad
        m'' = if grad < 0 then m' else m
        param = grad + m''
        param <- param
        m <- m''
      "
    `);
  });

  test("a boolean local is selected by logic", () => {
    const [a, b, c] = [op("lt", grad, 0), op("lt", grad, 1), op("lt", grad, 2)];
    expect(lowered({ body: [assign("param", choose(choose(a, b, c), 1, param))] })).toMatchInlineSnapshot(`
      "
      step
        x1 = grad < 0
        param' = if x1 and grad < 1 or not x1 and grad < 2 then 1 else param
        param <- param'
      "
    `);
  });
});

describe("names", () => {
  test("old(s) is the value at the start of the call", () => {
    expect(
      lowered({ states: [state("m")], body: [assign("m", grad), assign("param", op("sub", cell("m"), cell("m", "old")))] }),
    ).toMatchInlineSnapshot(`
      "
      step
        param = grad - m
        param <- param
        m <- grad
      "
    `);
  });

  test("a store that changes nothing is none", () => {
    expect(lowered({ states: [state("m")], body: [assign("m", cell("m")), assign("param", cell("m"))] })).toMatchInlineSnapshot(`
      "
      step
        param <- m
      "
    `);
  });
});

describe("initial values", () => {
  test("a constant needs no program, anything else does", () => {
    const parts = {
      states: [state("z", param), state("d", lr), state("k", op("sub", 1, 0.25))],
      body: [assign("param", op("add", op("add", cell("z"), cell("d")), cell("k")))],
    };
    const ir = lower(spec(parts), {});
    expect(printIr(ir)).toMatchInlineSnapshot(`
      "cell param: elem
      cell z: elem
      cell d: elem
      cell k: elem = 0.75

      init
        z <- param
        d <- lr

      step
        param = z + d + k
        param <- param
      "
    `);
  });

  test("no program for states that the build does not touch", () => {
    expect(lower(spec({ states: [state("z", param)], body: [assign("param", grad)] }), {}).programs.map(({ entry }) => entry)).toEqual([
      "step",
    ]);
  });
});

describe("powers on the device", () => {
  const power = (exponent: number) =>
    lowered({ body: [assign("param", op("pow", grad, exponent))] })
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.trim());

  test.each([
    [0, ["param <- 1"]],
    [1, ["param <- grad"]],
    [2, ["param = grad * grad", "param <- param"]],
    [3, ["param = grad * (grad * grad)", "param <- param"]],
    [4, ["x1 = grad * grad", "param = x1 * x1", "param <- param"]],
    [7, ["x1 = grad * grad", "param = grad * x1 * (x1 * x1)", "param <- param"]],
    [-2, ["param = 1 / (grad * grad)", "param <- param"]],
    [0.5, ["param = grad^0.5", "param <- param"]],
  ] as const)("x^%d", (exponent, lines) => expect(power(exponent)).toEqual(lines));
});
