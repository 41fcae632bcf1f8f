// Warm-up with something behind it: Paddle's LinearWarmup (3.3.1) and the schedules of PaddleNLP (2.8.1), under their names and in
// their order of operations; k counts completed steps.

import type { Schedule } from "../contract/schedule.js";
import { type Arguments, argumentsOf } from "./arguments.js";
import { checkInput, createSchedule, peakOf, type ScheduleInput, sample } from "./schedule.js";

export interface LinearWarmupOptions {
  /** What follows: a number, or a schedule, which starts at its own step 0 after the warm-up. */
  readonly learningRate: ScheduleInput;
  readonly warmupSteps: number;
  readonly startLr: number;
  /** Where the warm-up ends; where it is not what follows starts with, the rate jumps. */
  readonly endLr: number;
}

/** Paddle's LinearWarmup. */
export function linearWarmup({ learningRate, warmupSteps, startLr, endLr }: LinearWarmupOptions): Schedule {
  const name = "linearWarmup";
  const { number, refuse, steps } = argumentsOf(name);
  const then = checkInput(name, "learningRate", learningRate);
  steps("warmupSteps", warmupSteps);
  number("startLr", startLr);
  number("endLr", endLr);
  if (endLr <= startLr) throw refuse(`endLr must be above startLr, not ${endLr} after ${startLr}`);
  return createSchedule({
    name,
    peak: peakOf(then),
    at: (k) => (k < warmupSteps ? ((endLr - startLr) * k) / warmupSteps + startLr : sample(then, k - warmupSteps)),
    parts: [then],
  });
}

interface WithWarmup {
  readonly learningRate: number;
  /** Steps, a whole number; or below 1 their part of totalSteps. */
  readonly warmup: number;
  readonly totalSteps: number;
}

/** Steps of a warm-up given as steps or as a part of the whole, rounded down as PaddleNLP does. */
function warmupSteps(warmup: number, totalSteps: number | undefined, { notNegative, refuse, steps }: Arguments): number {
  notNegative("warmup", warmup);
  if (Number.isInteger(warmup)) return steps("warmup", warmup);
  if (warmup >= 1) throw refuse(`warmup must be whole steps, or below 1 a part of totalSteps, not ${warmup}`);
  if (totalSteps === undefined) throw refuse("a warmup that is a part of totalSteps needs totalSteps");
  return Math.floor(warmup * totalSteps);
}

function readWithWarmup(
  name: string,
  { learningRate, warmup, totalSteps }: WithWarmup,
): { readonly reader: Arguments; readonly steps: number } {
  const reader = argumentsOf(name);
  reader.number("learningRate", learningRate);
  reader.steps("totalSteps", totalSteps, 1);
  return { reader, steps: warmupSteps(warmup, totalSteps, reader) };
}

/** PaddleNLP's LinearDecayWithWarmup: up linearly, then linearly down to 0 at totalSteps. */
export function linearDecayWithWarmup(options: WithWarmup): Schedule {
  const name = "linearDecayWithWarmup";
  const { steps } = readWithWarmup(name, options);
  const { learningRate, totalSteps } = options;
  const factor = (k: number) => (k < steps ? k / Math.max(1, steps) : Math.max(0, (totalSteps - k) / Math.max(1, totalSteps - steps)));
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate * factor(k) });
}

export interface ConstWithWarmupOptions {
  readonly learningRate: number;
  /** Steps, a whole number; or below 1 their part of totalSteps. */
  readonly warmup: number;
  readonly totalSteps?: number;
}

/** PaddleNLP's ConstScheduleWithWarmup. */
export function constScheduleWithWarmup({ learningRate, warmup, totalSteps }: ConstWithWarmupOptions): Schedule {
  const name = "constScheduleWithWarmup";
  const reader = argumentsOf(name);
  reader.number("learningRate", learningRate);
  if (totalSteps !== undefined) reader.steps("totalSteps", totalSteps, 1);
  const steps = warmupSteps(warmup, totalSteps, reader);
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate * (k < steps ? k / Math.max(1, steps) : 1) });
}

