// Memory of the CUDA device: one allocation for everything of an optimizer, so that it is there as a whole or not at all. Parameters of
// own arenas are where the caller has them. Copies from the host are in the order of the stream and done with the source on return.

import { formatBytes } from "../../numeric/storage-formats.js";
import type { ArenaLayout, ArenaRange, CallerGradients, DeviceMemory, MemoryLayout, Part, ScalarMemory } from "../device.js";
import { OptimizerError } from "../errors.js";
import type { GpuPointer } from "../types.js";
import { type CallerPointer, checkDisjoint, readCallerMemory } from "./caller-memory.js";
import type { Driver } from "./driver.js";
import type { Reader } from "./read-back.js";
import { createTables, type Tables } from "./tables.js";

const ALIGNMENT = 256;
const CONTROL_BYTES = 16;

export interface OptimizerMemory extends DeviceMemory<GpuPointer> {
  readonly layout: MemoryLayout;
  readonly tables: Tables;
  /** Address of the table of chunks. */
  readonly chunks: bigint;
  readonly tensors: bigint;
  readonly rows: bigint;
  /** Address of what the device itself keeps of a run: [steps, numbers in a page], 64 bits each. */
  readonly control: bigint;
  /** Addresses of the memory of scalars and of its table; both are empty where the layout has none. */
  readonly numbers: bigint;
  readonly table: bigint;
  /** The page that the device's own count says next when all that was prepared is replayed; null: the count is to be set. */
  nextPage: number | null;
  /** Brings to the device what the next launch reads: changed tables, gradients of the caller's. Inside the context. */
  prepare(): void;
}

interface Arena {
  readonly layout: ArenaLayout;
  readonly own: CallerPointer | null;
  readonly param: bigint;
  /** 0 in an own arena until it is made. */
  grad: bigint;
  readonly state: bigint;
}

export interface MemoryParts {
  readonly driver: Driver;
  readonly stream: bigint;
  readonly layout: MemoryLayout;
  readonly reader: Reader;
  /** Told when the memory is given back. */
  readonly onDestroy: (memory: OptimizerMemory) => void;
}

