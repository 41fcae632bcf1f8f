// The memory of scalars: the model's slots, for each tensor its slots, then the partial slots, each with a place for every piece that a
// tensor may be worked on in: chunks, or with lazy rows parts of runs. The table of tensors says where a tensor's places begin, how many
// are in use, and which row its class has. Pure data. Units: f32 numbers, u32 words.

import { type BuildInfo, CHUNK_ELEMENTS, type DeviceStateInfo, TENSOR_FIELDS, TENSOR_WORDS } from "../contract/manifest.js";
import type { ScalarLayout } from "./device.js";

export type ScalarSlots = NonNullable<BuildInfo["scalars"]>;

const [PIECES_WORD, ROW_WORD] = (["pieces", "row"] as const).map((field) => TENSOR_FIELDS.indexOf(field)) as [number, number];

/**
 * Most pieces that any choice of rows takes in `elements` from the tensor's element `first` on, a multiple of CHUNK_ELEMENTS: runs do not
 * touch each other, and each is cut where chunks are.
 */
export function rowChunkRoom(first: number, elements: number, rowElements: number): number {
  if (rowElements === 0 || elements === 0) return 0;
  const rows = Math.floor((first + elements - 1) / rowElements) - Math.floor(first / rowElements) + 1;
  return Math.ceil(rows / 2) + Math.ceil(elements / CHUNK_ELEMENTS) - 1;
}

/** `rowElements`: of a row where single rows may be worked on; 0 or absent: only the whole tensor. */
interface ReducedTensor {
  readonly elements: number;
  readonly rowElements?: number;
}

/** Of tensors in the order of registration. */
export function layOutScalars(tensors: readonly ReducedTensor[], slots: ScalarSlots): ScalarLayout {
  const table = new Uint32Array(TENSOR_WORDS * (1 + tensors.length));
  let places = 0;
  for (const [index, { elements, rowElements = 0 }] of tensors.entries()) {
    const chunks = Math.ceil(elements / CHUNK_ELEMENTS);
    table.set([places, chunks, 0, 0], TENSOR_WORDS * (1 + index));
    places += Math.max(chunks, rowChunkRoom(0, elements, rowElements), 1);
  }
  const firstPartial = slots.model + tensors.length * slots.tensor;
  table.set([tensors.length, places, slots.model, firstPartial]);
  return { elements: firstPartial + slots.partial * places, table };
}

/** Where a state of extent tensor or model stands in the memory of scalars. */
export function scalarOffset(slots: ScalarSlots, { extent, scalarSlot }: DeviceStateInfo, tensor: number): number {
  if (scalarSlot === null) throw new Error("bug: a state of elements stands in no slot of scalars");
  return extent === "model" ? scalarSlot : slots.model + tensor * slots.tensor + scalarSlot;
}

/** Writes each tensor's class row into the table; true where a word changed. */
export function assignTensorRows({ table }: ScalarLayout, rowOf: Readonly<Uint32Array>): boolean {
  return assign(table, ROW_WORD, rowOf);
}

/** Writes how many pieces each tensor is worked on in into the table; true where a word changed. */
export function assignPieces({ table }: ScalarLayout, pieces: readonly number[]): boolean {
  return assign(table, PIECES_WORD, pieces);
}

function assign(table: Uint32Array, word: number, numbers: ArrayLike<number>): boolean {
  let changed = false;
  for (let tensor = 0; tensor < numbers.length; tensor++) {
    const at = TENSOR_WORDS * (1 + tensor) + word;
    if (table[at] === numbers[tensor]) continue;
    table[at] = numbers[tensor]!;
    changed = true;
  }
  return changed;
}
