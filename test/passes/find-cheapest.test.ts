// The search behind placements: the best of all ways where they are few, never worse than its starts where they are many.

import fc from "fast-check";
import { expect, test } from "vitest";
import { findCheapest } from "../../src/compiler/passes/find-cheapest.js";

/** A cost for each way, some of which cannot be. */
const costOf = (seed: number) => (items: readonly number[]) => {
  const hash = items.reduce((sum, item, i) => Math.imul(sum ^ (item + 1), 0x9e3779b1 + i), seed + 1) >>> 8;
  return hash % 7 === 0 ? null : { result: items.join(), cost: hash % 1000 };
};
const first = (lists: readonly (readonly number[])[]) => lists.map((list) => list[0]!);

test("few ways: the cheapest, of equal ones the first", () => {
  fc.assert(
    fc.property(fc.nat(9999), fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }), (seed, sizes) => {
      const lists = sizes.map((size) => Array.from({ length: size }, (_, i) => i));
      const ways = lists.reduce<number[][]>((made, list) => made.flatMap((way) => list.map((item) => [...way, item])), [[]]);
      const found = ways.map(costOf(seed)).filter((one) => one !== null);
      const least = Math.min(...found.map(({ cost }) => cost));
      expect(findCheapest(lists, [], costOf(seed))).toEqual(found.find(({ cost }) => cost === least) ?? null);
    }),
  );
});

test("many ways: no single item is worth exchanging", () => {
  fc.assert(
    fc.property(fc.nat(9999), (seed) => {
      const lists = Array.from({ length: 12 }, () => [0, 1, 2, 3]);
      const evaluate = costOf(seed);
      const found = findCheapest(lists, [first(lists)], evaluate);
      const start = evaluate(first(lists));
      expect(found === null).toBe(start === null);
      if (found === null || start === null) return;
      expect(found.cost).toBeLessThanOrEqual(start.cost);
      const items = found.result.split(",").map(Number);
      for (const [at, list] of lists.entries())
        for (const item of list) expect(evaluate(items.with(at, item))?.cost ?? 1000).toBeGreaterThanOrEqual(found.cost);
    }),
  );
});

test("where costs do not depend on each other the best of very many ways is found", () => {
  const lists = Array.from({ length: 15 }, (_, i) => [0, 1, 2, 3, 4].map((item) => item + i));
  const found = findCheapest(lists, [first(lists)], (items) => ({
    result: items,
    cost: items.reduce((sum, item, i) => sum + ((item * 7 + i * 3) % 11), 0),
  }));
  const best = lists.map((list, i) => Math.min(...list.map((item) => (item * 7 + i * 3) % 11))).reduce((a, b) => a + b);
  expect(found!.cost).toBe(best);
});
