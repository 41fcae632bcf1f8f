// Memory of the WebGPU device: a buffer of parameters and one of gradients for each arena, one of states and a chunk table for each bank,
// and one ring of coefficient rows for all. A view is a range of a buffer that another engine can bind.

import type { BankLayout, DeviceMemory, MemoryLayout, Part } from "../device.js";
import { OptimizerError } from "../errors.js";
import { inErrorScopes } from "./errors.js";
import { BufferUsage, MAP_READ } from "./flags.js";

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
}

export interface WebGpuArena {
  readonly param: GPUBuffer;
  readonly grad: GPUBuffer;
  readonly banks: readonly WebGpuBank[];
}

export interface WebGpuMemory extends DeviceMemory<BufferRange> {
  readonly layout: MemoryLayout;
  readonly arenas: readonly WebGpuArena[];
  readonly rows: GPUBuffer;
  /** Rejects with "out-of-memory" where the driver refused a buffer. */
  readonly ready: Promise<void>;
}

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
/** So that a bank whose tensors keep no state still has something to bind. */
const LEAST_BYTES = 256;

/** Makes zero-filled buffers for a layout. `checkLost` throws where the device is gone. */
export function allocateWebGpu(device: GPUDevice, layout: MemoryLayout, checkLost: () => void): WebGpuMemory {
  const buffers: GPUBuffer[] = [];
  const create = (label: string, bytes: number): GPUBuffer => {
    const buffer = device.createBuffer({ label, size: Math.max(bytes, LEAST_BYTES), usage: STORAGE });
    buffers.push(buffer);
    return buffer;
  };
  const { result, error } = inErrorScopes(device, ["validation", "out-of-memory"], () => ({
    arenas: layout.arenas.map((arena) => ({
      param: create(`optspec param, ${arena.label}`, arena.elements * 4),
      grad: create(`optspec grad, ${arena.label}`, arena.elements * 4),
      banks: arena.banks.map((bank, index) => ({
        layout: bank,
        state: create(`optspec state, ${arena.label}, bank ${index}`, bank.stateElements * 4),
        chunks: create(`optspec chunks, ${arena.label}, bank ${index}`, bank.chunks.byteLength),
      })),
    })),
    rows: create("optspec rows", layout.pageBytes * layout.pages),
  }));
  const bytes = buffers.reduce((sum, buffer) => sum + buffer.size, 0);
  const destroy = () => {
    for (const buffer of buffers) buffer.destroy();
  };
  const ready = error.then((refusal) => {
    if (refusal === null) return;
    destroy();
    const way = "Train fewer parameters at once, or use cpu()";
    throw new OptimizerError(
      "out-of-memory",
      `the device has no ${bytes} bytes for parameters, gradients and states: ${refusal.message}. ${way}`,
    );
  });
  ready.catch(() => {}); // told by `bind`; nobody may be waiting here
  const { arenas, rows } = result;

  /** Where a range lies: states are split by bank. */
  function locate(part: Part, arena: number, offset: number): { readonly buffer: GPUBuffer; readonly offset: number } {
    if (part !== "state") return { buffer: arenas[arena]![part], offset: offset * 4 };
    const bank = arenas[arena]!.banks.find(
      ({ layout: { stateFirst, stateElements } }) => offset >= stateFirst && offset < stateFirst + stateElements,
    );
    if (bank === undefined) throw new Error(`bug: no bank holds state element ${offset} of arena ${arena}`);
    return { buffer: bank.state, offset: (offset - bank.layout.stateFirst) * 4 };
  }

  const memory: WebGpuMemory = {
    layout,
    arenas,
    rows,
    ready,
    bytes,
    view(part, arena, offset, length) {
      checkLost();
      return { ...locate(part, arena, offset), size: length * 4 };
    },
    write(part, arena, offset, data) {
      checkLost();
      const range = locate(part, arena, offset);
      device.queue.writeBuffer(range.buffer, range.offset, data.buffer, data.byteOffset, data.byteLength);
    },
    async read(part, arena, offset, length) {
      checkLost();
      return readBack(device, { ...locate(part, arena, offset), size: length * 4 }, checkLost);
    },
    zero(part, arena) {
      checkLost();
      const encoder = device.createCommandEncoder();
      if (part === "state") for (const { state } of arenas[arena]!.banks) encoder.clearBuffer(state);
      else encoder.clearBuffer(arenas[arena]![part]);
      device.queue.submit([encoder.finish()]);
    },
    writeChunks(arena, bank) {
      checkLost();
      const { chunks, layout: bankLayout } = arenas[arena]!.banks[bank]!;
      device.queue.writeBuffer(chunks, 0, bankLayout.chunks);
    },
    destroy,
  };
  for (const [arena, { banks }] of arenas.entries()) for (const bank of banks.keys()) memory.writeChunks(arena, bank);
  return memory;
}

/** Copies a range of a buffer to the host. */
export async function readBack(device: GPUDevice, range: BufferRange, checkLost: () => void): Promise<Float32Array<ArrayBuffer>> {
  if (range.size === 0) return new Float32Array(0);
  const staging = device.createBuffer({ label: "optspec read", size: range.size, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
  try {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(range.buffer, range.offset, staging, 0, range.size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_READ);
    return new Float32Array(staging.getMappedRange().slice(0));
  } catch (cause) {
    await Promise.resolve(); // the loss of a device is told one turn later than its maps are refused
    checkLost();
    throw new OptimizerError("out-of-memory", `reading ${range.size} bytes back from the device failed: ${String(cause)}`, { cause });
  } finally {
    staging.destroy();
  }
}
