// Inverse square root, warmup-stable-decay and the cosine with warm-up against their published formulas, written out independently here.

import { describe, expect, test } from "vitest";
import { inverseSquareRoot, noamDecay, warmupCosine, warmupStableDecay } from "../../src/schedules/index.js";

const steps = Array.from({ length: 400 }, (_, k) => k);
const close = (found: number, expected: number) => Math.abs(found - expected) <= 1e-12 * Math.abs(expected);

describe("inverse square root", () => {
  test("is Noam's schedule by its peak (arXiv:1706.03762, equation 3)", () => {
    const [dModel, warmupSteps] = [512, 40];
    const noam = noamDecay({ dModel, warmupSteps });
    const peak = dModel ** -0.5 * warmupSteps ** -0.5;
    const schedule = inverseSquareRoot({ learningRate: peak, warmupSteps });
    expect(steps.filter((k) => !close(schedule(k), noam(k)))).toEqual([]);
    expect(close(schedule.peak, noam.peak)).toBe(true);
  });

  test("is T5's 1 / sqrt(max(n, warm-up)) where the warm-up is constant (arXiv:1910.10683, 3.1.2)", () => {
    const warmupSteps = 100;
    const learningRate = 1 / Math.sqrt(warmupSteps);
    const schedule = inverseSquareRoot({ learningRate, warmupSteps, startLr: learningRate });
    expect(steps.filter((n) => !close(schedule(n), 1 / Math.sqrt(Math.max(n, warmupSteps))))).toEqual([]);
  });
});

describe("warmup-stable-decay", () => {
  const [learningRate, warmupSteps, stableSteps, decaySteps] = [0.3, 50, 120, 80];
  const [T, S] = [warmupSteps + stableSteps, warmupSteps + stableSteps + decaySteps];
  const common = { learningRate, warmupSteps, stableSteps, decaySteps };

  test("is MiniCPM's, exponential (arXiv:2404.06395, equation 1)", () => {
    const schedule = warmupStableDecay({ ...common, decay: "exponential", halfLife: 25 });
    const formula = (s: number) => (s < warmupSteps ? (s / warmupSteps) * 0.3 : s <= T ? 0.3 : 0.3 * 2 ** (-(Math.min(s, S) - T) / 25));
    expect(steps.filter((s) => !close(schedule(s), formula(s)))).toEqual([]);
  });

  test.each([
    ["1-sqrt", (n: number) => 1 - Math.sqrt((n - T) / (S - T))],
    ["linear", (n: number) => 1 - (n - T) / (S - T)],
    ["cosine", (n: number) => Math.cos((Math.PI * (n - T)) / (S - T) / 2) ** 2],
  ] as const)("cools down as arXiv:2405.18392 has it: %s", (decay, f) => {
    for (const endLr of [0, 0.01]) {
      const schedule = warmupStableDecay({ ...common, decay, endLr });
      const formula = (n: number) => (n >= S ? endLr : endLr + f(n) * (0.3 - endLr));
      expect(schedule(0)).toBe(0);
      expect(schedule(warmupSteps)).toBe(0.3);
      expect(schedule(T)).toBe(0.3);
      const cooldown = steps.filter((n) => n > T);
      // Near its end a cooldown is a difference of numbers of size 1.
      expect(cooldown.filter((n) => Math.abs(schedule(n) - formula(n)) > 1e-15)).toEqual([]);
    }
  });

  test("falls as 1 - sqrt unless told", () => {
    expect(warmupStableDecay(common)(T + 20)).toBe(0.3 * (1 - Math.sqrt(20 / 80)));
  });
});

test("warmupCosine rises to its peak and falls along half a wave", () => {
  const schedule = warmupCosine({ peak: 3e-4, warmup: 100, total: 300, end: 3e-5 });
  expect([0, 50, 100, 300, 1000].map(schedule)).toEqual([0, 1.5e-4, 3e-4, 3e-5, 3e-5]);
  expect(schedule(200)).toBeCloseTo(1.65e-4, 15);
  const around = steps.filter((k) => k <= 100 && !close(schedule(100 + k) + schedule(300 - k), 3.3e-4));
  expect(around).toEqual([]);
});
