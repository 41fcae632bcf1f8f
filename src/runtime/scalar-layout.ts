// The memory of scalars: the model's slots, for each tensor its slots, then the partial slots, each with a place for every chunk of every
// tensor. The table of tensors says where a tensor's places begin and which row its class has. Pure data. Units: f32 numbers, u32 words.

import { type BuildInfo, CHUNK_ELEMENTS, type DeviceStateInfo, TENSOR_FIELDS, TENSOR_WORDS } from "../contract/manifest.js";
import type { ScalarLayout } from "./device.js";

export type ScalarSlots = NonNullable<BuildInfo["scalars"]>;

const ROW_WORD = TENSOR_FIELDS.indexOf("row");

/** Of tensors in the order of registration. */
export function layOutScalars(tensors: readonly { readonly elements: number }[], slots: ScalarSlots): ScalarLayout {
  const table = new Uint32Array(TENSOR_WORDS * (1 + tensors.length));
  let places = 0;
  for (const [index, { elements }] of tensors.entries()) {
    const chunks = Math.ceil(elements / CHUNK_ELEMENTS);
    table.set([places, chunks, 0, 0], TENSOR_WORDS * (1 + index));
    places += Math.max(chunks, 1);
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
  let changed = false;
  for (const [tensor, row] of rowOf.entries()) {
    const at = TENSOR_WORDS * (1 + tensor) + ROW_WORD;
    if (table[at] === row) continue;
    table[at] = row;
    changed = true;
  }
  return changed;
}