/** Allocates a layout, zero-filled. Throws "out-of-memory" with what was asked and what is there. */
export function allocateCuda({ driver, stream, layout, reader, onDestroy }: MemoryParts): OptimizerMemory {
  const { calls, check } = driver;
  const { formats, scalars } = layout;
  const widths = { param: formatBytes[formats.param], grad: formatBytes[formats.grad] };
  checkDisjoint(layout.arenas.flatMap(({ own }) => (own === null ? [] : [own as CallerPointer])));
  let bytes = 0;
  const reserve = (size: number): number => {
    const at = bytes;
    bytes += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    return at;
  };
  const plans = layout.arenas.map((arena) => ({
    layout: arena,
    own: arena.own as CallerPointer | null,
    param: arena.own === null ? reserve(arena.elements * widths.param) : null,
    grad: arena.own === null ? reserve(arena.elements * widths.grad) : null,
    state: reserve(arena.stateBytes),
  }));
  const nowhere = layout.arenas.map((arena) => ({ layout: arena, param: 0n, grad: 0n, state: 0n }));
  const sizes = createTables(nowhere, layout);
  const [tensorsAt, chunksAt, rowsAt, controlAt, numbersAt, tableAt] = [
    reserve(sizes.tensors.byteLength),
    reserve(sizes.chunks.byteLength),
    reserve(layout.pageBytes * layout.pages),
    reserve(CONTROL_BYTES),
    reserve((scalars?.elements ?? 0) * 4),
    reserve(scalars?.table.byteLength ?? 0),
  ];
  const allocations: bigint[] = [];
  const allocate = (size: number, what: string): bigint =>
    driver.within(() => {
      const address = driver.read((out) => {
        const answer = calls.cuMemAlloc(out, size);
        if (answer === 2) throw outOfMemory(driver, size, what);
        return answer;
      }, `allocating ${size} bytes for ${what}`);
      allocations.push(address);
      check(calls.cuMemsetD8Async(address, 0, size, stream), `clearing ${what}`);
      return address;
    });
  const base = allocate(bytes, "parameters, gradients and states");
  const place = (at: number) => base + BigInt(at);
  const arenas = plans.map(
    (plan): Arena => ({
      layout: plan.layout,
      own: plan.own,
      param: plan.own?.pointer ?? place(plan.param!),
      grad: plan.grad === null ? 0n : place(plan.grad),
      state: place(plan.state),
    }),
  );
  const tables = createTables(arenas, layout);
  let tensorsChanged = true;
  let chunksChanged = true;
  let scalarsChanged = scalars !== undefined;
  const copies: { readonly from: CallerPointer; readonly to: bigint }[] = [];

  function gradOf(arena: Arena): bigint {
    if (arena.grad === 0n) arena.grad = allocate(arena.layout.elements * widths.grad, `the gradient of ${arena.own!.label}`);
    return arena.grad;
  }
  /** The address of a byte. */
  const locate = (part: Part, index: number, offset: number): bigint => {
    const arena = arenas[index]!;
    return (part === "grad" ? gradOf(arena) : arena[part]) + BigInt(offset);
  };
  const upload = (to: bigint, data: ArrayBufferView, what: string) =>
    check(calls.cuMemcpyHtoDAsync(to, data, data.byteLength, stream), `copying ${what} to the GPU`);

  const gradients: CallerGradients = {
    adopt(given, { length }, label) {
      const asked = { offset: offsetOf(given), elements: length, format: formats.grad, label, code: "invalid-gradient" } as const;
      const range = readCallerMemory(driver, given, asked);
      const written = arenas.find((arena) => touches(range, arena, base, BigInt(bytes)));
      if (written !== undefined)
        throw new OptimizerError(
          "invalid-gradient",
          `${label} shares memory with what a kernel writes: parameters or states of the optimizer`,
        );
      return range;
    },
    has: (arena) => arenas[arena]!.own === null || arenas[arena]!.grad !== 0n,
    begin() {
      copies.length = 0;
    },
    use({ arena: index, offset, length }: ArenaRange, source) {
      const arena = arenas[index]!;
      if (length === 0) return;
      if (arena.own === null) {
        if (source !== "ours" && source !== "none")
          copies.push({ from: source as CallerPointer, to: locate("grad", index, offset * widths.grad) });
        return;
      }
      const address = source === "none" ? 0n : source === "ours" ? gradOf(arena) : (source as CallerPointer).pointer;
      tables.setGrad(index, address);
      tensorsChanged = true;
    },
  };

  const scalarMemory: ScalarMemory = {
    write(offset, data) {
      if (data.length > 0) driver.within(() => upload(place(numbersAt + 4 * offset), data, `${data.length} numbers`));
    },
    async read(offset, length) {
      driver.checkLost();
      return new Float32Array((await reader.read(place(numbersAt + 4 * offset), 4 * length)).buffer);
    },
    writeTable() {
      scalarsChanged = true;
    },
  };
  const memory: OptimizerMemory = {
    layout,
    tables,
    bytes,
    gradients,
    tensors: place(tensorsAt),
    chunks: place(chunksAt),
    rows: place(rowsAt),
    control: place(controlAt),
    numbers: place(numbersAt),
    table: place(tableAt),
    ...(scalars !== undefined && { scalars: scalarMemory }),
    nextPage: null,
    prepare() {
      for (const { from, to } of copies) check(calls.cuMemcpyDtoDAsync(to, from.pointer, from.bytes, stream), `copying ${from.label}`);
      if (tensorsChanged) upload(place(tensorsAt), tables.tensors, "the table of tensors");
      if (chunksChanged) {
        tables.listChunks();
        if (tables.chunkCount > 0)
          upload(place(chunksAt), tables.chunks.subarray(0, tables.chunkWords * tables.chunkCount), "the table of chunks");
      }
      if (scalarsChanged) upload(place(tableAt), scalars!.table, "the table of scalars");
      tensorsChanged = false;
      chunksChanged = false;
      scalarsChanged = false;
    },
    view(part, arena, offset, length) {
      driver.checkLost();
      return { pointer: locate(part, arena, offset * widths[part]), bytes: length * widths[part] };
    },
    write(part, arena, offset, data) {
      if (data.byteLength === 0) return driver.checkLost();
      const to = locate(part, arena, offset);
      driver.within(() => upload(to, data, `${data.byteLength} bytes`));
    },
    async read(part, arena, offset, length) {
      driver.checkLost();
      return reader.read(locate(part, arena, offset), length);
    },
    zero(part, index) {
      const arena = arenas[index]!;
      if (arena[part] === 0n) return;
      const { elements, stateBytes } = arena.layout;
      const size = part === "state" ? stateBytes : part === "param" && arena.own !== null ? arena.own.bytes : elements * widths[part];
      if (size > 0) driver.within(() => check(calls.cuMemsetD8Async(arena[part], 0, size, stream), "writing zeros"));
    },
    writeChunks(arena, bank) {
      tables.setRows(arena, bank);
      tensorsChanged = true;
      if (layout.arenas[arena]!.banks[bank]!.rowChunks !== null) chunksChanged = true;
    },
    writeRowChunks() {
      chunksChanged = true;
    },
    destroy() {
      const addresses = allocations.splice(0);
      if (addresses.length === 0) return;
      onDestroy(memory);
      driver.release(() => {
        for (const address of addresses) calls.cuMemFree(address);
      });
    },
  };
  return memory;
}

function offsetOf(given: unknown): unknown {
  return typeof given === "object" && given !== null && "offset" in given ? given.offset : undefined;
}

/** Whether a range shares a byte with an arena's own parameters or with the optimizer's allocation. */
function touches(range: CallerPointer, { own }: Arena, base: bigint, bytes: bigint): boolean {
  const shares = (start: bigint, end: bigint) => range.pointer < end && start < range.pointer + BigInt(range.bytes);
  return range.bytes > 0 && (shares(base, base + bytes) || (own !== null && shares(own.pointer, own.pointer + BigInt(own.bytes))));
}

function outOfMemory(driver: Driver, bytes: number, what: string): OptimizerError {
  const [free, total] = [new BigUint64Array(new ArrayBuffer(64)), new BigUint64Array(new ArrayBuffer(64))];
  const known = driver.calls.cuMemGetInfo(free, total) === 0 ? `; ${free[0]} of its ${total[0]} bytes are free` : "";
  return new OptimizerError(
    "out-of-memory",
    `${driver.name} has no ${bytes} bytes for ${what}${known}. Train fewer parameters at once, or give memory of other programs back`,
  );
}
