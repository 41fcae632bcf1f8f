// Lazy rows: a step that works on some rows of a tensor only. The tensor's own chunks count no elements for as long, and behind its bank's
// table stand entries for runs of neighbouring rows; so kernels need to know nothing of rows, and a step costs what its rows cost.
// A run is cut where the tensor's own chunks are: so a piece, and with it the tree of reductions, depends on rows alone.

import { CHUNK_ELEMENTS, CHUNK_FIELDS, CHUNK_WORDS } from "../contract/manifest.js";
import type { BankLayout, DeviceMemory, RowChunks } from "./device.js";
import type { Layout, TensorPlace } from "./layout.js";
import { eachRun, type RowGradient } from "./row-gradient.js";
import { assignPieces } from "./scalar-layout.js";

const [PARAM, PLACE, COUNT, TENSOR, FIRST, PIECE] = (["param", "place", "count", "tensor", "first", "piece"] as const).map((field) =>
  CHUNK_FIELDS.indexOf(field),
) as [number, number, number, number, number, number];
const VECTOR = 4;

export interface RowWork {
  /** Decides what the next submissions work on, by parameter: some rows or, where it is null, all. After class rows are assigned. */
  choose(gradients: readonly (RowGradient | null)[]): void;
}

/** For a memory whose layout has room for rows. */
export function createRowWork({ memory: { arenas, scalars }, tensors }: Layout, memory: DeviceMemory<unknown>): RowWork {
  const banks = arenas.flatMap((arena, index) => arena.banks.map((bank, number) => ({ bank, arena: index, number })));
  const byRows = tensors.map(() => false);
  const pieces = tensors.map(({ elements }) => Math.ceil(elements / CHUNK_ELEMENTS));
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
        const place = tensors[tensor]!;
        pieces[tensor] =
          gradient === null ? Math.ceil(place.elements / CHUNK_ELEMENTS) : listRows(arenas[place.arena]!.banks, place, gradient);
        used ||= gradient !== null;
      }
      for (const { bank, arena, number } of banks) if (bank.rowChunks) memory.writeRowChunks!(arena, number);
      if (scalars !== undefined && assignPieces(scalars, pieces)) memory.scalars!.writeTable();
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

/** Appends the entries of a tensor's rows to its banks; answers with their number. */
function listRows(banks: readonly BankLayout[], { segments }: TensorPlace, gradient: RowGradient): number {
  const { rows, rowElements } = gradient;
  let place = 0;
  let piece = 0;
  eachRun(gradient, (from, to) => {
    const end = (rows[to - 1]! + 1) * rowElements;
    for (let element = rows[from]! * rowElements; element < end; ) {
      while (element >= segments[place]!.first + segments[place]!.elements) place++;
      const { bank, chunk } = segments[place]!;
      const cut = element - (element % CHUNK_ELEMENTS) + CHUNK_ELEMENTS;
      const count = Math.min(cut, end) - element;
      const { chunks, rowChunks } = banks[bank]!;
      append(rowChunks!, chunks.subarray(chunk * CHUNK_WORDS, (chunk + 1) * CHUNK_WORDS), { element, count, piece });
      element += count;
      piece++;
    }
  });
  return piece;
}

interface Piece {
  /** First element, counted in the tensor. */
  readonly element: number;
  readonly count: number;
  readonly piece: number;
}

/** An entry like the first one of its segment, but for the piece's own elements. */
function append(rowChunks: RowChunks, like: Uint32Array, { element, count, piece }: Piece): void {
  const { table } = rowChunks;
  const at = CHUNK_WORDS * rowChunks.used++;
  table.set(like, at);
  const ahead = (element - like[FIRST]!) / VECTOR;
  table[at + PARAM]! += ahead;
  table[at + PLACE]! += ahead;
  table[at + COUNT] = count;
  table[at + FIRST] = element;
  table[at + PIECE] = piece;
}
