// safetensors files: plain bytes in, views out; values in, bytes out. Little-endian, as the format says.

import { type Dtype, dtypes } from "./dtype.js";
import { SafetensorsError } from "./safetensors-error.js";
import { PREFIX_BYTES, readSafetensorsHeader, type TensorInfo } from "./safetensors-header.js";

export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** A view of the file's bytes, at any alignment. */
  readonly bytes: Uint8Array;
}

export interface Safetensors {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Reads a whole file; the tensors' bytes are views. Throws SafetensorsError. */
export function readSafetensors(file: Uint8Array): Safetensors {
  const { metadata, tensors, dataStart } = readSafetensorsHeader(file);
  const view = (info: TensorInfo): Tensor => ({
    dtype: info.dtype,
    shape: info.shape,
    bytes: file.subarray(dataStart + info.from, dataStart + info.to),
  });
  return { metadata, tensors: new Map([...tensors].map(([name, info]) => [name, view(info)])) };
}

/** The numbers of a tensor as binary64, exactly (I64 and U64 beyond 2^53: the nearest). */
export function readFloat64(tensor: Tensor): Float64Array<ArrayBuffer> {
  return fill(tensor, new Float64Array(numel(tensor.shape)));
}

/** The numbers of a tensor as binary32, rounded to nearest where they do not fit. */
export function readFloat32(tensor: Tensor): Float32Array<ArrayBuffer> {
  if (tensor.dtype === "F32") return new Float32Array(new Uint8Array(tensor.bytes).buffer);
  return fill(tensor, new Float32Array(numel(tensor.shape)));
}

function fill<T extends Float32Array | Float64Array>(tensor: Tensor, into: T): T {
  const { bytes, read } = dtypes[tensor.dtype];
  if (read === null)
    throw new SafetensorsError("no-numbers", `${tensor.dtype} is not read as numbers`, "store the tensor as F32, F16 or BF16");
  const view = new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength);
  for (let i = 0; i < into.length; i++) into[i] = read(view, i * bytes);
  return into;
}

/** A tensor of these numbers: F32 or F64 by the array. The bytes are a view of the array. */
export function tensorOf(shape: readonly number[], values: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>): Tensor {
  if (numel(shape) !== values.length) throw new RangeError(`bug: ${values.length} numbers for shape [${shape.join(", ")}]`);
  return {
    dtype: values instanceof Float32Array ? "F32" : "F64",
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

/** A tensor as a file announces it, before its bytes are there. */
export type TensorShape = Pick<TensorInfo, "name" | "dtype" | "shape">;

export interface SafetensorsPlan {
  /** All that stands before the data. */
  readonly start: Uint8Array<ArrayBuffer>;
  /** In the order in which their bytes follow. */
  readonly tensors: readonly TensorInfo[];
}

/** Places tensors in a file: the widest dtype first and then by name, so that equal contents give equal bytes. */
export function planSafetensors(tensors: Iterable<TensorShape>, metadata: ReadonlyMap<string, string> = new Map()): SafetensorsPlan {
  const ordered = [...tensors].sort((a, b) => dtypes[b.dtype].bytes - dtypes[a.dtype].bytes || (a.name < b.name ? -1 : 1));
  const entries: [string, unknown][] = metadata.size > 0 ? [["__metadata__", Object.fromEntries(metadata)]] : [];
  const placed: TensorInfo[] = [];
  let at = 0;
  for (const { name, dtype, shape } of ordered) {
    if (name === "__proto__" || name === "__metadata__")
      throw new SafetensorsError("forbidden-name", `a tensor cannot be called "${name}"`, "rename it");
    const to = at + dtypes[dtype].bytes * numel(shape);
    entries.push([name, { dtype, shape, data_offsets: [at, to] }]);
    placed.push({ name, dtype, shape, from: at, to });
    at = to;
  }
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const start = new Uint8Array(PREFIX_BYTES + Math.ceil(header.length / 8) * 8).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(start.length - PREFIX_BYTES), true);
  start.set(header, PREFIX_BYTES);
  return { start, tensors: placed };
}

/** The bytes of a file with these tensors. */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>, metadata?: ReadonlyMap<string, string>): Uint8Array<ArrayBuffer> {
  const { start, tensors: placed } = planSafetensors(
    [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata,
  );
  const file = new Uint8Array(start.length + (placed.at(-1)?.to ?? 0));
  file.set(start);
  for (const { name, from } of placed) file.set(tensors.get(name)!.bytes, start.length + from);
  return file;
}

function numel(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
