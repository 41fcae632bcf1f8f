// What formulas may know of a parameter besides its name. A length that does not exist is NaN, so that no comparison of rules holds for it.

import type { HostFact } from "../contract/host-formula.js";

/** Facts that follow from a shape. */
export type ShapeFact = Extract<HostFact, "rank" | "numel" | "rows" | "cols">;

const shapeFacts: ReadonlySet<string> = new Set<ShapeFact>(["rank", "numel", "rows", "cols"]);

/** True for the words that `shapeFact` knows. */
export function isShapeFact(word: string): word is ShapeFact {
  return shapeFacts.has(word);
}

/** A fact of one shape: the last two lengths are `rows` and `cols`. */
export function shapeFact(shape: readonly number[], fact: ShapeFact): number {
  switch (fact) {
    case "rank":
      return shape.length;
    case "numel":
      return shape.reduce((product, length) => product * length, 1);
    case "rows":
      return axisLength(shape, shape.length - 2, 2);
    case "cols":
      return axisLength(shape, shape.length - 1, 2);
    default:
      throw new Error(`bug: unknown fact ${fact satisfies never}`);
  }
}

/** The length of an axis, NaN where the shape has no such axis or fewer than `rank` axes. */
export function axisLength(shape: readonly number[], axis: number, rank = 1): number {
  return shape.length >= rank ? (shape[axis] ?? Number.NaN) : Number.NaN;
}
