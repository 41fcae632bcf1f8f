// The tree of reductions against its definition, written another way: padded to whole leaves and to a power of two of them, by recursion.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS, LEAF_ELEMENTS } from "../../src/contract/manifest.js";
import { float32Operations, flushing, ieee } from "../../src/numeric/float32.js";
import { type Combine, LEAF, reduceElements, reducePairs } from "../../src/numeric/reduction-tree.js";

const halves = (numbers: readonly number[], of: Combine["of"]): number => {
  const half = numbers.length / 2;
  return numbers.length === 1
    ? numbers[0]!
    : halves(
        numbers.slice(0, half).map((x, i) => of(x, numbers[half + i]!)),
        of,
      );
};
const pairs = (numbers: readonly number[], of: Combine["of"]): number => {
  const half = numbers.length / 2;
  return numbers.length === 1 ? numbers[0]! : of(pairs(numbers.slice(0, half), of), pairs(numbers.slice(half), of));
};

/** By the definition, with every missing number there. */
function byDefinition(elements: Float32Array, { of, nothing }: Combine): number {
  const leaves = 2 ** Math.ceil(Math.log2(Math.max(1, elements.length / 1024)));
  const at = (i: number) => (i < elements.length ? elements[i]! : nothing);
  const leaf = (first: number) => {
    const lane = (l: number) => Array.from({ length: 32 }, (_, k) => at(first + l + 32 * k)).reduce(of, nothing);
    return halves(
      Array.from({ length: 32 }, (_, l) => lane(l)),
      of,
    );
  };
  return pairs(
    Array.from({ length: leaves }, (_, i) => leaf(1024 * i)),
    of,
  );
}

/** Elements of all sizes, with zeros of both signs. */
function random(seed: number, length: number): Float32Array {
  let state = seed * 2 + 1;
  return Float32Array.from({ length }, () => {
    state = Math.imul(state, 0x9e3779b1) ^ (state >>> 13);
    const scale = 2 ** ((state >>> 8) % 40) * 2 ** -130;
    return state % 7 === 0 ? -0 : (state / 2 ** 31) * scale;
  });
}

const lengths = fc.constantFrom(0, 1, 31, 32, 33, 1023, 1024, 1025, 3000, 16_384, 16_385, 40_001);

describe.each([
  ["keep", ieee],
  ["flush", flushing],
] as const)("%s", (_, profile) => {
  const { add, max, min } = float32Operations(profile);
  test.each([
    ["sum", { of: add, nothing: 0 }],
    ["max", { of: max, nothing: Number.NEGATIVE_INFINITY }],
    ["min", { of: min, nothing: Number.POSITIVE_INFINITY }],
  ] as const)("%s", (_, combine) => {
    fc.assert(
      fc.property(fc.nat(1000), lengths, (seed, length) => {
        const elements = random(seed, length);
        expect(reduceElements(elements, combine)).toBe(byDefinition(elements, combine));
      }),
      { numRuns: 40 },
    );
  });
});

test("chunks of whole leaves may be reduced apart", () => {
  const combine = { of: float32Operations(ieee).add, nothing: 0 };
  const elements = random(3, 5 * CHUNK_ELEMENTS + 777);
  const chunks = Array.from({ length: 6 }, (_, i) => elements.subarray(i * CHUNK_ELEMENTS, (i + 1) * CHUNK_ELEMENTS));
  expect(
    reducePairs(
      chunks.map((chunk) => reduceElements(chunk, combine)),
      combine,
    ),
  ).toBe(reduceElements(elements, combine));
  expect(LEAF).toBe(LEAF_ELEMENTS);
});

test("a sum of nothing is +0, NaN is never lost", () => {
  const { add, max } = float32Operations(ieee);
  expect(Object.is(reduceElements(Float32Array.of(-0, -0), { of: add, nothing: 0 }), 0)).toBe(true);
  const elements = new Float32Array(5000);
  elements[4321] = Number.NaN;
  expect(reduceElements(elements, { of: max, nothing: Number.NEGATIVE_INFINITY })).toBeNaN();
});
