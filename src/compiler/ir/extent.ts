// The lattice of extents: which axes of a parameter a value keeps. Joining two is the union of their axes.

/** `axis(i)` and `block(n)` carry their number in the text: "axis:1", "block:256". */
export type Extent = "model" | "tensor" | "unit" | "rest" | "row" | "col" | "matrix" | "elem" | `axis:${number}` | `block:${number}`;

/** Whether every axis that `a` keeps is kept by `b`, for parameters of any rank. */
export function within(a: Extent, b: Extent): boolean {
  if (a === b || a === "model" || b === "elem") return true;
  if (a === "tensor") return b !== "model";
  return a === "matrix" && (b === "row" || b === "col");
}

/** The smallest extent that is known to hold both, whatever the rank. */
export function joinExtents(a: Extent, b: Extent): Extent {
  if (within(a, b)) return b;
  if (within(b, a)) return a;
  return "elem";
}

/** When a value is known; a chain. */
export type Stage = "build" | "setup" | "step" | "device";
const order: Readonly<Record<Stage, number>> = { build: 0, setup: 1, step: 2, device: 3 };

export function stageIsBefore(a: Stage, b: Stage): boolean {
  return order[a] < order[b];
}

export function laterStage(a: Stage, b: Stage): Stage {
  return order[a] >= order[b] ? a : b;
}
