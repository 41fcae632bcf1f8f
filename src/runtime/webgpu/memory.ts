// Memory of the WebGPU device: a buffer of parameters and one of gradients for each arena, one of states and a chunk table for each bank,
// and one ring of coefficient rows and one memory of scalars for all. An own arena's parameters are the caller's buffer. A view is a range of a buffer that another
// engine can bind.

import { CHUNK_FIELDS, CHUNK_WORDS } from "../../contract/manifest.js";
import { formatBytes } from "../../numeric/storage-formats.js";
import type { ArenaLayout, BankLayout, DeviceMemory, MemoryFormats, MemoryLayout, Part, ScalarLayout, ScalarMemory } from "../device.js";
import { OptimizerError } from "../errors.js";
import { type CallerBuffer, checkOverlaps, checkUsage } from "./caller-buffer.js";
import { inErrorScopes } from "./errors.js";
import { BufferUsage, MAP_READ } from "./flags.js";
import { createGradients, type WebGpuGradients } from "./gradients.js";
import { gridOf, mostIdle } from "./grid.js";
import { createOwnArena, type OwnArena } from "./own-arena.js";
import { createRowScatter } from "./scatter-rows.js";

/** A range of a buffer in bytes; it can stand in a bind group as it is. */
export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

export interface WebGpuBank {
  readonly layout: BankLayout;
  readonly state: GPUBuffer;
  readonly chunks: GPUBuffer;
  /** Entries of `chunks` that stand for parts of whole tensors; those of single rows follow. */
  whole: number;
}

export interface WebGpuArena {
  /** What kernels bind: the arena's first parameter is at its start. */
  readonly param: BufferRange;
  /** Null in an own arena, whose gradients are wherever `own` says. */
  readonly grad: GPUBuffer | null;
  readonly own: OwnArena | null;
  readonly banks: readonly WebGpuBank[];
}

/** The memory of scalars and the table of tensors. */
export interface ScalarBuffers {
  readonly numbers: GPUBuffer;
  readonly tensors: GPUBuffer;
}

export interface WebGpuMemory extends DeviceMemory<BufferRange> {
  readonly layout: MemoryLayout;
  readonly arenas: readonly WebGpuArena[];
  readonly rows: GPUBuffer;
  /** What all kernels bind that need it; null where the layout has none. */
  readonly scalarBuffers: ScalarBuffers | null;
  readonly gradients: WebGpuGradients;
  /** Rejects with "out-of-memory" where the driver refused a buffer. */
  readonly ready: Promise<void>;
  /** Throws where the device is gone or lacked memory for something that was made late. */
  check(): void;
}

/** So that a bank whose tensors keep no state still has something to bind. */
const LEAST_BYTES = 256;
/** WebGPU copies multiples of so many bytes. */
const WORD_BYTES = 4;
const ENTRY_BYTES = CHUNK_WORDS * WORD_BYTES;
const COUNT = CHUNK_FIELDS.indexOf("count");

