import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createInterpreter, type InterpreterOptions } from "../../src/compiler/ir/interpret.js";
import { selfTest } from "../../src/compiler/ir/self-test.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { flushing } from "../../src/numeric/float32.js";
import { adamW, assign, cell, choose, hostCell, hyper, num, op, type Parts, rank, spec, state, t, when } from "./handmade.js";

const [grad, param, lr] = [cell("grad"), cell("param"), hyper("lr")];
const numbers: Record<string, number> = { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

function start(parts: Parts, options: Partial<InterpreterOptions> = {}) {
  return createInterpreter(lower(spec(parts), {}), {
    arithmetic: "f32",
    params: [{ name: "w", shape: [3], data: [1, 2, 3] }],
    hyper: (_, name) => numbers[name]!,
    ...options,
  });
}

const f = Math.fround;

/** AdamW as a loop by hand, one rounding per operation of elements and one per number of the host. */
function adamWByHand(data: Float32Array, gradients: readonly Float32Array[], round: (x: number) => number) {
  const { lr, beta1, beta2, epsilon, weight_decay } = numbers as { [K in "lr" | "beta1" | "beta2" | "epsilon" | "weight_decay"]: number };
  const p = Array.from(data);
  const m = p.map(() => 0);
  const v = p.map(() => 0);
  gradients.forEach((g, step) => {
    let [power1, power2] = [1, 1];
    for (let i = 0; i <= step; i++) [power1, power2] = [power1 * beta1, power2 * beta2];
    const [a, b, c, d] = [round(beta1), round(1 - beta1), round(beta2), round(1 - beta2)];
    for (let i = 0; i < p.length; i++) {
      m[i] = round(round(a * m[i]!) + round(b * g[i]!));
      v[i] = round(round(c * v[i]!) + round(d * round(g[i]! * g[i]!)));
      p[i] = round(p[i]! - round(round(lr * weight_decay) * p[i]!));
      const denominator = round(round(round(Math.sqrt(v[i]!)) / round(Math.sqrt(1 - power2))) + round(epsilon));
      p[i] = round(p[i]! - round(round(lr / (1 - power1)) * round(m[i]! / denominator)));
    }
  });
  return { p, m, v };
}

describe("AdamW", () => {
  const sizes = [1, 3, 1023, 1024, 1025, 3000];
  test.each(sizes)("%d elements equal a loop by hand, bit for bit", (n) => {
    const data = Float32Array.from({ length: n }, (_, i) => Math.sin(i + 1));
    const gradients = [1, 2, 3, 4, 5].map((k) => Float32Array.from({ length: n }, (_, i) => Math.cos(i * k) * 10 ** ((i % 7) - 5)));
    for (const [arithmetic, round] of [
      ["f32", f],
      ["f64", (x: number) => x],
    ] as const) {
      const run = createInterpreter(lower(adamW(), {}), {
        arithmetic,
        params: [{ name: "w", shape: [n], data }],
        hyper: (_, name) => numbers[name]!,
      });
      for (const g of gradients) run.step(new Map([["w", g]]));
      const expected = adamWByHand(data, gradients, round);
      expect(Array.from(run.param("w"))).toEqual(expected.p);
      expect(Array.from(run.state("w", "m")!)).toEqual(expected.m);
      expect(Array.from(run.state("w", "v")!)).toEqual(expected.v);
    }
  });
});

describe("a parameter without a gradient", () => {
  test("is not touched, nor are its states and its count", () => {
    const params = [
      { name: "a", shape: [1], data: [1] },
      { name: "b", shape: [1], data: [1] },
    ];
    const run = start(
      { states: [state("m")], body: [assign("m", op("add", cell("m"), t)), assign("param", op("sub", param, grad))] },
      { params },
    );
    run.step(new Map([["a", [1]]]));
    run.step(
      new Map([
        ["a", [1]],
        ["b", [1]],
      ]),
    );
    expect([run.t("a"), run.t("b"), run.steps]).toEqual([2, 1, 2]);
    expect([run.param("a")[0], run.param("b")[0]]).toEqual([-1, 0]);
    expect([run.state("a", "m")![0], run.state("b", "m")![0]]).toEqual([3, 1]);
  });
});

describe("host states", () => {
  const total = (extent: "model" | "tensor"): Parts => ({
    states: [state("total", 10, { home: "host", extent })],
    body: [assign("total", op("add", hostCell("total"), 1)), assign("param", op("mul", hostCell("total"), grad))],
  });
  const params = ["a", "b"].map((name) => ({ name, shape: [1], data: [0] }));

  test("of the model: every tensor of a step sees one change", () => {
    const run = start(total("model"), { params });
    run.step(
      new Map([
        ["a", [1]],
        ["b", [1]],
      ]),
    );
    run.step(new Map([["b", [1]]]));
    expect([run.param("a")[0], run.param("b")[0], run.state("a", "total")![0]]).toEqual([11, 12, 12]);
  });

  test("of a tensor: each has its own", () => {
    const run = start(total("tensor"), { params });
    run.step(new Map([["b", [1]]]));
    expect([run.state("a", "total")![0], run.state("b", "total")![0]]).toEqual([10, 11]);
  });

  test("what is not taken is not evaluated", () => {
    const read: string[] = [];
    const run = start(
      { body: [assign("param", op("mul", choose(op("eq", t, 1), 2, hyper("later")), grad))] },
      { hyper: (_, name) => read.push(name) },
    );
    run.step(new Map([["w", [1, 1, 1]]]));
    expect(read).toEqual([]);
    run.step(new Map([["w", [1, 1, 1]]]));
    expect(read).toEqual(["later"]);
  });
});

describe("registration", () => {
  test("initial values of param and of hypers, states that a parameter has not", () => {
    const parts: Parts = {
      states: [state("z", param), state("d", lr), state("k", 0.5), state("big", 7, { when: op("le", num(2), rank) })],
      body: [
        assign("param", op("add", op("add", cell("z"), cell("d")), op("add", cell("k"), grad))),
        when(op("le", num(2), rank), [assign("big", op("add", cell("big"), 1))]),
      ],
    };
    const params = [
      { name: "w", shape: [2], data: [1, 2] },
      { name: "W", shape: [1, 1], data: [3] },
    ];
    const run = start(parts, { params });
    expect([...run.state("w", "z")!]).toEqual([1, 2]);
    expect([...run.state("w", "d")!]).toEqual([f(1e-3), f(1e-3)]);
    expect([...run.state("w", "k")!]).toEqual([0.5, 0.5]);
    expect([run.state("w", "big"), ...run.state("W", "big")!]).toEqual([null, 7]);
    run.step(new Map([["W", [0]]]));
    expect([...run.state("W", "big")!]).toEqual([8]);
  });

  test("lengths and names are checked", () => {
    expect(() => start({ body: [] }, { params: [{ name: "w", shape: [2], data: [1] }] })).toThrow(
      'initial value of "w" has 1 elements, not 2',
    );
    const run = start({ body: [assign("param", grad)] });
    expect(() => run.step(new Map([["w", [1]]]))).toThrow('gradient of "w" has 1 elements, not 3');
    expect(() => run.step(new Map([["u", [1]]]))).toThrow('no parameter "u"');
  });
});

test("coefficients are rounded once in f32, never in f64; the profile is the device's", () => {
  const parts = { body: [assign("param", op("mul", param, op("div", lr, 3)))] };
  const gradients = new Map([["w", [0, 0, 0]]]);
  const run = (options: Partial<InterpreterOptions>) => {
    const it = start(parts, { params: [{ name: "w", shape: [3], data: [1, 2 ** -140, 3] }], ...options });
    it.step(gradients);
    return [...it.param("w")];
  };
  const c = 1e-3 / 3;
  expect(run({})).toEqual([f(f(c) * 1), f(f(c) * 2 ** -140), f(f(c) * 3)]);
  expect(run({ profile: flushing })).toEqual([f(f(c) * 1), 0, f(f(c) * 3)]);
  expect(run({ arithmetic: "f64" })).toEqual([c, c * 2 ** -140, c * 3]);
});

test("a step reads everything before it stores anything", () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true }), { minLength: 1 }), (data) => {
      const params = [{ name: "w", shape: [data.length], data }];
      const run = start({ states: [state("m")], body: [assign("m", param), assign("param", cell("m", "old"))] }, { params });
      run.step(new Map([["w", data]]));
      expect([...run.state("w", "m")!]).toEqual(data);
      expect([...run.param("w")]).toEqual(data.map(() => 0));
    }),
  );
});

