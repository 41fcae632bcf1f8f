// Buffers of the caller's: what can be known of one without asking the driver is checked here, before anything is made or written.
// A buffer that is destroyed, or of another device, only the driver knows: creation and submissions ask it.

import { formatBytes, type NumberFormat } from "../../numeric/storage-formats.js";
import type { CallerMemory } from "../device.js";
import { didYouMean, OptimizerError, type OptimizerErrorCode, quote, show } from "../errors.js";
import { BufferUsage } from "./flags.js";
import type { BufferRange } from "./memory.js";

/** A range of a caller's buffer, in bytes. */
export interface CallerBuffer extends CallerMemory, BufferRange {}

export type Usage = keyof typeof BufferUsage;

const rangeKeys = ["buffer", "offset", "size"] as const satisfies readonly (keyof BufferRange)[];

/** How many numbers a caller's buffer must hold, how they are kept, and what they are in messages. */
export interface Expected {
  readonly elements: number;
  readonly format: NumberFormat;
  readonly label: string;
}

/** Reads `GPUBuffer` or `{ buffer, offset?, size? }` as a range of numbers. Throws an error of the given code. */
export function readCallerBuffer(given: unknown, { elements, format, label }: Expected, code: OptimizerErrorCode): CallerBuffer {
  const fail = (problem: string): never => {
    throw new OptimizerError(code, `${label} ${problem}`);
  };
  const bytes = elements * formatBytes[format];
  const bits = format === "f32" ? "" : `a Uint16Array of their ${format} bits, `;
  const expected = `must be a Float32Array of ${elements} elements, ${bits}a GPUBuffer or { buffer, offset }`;
  if (typeof given !== "object" || given === null || ArrayBuffer.isView(given)) return fail(`${expected}, not ${show(given)}`);
  const checked = (buffer: GPUBuffer, offset: unknown) => {
    if (bytes % 4 !== 0) fail(oddBytes(elements, format));
    return checkRange(buffer, offset, bytes, label, fail);
  };
  if (isBuffer(given)) return checked(given, 0);
  const { buffer, offset = 0, size } = given as Readonly<Record<string, unknown>>;
  if (!isBuffer(buffer)) return fail(`${expected}, not ${show("buffer" in given ? buffer : given)}`);
  for (const key of Object.keys(given)) {
    if (!rangeKeys.some((known) => known === key)) fail(`has the unknown key ${quote(key)}${didYouMean(key, rangeKeys)}`);
  }
  if (size !== undefined && size !== bytes) fail(`has a size of ${show(size)} bytes where its shape needs ${bytes}`);
  return checked(buffer, offset);
}

/** WebGPU copies and binds multiples of 4 bytes, and beside the tensor there may be something else. */
function oddBytes(elements: number, format: NumberFormat): string {
  const way = "Give it as an array, and the optimizer keeps it in memory of its own";
  return `has ${elements} elements of ${format}: in a GPUBuffer it must be an even number of them, as WebGPU copies groups of 4 bytes. ${way}`;
}

function checkRange(buffer: GPUBuffer, offset: unknown, size: number, label: string, fail: (problem: string) => never): CallerBuffer {
  if (typeof offset !== "number" || !Number.isSafeInteger(offset) || offset < 0 || offset % 4 !== 0) {
    return fail(`has the offset ${show(offset)}; it must be a whole number of bytes, a multiple of 4`);
  }
  if (offset + size > buffer.size) {
    fail(`needs ${size} bytes from byte ${offset} on; its buffer ${named(buffer)}has ${buffer.size}`);
  }
  if (buffer.mapState !== "unmapped") fail(`is in a buffer ${named(buffer)}that is mapped: unmap it first`);
  return { buffer, offset, size, label };
}

/** Checks that a buffer was made with what is asked of it. */
export function checkUsage({ buffer, label }: CallerBuffer, needed: readonly Usage[], why: string, code: OptimizerErrorCode): void {
  const missing = needed.filter((usage) => (buffer.usage & BufferUsage[usage]) === 0);
  if (missing.length === 0) return;
  const flags = missing.map((usage) => `GPUBufferUsage.${usage}`).join(" | ");
  throw new OptimizerError(
    code,
    `${label} is in a buffer ${named(buffer)}without ${flags}, which ${why} needs: add it where the buffer is made`,
  );
}

/** Checks that no two parameters share bytes. */
export function checkOverlaps(ranges: readonly CallerBuffer[]): void {
  const byBuffer = new Map<GPUBuffer, CallerBuffer[]>();
  for (const range of ranges) {
    if (range.size === 0) continue;
    const others = byBuffer.get(range.buffer);
    if (others === undefined) byBuffer.set(range.buffer, [range]);
    else others.push(range);
  }
  for (const list of byBuffer.values()) {
    list.sort((a, b) => a.offset - b.offset);
    for (let i = 1; i < list.length; i++) {
      const [before, after] = [list[i - 1]!, list[i]!];
      if (before.offset + before.size <= after.offset) continue;
      const way = "List a tied tensor once, its other names in aliases";
      throw new OptimizerError("invalid-parameter", `${before.label} and ${after.label} overlap in one buffer. ${way}`);
    }
  }
}

/** A GPUBuffer of any realm and implementation. */
function isBuffer(value: unknown): value is GPUBuffer {
  if (typeof value !== "object" || value === null) return false;
  const { size, usage, mapState } = value as Partial<GPUBuffer>;
  return typeof size === "number" && typeof usage === "number" && typeof mapState === "string";
}

const named = ({ label }: GPUBuffer) => (label ? `${quote(label)} ` : "");
