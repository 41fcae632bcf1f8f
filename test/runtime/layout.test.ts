// Layouts as pure data: every element in exactly one chunk, nothing overlaps, no limit is passed.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS, CHUNK_WORDS } from "../../src/contract/manifest.js";
import { formatBytes, type NumberFormat, type StorageFormat } from "../../src/numeric/storage-formats.js";
import type { DeviceLimits } from "../../src/runtime/device.js";
import { assignRows, type Layout, layOut, type TensorSize, unifiedSections } from "../../src/runtime/layout.js";
import { bertBase } from "./bert-base.js";

const MIB = 2 ** 20;
const webGpuDefaults: DeviceLimits = { arenaBytes: 256 * MIB, bindingBytes: 128 * MIB, unified: false };
const dispatches = (layout: Layout) => layout.memory.arenas.reduce((sum, { banks }) => sum + banks.length, 0);

const bertTensors = (states: number): TensorSize[] =>
  bertBase.map(({ name, shape }) => ({ name, elements: shape.reduce((a, b) => a * b, 1), stateBytes: 4 * states }));

describe("BERT-base with two states", () => {
  const tensors = bertTensors(2);

  test("is the real list", () => {
    expect(tensors.length).toBe(199);
    expect(tensors.reduce((sum, { elements }) => sum + elements, 0)).toBe(109_482_240);
  });

  test("takes 7 dispatches at WebGPU's default limits and 1 at a large adapter's", () => {
    expect(dispatches(layOut(tensors, { rowWidth: 12, limits: webGpuDefaults }))).toBe(7);
    expect(
      dispatches(layOut(tensors, { rowWidth: 12, limits: { arenaBytes: 4096 * MIB, bindingBytes: 2048 * MIB, unified: false } })),
    ).toBe(1);
  });

  test("is one memory on the CPU", () => {
    expect(dispatches(layOut(tensors, { rowWidth: 12, limits: { arenaBytes: 4095 * MIB, bindingBytes: 4095 * MIB, unified: true } }))).toBe(
      1,
    );
  });
});

const sizes = fc.array(fc.oneof(fc.nat(70), fc.nat(3 * CHUNK_ELEMENTS), fc.constantFrom(CHUNK_ELEMENTS, 0, 1)), {
  minLength: 1,
  maxLength: 12,
});
/** States by width, as a plan has them. */
const statesArbitrary = fc
  .array(fc.constantFrom<StorageFormat>("f32", "bf16", "q8u"), { maxLength: 3 })
  .map((formats) => formats.toSorted((a, b) => formatBytes[b] - formatBytes[a]));
const formatsArbitrary = fc.record({
  param: fc.constantFrom<NumberFormat>("f32", "bf16"),
  grad: fc.constantFrom<NumberFormat>("f32", "f16"),
});
const stateBytesOf = (states: readonly StorageFormat[]) => states.reduce((sum, format) => sum + formatBytes[format], 0);
const limitsArbitrary = fc.oneof(
  fc.record({
    arenaBytes: fc.integer({ min: 2 ** 18, max: 2 ** 21 }),
    bindingBytes: fc.integer({ min: 2 ** 18, max: 2 ** 20 }),
    unified: fc.constant(false),
  }),
  fc.record({ arenaBytes: fc.integer({ min: 2 ** 21, max: 2 ** 22 }), bindingBytes: fc.constant(2 ** 22), unified: fc.constant(true) }),
);

/** Marks elements of a space; fails where one is taken twice. */
function createSpace(elements: number) {
  const owners = new Int32Array(elements).fill(-1);
  return {
    take(first: number, count: number, owner: number) {
      expect(first).toBeGreaterThanOrEqual(0);
      expect(first + count).toBeLessThanOrEqual(elements);
      for (let i = first; i < first + count; i++) {
        if (owners[i] !== -1) throw new Error(`element ${i} belongs to ${owners[i]} and ${owner}`);
        owners[i] = owner;
      }
    },
  };
}