/** Makes zero-filled buffers for a layout. `checkLost` throws where the device is gone. */
export function allocateWebGpu(device: GPUDevice, layout: MemoryLayout, checkLost: () => void): WebGpuMemory {
  checkOverlaps(layout.arenas.flatMap(({ own }) => (own === null ? [] : [own as CallerBuffer])));
  const buffers = createBuffers(device);
  const { formats } = layout;
  const { result, error } = inErrorScopes(device, ["validation", "out-of-memory"], () => ({
    arenas: layout.arenas.map((arena) => allocateArena(device, arena, formats, buffers.create)),
    rows: buffers.create("optspec rows", layout.pageBytes * layout.pages),
    scalarBuffers: layout.scalars === undefined ? null : allocateScalars(layout.scalars, buffers.create),
  }));
  const ready = error.then((refusal) => {
    if (refusal === null) return;
    buffers.destroy();
    throw outOfMemory(buffers.bytes(), refusal);
  });
  ready.catch(() => {}); // told by `bind`; nobody may be waiting here
  const { arenas, rows, scalarBuffers } = result;
  let lacking: OptimizerError | null = null;
  const check = () => {
    checkLost();
    if (lacking !== null) throw lacking;
  };

  /** Makes a buffer that nobody waits for: what it lacks is told by the next call. */
  function createLate(label: string, bytes: number): GPUBuffer {
    const made = inErrorScopes(device, ["out-of-memory"], () => buffers.create(label, bytes));
    void made.error.then((refusal) => {
      if (refusal !== null) lacking = outOfMemory(bytes, refusal);
    });
    return made.result;
  }

  /** The gradients of an own arena in memory of ours, made when they are first asked for. */
  function ownGradient(arena: number): GPUBuffer {
    const own = arenas[arena]!.own!;
    own.made ??= createLate(`optspec grad, arena ${arena}`, layout.arenas[arena]!.elements * formatBytes[formats.grad]);
    return own.made;
  }

  const scatter = createRowScatter(device, { create: createLate, drop: buffers.drop });

  /** Where a byte of a part lies: states are split by bank. */
  function locate(part: Part, arena: number, offset: number): { readonly buffer: GPUBuffer; readonly offset: number } {
    const { banks, param, grad, own } = arenas[arena]!;
    if (part === "param") {
      const { buffer, offset: start } = own?.caller ?? param;
      return { buffer, offset: start + offset };
    }
    if (part === "grad") return { buffer: grad ?? ownGradient(arena), offset };
    const bank = banks.find(({ layout: { stateFirst, stateBytes } }) => offset >= stateFirst && offset < stateFirst + stateBytes);
    if (bank === undefined) throw new Error(`bug: no bank holds byte ${offset} of the states of arena ${arena}`);
    return { buffer: bank.state, offset: offset - bank.layout.stateFirst };
  }

  /** Checks that a parameter's buffer, if it is the caller's, can be copied. */
  function checkCopy(part: Part, arena: number, usage: "COPY_SRC" | "COPY_DST", why: string): void {
    const caller = part === "param" ? arenas[arena]!.own?.caller : undefined;
    if (caller !== undefined) checkUsage(caller, [usage], why, "invalid-data");
  }

  const memory: WebGpuMemory = {
    layout,
    arenas,
    rows,
    scalarBuffers,
    ready,
    check,
    bytes: buffers.bytes(),
    gradients: createGradients({ device, format: formats.grad, arenas, ownGradient }),
    view(part, arena, offset, length) {
      check();
      const bytes = formatBytes[formats[part]];
      // Only of an odd number of 16-bit elements in memory of ours is the last word not all the tensor's.
      return { ...locate(part, arena, offset * bytes), size: wholeWords(length * bytes) };
    },
    write(part, arena, offset, data) {
      check();
      checkCopy(part, arena, "COPY_DST", "writing into it");
      if (data.byteLength === 0) return;
      const range = locate(part, arena, offset);
      writeWords(device, range.buffer, range.offset, data);
    },
    async read(part, arena, offset, bytes) {
      check();
      if (bytes === 0) return new Uint8Array(0);
      checkCopy(part, arena, "COPY_SRC", "reading it back");
      const kept = await readBack(device, { ...locate(part, arena, offset), size: wholeWords(bytes) }, check);
      return new Uint8Array(bytes === kept.byteLength ? kept : kept.slice(0, bytes));
    },
    zero(part, arena) {
      check();
      const { banks, param, grad, own } = arenas[arena]!;
      const encoder = device.createCommandEncoder();
      if (part === "state") for (const { state } of banks) encoder.clearBuffer(state);
      else {
        const buffer = part === "param" ? param.buffer : (grad ?? own!.made);
        if (buffer !== null) encoder.clearBuffer(buffer);
      }
      device.queue.submit([encoder.finish()]);
    },
    writeChunks(arena, bank) {
      check();
      writeWhole(device, arenas[arena]!.banks[bank]!);
    },
    writeGradRows(arena, offset, gradient) {
      check();
      const range = locate("grad", arena, offset * formatBytes[formats.grad]);
      scatter.write(range.buffer, range.offset, gradient);
    },
    writeRowChunks(arena, bank) {
      check();
      writeRowChunks(device, arenas[arena]!.banks[bank]!);
    },
    destroy: buffers.destroy,
    ...(scalarBuffers !== null && { scalars: scalarMemory(device, scalarBuffers, layout.scalars!, check) }),
  };
  memory.scalars?.writeTable();
  for (const [arena, { banks }] of arenas.entries()) for (const bank of banks.keys()) memory.writeChunks(arena, bank);
  return memory;
}

type CreateBuffer = (label: string, bytes: number) => GPUBuffer;

/** What is ours to make and to destroy. */
function createBuffers(device: GPUDevice) {
  const buffers = new Set<GPUBuffer>();
  const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
  const create: CreateBuffer = (label, bytes) => {
    const buffer = device.createBuffer({ label, size: Math.max(bytes, LEAST_BYTES), usage });
    buffers.add(buffer);
    return buffer;
  };
  return {
    create,
    drop(buffer: GPUBuffer) {
      buffers.delete(buffer);
      buffer.destroy();
    },
    bytes: () => [...buffers].reduce((sum, { size }) => sum + size, 0),
    destroy() {
      for (const buffer of buffers) buffer.destroy();
    },
  };
}

function allocateArena(device: GPUDevice, arena: ArenaLayout, formats: MemoryFormats, create: CreateBuffer): WebGpuArena {
  const size = arena.elements * formatBytes[formats.param];
  const ours = (): BufferRange => ({ buffer: create(`optspec param, ${arena.label}`, size), offset: 0, size });
  const own = arena.own === null ? null : createOwnArena(device, arena.own as CallerBuffer, formats.param, ours);
  return {
    param: own === null ? ours() : own.bound,
    grad: own === null ? create(`optspec grad, ${arena.label}`, arena.elements * formatBytes[formats.grad]) : null,
    own,
    banks: arena.banks.map((bank, index) => ({
      layout: bank,
      state: create(`optspec state, ${arena.label}, bank ${index}`, bank.stateBytes),
      chunks: create(`optspec chunks, ${arena.label}, bank ${index}`, tableBytes(device, bank)),
      whole: bank.chunks.length / CHUNK_WORDS,
    })),
  };
}

