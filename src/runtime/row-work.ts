// Lazy rows: a step that works on some rows of a tensor only. The tensor's own chunks count no elements for as long, and behind its bank's
// table stand entries for runs of neighbouring rows; so kernels need to know nothing of rows, and a step costs what its rows cost.

import { CHUNK_ELEMENTS, CHUNK_FIELDS, CHUNK_WORDS } from "../contract/manifest.js";
import type { BankLayout, DeviceMemory, RowChunks } from "./device.js";
import type { Layout, TensorPlace } from "./layout.js";
import { eachRun, type RowGradient } from "./row-gradient.js";

const [PARAM, PLACE, COUNT, TENSOR, FIRST] = (["param", "place", "count", "tensor", "first"] as const).map((field) =>
  CHUNK_FIELDS.indexOf(field),
) as [number, number, number, number, number];
const VECTOR = 4;

/** Most entries that any choice of a segment's rows takes: runs do not touch each other, and each is cut into chunks. */
export function rowChunkRoom(first: number, elements: number, rowElements: number): number {
  if (rowElements === 0 || elements === 0) return 0;
  const rows = Math.floor((first + elements - 1) / rowElements) - Math.floor(first / rowElements) + 1;
  return Math.ceil(rows / 2) + Math.ceil(elements / CHUNK_ELEMENTS);
}

export interface RowWork {
  /** Decides what the next submissions work on, by parameter: some rows or, where it is null, all. After class rows are assigned. */
  choose(gradients: readonly (RowGradient | null)[]): void;
}

/** For a memory whose layout has room for rows. */
export function createRowWork({ memory: { arenas }, tensors }: Layout, memory: DeviceMemory<unknown>): RowWork {
  const banks = arenas.flatMap((arena, index) => arena.banks.map((bank, number) => ({ bank, arena: index, number })));
  const byRows = tensors.map(() => false);
  let used = false;

  return {
    choose(gradients) {
      const changed = gradients.some((gradient, tensor) => (gradient !== null) !== byRows[tensor]);
      if (!changed && !used) return;
      for (const [tensor, gradient] of gradients.entries()) byRows[tensor] = gradient !== null;
      for (const { bank, arena, number } of banks) {
        if (changed && countElements(bank, tensors, byRows)) memory.writeChunks(arena, number);
        if (bank.rowChunks) bank.rowChunks.used = 0;
      }
      used = false;
      for (const [tensor, gradient] of gradients.entries()) {
        if (gradient === null) continue;
        used = true;
        listRows(arenas[tensors[tensor]!.arena]!.banks, tensors[tensor]!, gradient);
      }
      for (const { bank, arena, number } of banks) if (bank.rowChunks) memory.writeRowChunks!(arena, number);
    },
  };
}

/** Writes how many elements the chunks of each tensor have, none where it is worked on by rows; true where a word changed. */
function countElements({ chunks }: BankLayout, tensors: readonly TensorPlace[], byRows: readonly boolean[]): boolean {
  let changed = false;
  for (let entry = 0; entry < chunks.length; entry += CHUNK_WORDS) {
    const tensor = chunks[entry + TENSOR]!;
    const count = byRows[tensor] ? 0 : Math.min(CHUNK_ELEMENTS, tensors[tensor]!.elements - chunks[entry + FIRST]!);
    if (chunks[entry + COUNT] === count) continue;
    chunks[entry + COUNT] = count;
    changed = true;
  }
  return changed;
}

/** Appends the entries of a tensor's rows to its banks. */
function listRows(banks: readonly BankLayout[], { segments }: TensorPlace, gradient: RowGradient): void {
  const { rows, rowElements } = gradient;
  let place = 0;
  eachRun(gradient, (from, to) => {
    const end = (rows[to - 1]! + 1) * rowElements;
    for (let element = rows[from]! * rowElements; element < end; ) {
      while (element >= segments[place]!.first + segments[place]!.elements) place++;
      const { bank, first, elements, chunk } = segments[place]!;
      const count = Math.min(CHUNK_ELEMENTS, end - element, first + elements - element);
      const { chunks, rowChunks } = banks[bank]!;
      append(rowChunks!, chunks.subarray(chunk * CHUNK_WORDS, (chunk + 1) * CHUNK_WORDS), element, count);
      element += count;
    }
  });
}

/** An entry like the first one of its segment, but for the run's own elements. */
function append(rowChunks: RowChunks, like: Uint32Array, element: number, count: number): void {
  const { table } = rowChunks;
  const at = CHUNK_WORDS * rowChunks.used++;
  table.set(like, at);
  const ahead = (element - like[FIRST]!) / VECTOR;
  table[at + PARAM]! += ahead;
  table[at + PLACE]! += ahead;
  table[at + COUNT] = count;
  table[at + FIRST] = element;
}
