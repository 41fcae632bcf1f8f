// Memory on the GPU that the caller owns: what is asked of it before anything is written.

import { formatBytes, type NumberFormat } from "../../numeric/storage-formats.js";
import type { CallerMemory } from "../device.js";
import { OptimizerError, type OptimizerErrorCode, show } from "../errors.js";
import type { GpuPointer } from "../types.js";
import type { Driver } from "./driver.js";

/** A range that was checked. */
export interface CallerPointer extends CallerMemory, GpuPointer {}

const MEMORY_TYPE = 2;
const DEVICE_ORDINAL = 9;
const ON_DEVICE = 2n;

export interface AskedMemory {
  readonly offset: unknown;
  readonly elements: number;
  readonly format: NumberFormat;
  readonly label: string;
  readonly code: OptimizerErrorCode;
}

/** Checks `{ pointer, bytes }`, from `offset` bytes on, for `elements` numbers. Throws with `code`. */
export function readCallerMemory(driver: Driver, given: unknown, { offset, elements, format, label, code }: AskedMemory): CallerPointer {
  const fail = (message: string): never => {
    throw new OptimizerError(code, `${label}: ${message}`);
  };
  if (typeof given !== "object" || given === null || !("pointer" in given) || !("bytes" in given))
    return fail(`on cuda it must be { pointer, bytes }, not ${show(given)}`);
  const { pointer, bytes } = given;
  const isAddress = typeof pointer === "bigint" || (typeof pointer === "number" && Number.isSafeInteger(pointer));
  if (!isAddress || pointer < 0) return fail(`pointer must be an address as a bigint, not ${show(pointer)}`);
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0)
    return fail(`bytes must be a whole number, not ${show(bytes)}`);
  if (offset !== undefined && (typeof offset !== "number" || !Number.isSafeInteger(offset) || offset < 0))
    return fail(`offset must be a whole number of bytes, not ${show(offset)}`);
  const first = offset ?? 0;
  const address = BigInt(pointer) + BigInt(first);
  const width = formatBytes[format];
  const needed = elements * width;
  if (elements === 0) return { label, pointer: address, bytes: 0 };
  if (BigInt(pointer) === 0n) fail("the pointer is null");
  if (address % BigInt(width) !== 0n)
    fail(`0x${address.toString(16)} is not a multiple of ${width}, where ${format === "f32" ? "a float" : format} can stand`);
  if (bytes - first < needed) fail(`${elements} elements need ${needed} bytes; ${Math.max(0, bytes - first)} are there`);
  driver.within(() => {
    const ask = (attribute: number, at: bigint): bigint => {
      const out = new BigUint64Array(new ArrayBuffer(64));
      const answer = driver.calls.cuPointerGetAttribute(out, attribute, at);
      return answer === 0 ? out[0]! & 0xffff_ffffn : fail(`0x${at.toString(16)} is no address that CUDA knows`);
    };
    for (const at of [address, address + BigInt(needed - width)]) {
      if (ask(MEMORY_TYPE, at) !== ON_DEVICE) fail(`0x${at.toString(16)} is not on a GPU`);
      const ordinal = Number(ask(DEVICE_ORDINAL, at));
      if (ordinal !== driver.ordinal) fail(`it is on GPU ${ordinal}, the optimizer on GPU ${driver.ordinal}`);
    }
  });
  return { label, pointer: address, bytes: needed };
}

/** Refuses ranges that share a byte: a kernel may not write what another reads. */
export function checkDisjoint(ranges: readonly CallerPointer[]): void {
  const sorted = ranges.filter(({ bytes }) => bytes > 0).sort((a, b) => (a.pointer < b.pointer ? -1 : 1));
  for (const [i, range] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next !== undefined && range.pointer + BigInt(range.bytes) > next.pointer)
      throw new OptimizerError("invalid-parameter", `${range.label} and ${next.label} share memory`);
  }
}
