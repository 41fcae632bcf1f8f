// The header of a safetensors file: 8 bytes of length, then JSON. Everything is checked here before anything is allocated: the
// tensors must cover the data exactly, in any order, without a gap or an overlap, and every length must follow from its shape.

import { type Dtype, dtypes, isDtype } from "./dtype.js";
import { SafetensorsError } from "./safetensors-error.js";
import { isRecord, parseStrictJson } from "./strict-json.js";

/** The longest header that the format allows. */
const MAX_HEADER_BYTES = 100_000_000;
/** Bytes of the length at the start. */
export const PREFIX_BYTES = 8;

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte offsets from the start of the data. */
  readonly from: number;
  readonly to: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Byte offset of the data in the file. */
  readonly dataStart: number;
  /** Bytes of all tensors together. */
  readonly dataBytes: number;
}

/** Bytes of the JSON that follows the first 8 bytes of a file of this length. */
export function headerBytes(start: Uint8Array, fileBytes: number): number {
  if (start.length < PREFIX_BYTES || fileBytes < PREFIX_BYTES)
    throw new SafetensorsError("too-short", `a safetensors file starts with 8 bytes of header length; this one has ${fileBytes} bytes`);
  const length = new DataView(start.buffer, start.byteOffset, PREFIX_BYTES).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw new SafetensorsError("header-size", `the header claims ${length} bytes; the format allows ${MAX_HEADER_BYTES}`);
  if (PREFIX_BYTES + Number(length) > fileBytes)
    throw new SafetensorsError("header-size", `the header claims ${length} bytes, but only ${fileBytes - PREFIX_BYTES} follow`);
  return Number(length);
}

/**
 * Reads the header from the start of a file of `fileBytes` bytes; `start` must hold the whole header, the data may be missing. Null: the
 * file's length is not known yet, and whoever reads on must see that it ends where the data do.
 */
export function readSafetensorsHeader(start: Uint8Array, fileBytes: number | null = start.length): SafetensorsHeader {
  const length = headerBytes(start, fileBytes ?? Number.MAX_SAFE_INTEGER);
  const entries = parseHeader(start.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
  const metadata = readMetadata(entries);
  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(entries)) {
    if (name === "__metadata__") continue;
    if (name === "__proto__")
      throw new SafetensorsError(
        "forbidden-name",
        'a tensor is called "__proto__"',
        "rename that tensor in the program that wrote the file",
      );
    tensors.set(name, readEntry(name, entry));
  }
  const dataStart = PREFIX_BYTES + length;
  const dataBytes = checkCover(tensors, fileBytes === null ? null : fileBytes - dataStart);
  return { metadata, tensors, dataStart, dataBytes };
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SafetensorsError("header-text", "the header is not UTF-8 text");
  }
  if (!text.startsWith("{")) throw new SafetensorsError("header-text", 'the header does not start with "{"');
  const parsed = parseStrictJson(text);
  if (!parsed.ok && parsed.key !== null)
    throw new SafetensorsError(
      "duplicate-key",
      `the header is ambiguous: ${parsed.reason}`,
      "write the file again with one entry for each name",
    );
  if (!parsed.ok) throw new SafetensorsError("header-text", `the header is not JSON: ${parsed.reason}`);
  return parsed.value as Readonly<Record<string, unknown>>;
}

function readMetadata(entries: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (!Object.hasOwn(entries, "__metadata__")) return found;
  const given = entries.__metadata__;
  if (!isRecord(given)) throw new SafetensorsError("header-shape", '"__metadata__" is not an object of texts');
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== "string")
      throw new SafetensorsError("header-shape", `"__metadata__" holds something that is not a text at ${JSON.stringify(key)}`);
    found.set(key, value);
  }
  return found;
}

function readEntry(name: string, entry: unknown): TensorInfo {
  const shown = JSON.stringify(name);
  if (!isRecord(entry)) throw new SafetensorsError("header-shape", `tensor ${shown}: its entry is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype))
    throw new SafetensorsError(
      "unknown-dtype",
      `tensor ${shown} has dtype ${JSON.stringify(dtype) ?? "(none)"}`,
      `store it as one of ${Object.keys(dtypes).join(", ")}`,
    );
  if (!isSizes(shape)) throw new SafetensorsError("bad-shape", `tensor ${shown}: its shape is not a list of whole numbers from 0`);
  const bytes = dtypes[dtype].bytes * shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(bytes))
    throw new SafetensorsError("bad-shape", `tensor ${shown}: shape [${shape.join(", ")}] has too many elements`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    throw new SafetensorsError("bad-offsets", `tensor ${shown}: data_offsets must be two whole numbers, from and to`);
  const [from, to] = offsets as [number, number];
  if (to - from !== bytes)
    throw new SafetensorsError(
      "wrong-length",
      `tensor ${shown}: ${dtype} of shape [${shape.join(", ")}] needs ${bytes} bytes, its offsets give ${to - from}`,
    );
  return { name, dtype, shape, from, to };
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0 && !Object.is(v, -0));
}

/** The bytes that the tensors cover; throws where they overlap, leave gaps, or are not `dataBytes`, if that is known. */
function checkCover(tensors: ReadonlyMap<string, TensorInfo>, dataBytes: number | null): number {
  let end = 0;
  for (const tensor of [...tensors.values()].sort((a, b) => a.from - b.from || a.to - b.to)) {
    const shown = JSON.stringify(tensor.name);
    if (tensor.from < end)
      throw new SafetensorsError("overlap", `tensor ${shown} starts at byte ${tensor.from}, inside another one that ends at ${end}`);
    if (tensor.from > end) throw new SafetensorsError("gap", `bytes ${end} to ${tensor.from}, before tensor ${shown}, belong to no tensor`);
    if (dataBytes !== null && tensor.to > dataBytes)
      throw new SafetensorsError(
        "truncated",
        `tensor ${shown} ends at byte ${tensor.to} of the data, but there are ${dataBytes}: the file is cut off`,
      );
    end = tensor.to;
  }
  if (dataBytes !== null && end < dataBytes)
    throw new SafetensorsError("trailing-bytes", `${dataBytes - end} bytes after the last tensor belong to no tensor`);
  return end;
}
