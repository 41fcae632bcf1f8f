// Schedules by their published formulas; k counts completed steps.

import type { Schedule } from "../contract/schedule.js";
import { argumentsOf } from "./arguments.js";
import { createSchedule } from "./schedule.js";

export interface InverseSquareRootOptions {
  /** At the end of the warm-up. */
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** 0 unless told, a linear warm-up; learningRate: a constant one, as T5 had. */
  readonly startLr?: number;
}

/**
 * Linear warm-up, then learningRate * sqrt(warmupSteps / k). With startLr 0 it is the schedule of Vaswani et al., arXiv:1706.03762, equation 3,
 * by its peak; with startLr = learningRate that of T5, Raffel et al., arXiv:1910.10683, section 3.1.2: proportional to 1 / sqrt(max(k, warmupSteps)).
 */
export function inverseSquareRoot({ learningRate, warmupSteps, startLr = 0 }: InverseSquareRootOptions): Schedule {
  const name = "inverseSquareRoot";
  const { number, steps } = argumentsOf(name);
  number("learningRate", learningRate);
  steps("warmupSteps", warmupSteps, 1);
  number("startLr", startLr);
  return createSchedule({
    name,
    peak: learningRate,
    at: (k) => (k < warmupSteps ? startLr + ((learningRate - startLr) * k) / warmupSteps : learningRate * Math.sqrt(warmupSteps / k)),
  });
}

/** How a cooldown falls: the part of the way still to go, x of it done. */
const cooldowns = {
  "1-sqrt": (x) => 1 - Math.sqrt(x),
  linear: (x) => 1 - x,
  cosine: (x) => 0.5 * (1 + Math.cos(Math.PI * x)),
} as const satisfies Record<string, (x: number) => number>;

export interface WarmupStableDecayOptions {
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly stableSteps: number;
  readonly decaySteps: number;
  /** "1-sqrt" unless told; "exponential" halves every halfLife steps. */
  readonly decay?: keyof typeof cooldowns | "exponential";
  /** Steps, for "exponential". */
  readonly halfLife?: number;
  /** Kept after the decay, 0 unless told; "exponential" keeps what it reached, at least this. */
  readonly endLr?: number;
}

/**
 * Warm-up from 0, a stable stage, a decay: Hu et al. (MiniCPM), arXiv:2404.06395, section 4, equation 1, whose f is "exponential",
 * 0.5^((k - stable end) / halfLife); "1-sqrt" and "linear" cooldowns by Hägele et al., arXiv:2405.18392, section 3.
 */
export function warmupStableDecay(options: WarmupStableDecayOptions): Schedule {
  const name = "warmupStableDecay";
  const { learningRate, warmupSteps, stableSteps, decaySteps, halfLife, endLr = 0 } = options;
  const { number, oneOf, positive, refuse, steps } = argumentsOf(name);
  number("learningRate", learningRate);
  steps("warmupSteps", warmupSteps);
  steps("stableSteps", stableSteps);
  steps("decaySteps", decaySteps, 1);
  number("endLr", endLr);
  const decay = oneOf("decay", options.decay ?? "1-sqrt", ["1-sqrt", "linear", "cosine", "exponential"]);
  if (decay === "exponential") positive("halfLife", halfLife);
  else if (halfLife !== undefined) throw refuse(`halfLife belongs to the decay "exponential", not to ${JSON.stringify(decay)}`);
  const stableEnd = warmupSteps + stableSteps;
  return createSchedule({
    name,
    peak: learningRate,
    at(k) {
      if (k < warmupSteps) return (k / warmupSteps) * learningRate;
      if (k <= stableEnd) return learningRate;
      const done = Math.min(k - stableEnd, decaySteps);
      if (decay === "exponential") return Math.max(endLr, 0.5 ** (done / halfLife!) * learningRate);
      return endLr + cooldowns[decay](done / decaySteps) * (learningRate - endLr);
    },
  });
}

export interface WarmupCosineOptions {
  readonly peak: number;
  /** Steps of the warm-up from 0. */
  readonly warmup: number;
  /** Steps in all; from then on the rate is `end`. */
  readonly total: number;
  /** 0 unless told. */
  readonly end?: number;
}

/** Linear warm-up, then half a cosine down to `end`: Loshchilov and Hutter, arXiv:1608.03983, equation 5, without a restart. */
export function warmupCosine({ peak, warmup, total, end = 0 }: WarmupCosineOptions): Schedule {
  const name = "warmupCosine";
  const { number, refuse, steps } = argumentsOf(name);
  number("peak", peak);
  steps("warmup", warmup);
  steps("total", total, 1);
  number("end", end);
  if (total <= warmup) throw refuse(`total must be more than the ${warmup} steps of the warm-up, not ${total}`);
  return createSchedule({
    name,
    peak,
    at(k) {
      if (k < warmup) return (peak * k) / warmup;
      return end + ((peak - end) * (1 + Math.cos((Math.PI * Math.min(k - warmup, total - warmup)) / (total - warmup)))) / 2;
    },
  });
}
