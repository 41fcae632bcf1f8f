// Composition: laws that hold for every schedule, state that goes through, and arguments that are refused.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as schedules from "../../src/schedules/index.js";
import {
  constant,
  isStatefulSchedule,
  product,
  type Schedule,
  type StatefulSchedule,
  scale,
  sequence,
  warmup,
} from "../../src/schedules/index.js";

const rate = fc.double({ min: 1e-6, max: 10, noNaN: true });
const length = fc.integer({ min: 1, max: 50 });
const anySchedule: fc.Arbitrary<Schedule> = fc.oneof(
  rate.map(constant),
  fc.tuple(rate, length).map(([learningRate, tMax]) => schedules.cosineAnnealingDecay({ learningRate, tMax })),
  fc.tuple(rate, length).map(([learningRate, stepSize]) => schedules.stepDecay({ learningRate, stepSize })),
  fc.tuple(rate, length).map(([learningRate, warmupSteps]) => schedules.inverseSquareRoot({ learningRate, warmupSteps })),
);
const step = fc.integer({ min: 0, max: 300 });

describe("composition", () => {
  test("scale and product multiply at each step", () => {
    fc.assert(
      fc.property(anySchedule, anySchedule, rate, step, (a, b, factor, k) => {
        expect(scale(a, factor)(k)).toBe(a(k) * factor);
        expect(product(a, b, 2)(k)).toBe(a(k) * b(k) * 2);
        expect(product(a, b).peak).toBe(a.peak * b.peak);
      }),
    );
  });

  test("a sequence runs each part from its own step 0, and the last one on", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anySchedule, length), { minLength: 1, maxLength: 4 }), step, (parts, k) => {
        const whole = sequence(...parts.map(([schedule, steps], i) => (i === parts.length - 1 ? { schedule } : { schedule, steps })));
        let own = k;
        let at = 0;
        while (at < parts.length - 1 && own >= parts[at]![1]) own -= parts[at++]![1];
        expect(whole(k)).toBe(parts[at]![0](own));
      }),
    );
  });

  test("the last part of a sequence that says its steps holds what it ended with", () => {
    const whole = sequence({ schedule: (k) => k, steps: 5 }, { schedule: (k) => 100 + k, steps: 3 });
    expect([0, 4, 5, 7, 8, 9, 50].map(whole)).toEqual([0, 4, 100, 102, 103, 103, 103]);
  });

  test("a warm-up stands in front of anything, and meets what follows", () => {
    fc.assert(
      fc.property(anySchedule, length, rate, step, (then, steps, from, k) => {
        const whole = warmup(then, { steps, from });
        expect(whole(steps + k)).toBe(then(k));
        expect(whole(0)).toBe(from);
        for (let i = 1; i < steps; i++) expect(whole(i) - from).toBeCloseTo(((then(0) - from) * i) / steps, 12);
      }),
    );
  });

  test("is Paddle's LinearWarmup over a schedule", () => {
    const then = schedules.cosineAnnealingDecay({ learningRate: 0.5, tMax: 100, etaMin: 0.01 });
    const paddle = schedules.linearWarmup({ learningRate: then, warmupSteps: 25, startLr: 0, endLr: 0.5 });
    for (let k = 0; k < 200; k++) expect(warmup(then, { steps: 25 })(k)).toBe(paddle(k));
  });
});

describe("state", () => {
  const plateau = () => schedules.reduceOnPlateau({ learningRate: 1, factor: 0.5, patience: 1, cooldown: 1 });
  const multiplicative = () => schedules.multiplicativeDecay({ learningRate: 2, lrLambda: (k) => 1 - 1 / (k + 2) });
  const whole = (p: Schedule, m: Schedule) => warmup(product(scale(p, 3), m), { steps: 4 });

  test("goes through every composition, as JSON, and goes on exactly", () => {
    const [p, m] = [plateau(), multiplicative()];
    const before = whole(p, m);
    expect(isStatefulSchedule(before)).toBe(true);
    for (let k = 0; k < 20; k++) {
      before(k);
      p.step(k < 3 ? 10 - k : 9);
    }
    const saved = JSON.parse(JSON.stringify((before as StatefulSchedule).state()));
    const [q, n] = [plateau(), multiplicative()];
    const after = whole(q, n);
    (after as StatefulSchedule).load(saved);
    for (let k = 20; k < 40; k++) {
      expect(after(k)).toBe(before(k));
      p.step(9);
      q.step(9);
    }
    expect(q.state()).toEqual(p.state());
    expect(p(0)).toBeLessThan(0.1);
  });

  test("a schedule of the step alone has none", () => {
    expect(isStatefulSchedule(warmup(constant(1), { steps: 3 }))).toBe(false);
  });

  test.each([
    null,
    3,
    {},
    { lr: "1", best: null, bad: 0, cooling: 0 },
    { lr: 1, best: null, bad: 0.5, cooling: 0 },
    { lr: 1, best: 1, bad: 0, cooling: 0, more: 1 },
  ])("of another kind is refused, and nothing changed: %j", (state) => {
    const schedule = plateau();
    schedule.step(5);
    const kept = schedule.state();
    expect(() => schedule.load(state)).toThrow(/^reduceOnPlateau: /);
    expect(schedule.state()).toEqual(kept);
  });

  test("of one part that does not fit leaves the others as they were", () => {
    const [p, m] = [plateau(), multiplicative()];
    const schedule = product(p, m) as StatefulSchedule;
    const kept = JSON.stringify(schedule.state());
    const saved = { parts: { 0: { lr: 0.25, best: 1, bad: 0, cooling: 0 }, 1: { step: -1, value: 2 } } };
    expect(() => schedule.load(saved)).toThrow(/multiplicativeDecay/);
    expect(JSON.stringify(schedule.state())).toBe(kept);
  });

  test("multiplicative decay may be asked for any step in any order", () => {
    const direct = (k: number) => Array.from({ length: k }, (_, i) => 1 - 1 / (i + 3)).reduce((value, factor) => value * factor, 2);
    const schedule = multiplicative();
    for (const k of [7, 3, 3, 12, 0, 8]) expect(schedule(k)).toBe(direct(k));
  });

  test("a plateau is told numbers only, and an infinite metric is never the best", () => {
    const schedule = plateau();
    expect(() => schedule.step(Number.NaN)).toThrow("a metric must be a number, not NaN");
    schedule.step(Number.POSITIVE_INFINITY);
    expect(schedule.state()).toEqual({ lr: 1, best: null, bad: 0, cooling: 0 });
  });
});

