// How the demonstrations train: the same numbers in a terminal and in a page.

export const SEED = 1;
export const BATCH = 64;
export const HELD_OUT = 2_000;
export const CHECK_EVERY = 50;
/** Held-out digits looked at while training runs; after the last step it is all of them. */
export const CHECKED = 600;

const PEAK = 0.014;

/** Linear warm-up over 40 steps; from the middle on, linear descent to a fiftieth. */
export function learningRate(steps: number): (step: number) => number {
  return (step) => PEAK * Math.min(1, (step + 1) / 40) * Math.min(1, Math.max(0.02, (2 * (steps - step - 1)) / steps));
}

/** What a run with this layer-wise decay is called. */
export function runLabel(decay: number): string {
  return `layerwise_decay ${Number.isInteger(decay) ? decay.toFixed(1) : decay}`;
}