export interface CosineWithWarmupOptions extends WithWarmup {
  /** Restarts at the peak after each cycle, and 0 from totalSteps on; else the wave goes on for ever. */
  readonly withHardRestarts?: boolean;
  /** Waves until totalSteps. 1 unless told, as in PaddleNLP: a full wave, which is at its peak again at totalSteps. 0.5 ends at 0. */
  readonly numCycles?: number;
}

/** PaddleNLP's CosineDecayWithWarmup. */
export function cosineDecayWithWarmup(options: CosineWithWarmupOptions): Schedule {
  const name = "cosineDecayWithWarmup";
  const { reader, steps } = readWithWarmup(name, options);
  const { learningRate, totalSteps, withHardRestarts = false, numCycles = 1 } = options;
  reader.positive("numCycles", numCycles);
  function factor(k: number): number {
    if (k < steps) return k / Math.max(1, steps);
    const progress = (k - steps) / Math.max(1, totalSteps - steps);
    if (withHardRestarts && progress >= 1) return 0;
    const waves = withHardRestarts ? (numCycles * progress) % 1 : numCycles * 2 * progress;
    return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * waves)));
  }
  return createSchedule({ name, peak: learningRate, at: (k) => learningRate * factor(k) });
}

export interface PolyWithWarmupOptions extends WithWarmup {
  /** 1e-7 unless told. */
  readonly lrEnd?: number;
  /** 1 unless told. */
  readonly power?: number;
}

/** PaddleNLP's PolyDecayWithWarmup. */
export function polyDecayWithWarmup(options: PolyWithWarmupOptions): Schedule {
  const name = "polyDecayWithWarmup";
  const { reader, steps } = readWithWarmup(name, options);
  const { learningRate, totalSteps, lrEnd = 1e-7, power = 1 } = options;
  reader.notNegative("lrEnd", lrEnd);
  reader.positive("power", power);
  if (lrEnd >= learningRate) throw reader.refuse(`lrEnd must be below learningRate, not ${lrEnd}`);
  if (steps >= totalSteps) throw reader.refuse(`totalSteps must be more than the ${steps} steps of the warm-up, not ${totalSteps}`);
  return createSchedule({
    name,
    peak: learningRate,
    at(k) {
      if (k < steps) return learningRate * (k / Math.max(1, steps));
      if (k > totalSteps) return lrEnd;
      return (learningRate - lrEnd) * (1 - (k - steps) / (totalSteps - steps)) ** power + lrEnd;
    },
  });
}

export interface AnnealingWithWarmupOptions {
  readonly maxLr: number;
  readonly minLr: number;
  readonly warmupStep: number;
  /** Last step of the decay, the warm-up included. */
  readonly decayStep: number;
}

/** PaddleNLP's CosineAnnealingWithWarmupDecay, which is Megatron-LM's cosine. */
export function cosineAnnealingWithWarmupDecay(options: AnnealingWithWarmupOptions): Schedule {
  return annealing("cosineAnnealingWithWarmupDecay", options, (part) => 0.5 * (Math.cos(Math.PI * part) + 1));
}

/** PaddleNLP's LinearAnnealingWithWarmupDecay. */
export function linearAnnealingWithWarmupDecay(options: AnnealingWithWarmupOptions): Schedule {
  return annealing("linearAnnealingWithWarmupDecay", options, (part) => 1 - part);
}

function annealing(
  name: string,
  { maxLr, minLr, warmupStep, decayStep }: AnnealingWithWarmupOptions,
  shape: (part: number) => number,
): Schedule {
  const { number, refuse, steps } = argumentsOf(name);
  number("maxLr", maxLr);
  number("minLr", minLr);
  steps("warmupStep", warmupStep);
  steps("decayStep", decayStep, 1);
  if (decayStep <= warmupStep) throw refuse(`decayStep must be after warmupStep ${warmupStep}, not ${decayStep}`);
  return createSchedule({
    name,
    peak: maxLr,
    at(k) {
      if (warmupStep > 0 && k <= warmupStep) return (maxLr * k) / warmupStep;
      if (k > decayStep) return minLr;
      return minLr + shape((k - warmupStep) / (decayStep - warmupStep)) * (maxLr - minLr);
    },
  });
}
