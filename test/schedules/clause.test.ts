// The `schedule` clause: what the compiler puts into the manifest, evaluated at every step, against the same schedule written out here.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { createEvaluator, emptyEnvironment } from "../../src/formula/evaluate.js";

/** The multiplier of lr at a step; `hypers` are the peaks that it reads. */
async function multiplierOf(schedule: string, declarations = "", hypers: Record<string, number> = {}) {
  const text = `optimizer A { hyper lr = 1  ${declarations}\n ${schedule}\n param <- param - lr * grad }`;
  const { diagnostics, optimizers } = await compile({ path: "a.opt", text }, { targets: [] });
  expect(diagnostics.map(({ message }) => message)).toEqual([]);
  const { defaults, schedules } = optimizers[0]!.definition.manifest;
  expect(schedules!.map(({ hyper }) => hyper)).toEqual(["lr"]);
  const evaluator = createEvaluator(defaults);
  const hyper = (name: string, form: string) => (form === "peak" ? hypers[name]! : Number.NaN);
  return (k: number) =>
    evaluator.evaluate(schedules![0]!.value, { ...emptyEnvironment, hyper, fact: (fact) => (fact === "step" ? k + 1 : Number.NaN) });
}

const ramps = {
  linear: (x: number) => x,
  cosine: (x: number) => (1 - Math.cos(Math.PI * x)) / 2,
  sqrt: (x: number) => Math.sqrt(x),
  exponential: null,
} as const;
type Ramp = keyof typeof ramps;

interface Piece {
  readonly from: number | null;
  readonly to: number | null;
  readonly ramp: Ramp;
  readonly steps: number;
}

/** The piece by piece meaning: null for `to` is a hold. */
function meaning(pieces: readonly Piece[], k: number): number {
  let value = 1;
  let own = k;
  for (const { from, to, ramp, steps } of pieces) {
    const start = from ?? value;
    if (own < steps) {
      if (to === null) return value;
      const shape = ramps[ramp];
      return shape === null ? start * (to / start) ** (own / steps) : start + (to - start) * shape(own / steps);
    }
    own -= steps;
    if (to !== null) value = to;
  }
  return value;
}

const level = fc.integer({ min: 1, max: 400 }).map((n) => n / 100);
const piece = fc.record({
  from: fc.option(level),
  to: fc.option(level, { freq: 3 }),
  ramp: fc.constantFrom<Ramp>("linear", "cosine", "sqrt", "exponential"),
  steps: fc.integer({ min: 1, max: 40 }),
});
const textOf = ({ from, to, ramp, steps }: Piece) => (to === null ? `hold ${steps}` : `${from ?? ""} -> ${to} ${ramp} ${steps}`);

describe("pieces", () => {
  test("mean what they say, at every step", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 5 }), async (pieces) => {
        const multiplier = await multiplierOf(`schedule lr = ${pieces.map(textOf).join("; ")}`);
        const total = pieces.reduce((sum, { steps }) => sum + steps, 0);
        for (const k of [...Array(total + 5).keys(), 1_000_000]) {
          const expected = meaning(pieces, k);
          expect(Math.abs(multiplier(k) - expected)).toBeLessThanOrEqual(1e-14 * Math.abs(expected));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("the example of the language page", async () => {
    const multiplier = await multiplierOf("schedule lr = 0 -> 1 linear 2000; hold 10000; -> 0.1 cosine 5000");
    expect([0, 1000, 2000, 11_999, 12_000, 17_000, 1e9].map(multiplier)).toEqual([0, 0.5, 1, 1, 1, 0.1, 0.1]);
    expect(multiplier(14_500)).toBeCloseTo(0.55, 15);
  });

  test("lengths and levels may be hypers, as they are given", async () => {
    const multiplier = await multiplierOf(
      "schedule lr = start -> 1 linear warm; hold 2 * warm; -> end cosine warm",
      "hyper start = 0.5, end = 0.25, warm: int = 4",
      { start: 0.5, end: 0.25, warm: 8 },
    );
    const pieces: Piece[] = [
      { from: 0.5, to: 1, ramp: "linear", steps: 8 },
      { from: null, to: null, ramp: "linear", steps: 16 },
      { from: null, to: 0.25, ramp: "cosine", steps: 8 },
    ];
    for (let k = 0; k < 50; k++) expect(multiplier(k)).toBeCloseTo(meaning(pieces, k), 14);
  });
});

describe("an expression of k", () => {
  test.each<[string, (k: number) => number]>([
    ["min(1, (k + 1) / 100)", (k) => Math.min(1, (k + 1) / 100)],
    ["1 / sqrt(max(k, 10))", (k) => 1 / Math.sqrt(Math.max(k, 10))],
    ["if k < 30 then 1 else 0.1 ^ floor(k / 30)", (k) => (k < 30 ? 1 : 0.1 ** Math.floor(k / 30))],
    ["0.5 + 0.5 * (k % 2)", (k) => 0.5 + 0.5 * (k % 2)],
  ])("%s", async (text, expected) => {
    const multiplier = await multiplierOf(`schedule lr = ${text}`);
    for (let k = 0; k < 200; k++) expect(Math.abs(multiplier(k) - expected(k))).toBeLessThanOrEqual(1e-15 * expected(k));
  });

  test("may call functions, with k as an argument", async () => {
    const multiplier = await multiplierOf("schedule lr = decay(k, 0.5)  fn decay(n, by) = by ^ n");
    expect([0, 1, 4].map(multiplier)).toEqual([1, 0.5, 0.0625]);
  });
});

test("another optimizer's text with another schedule", async () => {
  const text = `optimizer A { hyper lr = 1, momentum = 0.9  schedule lr = 0 -> 1 linear 10  schedule momentum = hold 5; -> 0 linear 5
    state m = 0  m <- momentum * m + grad  param <- param - lr * m }
  optimizer B = A { schedule lr = 0.5 -> 1 linear 20 }
  optimizer C = A { hyper lr = 2 }`;
  const { diagnostics, optimizers } = await compile({ path: "a.opt", text }, { targets: [] });
  expect(diagnostics).toEqual([]);
  const at = (name: string, hyper: string, k: number) => {
    const { defaults, schedules } = optimizers.find((optimizer) => optimizer.name === name)!.definition.manifest;
    const found = schedules!.filter((schedule) => schedule.hyper === hyper);
    expect(found).toHaveLength(1);
    return createEvaluator(defaults).evaluate(found[0]!.value, { ...emptyEnvironment, fact: () => k + 1 });
  };
  expect([at("A", "lr", 5), at("B", "lr", 5), at("C", "lr", 5)]).toEqual([0.5, 0.625, 0.5]);
  expect(["A", "B", "C"].map((name) => at(name, "momentum", 7))).toEqual([0.6, 0.6, 0.6]);
});
