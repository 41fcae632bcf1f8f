// A parameter in the caller's buffer. A kernel works there in place where whole groups of 4 elements are the tensor's and a binding may
// start at its first byte; else it works on a staging copy of ours, which is copied in before and out after the pass, so that no byte
// beside the tensor is ever touched.

import { formatBytes, type NumberFormat } from "../../numeric/storage-formats.js";
import { type CallerBuffer, checkUsage } from "./caller-buffer.js";
import type { BufferRange } from "./memory.js";

/** Elements that a kernel loads and stores at once. */
const VECTOR = 4;

export interface OwnArena {
  readonly caller: CallerBuffer;
  /** What kernels bind: the caller's range, or the staging copy. */
  readonly bound: BufferRange;
  readonly staged: boolean;
  /** Where the gradient is in the next submission; null: nowhere, the parameter takes no part. */
  gradient: BufferRange | null;
  /** Gradients in memory of ours, once they were asked for. */
  made: GPUBuffer | null;
}

/** Whether kernels can work on a range in place. */
export function isBindable({ limits }: GPUDevice, { offset, size }: BufferRange, format: NumberFormat): boolean {
  return size % (VECTOR * formatBytes[format]) === 0 && offset % limits.minStorageBufferOffsetAlignment === 0;
}

/** `stage` makes the staging copy where one is needed. */
export function createOwnArena(device: GPUDevice, caller: CallerBuffer, format: NumberFormat, stage: () => BufferRange): OwnArena {
  const staged = !isBindable(device, caller, format);
  return { caller, staged, bound: staged ? stage() : caller, gradient: null, made: null };
}

/** Checks that a parameter's buffer was made with what working on it, and filling it, needs. Throws "invalid-parameter". */
export function checkParamUsage(device: GPUDevice, caller: CallerBuffer, format: NumberFormat, filled: boolean): void {
  if (filled) checkUsage(caller, ["COPY_DST"], "writing data into it", "invalid-parameter");
  if (isBindable(device, caller, format)) checkUsage(caller, ["STORAGE"], "a kernel that works in place", "invalid-parameter");
  else {
    const why = `a length of ${caller.size / formatBytes[format]} at byte ${caller.offset}, which is copied to be worked on,`;
    checkUsage(caller, ["COPY_SRC", "COPY_DST"], why, "invalid-parameter");
  }
}