describe("self-test", () => {
  const judge = (parts: Parts) => selfTest(lower(spec(parts), {}), numbers);
  const scaled = (denominator: ReturnType<typeof op>): Parts => ({
    states: [state("v")],
    body: [assign("v", op("add", cell("v"), op("mul", grad, grad))), assign("param", op("sub", param, op("div", grad, denominator)))],
  });

  test("0 / 0 is found and named", () => {
    expect(judge(scaled(op("sqrt", cell("v"))))).toBe("param");
    expect(judge({ states: [state("s")], body: [assign("s", op("div", num(1), grad))] })).toBe("s");
  });

  test("what starts infinite may stay so", () => {
    const states = [state("best", num(Number.POSITIVE_INFINITY))];
    expect(
      judge({
        states,
        body: [assign("param", op("sub", param, grad)), assign("best", op("min", cell("best"), num(Number.POSITIVE_INFINITY)))],
      }),
    ).toBeNull();
    expect(judge({ states, body: [assign("param", op("sub", param, op("mul", grad, cell("best"))))] })).toBe("param");
  });

  test("a sound text passes", () => {
    expect(judge(scaled(op("add", op("sqrt", cell("v")), hyper("epsilon"))))).toBeNull();
    expect(selfTest(lower(adamW(), { amsgrad: "true" }), numbers)).toBeNull();
  });
});
