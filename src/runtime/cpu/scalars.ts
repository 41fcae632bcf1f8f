// The memory of scalars where every arena has a memory of its own: each keeps a copy, and the first one's is the one that finishes work in.
// Before a finish the partial results of the other arenas come to it, those of places in use, afterwards all of them get what came out.
// Views are made when the table changes: other steps allocate nothing.

import { CHUNK_FIELDS, CHUNK_WORDS, TENSOR_FIELDS, TENSOR_HEADER, TENSOR_WORDS } from "../../contract/manifest.js";
import type { ArenaLayout, ScalarLayout, ScalarMemory } from "../device.js";

const TENSOR = CHUNK_FIELDS.indexOf("tensor");
const [PARTIAL, PIECES] = [TENSOR_FIELDS.indexOf("partial"), TENSOR_FIELDS.indexOf("pieces")];

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
  const others = copies.slice(1).map(({ layout, numbers }) => ({ numbers, tensors: tensorsOf(layout), runs: [] as readonly Run[] }));
  const partials: Move[] = [];
  const first = copies[0]!.numbers;
  const results = others.map(({ numbers }): Move => ({ from: first.subarray(0, firstPartial), to: numbers.subarray(0, firstPartial) }));

  /** Which places come to the first arena. */
  function listPartials(): void {
    const now = others.map(({ tensors }) => runsOf(tensors, table));
    if (others.every(({ runs }, index) => areEqual(runs, now[index]!))) return;
    partials.length = 0;
    for (const [index, other] of others.entries()) {
      other.runs = now[index]!;
      for (const [start, end] of other.runs) {
        for (let slot = firstPartial; slot < elements; slot += places)
          partials.push({ from: other.numbers.subarray(slot + start, slot + end), to: first.subarray(slot + start, slot + end) });
      }
    }
  }

  listPartials();
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
      listPartials();
    },
    release() {
      for (const list of [copies, others, partials, results]) list.length = 0;
    },
  };
}

interface Move {
  readonly from: Float32Array;
  readonly to: Float32Array;
}

/** Places in a partial slot: the first one, and the one behind the last. */
type Run = readonly [start: number, end: number];

/** The tensors of an arena that have elements. */
function tensorsOf({ banks }: ArenaLayout): readonly number[] {
  const tensors = new Set<number>();
  for (const { chunks } of banks) for (let entry = 0; entry < chunks.length; entry += CHUNK_WORDS) tensors.add(chunks[entry + TENSOR]!);
  return [...tensors];
}

/** The places in use of some tensors; neighbours are one run. */
function runsOf(tensors: readonly number[], table: Uint32Array): readonly Run[] {
  const runs: [number, number][] = [];
  for (const tensor of tensors) {
    const record = TENSOR_WORDS * (1 + tensor);
    const [start, end] = [table[record + PARTIAL]!, table[record + PARTIAL]! + table[record + PIECES]!];
    if (start === end) continue;
    const last = runs.at(-1);
    if (last?.[1] === start) last[1] = end;
    else runs.push([start, end]);
  }
  return runs;
}

function areEqual(a: readonly Run[], b: readonly Run[]): boolean {
  return a.length === b.length && a.every(([start, end], i) => b[i]![0] === start && b[i]![1] === end);
}
