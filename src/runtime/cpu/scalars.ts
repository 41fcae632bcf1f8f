// The memory of scalars where every arena has a memory of its own: each keeps a copy, and the first one's is the one that finishes work in.
// Before a finish the partial results of the other arenas' chunks come to it, afterwards all of them get what came out. Tensors stand in
// arenas in their order, so the places of an arena's chunks are one run. Views are made once: a step allocates nothing.

import { CHUNK_ELEMENTS, CHUNK_FIELDS, CHUNK_WORDS, TENSOR_FIELDS, TENSOR_HEADER, TENSOR_WORDS } from "../../contract/manifest.js";
import type { ArenaLayout, ScalarLayout, ScalarMemory } from "../device.js";

const [TENSOR, FIRST] = [CHUNK_FIELDS.indexOf("tensor"), CHUNK_FIELDS.indexOf("first")];
const PARTIAL = TENSOR_FIELDS.indexOf("partial");

/** An arena's copy of the memory and of the table. */
export interface ScalarCopy {
  readonly layout: ArenaLayout;
  readonly numbers: Float32Array;
  readonly table: Uint32Array;
}

export interface CpuScalars extends ScalarMemory {
  peek(offset: number, length: number): Float32Array;
  /** Brings all partial results to the first arena. */
  gather(): void;
  /** Gives every arena the numbers of the model and of the tensors. */
  spread(): void;
  /** Forgets the memories. */
  release(): void;
}

export function createScalars(given: readonly ScalarCopy[], { elements, table }: ScalarLayout): CpuScalars {
  const places = table[TENSOR_HEADER.indexOf("places")]!;
  const firstPartial = table[TENSOR_HEADER.indexOf("firstPartial")]!;
  const copies = [...given];
  const partials: Move[] = [];
  const results: Move[] = [];
  const [first, ...others] = copies.map(({ numbers }) => numbers);
  for (const [index, numbers] of others.entries()) {
    const [start, end] = placesOf(copies[index + 1]!.layout, table);
    for (let slot = firstPartial; slot < elements; slot += places)
      partials.push({ from: numbers.subarray(slot + start, slot + end), to: first!.subarray(slot + start, slot + end) });
    results.push({ from: first!.subarray(0, firstPartial), to: numbers.subarray(0, firstPartial) });
  }
  return {
    gather() {
      for (const { from, to } of partials) to.set(from);
    },
    spread() {
      for (const { from, to } of results) to.set(from);
    },
    write(offset, data) {
      for (const { numbers } of copies) numbers.set(data, offset);
    },
    read: async (offset, length) => copies[0]!.numbers.slice(offset, offset + length),
    peek: (offset, length) => copies[0]!.numbers.subarray(offset, offset + length),
    writeTable() {
      for (const copy of copies) copy.table.set(table);
    },
    release() {
      for (const list of [copies, partials, results]) list.length = 0;
    },
  };
}

interface Move {
  readonly from: Float32Array;
  readonly to: Float32Array;
}

/** The first place of an arena's chunks in a partial slot, and the one behind the last. */
function placesOf({ banks }: ArenaLayout, table: Uint32Array): readonly [number, number] {
  let [start, end] = [Number.POSITIVE_INFINITY, 0];
  for (const { chunks } of banks) {
    for (let entry = 0; entry < chunks.length; entry += CHUNK_WORDS) {
      const place = table[TENSOR_WORDS * (1 + chunks[entry + TENSOR]!) + PARTIAL]! + chunks[entry + FIRST]! / CHUNK_ELEMENTS;
      start = Math.min(start, place);
      end = Math.max(end, place + 1);
    }
  }
  return [Math.min(start, end), end];
}