describe("refused", () => {
  test.each([-1, 0.5, Number.NaN, 2 ** 60])("a step that is none: %s", (k) => {
    expect(() => constant(1)(k)).toThrow(`constant: a step is a whole number from 0, not ${k}`);
  });

  test.each<[string, () => unknown, RegExp]>([
    ["tMax 0", () => schedules.cosineAnnealingDecay({ learningRate: 1, tMax: 0 }), /tMax must be a whole number from 1, not 0/],
    [
      "boundaries unsorted",
      () => schedules.piecewiseDecay({ boundaries: [5, 3], values: [1, 2, 3] }),
      /boundaries must increase, and 3 stands after 5/,
    ],
    ["too few values", () => schedules.piecewiseDecay({ boundaries: [3], values: [1] }), /1 boundaries need 2 values, not 1/],
    ["milestones unsorted", () => schedules.multiStepDecay({ learningRate: 1, milestones: [5, 5] }), /milestones must increase/],
    [
      "a negative milestone",
      () => schedules.multiStepDecay({ learningRate: 1, milestones: [-1] }),
      /milestones\[0\] must be a whole number from 0/,
    ],
    ["a step size of 0", () => schedules.stepDecay({ learningRate: 1, stepSize: 0 }), /stepSize/],
    ["no decay steps", () => schedules.polynomialDecay({ learningRate: 1, decaySteps: 0 }), /decaySteps/],
    [
      "warm-up downwards",
      () => schedules.linearWarmup({ learningRate: 1, warmupSteps: 3, startLr: 1, endLr: 1 }),
      /endLr must be above startLr/,
    ],
    ["a plateau that grows", () => schedules.reduceOnPlateau({ learningRate: 1, factor: 1 }), /factor must be below 1/],
    ["tMult below 1", () => schedules.cosineAnnealingWarmRestarts({ learningRate: 1, t0: 5, tMult: 0 }), /tMult/],
    ["no room for a phase", () => schedules.oneCycleLr({ maxLearningRate: 1, totalSteps: 3 }), /leave no room/],
    ["past the end of one cycle", () => schedules.oneCycleLr({ maxLearningRate: 1, totalSteps: 20 })(21), /made for 20 steps, and step 21/],
    ["a start factor of 0", () => schedules.linearLr({ learningRate: 1, totalSteps: 5, startFactor: 0 }), /startFactor must be above 0/],
    [
      "a rate that is not finite",
      () => schedules.exponentialDecay({ learningRate: Number.POSITIVE_INFINITY, gamma: 1 }),
      /learningRate must be a finite number, not Infinity/,
    ],
    [
      "a warm-up of 1.5 steps",
      () => schedules.linearDecayWithWarmup({ learningRate: 1, totalSteps: 9, warmup: 1.5 }),
      /warmup must be whole steps/,
    ],
    ["half a warm-up of nothing", () => schedules.constScheduleWithWarmup({ learningRate: 1, warmup: 0.5 }), /needs totalSteps/],
    [
      "a half-life for another decay",
      () => schedules.warmupStableDecay({ learningRate: 1, warmupSteps: 1, stableSteps: 1, decaySteps: 1, halfLife: 2 }),
      /halfLife belongs/,
    ],
    ["a text for a schedule", () => scale("1" as never, 2), /schedule must be a schedule, a function of the step or a number/],
    ["an open part in the middle", () => sequence({ schedule: 1 }, { schedule: 2 }), /part 1 must say its steps/],
    ["nothing", () => sequence(), /there is no part/],
    ["no lambda", () => schedules.lambdaDecay({ learningRate: 1, lrLambda: 2 as never }), /lrLambda must be a function of the step, not 2/],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
  });
});
