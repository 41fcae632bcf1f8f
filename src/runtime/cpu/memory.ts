// Memory of the CPU device: each arena is one WebAssembly.Memory of exactly its size, made before the first view and never grown,
// because growing would detach every view that somebody holds. It is shared between threads only where several will work on it.

import { CHUNK_WORDS } from "../../contract/manifest.js";
import { formatBytes, type NumberFormat } from "../../numeric/storage-formats.js";
import type { ArenaLayout, DeviceMemory, MemoryLayout, Part } from "../device.js";
import { OptimizerError } from "../errors.js";
import { type UnifiedSections, unifiedSections } from "../layout.js";
import { type CpuScalars, createScalars, type ScalarCopy } from "./scalars.js";

const PAGE_BYTES = 65_536;

/** A chunk table, and its byte address. */
interface Table {
  readonly address: number;
  readonly table: Uint32Array;
}

/** Parameters and gradients as arrays of what they are kept in: 16-bit formats by their bits. */
type Elements = Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

interface CpuArena extends Readonly<Record<"param" | "grad", Elements>> {
  readonly memory: WebAssembly.Memory;
  readonly layout: ArenaLayout;
  readonly bytes: Readonly<Record<Part, Uint8Array<ArrayBuffer>>>;
  readonly sections: UnifiedSections;
  /** Of each bank. */
  readonly chunks: readonly Table[];
  /** Of each bank's single rows; null where it has none. */
  readonly rowChunks: readonly (Table | null)[];
  readonly rows: Float32Array;
  readonly scalars: ScalarCopy;
}

export interface CpuMemory extends DeviceMemory<Elements> {
  readonly layout: MemoryLayout;
  readonly arenas: readonly CpuArena[];
  readonly scalars?: CpuScalars;
  /** Threads that work on it; its memories are shared where there are several. */
  readonly threads: number;
  /** Numbers of the launches that the pool's workers keep for it. */
  readonly launches: number[];
}

/** Makes and fills the memories of a layout. `onDestroy` gets the launches that were bound to it. Throws "out-of-memory". */
export function allocateCpu(layout: MemoryLayout, threads: number, onDestroy: (launches: readonly number[]) => void): CpuMemory {
  let arenas = layout.arenas.map((arena) => allocateArena(arena, layout, threads > 1));
  const launches: number[] = [];
  const scalars =
    layout.scalars &&
    createScalars(
      arenas.map((arena) => arena.scalars),
      layout.scalars,
    );
  return {
    layout,
    threads,
    launches,
    get arenas() {
      return arenas;
    },
    bytes: arenas.reduce((sum, arena) => sum + arena.memory.buffer.byteLength, 0),
    view: (part, arena, offset, length) => arenas[arena]![part].subarray(offset, offset + length),
    write(part, arena, offset, data) {
      const target = arenas[arena]!.bytes[part];
      // A caller may hand back the view that it was given.
      if (data.buffer === target.buffer && data.byteOffset === target.byteOffset + offset) return;
      target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    },
    read: async (part, arena, offset, bytes) => Uint8Array.from(arenas[arena]!.bytes[part].subarray(offset, offset + bytes)),
    zero: (part, arena) => void arenas[arena]!.bytes[part].fill(0),
    writeChunks: (arena, bank) => arenas[arena]!.chunks[bank]!.table.set(layout.arenas[arena]!.banks[bank]!.chunks),
    writeRowChunks(arena, bank) {
      const { table, used } = layout.arenas[arena]!.banks[bank]!.rowChunks!;
      arenas[arena]!.rowChunks[bank]!.table.set(table.subarray(0, used * CHUNK_WORDS));
    },
    ...(scalars && { scalars }),
    destroy: () => {
      arenas = [];
      scalars?.release();
      onDestroy(launches.splice(0));
    },
  };
}

function allocateArena(layout: ArenaLayout, memoryLayout: MemoryLayout, shared: boolean): CpuArena {
  const rowBytes = memoryLayout.pageBytes * memoryLayout.pages;
  const words = layout.banks.reduce((sum, { chunks, rowChunks }) => sum + chunks.length + (rowChunks?.table.length ?? 0), 0);
  const { formats, scalars } = memoryLayout;
  const sections = unifiedSections(layout, formats, words / CHUNK_WORDS, rowBytes, scalars);
  const memory = createMemory(sections.bytes, shared);
  const { buffer } = memory;
  let address = sections.chunks;
  const place = (given: Uint32Array): Table => {
    const table = new Uint32Array(buffer, address, given.length);
    table.set(given);
    const at = address;
    address += table.byteLength;
    return { address: at, table };
  };
  const chunks = layout.banks.map((bank) => place(bank.chunks));
  const rowChunks = layout.banks.map((bank) => bank.rowChunks && place(bank.rowChunks.table));
  const table = new Uint32Array(buffer, sections.tensors, scalars?.table.length ?? 0);
  if (scalars !== undefined) table.set(scalars.table);
  return {
    memory,
    layout,
    sections,
    chunks,
    rowChunks,
    param: elementsAt(buffer, sections.param, layout.elements, formats.param),
    grad: elementsAt(buffer, sections.grad, layout.elements, formats.grad),
    bytes: {
      param: new Uint8Array(buffer, sections.param, layout.elements * formatBytes[formats.param]),
      grad: new Uint8Array(buffer, sections.grad, layout.elements * formatBytes[formats.grad]),
      state: new Uint8Array(buffer, sections.state, layout.stateBytes),
    },
    rows: new Float32Array(buffer, sections.rows, rowBytes / 4),
    scalars: { layout, numbers: new Float32Array(buffer, sections.scalars, scalars?.elements ?? 0), table },
  };
}

function elementsAt(buffer: ArrayBuffer, address: number, length: number, format: NumberFormat): Elements {
  return format === "f32" ? new Float32Array(buffer, address, length) : new Uint16Array(buffer, address, length);
}

function createMemory(bytes: number, shared: boolean): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    if (shared) countForCollection(pages);
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (cause) {
    const message = `no WebAssembly memory of ${bytes} bytes for parameters, gradients and states: ${String(cause)}`;
    throw new OptimizerError("out-of-memory", `${message}. Train fewer parameters at once, or use a device with more memory`, { cause });
  }
}

/** Pages of a memory that make V8 collect garbage without asking for much address space, 256 MiB. */
export const COUNTED_PAGES = 4096;

/**
 * V8 does not count shared memory among what makes it collect garbage: of 300 dropped shared memories of 20 MiB, 6.3 GB stayed resident.
 * A plain memory of the same size, never touched and dropped at once, is counted in its place: 0.15 GB stayed. Workers do the same.
 */
function countForCollection(pages: number): void {
  const counted = Math.min(pages, COUNTED_PAGES);
  new WebAssembly.Memory({ initial: counted, maximum: counted });
}
