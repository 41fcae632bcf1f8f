// A function of the step as a curve: where it moves decides how far it is followed, unless a number of steps is given.

import type { CurveFigure } from "./figure.js";

/** Points of a curve; a longer one is asked at so many steps, evenly. */
const MOST_POINTS = 4_000;
/** Followed no further where it never settles. */
const UNSETTLED = 1_000;
const FURTHEST = 2 ** 20;

/** The curve of a function over `steps` steps; null: as far as it moves. An error at a later step than 0 ends it, where it may. */
export function sampleCurve(title: string, at: (step: number) => number, steps: number | null): CurveFigure {
  const last = steps ?? lastStep(at);
  const count = Math.min(last + 1, MOST_POINTS);
  const asked = Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.round((i * last) / (count - 1))));
  const values = asked.map(at);
  return { kind: "curve", title, steps: asked, values };
}

/** A tenth past the last step at which the function moves, or the last at which it has a value. */
function lastStep(at: (step: number) => number): number {
  const value = (step: number): number | null => {
    try {
      return at(step);
    } catch (error) {
      if (step === 0) throw error;
      return null;
    }
  };
  const end = value(FURTHEST);
  if (end === null) return lastWhere((step) => value(step) !== null);
  const moving = lastWhere((step) => value(step) !== end || value(2 * step) !== end);
  return moving >= FURTHEST / 4 ? UNSETTLED : Math.max(10, Math.ceil(((moving + 1) * 11) / 10));
}

/** The last step for which something holds that holds up to some step and no further. */
function lastWhere(holds: (step: number) => boolean): number {
  let low = 0;
  let high = 1;
  while (high < FURTHEST && holds(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
