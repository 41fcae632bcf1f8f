// Cosines and cycles as `paddle.optimizer.lr` has them (version 3.3.1), under its names, as pure functions of the completed steps k;
// recursions of the classes stand here in closed form.

import type { Schedule } from "../contract/schedule.js";
import { argumentsOf } from "./arguments.js";
import { createSchedule } from "./schedule.js";

export interface CosineAnnealingOptions {
  readonly learningRate: number;
  readonly tMax: number;
  /** 0 unless told. */
  readonly etaMin?: number;
}

/** CosineAnnealingDecay, Loshchilov and Hutter, arXiv:1608.03983, equation 5 without restarts: past tMax it rises again, as the classes do. */
export function cosineAnnealingDecay({ learningRate, tMax, etaMin = 0 }: CosineAnnealingOptions): Schedule {
  const name = "cosineAnnealingDecay";
  const { number, steps } = argumentsOf(name);
  number("learningRate", learningRate);
  steps("tMax", tMax, 1);
  number("etaMin", etaMin);
  return createSchedule({ name, peak: learningRate, at: (k) => cosine(learningRate, etaMin, k / tMax) });
}

/** From one number to another along half a wave. */
function cosine(from: number, to: number, part: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
}

export interface WarmRestartsOptions {
  readonly learningRate: number;
  /** Steps of the first cycle. */
  readonly t0: number;
  /** How much longer each cycle is than the one before, a whole number; 1 unless told. */
  readonly tMult?: number;
  /** 0 unless told. */
  readonly etaMin?: number;
}

/** CosineAnnealingWarmRestarts, Loshchilov and Hutter, arXiv:1608.03983, equation 5. */
export function cosineAnnealingWarmRestarts({ learningRate, t0, tMult = 1, etaMin = 0 }: WarmRestartsOptions): Schedule {
  const name = "cosineAnnealingWarmRestarts";
  const { number, steps } = argumentsOf(name);
  number("learningRate", learningRate);
  steps("t0", t0, 1);
  steps("tMult", tMult, 1);
  number("etaMin", etaMin);
  return createSchedule({
    name,
    peak: learningRate,
    at(k) {
      let since = tMult === 1 ? k % t0 : k;
      let length = t0;
      while (since >= length) {
        since -= length;
        length *= tMult;
      }
      return cosine(learningRate, etaMin, since / length);
    },
  });
}

export interface OneCycleOptions {
  readonly maxLearningRate: number;
  readonly totalSteps: number;
  /** maxLearningRate / divideFactor is where it starts; 25 unless told. */
  readonly divideFactor?: number;
  /** 0.0001 unless told. */
  readonly endLearningRate?: number;
  /** Part of the steps that rises; 0.3 unless told. */
  readonly phasePct?: number;
  /** "cos" unless told. */
  readonly annealStrategy?: "cos" | "linear";
  /** Down to where it started as fast as it rose, and only then to the end. */
  readonly threePhase?: boolean;
}

/** OneCycleLR, Smith and Topin, arXiv:1708.07120. Past totalSteps there is no value: that is an error, as in the classes. */
export function oneCycleLr(options: OneCycleOptions): Schedule {
  const name = "oneCycleLr";
  const { maxLearningRate, totalSteps, divideFactor = 25, endLearningRate = 0.0001, phasePct = 0.3 } = options;
  const { between, notNegative, number, oneOf, positive, refuse, steps } = argumentsOf(name);
  number("maxLearningRate", maxLearningRate);
  steps("totalSteps", totalSteps, 1);
  positive("divideFactor", divideFactor);
  notNegative("endLearningRate", endLearningRate);
  between("phasePct", phasePct, 0, 1);
  const strategy = oneOf("annealStrategy", options.annealStrategy ?? "cos", ["cos", "linear"]);
  const initial = maxLearningRate / divideFactor;
  const top = phasePct * totalSteps - 1;
  if (options.threePhase && phasePct >= 0.5) throw refuse(`phasePct must be below 0.5 where there are three phases, not ${phasePct}`);
  const ends = options.threePhase ? [0, top, 2 * top, totalSteps - 1] : [0, top, totalSteps - 1];
  const values = options.threePhase ? [initial, maxLearningRate, initial, endLearningRate] : [initial, maxLearningRate, endLearningRate];
  if (ends.some((end, i) => i > 0 && end <= ends[i - 1]!)) throw refuse(`${totalSteps} steps leave no room for every phase`);
  return createSchedule({
    name,
    peak: maxLearningRate,
    at(k) {
      if (k > totalSteps) throw refuse(`it was made for ${totalSteps} steps, and step ${k} was asked for`);
      const next = ends.findIndex((end, i) => i > 0 && k <= end);
      const phase = next === -1 ? ends.length - 2 : next - 1;
      const part = (k - ends[phase]!) / (ends[phase + 1]! - ends[phase]!);
      const [from, to] = [values[phase]!, values[phase + 1]!];
      return strategy === "cos" ? to + ((from - to) / 2) * (Math.cos(Math.PI * part) + 1) : (to - from) * part + from;
    },
  });
}

export interface CyclicOptions {
  readonly baseLearningRate: number;
  readonly maxLearningRate: number;
  readonly stepSizeUp: number;
  /** As stepSizeUp unless told. */
  readonly stepSizeDown?: number;
  /** "triangular" unless told; "triangular2" halves the height every cycle, "exp_range" takes expGamma^k of it. */
  readonly mode?: "triangular" | "triangular2" | "exp_range";
  /** 1 unless told. */
  readonly expGamma?: number;
  /** Takes the place of `mode`: a factor on the height. */
  readonly scaleFn?: (x: number) => number;
  /** What scaleFn is given: the number of the cycle, from 1 ("cycle", unless told), or of the step. */
  readonly scaleMode?: "cycle" | "iterations";
}

/** CyclicLR, Smith, arXiv:1506.01186. */
export function cyclicLr(options: CyclicOptions): Schedule {
  const name = "cyclicLr";
  const { baseLearningRate, maxLearningRate, stepSizeUp, stepSizeDown = stepSizeUp, expGamma = 1, scaleFn, scaleMode } = options;
  const { number, oneOf, refuse, steps } = argumentsOf(name);
  number("baseLearningRate", baseLearningRate);
  number("maxLearningRate", maxLearningRate);
  steps("stepSizeUp", stepSizeUp, 1);
  steps("stepSizeDown", stepSizeDown, 1);
  number("expGamma", expGamma);
  const mode = oneOf("mode", options.mode ?? "triangular", ["triangular", "triangular2", "exp_range"]);
  if (scaleFn !== undefined && typeof scaleFn !== "function") throw refuse("scaleFn must be a function");
  const scaled = oneOf("scaleMode", scaleMode ?? "cycle", ["cycle", "iterations"]);
  const total = stepSizeUp + stepSizeDown;
  const up = stepSizeUp / total;

  function heightAt(k: number, cycle: number): number {
    if (scaleFn !== undefined) return scaleFn(scaled === "cycle" ? cycle : k);
    if (mode === "triangular") return 1;
    return mode === "triangular2" ? 1 / 2 ** (cycle - 1) : expGamma ** k;
  }

  return createSchedule({
    name,
    peak: maxLearningRate,
    at(k) {
      const cycle = 1 + Math.floor(k / total);
      const part = 1 + k / total - cycle;
      const height = (maxLearningRate - baseLearningRate) * (part <= up ? part / up : (1 - part) / (1 - up));
      return baseLearningRate + height * heightAt(k, cycle);
    },
  });
}
