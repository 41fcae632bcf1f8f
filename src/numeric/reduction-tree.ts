// The tree of reductions: the order in which numbers are added, or compared, on every target. A leaf is 1,024 consecutive elements
// of a tensor: 32 lanes take every 32nd element in order and are folded in halves. The leaves of a tensor, and the tensors of a model
// in the order of registration, come together as adjacent pairs, level by level; one without a partner stays as it is.

export const LEAF = 1024;
const LANES = 32;

type FloatArray = Float32Array | Float64Array;

/** What is done with two numbers, each time rounded as the caller's arithmetic does. */
export interface Combine {
  readonly of: (x: number, y: number) => number;
  /** What a missing number counts as. */
  readonly nothing: number;
}

/** What numbers come to by any of these, over nothing. */
export const reductionOfNothing = {
  sum: 0,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
} as const;

/** The first `count` numbers of a leaf. */
export function reduceLeaf(numbers: FloatArray, count: number, { of, nothing }: Combine): number {
  const lanes = new Array<number>(LANES).fill(nothing);
  for (let i = 0; i < count; i++) lanes[i % LANES] = of(lanes[i % LANES]!, numbers[i]!);
  for (let half = LANES / 2; half >= 1; half /= 2) {
    for (let lane = 0; lane < half; lane++) lanes[lane] = of(lanes[lane]!, lanes[lane + half]!);
  }
  return lanes[0]!;
}

/** Adjacent pairs, level by level. */
export function reducePairs(numbers: readonly number[], { of, nothing }: Combine): number {
  let level = numbers;
  while (level.length > 1) {
    const next: number[] = [];
    for (let i = 0; i < level.length; i += 2) next.push(i + 1 < level.length ? of(level[i]!, level[i + 1]!) : level[i]!);
    level = next;
  }
  return level[0] ?? nothing;
}

/** All elements of a tensor. */
export function reduceElements(elements: FloatArray, combine: Combine): number {
  const leaves: number[] = [];
  for (let first = 0; first < elements.length; first += LEAF) {
    const leaf = elements.subarray(first, first + LEAF);
    leaves.push(reduceLeaf(leaf, leaf.length, combine));
  }
  return reducePairs(leaves, combine);
}
