// The two schedules of `paddle.optimizer.lr` (3.3.1) that carry something from step to step; it is saved with the optimizer.

import type { StatefulSchedule } from "../contract/schedule.js";
import { argumentsOf, show } from "./arguments.js";
import { addState, createSchedule, readRecord } from "./schedule.js";

export interface MultiplicativeOptions {
  readonly learningRate: number;
  readonly lrLambda: (k: number) => number;
}

/** MultiplicativeDecay: learningRate * lrLambda(1) * ... * lrLambda(k), multiplied in this order; the product so far is its state. */
export function multiplicativeDecay({ learningRate, lrLambda }: MultiplicativeOptions): StatefulSchedule {
  const name = "multiplicativeDecay";
  const { number, notNegative, refuse, steps } = argumentsOf(name);
  number("learningRate", learningRate);
  if (typeof lrLambda !== "function") throw refuse(`lrLambda must be a function of the step, not ${show(lrLambda)}`);
  let known = { step: 0, value: learningRate };
  function at(k: number): number {
    let { step, value } = k < known.step ? { step: 0, value: learningRate } : known;
    while (step < k) value *= lrLambda(++step);
    if (Number.isFinite(value)) known = { step, value };
    return value;
  }
  return addState(createSchedule({ name, peak: learningRate, at }), {
    state: () => ({ ...known }),
    load(state) {
      const { step, value } = readRecord(name, state, { step: "number", value: "number" });
      steps("step of the saved state", notNegative("step of the saved state", step));
      known = { step, value };
    },
  });
}

export interface PlateauOptions {
  readonly learningRate: number;
  /** Whether the metric should fall ("min", unless told) or rise. */
  readonly mode?: "min" | "max";
  /** 0.1 unless told. */
  readonly factor?: number;
  /** Metrics without an improvement that are let pass; 10 unless told. */
  readonly patience?: number;
  /** 1e-4 unless told. */
  readonly threshold?: number;
  /** Whether the threshold is a part of the best metric ("rel", unless told) or a difference from it. */
  readonly thresholdMode?: "rel" | "abs";
  /** Metrics after a reduction that count for nothing; 0 unless told. */
  readonly cooldown?: number;
  /** 0 unless told. */
  readonly minLr?: number;
  /** A reduction by no more than this is not made; 1e-8 unless told. */
  readonly epsilon?: number;
}

/** A schedule that follows a metric and not the step: its value is as of the last metric. */
export interface PlateauSchedule extends StatefulSchedule {
  /** Takes a metric, of an epoch or whenever it is known. Throws RangeError where it is NaN. */
  step(metric: number): void;
}

/** ReduceOnPlateau: the rate times `factor` whenever the metric has stopped improving. */
export function reduceOnPlateau(options: PlateauOptions): PlateauSchedule {
  const name = "reduceOnPlateau";
  const { learningRate, factor = 0.1, patience = 10, threshold = 1e-4, cooldown = 0, minLr = 0, epsilon = 1e-8 } = options;
  const { notNegative, number, oneOf, refuse, steps } = argumentsOf(name);
  const mode = oneOf("mode", options.mode ?? "min", ["min", "max"]);
  const thresholdMode = oneOf("thresholdMode", options.thresholdMode ?? "rel", ["rel", "abs"]);
  number("learningRate", learningRate);
  notNegative("factor", factor);
  if (factor >= 1) throw refuse(`factor must be below 1, not ${factor}`);
  steps("patience", patience);
  notNegative("threshold", threshold);
  steps("cooldown", cooldown);
  number("minLr", minLr);
  notNegative("epsilon", epsilon);
  let now: { lr: number; best: number | null; bad: number; cooling: number } = { lr: learningRate, best: null, bad: 0, cooling: 0 };

  function isBetter(metric: number, best: number): boolean {
    const margin = thresholdMode === "rel" ? best * threshold : threshold;
    return mode === "min" ? metric < best - margin : metric > best + margin;
  }

  function step(metric: number): void {
    if (typeof metric !== "number" || Number.isNaN(metric)) throw refuse(`a metric must be a number, not ${show(metric)}`);
    if (now.cooling > 0) {
      now = { ...now, cooling: now.cooling - 1 };
      return;
    }
    const better = now.best === null || isBetter(metric, now.best);
    // An infinite metric is never the best: nothing could be saved or compared against it.
    now = better ? { ...now, best: Number.isFinite(metric) ? metric : now.best, bad: 0 } : { ...now, bad: now.bad + 1 };
    if (now.bad <= patience) return;
    const reduced = Math.max(now.lr * factor, minLr);
    now = { ...now, cooling: cooldown, bad: 0, lr: now.lr - reduced > epsilon ? reduced : now.lr };
  }

  const schedule = addState(createSchedule({ name, peak: learningRate, at: () => now.lr }), {
    state: () => ({ ...now }),
    load(state) {
      const saved = readRecord(name, state, { lr: "number", best: "number or null", bad: "number", cooling: "number" });
      steps("bad of the saved state", saved.bad);
      steps("cooling of the saved state", saved.cooling);
      now = { lr: saved.lr, best: saved.best, bad: saved.bad, cooling: saved.cooling };
    },
  });
  return Object.assign(schedule, { step });
}