test("every element of every tensor is in exactly one chunk, with its own states", () => {
  fc.assert(
    fc.property(sizes, statesArbitrary, formatsArbitrary, limitsArbitrary, (elements, states, formats, limits) => {
      const statesOf = (tensor: number) => states.slice(tensor % 2);
      const tensors = elements.map((count, i) => {
        const own = !limits.unified && i % 3 === 1 ? { label: `p${i}` } : null; // in the caller's memory
        return { name: `p${i}`, elements: count, stateBytes: stateBytesOf(statesOf(i)), own };
      });
      const { memory, tensors: places } = layOut(tensors, { rowWidth: 12, limits, formats });
      const seen = tensors.map(({ elements: count }) => new Uint8Array(count));
      for (const [index, arena] of memory.arenas.entries()) {
        const params = createSpace(arena.elements);
        const bytes = createSpace(arena.stateBytes);
        for (const bank of arena.banks) {
          for (const format of [formats.param, formats.grad]) expect((bank.first * formatBytes[format]) % 256).toBe(0);
          expect(bank.stateFirst % 256).toBe(0);
          for (let at = 0; at < bank.chunks.length; at += CHUNK_WORDS) {
            const [param, state, stride, count, , tensor, first, inSegment, piece] = [
              ...bank.chunks.subarray(at, at + CHUNK_WORDS),
            ] as number[];
            const place = places[tensor!]!;
            const padded = Math.ceil(count! / 4) * 4;
            expect(place.arena).toBe(index);
            expect(arena.own).toBe(tensors[tensor!]!.own);
            expect(count).toBeGreaterThan(0);
            expect(first!).toBe(piece! * CHUNK_ELEMENTS);
            expect(param! * 4 + padded).toBeLessThanOrEqual(bank.elements);
            expect(bank.first + param! * 4).toBe(place.offset + first!);
            params.take(bank.first + param! * 4, padded, tensor!);
            const segment = place.segments.find((s) => first! >= s.first && first! < s.first + s.elements)!;
            expect(inSegment! * 4).toBe(first! - segment.first);
            expect(stride! * 4).toBe(segment.stateStride);
            expect(bank.stateFirst + state! * 16).toBe(segment.stateFirst);
            let offset = 0;
            for (const format of statesOf(tensor!)) {
              const width = Math.floor(formatBytes[format]);
              const own = state! * 16 + offset * stride! * 4 + width * inSegment! * 4;
              expect(own % (4 * width)).toBe(0);
              expect(own + width * padded).toBeLessThanOrEqual(bank.stateBytes);
              bytes.take(bank.stateFirst + own, width * padded, tensor!);
              if (width === 1) {
                const scales = state! * 16 + (offset + 1) * stride! * 4 + (inSegment! * 4) / 64;
                bytes.take(bank.stateFirst + scales, 4 * Math.ceil(count! / 256), tensor!);
              }
              offset += formatBytes[format];
            }
            for (let i = 0; i < count!; i++) seen[tensor!]![first! + i]!++;
          }
        }
      }
      expect(seen.every((marks) => marks.every((mark) => mark === 1))).toBe(true);
    }),
    { numRuns: 150 },
  );
});

