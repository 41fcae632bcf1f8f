// Every class of Paddle's `optimizer.lr` and of PaddleNLP against what the classes themselves computed, at each of 201 steps.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { PlateauSchedule } from "../../src/schedules/index.js";
import { paddleSchedule } from "./paddle-schedule.js";

interface GoldenSchedule {
  readonly class: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly lr: readonly number[];
  readonly metrics?: readonly number[];
}

const golden = JSON.parse(
  readFileSync(new URL("../fixtures/golden/paddle-schedules.json", import.meta.url), "utf8"),
) as readonly GoldenSchedule[];

const relative = (a: number, b: number) => (a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b)));

test("the fixture has every class", () => {
  const classes = new Set(golden.map((entry) => entry.class.slice(entry.class.lastIndexOf(".") + 1)));
  expect([...classes].sort()).toEqual(
    "ConstScheduleWithWarmup CosineAnnealingDecay CosineAnnealingWarmRestarts CosineAnnealingWithWarmupDecay CosineDecayWithWarmup CyclicLR ExponentialDecay InverseTimeDecay LambdaDecay LinearAnnealingWithWarmupDecay LinearDecayWithWarmup LinearLR LinearWarmup MultiStepDecay MultiplicativeDecay NaturalExpDecay NoamDecay OneCycleLR PiecewiseDecay PolyDecayWithWarmup PolynomialDecay ReduceOnPlateau StepDecay".split(
      " ",
    ),
  );
});

describe.each(golden.map((entry) => [`${entry.class} ${JSON.stringify(entry.args)}`, entry] as const))("%s", (_, entry) => {
  test("equals it to 1e-12 at every step", () => {
    const schedule = paddleSchedule(entry.class, entry.args);
    const plateau = entry.metrics && (schedule as PlateauSchedule);
    expect(entry.lr.length).toBe(201);
    const far = entry.lr.flatMap((expected, k) => {
      if (plateau && k > 0) plateau.step(entry.metrics![k - 1]!);
      const difference = relative(schedule(k), expected);
      return difference <= 1e-12 ? [] : [{ k, expected, found: schedule(k), difference }];
    });
    expect(far).toEqual([]);
  });
});
