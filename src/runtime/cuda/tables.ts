// The two tables of a launch over a whole model, as the kernels read them: of tensors (addresses, stride of states, row) and of chunks.
// A segment of the layout is a tensor here, so one launch takes all banks of all arenas. Addresses are 64-bit; units are elements.
// Where there is a memory of scalars, or parameters are of 16 bits and may be rounded at random, a segment also says whose it is, and which
// element of its tensor it begins with; with scalars a chunk says where its partial results go.

import { CHUNK_FIELDS, CHUNK_WORDS, TENSOR_FIELDS, TENSOR_WORDS } from "../../contract/manifest.js";
import { formatBytes } from "../../numeric/storage-formats.js";
import type { ArenaLayout, MemoryLayout, ScalarLayout } from "../device.js";

const [PARAM, STATE, STRIDE, COUNT, ROW, TENSOR, FIRST, PIECE] = (
  ["param", "state", "stateStride", "count", "row", "tensor", "first", "piece"] as const
).map((field) => CHUNK_FIELDS.indexOf(field)) as [number, number, number, number, number, number, number, number];
const PARTIAL = TENSOR_FIELDS.indexOf("partial");
/** 64-bit words of a segment: param, grad, state, state_stride, row; then perhaps index and start in one. */
const SEGMENT_WORDS = 5;
const [PARAM_WORD, GRAD_WORD, STATE_WORD, STRIDE_WORD, ROW_WORD] = [0, 1, 2, 3, 4] as const;
/** 64-bit words of a chunk: first, then count and tensor in one, then perhaps the place of its partial results. */
const CHUNK_PAIRS = 2;

export interface ArenaAddresses {
  readonly layout: ArenaLayout;
  readonly param: bigint;
  readonly grad: bigint;
  readonly state: bigint;
}

export interface Tables {
  readonly tensors: BigUint64Array<ArrayBuffer>;
  /** Of a segment in `tensors`. */
  readonly words: number;
  /** As long as it may become; `chunkCount` entries stand for something. */
  readonly chunks: BigUint64Array<ArrayBuffer>;
  /** Of an entry in `chunks`. */
  readonly chunkWords: number;
  readonly chunkCount: number;
  /** Takes over which chunks have elements, and the single rows that are worked on. */
  listChunks(): void;
  /** Takes over the rows in a bank's chunk table. */
  setRows(arena: number, bank: number): void;
  /** Where an arena's gradients are from now on. */
  setGrad(arena: number, address: bigint): void;
}

/** A segment in the layout's words: the first entry of its chunks, and where they stand. */
interface Segment {
  readonly arena: number;
  readonly bank: number;
  /** First word of its first chunk in the bank's table. */
  readonly entry: number;
  /** First element in the arena. */
  readonly element: number;
}

/** Builds the tables of a memory. */
export function createTables(arenas: readonly ArenaAddresses[], { formats, scalars }: Pick<MemoryLayout, "formats" | "scalars">): Tables {
  const segments: Segment[] = [];
  let room = 0;
  for (const [arena, { layout }] of arenas.entries()) {
    for (const [bank, { chunks, rowChunks, first }] of layout.banks.entries()) {
      for (let entry = 0; entry < chunks.length; entry += CHUNK_WORDS) {
        const last = segments.at(-1);
        if (last?.arena !== arena || last.bank !== bank || chunks[last.entry + TENSOR] !== chunks[entry + TENSOR])
          segments.push({ arena, bank, entry, element: first + 4 * chunks[entry + PARAM]! });
      }
      room += (chunks.length + (rowChunks?.table.length ?? 0)) / CHUNK_WORDS;
    }
  }
  const words = SEGMENT_WORDS + (scalars === undefined && formats.param === "f32" ? 0 : 1);
  const chunkWords = CHUNK_PAIRS + (scalars === undefined ? 0 : 1);
  const [paramBytes, gradBytes] = [BigInt(formatBytes[formats.param]), BigInt(formatBytes[formats.grad])];
  const tensors = new BigUint64Array(segments.length * words);
  const chunks = new BigUint64Array(room * chunkWords);
  let chunkCount = 0;

  /** Appends a table's entries; those of a tensor in a bank are of one segment. */
  function list(arena: number, bank: number, table: Uint32Array, entries: number): void {
    const starts = arenas[arena]!.layout.banks[bank]!.chunks;
    const own = segments.flatMap((segment, index) => (segment.arena === arena && segment.bank === bank ? [{ ...segment, index }] : []));
    const byTensor = new Map(own.map(({ entry, index }) => [starts[entry + TENSOR]!, { index, start: starts[entry + FIRST]! }]));
    for (let entry = 0; entry < entries * CHUNK_WORDS; entry += CHUNK_WORDS) {
      if (table[entry + COUNT] === 0) continue;
      const { index, start } = byTensor.get(table[entry + TENSOR]!)!;
      const at = chunkCount++ * chunkWords;
      chunks[at] = BigInt(table[entry + FIRST]! - start);
      chunks[at + 1] = pair(table[entry + COUNT]!, index);
      if (scalars !== undefined) chunks[at + 2] = BigInt(firstPlaceOf(scalars, table[entry + TENSOR]!) + table[entry + PIECE]!);
    }
  }

  function listChunks(): void {
    chunkCount = 0;
    for (const [arena, { layout }] of arenas.entries()) {
      for (const [bank, { chunks: table, rowChunks }] of layout.banks.entries()) {
        list(arena, bank, table, table.length / CHUNK_WORDS);
        if (rowChunks !== null) list(arena, bank, rowChunks.table, rowChunks.used);
      }
    }
  }

  listChunks();
  for (const [index, { arena, bank, entry, element }] of segments.entries()) {
    const { layout, param, grad, state } = arenas[arena]!;
    const { chunks: table, stateFirst } = layout.banks[bank]!;
    const at = index * words;
    tensors[at + PARAM_WORD] = param + paramBytes * BigInt(element);
    tensors[at + GRAD_WORD] = grad + gradBytes * BigInt(element);
    tensors[at + STATE_WORD] = state + BigInt(stateFirst + 16 * table[entry + STATE]!);
    tensors[at + STRIDE_WORD] = 4n * BigInt(table[entry + STRIDE]!);
    tensors[at + ROW_WORD] = BigInt(table[entry + ROW]!);
    if (words > SEGMENT_WORDS) tensors[at + SEGMENT_WORDS] = pair(table[entry + TENSOR]!, table[entry + FIRST]!);
  }
  return {
    tensors,
    words,
    chunks,
    chunkWords,
    get chunkCount() {
      return chunkCount;
    },
    listChunks,
    setRows(arena, bank) {
      const { chunks: table } = arenas[arena]!.layout.banks[bank]!;
      for (const [index, segment] of segments.entries()) {
        if (segment.arena === arena && segment.bank === bank) tensors[index * words + ROW_WORD] = BigInt(table[segment.entry + ROW]!);
      }
    },
    setGrad(arena, address) {
      for (const [index, segment] of segments.entries()) {
        if (segment.arena === arena) tensors[index * words + GRAD_WORD] = address + gradBytes * BigInt(segment.element);
      }
    },
  };
}

/** Two numbers of 32 bits. */
const pair = (low: number, high: number) => BigInt(low) | (BigInt(high) << 32n);

/** Where a tensor's places of partial results begin. */
function firstPlaceOf({ table }: ScalarLayout, tensor: number): number {
  return table[TENSOR_WORDS * (1 + tensor) + PARTIAL]!;
}