test("no limit is passed", () => {
  fc.assert(
    fc.property(sizes, statesArbitrary, formatsArbitrary, limitsArbitrary, (elements, states, formats, limits) => {
      const { memory } = layOut(
        elements.map((count, i) => ({ name: `p${i}`, elements: count, stateBytes: stateBytesOf(states) })),
        { rowWidth: 12, limits, formats },
      );
      const widest = Math.max(formatBytes[formats.param], formatBytes[formats.grad]);
      for (const arena of memory.arenas) {
        const chunks = arena.banks.reduce((sum, bank) => sum + bank.chunks.length / CHUNK_WORDS, 0);
        if (limits.unified) {
          expect(arena.banks.length).toBeLessThanOrEqual(1);
          expect(unifiedSections(arena, formats, chunks, memory.pageBytes * memory.pages).bytes).toBeLessThanOrEqual(limits.arenaBytes);
          continue;
        }
        expect(arena.elements * widest).toBeLessThanOrEqual(limits.arenaBytes);
        for (const bank of arena.banks) {
          expect(bank.elements * widest).toBeLessThanOrEqual(limits.bindingBytes);
          expect(bank.stateBytes).toBeLessThanOrEqual(limits.bindingBytes);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("a page of rows has room for a class per tensor, in whole 256-byte blocks", () => {
  const { memory } = layOut(bertTensors(2), { rowWidth: 12, limits: webGpuDefaults });
  expect(memory.pageBytes).toBeGreaterThanOrEqual(199 * 12 * 4);
  expect(memory.pageBytes % 256).toBe(0);
});

test("a tensor larger than an arena is refused, naming it and the limit", () => {
  const large = [{ name: "embedding", elements: 65 * MIB, stateBytes: 8 }];
  expect(() => layOut(large, { rowWidth: 12, limits: webGpuDefaults })).toThrow(
    /"embedding" needs 272629760 bytes.*268435456.*limits is "default"/s,
  );
  expect(() => layOut(large, { rowWidth: 12, limits: { ...webGpuDefaults, unified: true } })).toThrow(/share one memory/);
  expect(dispatches(layOut([{ name: "fits", elements: 64 * MIB, stateBytes: 8 }], { rowWidth: 12, limits: webGpuDefaults }))).toBe(4);
});

test("tensors of size zero have a place and no chunks", () => {
  const { memory, tensors } = layOut([{ name: "empty", elements: 0, stateBytes: 8 }], { rowWidth: 4, limits: webGpuDefaults });
  expect(tensors[0]).toEqual({ arena: 0, offset: 0, elements: 0, segments: [] });
  expect(memory.arenas).toMatchObject([{ elements: 128, stateBytes: 0, banks: [] }]);
});

test("each tensor has places for as many pieces as its rows may be, and for one where it is empty", () => {
  const sizes = [
    { name: "whole", elements: 2 * CHUNK_ELEMENTS + 1, stateBytes: 4 },
    { name: "empty", elements: 0, stateBytes: 4 },
    { name: "rows", elements: 9 * 8, stateBytes: 4, rowElements: 8 },
    { name: "longRows", elements: 3 * (CHUNK_ELEMENTS + 4), stateBytes: 4, rowElements: CHUNK_ELEMENTS + 4 },
    { name: "last", elements: 4, stateBytes: 4 },
  ];
  const scalars = { model: 2, tensor: 3, partial: 2 };
  const limits = { arenaBytes: 1e6, bindingBytes: 1e6, unified: false };
  const { memory } = layOut(sizes, { rowWidth: 4, limits, scalars });
  // Every other row; and of long ones two runs, each with a cut, and one cut more.
  const places = [3, 1, 5, 2 + 3, 1];
  const firsts = places.map((_, i) => places.slice(0, i).reduce((sum, one) => sum + one, 0));
  expect([...memory.scalars!.table]).toEqual([
    ...[5, 15, 2, 2 + 5 * 3],
    ...[3, 0, 1, 4, 1].flatMap((chunks, i) => [firsts[i], chunks, 0, 0]),
  ]);
  expect(memory.scalars!.elements).toBe(2 + 5 * 3 + 2 * 15);
  const table = { name: "table", elements: 4000, stateBytes: 4, rowElements: 4 };
  const narrow = { arenaBytes: 1e6, bindingBytes: 8000, unified: false };
  expect(() => layOut([table], { rowWidth: 4, limits: { ...narrow, bindingBytes: 3999 }, scalars })).toThrow(
    "needs 4020 bytes, which is more than the 3999 that the device binds. Leave lazyRows out",
  );
});

test("rows are written by tensor, and told to have changed only where they have", () => {
  const { memory } = layOut(
    [
      { name: "a", elements: CHUNK_ELEMENTS + 1, stateBytes: 4 },
      { name: "b", elements: 3, stateBytes: 4 },
    ],
    { rowWidth: 4, limits: webGpuDefaults },
  );
  const bank = memory.arenas[0]!.banks[0]!;
  expect(assignRows(bank, Uint32Array.of(5, 7))).toBe(true);
  expect([0, 1, 2].map((chunk) => bank.chunks[chunk * CHUNK_WORDS + 4])).toEqual([5, 5, 7]);
  expect(assignRows(bank, Uint32Array.of(5, 7))).toBe(false);
});
