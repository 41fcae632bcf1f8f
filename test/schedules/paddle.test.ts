// Every class of Paddle's `optimizer.lr` and of PaddleNLP against what the classes themselves computed, at each of 201 steps.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { PlateauSchedule, Schedule } from "../../src/schedules/index.js";
import * as schedules from "../../src/schedules/index.js";

interface GoldenSchedule {
  readonly class: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly lr: readonly number[];
  readonly metrics?: readonly number[];
}

const golden = JSON.parse(
  readFileSync(new URL("../fixtures/golden/paddle-schedules.json", import.meta.url), "utf8"),
) as readonly GoldenSchedule[];

/** The fixture spells functions in Python. */
const lambdas: Readonly<Record<string, (k: number) => number>> = { "0.95**k": (k) => 0.95 ** k, "0.95": () => 0.95 };

/** `T_max` is `tMax`. */
const camel = (name: string) =>
  name.replace(/_([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase()).replace(/^[A-Z]/, (capital) => capital.toLowerCase());
/** `CosineAnnealingDecay` is `cosineAnnealingDecay`, `OneCycleLR` is `oneCycleLr`. */
const functionOf = (name: string) => camel(name.slice(name.lastIndexOf(".") + 1)).replace(/LR$/, "Lr");

function argument(key: string, value: unknown): unknown {
  if (key === "lr_lambda") return lambdas[value as string]!;
  if (Array.isArray(value) && typeof value[0] === "string") return make(value[0], value[1] as Record<string, unknown>);
  return value;
}

/** The same arguments under our names; null is Python's way to leave one out. */
function make(name: string, args: Readonly<Record<string, unknown>>): Schedule {
  const create = new Map<string, unknown>(Object.entries(schedules)).get(functionOf(name)) as (options: unknown) => Schedule;
  const given = Object.entries(args).filter(([, value]) => value !== null);
  return create(Object.fromEntries(given.map(([key, value]) => [camel(key), argument(key, value)])));
}

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
    const schedule = make(entry.class, entry.args);
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
