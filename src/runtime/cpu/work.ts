// A launch cut for several threads. An item is a run of whole chunks of one bank; the items of a sweep form one contiguous range for each
// thread, of about equal work, so that a thread meets the same memory in every step. Who finishes early takes items of the other ranges.
// Chunks are independent of each other: neither the cut nor who runs an item can change a bit of the results.

import { CHUNK_FIELDS, CHUNK_WORDS } from "../../contract/manifest.js";

/** Elements of an item: enough to outweigh the claim of an item, few enough that nobody waits long for the last one. */
const ITEM_ELEMENTS = 32_768;
/** What a chunk costs beside its elements, counted in elements. */
const CHUNK_COST = 64;
const COUNT_WORD = CHUNK_FIELDS.indexOf("count");

/** [call, byte address of the first chunk's table entry, number of chunks] */
export const ITEM_WORDS = 3;

/** One bank in one sweep: byte addresses in its arena's memory. */
export interface Call {
  readonly arena: number;
  readonly sweep: string;
  readonly param: number;
  readonly grad: number;
  readonly state: number;
  readonly chunks: number;
  /** Number of chunks. */
  readonly count: number;
  readonly rows: number;
  readonly scalars: number;
  readonly tensors: number;
}

export interface Work {
  /** ITEM_WORDS for each item, sweep by sweep. */
  readonly items: Int32Array<ArrayBuffer>;
  /** The items of range r of sweep s: from `bounds[s * (ranges + 1) + r]` to the number behind it. */
  readonly bounds: Int32Array<ArrayBuffer>;
  readonly ranges: number;
}

/** How many threads a model is worth: each has at least `elementsPerThread` elements to work on. */
export function threadsFor(elements: number, threads: number, elementsPerThread: number): number {
  return Math.max(1, Math.min(threads, Math.floor(elements / elementsPerThread)));
}

/** Cuts the calls of one launch, which stand sweep by sweep, for `ranges` threads. */
export function divideWork(calls: readonly Call[], sweeps: readonly string[], ranges: number, tableOf: (call: Call) => Uint32Array): Work {
  const items: number[] = [];
  const bounds: number[] = [];
  for (const sweep of sweeps) {
    const first = items.length / ITEM_WORDS;
    const weights = calls.flatMap((call, index) => (call.sweep === sweep ? appendItems(call, index, tableOf(call), items) : []));
    bounds.push(...balance(weights, ranges).map((bound) => first + bound));
  }
  return { items: Int32Array.from(items), bounds: Int32Array.from(bounds), ranges };
}

/** Appends the items of a call; answers with the work in each. */
function appendItems({ chunks }: Call, call: number, table: Uint32Array, items: number[]): number[] {
  const weights: number[] = [];
  let weight = Number.POSITIVE_INFINITY;
  for (let entry = 0; entry < table.length; entry += CHUNK_WORDS) {
    const cost = table[entry + COUNT_WORD]! + CHUNK_COST;
    if (weight + cost > ITEM_ELEMENTS + 2 * CHUNK_COST) {
      items.push(call, (chunks + 4 * entry) | 0, 0);
      weights.push(0);
      weight = 0;
    }
    items[items.length - 1]!++;
    weight += cost;
    weights[weights.length - 1] = weight;
  }
  return weights;
}

/** `ranges + 1` places in a list of weights, so that the runs between them weigh about the same. */
function balance(weights: readonly number[], ranges: number): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const bounds = [0];
  let place = 0;
  let weight = 0;
  for (let range = 1; range < ranges; range++) {
    while (place < weights.length && weight + weights[place]! / 2 <= (total * range) / ranges) weight += weights[place++]!;
    bounds.push(place);
  }
  return [...bounds, weights.length];
}