/** The chunk table: the bank's own, room for single rows, and for as many entries without elements as a grid may need. */
function tableBytes({ limits }: GPUDevice, { chunks, rowChunks }: BankLayout): number {
  if (rowChunks === null) return chunks.byteLength;
  const bytes = chunks.byteLength + rowChunks.table.byteLength;
  const entries = bytes / ENTRY_BYTES;
  return bytes + mostIdle(entries, limits.maxComputeWorkgroupsPerDimension) * ENTRY_BYTES;
}

/** Leaves out chunks without elements, those of tensors that are worked on by rows: a workgroup for each would cost what the table costs. */
function writeWhole({ queue }: GPUDevice, bank: WebGpuBank): void {
  const { chunks, rowChunks } = bank.layout;
  let kept = chunks;
  if (rowChunks !== null) {
    kept = new Uint32Array(chunks.length);
    bank.whole = 0;
    for (let entry = 0; entry < chunks.length; entry += CHUNK_WORDS)
      if (chunks[entry + COUNT] !== 0) kept.set(chunks.subarray(entry, entry + CHUNK_WORDS), CHUNK_WORDS * bank.whole++);
  }
  queue.writeBuffer(bank.chunks, 0, kept);
}

/** Behind the rows in use, what is too many in the grid finds no elements. */
function writeRowChunks({ queue, limits }: GPUDevice, { chunks: buffer, layout: { rowChunks }, whole }: WebGpuBank): void {
  const { table, used } = rowChunks!;
  const end = whole + used;
  const { x, y } = gridOf(end, limits.maxComputeWorkgroupsPerDimension);
  queue.writeBuffer(buffer, whole * ENTRY_BYTES, table, 0, used * CHUNK_WORDS);
  if (x * y > end) queue.writeBuffer(buffer, end * ENTRY_BYTES, new Uint32Array((x * y - end) * CHUNK_WORDS));
}

function allocateScalars({ elements, table }: ScalarLayout, create: CreateBuffer): ScalarBuffers {
  return { numbers: create("optspec scalars", elements * 4), tensors: create("optspec tensors", table.byteLength) };
}

function scalarMemory(device: GPUDevice, { numbers, tensors }: ScalarBuffers, { table }: ScalarLayout, check: () => void): ScalarMemory {
  return {
    write(offset, data) {
      check();
      if (data.length > 0) device.queue.writeBuffer(numbers, offset * 4, data.buffer, data.byteOffset, data.byteLength);
    },
    async read(offset, length) {
      check();
      return new Float32Array(await readBack(device, { buffer: numbers, offset: offset * 4, size: length * 4 }, check));
    },
    writeTable() {
      check();
      device.queue.writeBuffer(tensors, 0, table);
    },
  };
}

function outOfMemory(bytes: number, { message }: GPUError): OptimizerError {
  const way = "Train fewer parameters at once, or use cpu()";
  return new OptimizerError("out-of-memory", `the device has no ${bytes} bytes for parameters, gradients and states: ${message}. ${way}`);
}

const wholeWords = (bytes: number) => Math.ceil(bytes / WORD_BYTES) * WORD_BYTES;

/** Writes bytes; where they are no whole words, zeros follow. */
function writeWords({ queue }: GPUDevice, buffer: GPUBuffer, offset: number, data: ArrayBufferView): void {
  const rest = data.byteLength % WORD_BYTES;
  const whole = data.byteLength - rest;
  if (whole > 0) queue.writeBuffer(buffer, offset, data.buffer, data.byteOffset, whole);
  if (rest === 0) return;
  const last = new Uint8Array(WORD_BYTES);
  last.set(new Uint8Array(data.buffer, data.byteOffset + whole, rest));
  queue.writeBuffer(buffer, offset + whole, last);
}

/** Copies a range of a buffer, whole words of it, to the host. */
export async function readBack(device: GPUDevice, range: BufferRange, checkLost: () => void): Promise<ArrayBuffer> {
  if (range.size === 0) return new ArrayBuffer(0);
  const staging = device.createBuffer({ label: "optspec read", size: range.size, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
  try {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(range.buffer, range.offset, staging, 0, range.size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_READ);
    return staging.getMappedRange().slice(0);
  } catch (cause) {
    await Promise.resolve(); // the loss of a device is told one turn later than its maps are refused
    checkLost();
    throw new OptimizerError("out-of-memory", `reading ${range.size} bytes back from the device failed: ${String(cause)}`, { cause });
  } finally {
    staging.destroy();
  }
}
