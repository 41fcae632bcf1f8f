// Decays as `paddle.optimizer.lr` has them (version 3.3.1), under its names, in its order of operations; k counts completed steps.
// PyTorch's classes of the same names agree where both exist: StepLR, MultiStepLR, ExponentialLR, LambdaLR, LinearLR, PolynomialLR.

import type { Schedule } from "../contract/schedule.js";
import { argumentsOf, show } from "./arguments.js";
import { createSchedule } from "./schedule.js";

export interface NoamOptions {
  readonly dModel: number;
  readonly warmupSteps: number;
  /** 1 unless told. */
  readonly learningRate?: number;
}

/** NoamDecay, Vaswani et al., arXiv:1706.03762, equation 3: learningRate * dModel^-0.5 * min(k^-0.5, k * warmupSteps^-1.5). */
export function noamDecay({ dModel, warmupSteps, learningRate = 1 }: NoamOptions): Schedule {
  const name = "noamDecay";
  const { number, positive, steps } = argumentsOf(name);
  positive("dModel", dModel);
  steps("warmupSteps", warmupSteps, 1);
  number("learningRate", learningRate);
  const at = (k: number) => learningRate * dModel ** -0.5 * Math.min(k === 0 ? 1 : k ** -0.5, warmupSteps ** -1.5 * k);
  return createSchedule({ name, peak: at(warmupSteps), at });
}

export interface PiecewiseOptions {
  readonly boundaries: readonly number[];
  /** One more than there are boundaries. */
  readonly values: readonly number[];
}

/** PiecewiseDecay: values[i] before boundaries[i], the last value after the last boundary. */
export function piecewiseDecay({ boundaries, values }: PiecewiseOptions): Schedule {
  const name = "piecewiseDecay";
  const { boundaries: increasing, number, refuse } = argumentsOf(name);
  const list = increasing("boundaries", boundaries);
  if (!Array.isArray(values)) throw refuse(`values must be a list, not ${show(values)}`);
  if (values.length !== list.length + 1) throw refuse(`${list.length} boundaries need ${list.length + 1} values, not ${values.length}`);
  values.forEach((value, index) => {
    number(`values[${index}]`, value);
  });
  return createSchedule({ name, peak: Math.max(...values), at: (k) => values[countUpTo(list, k)]! });
}

/** How many boundaries a step has reached. */
function countUpTo(boundaries: readonly number[], k: number): number {
  const next = boundaries.findIndex((boundary) => k < boundary);
  return next === -1 ? boundaries.length : next;
}

export interface GammaOptions {
  readonly learningRate: number;
  readonly gamma: number;
}

/** NaturalExpDecay: learningRate * e^(-gamma * k). */
export function naturalExpDecay({ learningRate, gamma }: GammaOptions): Schedule {
  const name = "naturalExpDecay";
  const { number, positive } = argumentsOf(name);
  number("learningRate", learningRate);
  positive("gamma", gamma);
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate * Math.exp(-1 * gamma * k) });
}

/** InverseTimeDecay: learningRate / (1 + gamma * k). */
export function inverseTimeDecay({ learningRate, gamma }: GammaOptions): Schedule {
  const name = "inverseTimeDecay";
  const { notNegative, number } = argumentsOf(name);
  number("learningRate", learningRate);
  notNegative("gamma", gamma);
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate / (1 + gamma * k) });
}

/** ExponentialDecay: learningRate * gamma^k. */
export function exponentialDecay({ learningRate, gamma }: GammaOptions): Schedule {
  const name = "exponentialDecay";
  const { number, positive } = argumentsOf(name);
  number("learningRate", learningRate);
  positive("gamma", gamma);
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate * gamma ** k });
}

export interface PolynomialOptions {
  readonly learningRate: number;
  readonly decaySteps: number;
  /** 0.0001 unless told. */
  readonly endLr?: number;
  /** 1 unless told. */
  readonly power?: number;
  /** Past decaySteps, twice as many, then three times as many, and so on; else endLr is kept. */
  readonly cycle?: boolean;
}

/** PolynomialDecay: (learningRate - endLr) * (1 - k / decaySteps)^power + endLr. */
export function polynomialDecay({ learningRate, decaySteps, endLr = 0.0001, power = 1, cycle = false }: PolynomialOptions): Schedule {
  const name = "polynomialDecay";
  const { number, positive, steps } = argumentsOf(name);
  number("learningRate", learningRate);
  steps("decaySteps", decaySteps, 1);
  number("endLr", endLr);
  positive("power", power);
  return createSchedule({
    name,
    peak: learningRate,
    at(k) {
      const length = cycle ? decaySteps * Math.max(1, Math.ceil(k / decaySteps)) : decaySteps;
      return (learningRate - endLr) * (1 - (cycle ? k : Math.min(k, decaySteps)) / length) ** power + endLr;
    },
  });
}

export interface MultiStepOptions {
  readonly learningRate: number;
  readonly milestones: readonly number[];
  /** 0.1 unless told. */
  readonly gamma?: number;
}

/** MultiStepDecay: times gamma at each milestone. */
export function multiStepDecay({ learningRate, milestones, gamma = 0.1 }: MultiStepOptions): Schedule {
  const name = "multiStepDecay";
  const { boundaries, number } = argumentsOf(name);
  number("learningRate", learningRate);
  number("gamma", gamma);
  const list = boundaries("milestones", milestones);
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate * gamma ** countUpTo(list, k) });
}

export interface StepOptions {
  readonly learningRate: number;
  readonly stepSize: number;
  /** 0.1 unless told. */
  readonly gamma?: number;
}

/** StepDecay: times gamma after every stepSize steps. */
export function stepDecay({ learningRate, stepSize, gamma = 0.1 }: StepOptions): Schedule {
  const name = "stepDecay";
  const { number, steps } = argumentsOf(name);
  number("learningRate", learningRate);
  steps("stepSize", stepSize, 1);
  number("gamma", gamma);
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate * gamma ** Math.floor(k / stepSize) });
}

export interface LambdaOptions {
  readonly learningRate: number;
  readonly lrLambda: (k: number) => number;
}

/** LambdaDecay: learningRate * lrLambda(k). */
export function lambdaDecay({ learningRate, lrLambda }: LambdaOptions): Schedule {
  const name = "lambdaDecay";
  const { number, refuse } = argumentsOf(name);
  number("learningRate", learningRate);
  if (typeof lrLambda !== "function") throw refuse(`lrLambda must be a function of the step, not ${show(lrLambda)}`);
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate * lrLambda(k) });
}

export interface LinearOptions {
  readonly learningRate: number;
  readonly totalSteps: number;
  /** 1/3 unless told. */
  readonly startFactor?: number;
  /** 1 unless told. */
  readonly endFactor?: number;
}

/** LinearLR: learningRate times a factor that moves linearly over totalSteps, and then stays. Closed form of the class's recursion. */
export function linearLr({ learningRate, totalSteps, startFactor = 1 / 3, endFactor = 1 }: LinearOptions): Schedule {
  const name = "linearLr";
  const { between, number, steps, refuse } = argumentsOf(name);
  number("learningRate", learningRate);
  steps("totalSteps", totalSteps, 1);
  between("startFactor", startFactor, 0, 1);
  if (startFactor === 0) throw refuse("startFactor must be above 0");
  between("endFactor", endFactor, 0, 1);
  const at = (k: number) => learningRate * (startFactor + ((endFactor - startFactor) * Math.min(k, totalSteps)) / totalSteps);
  return createSchedule({ name, peak: learningRate, at });
}
