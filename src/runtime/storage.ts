// Parameters, gradients and states by parameter and name, over a device's memory: what a caller reads and writes, in whole tensors of f32
// numbers, and what a saved run reads and writes, as it is kept.

import type { DeviceStateInfo } from "../contract/manifest.js";
import { dequantize, type EightBitFormat, QUANTIZED_BLOCK, quantize } from "../numeric/eight-bit.js";
import { type ArithmeticProfile, float32Operations } from "../numeric/float32.js";
import { lowerHalf, upperHalf } from "../numeric/rounding.js";
import {
  formatBytes,
  isQuantized,
  type NumberFormat,
  narrow,
  narrowInto,
  type PlainFormat,
  type StorageFormat,
  widen,
} from "../numeric/storage-formats.js";
import { isFloat32Array, type NumberArray, readNumbers } from "./arrays.js";
import type { ArenaRange, CallerGradients, DeviceMemory, Part } from "./device.js";
import { didYouMean, OptimizerError, quote, show } from "./errors.js";
import { assignRows, type Layout } from "./layout.js";
import { eachRun, type RowGradient } from "./row-gradient.js";
import { assignTensorRows, type ScalarSlots, scalarOffset } from "./scalar-layout.js";
import type { Param } from "./settings.js";

/** The two arrays of what is kept in 8 bits: a code for each element, and a scale for each block. Everything else has one array. */
export type Plane = "elements" | "scales";

export interface Storage<View> {
  /** Place of a parameter in the list. Throws "unknown-parameter". */
  find(name: string): number;
  view(part: "param" | "grad", param: number): View;
  /** Numbers of a gradient, rounded to what it is kept in, or its bits. */
  writeGrad(param: number, data: NumberArray): void;
  /** Numbers of a parameter, with all that is kept beside it, or its bits. */
  writeParam(param: number, data: NumberArray): void;
  /** Makes what is kept beside a parameter from what the parameter holds. */
  completeParam(param: number): Promise<void>;
  /** Writes rows of a gradient; the others keep what they hold. */
  writeGradRows(param: number, gradient: RowGradient): void;
  /** A tensor's place in its arena. */
  place(param: number): ArenaRange;
  /** Gradients in memory of the caller's; undefined where the device takes arrays only. */
  readonly gradients: CallerGradients | undefined;
  /** `what`: "param", "grad" or the key of a state. Empty where the parameter has no such state; the model's states are at every parameter. */
  download(param: number, what: string): Promise<Float32Array<ArrayBuffer>>;
  upload(param: number, data: unknown, what: string): void;
  /** Elements [first, first + length) of what `download` gives; in 8 bits from the beginning of a block on. */
  read(param: number, what: string, first: number, length: number): Promise<Float32Array<ArrayBuffer>>;
  /** The same as it is kept; of scales, `first` and `length` count these. */
  readKept(param: number, what: string, plane: Plane, first: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Overwrites what is kept, from element (or scale) `first` on; with no bytes it only throws where that is refused. */
  writeKept(param: number, what: string, plane: Plane, first: number, bytes: Uint8Array): void;
  /** A state of the model's. Throws "invalid-data" where there is none of this key. */
  readModel(key: string): Promise<number>;
  writeModel(key: string, value: number): void;
  zeroGrad(): void;
  /** Writes each parameter's class row into the chunk tables and the table of tensors and uploads those that changed. */
  assignRows(rowOf: Readonly<Uint32Array>): void;
}

export interface StorageParts<View> {
  readonly memory: DeviceMemory<View>;
  readonly layout: Layout;
  readonly params: readonly Param[];
  readonly states: readonly DeviceStateInfo[];
  /** How the device multiplies and divides, for what it keeps in 8 bits. */
  readonly profile: ArithmeticProfile;
  /** Of the memory of scalars. */
  readonly scalars: ScalarSlots | null;
  /** For each parameter and state: its offset in a segment, -1 where the parameter has no such state. */
  readonly offsets: readonly (readonly number[])[];
}

/** A run of numbers of an array, and where it stands, in bytes. */
interface Range {
  readonly part: Part | "scalars";
  /** 0 of scalars, which all arenas share. */
  readonly arena: number;
  readonly offset: number;
  /** First number, counted in the tensor's own. */
  readonly first: number;
  readonly length: number;
}

/** An array of a parameter's: its ranges, one for each bank, and how many bytes a number has. None where there is no such state. */
interface Kept {
  readonly format: StorageFormat;
  readonly bytes: number;
  readonly ranges: readonly Range[];
}

export function createStorage<View>(parts: StorageParts<View>): Storage<View> {
  const { memory, layout, params, states, profile, scalars, offsets } = parts;
  const arithmetic = float32Operations(profile);
  const { formats } = layout.memory;
  const arenaRanges = layout.tensors.map(({ arena, offset, elements }): ArenaRange => ({ arena, offset, length: elements }));
  const places = new Map(params.map(({ name }, index) => [name, index]));
  const masters = states.filter(({ master }) => master !== undefined);
  let scratch = new Uint16Array(0);

  /** The state of this key that a parameter has; where it has none, one that it could have. */
  function stateOf(param: number, what: string): { readonly state: DeviceStateInfo; readonly offset: number } {
    const found = states.flatMap((state, index) => {
      return state.key === what && state.scaler === undefined ? [{ state, offset: offsets[param]![index]! }] : [];
    });
    const kept = found.find(({ offset }) => offset !== -1) ?? found[0];
    if (kept === undefined) throw unknownState(what, states);
    return kept;
  }

  /** Where an array stands. */
  function keptOf(param: number, what: string, plane: Plane): Kept {
    const { arena, offset: place, elements, segments } = layout.tensors[param]!;
    if (what === "param" || what === "grad") {
      const bytes = formatBytes[formats[what]];
      return { format: formats[what], bytes, ranges: [{ part: what, arena, offset: place * bytes, first: 0, length: elements }] };
    }
    const { state, offset } = stateOf(param, what);
    const { format, extent } = state;
    if (offset === -1 && extent !== "model") return { format, bytes: formatBytes.f32, ranges: [] };
    if (extent !== "elem")
      return {
        format,
        bytes: 4,
        ranges: [{ part: "scalars", arena: 0, offset: 4 * scalarOffset(scalars!, state, param), first: 0, length: 1 }],
      };
    const [bytes, unit, start] = !isQuantized(format)
      ? [formatBytes[format], 1, offset]
      : plane === "elements"
        ? [1, 1, offset]
        : [4, QUANTIZED_BLOCK, offset + 1];
    return {
      format,
      bytes,
      ranges: segments.map(({ first, elements: length, stateFirst, stateStride }) => {
        return { part: "state", arena, offset: stateFirst + start * stateStride, first: first / unit, length: Math.ceil(length / unit) };
      }),
    };
  }

  function modelOffset(key: string): number {
    const ofModel = states.filter(({ extent, scaler }) => extent === "model" && scaler === undefined);
    const state = ofModel.find((candidate) => candidate.key === key);
    if (state !== undefined) return scalarOffset(scalars!, state, 0);
    const known = ofModel.map((candidate) => candidate.key);
    const there = known.length === 0 ? "" : `; there are ${known.join(", ")}`;
    throw new OptimizerError("invalid-data", `the model has no state ${quote(String(key))}${didYouMean(String(key), known)}${there}`);
  }

  async function readRange({ part, arena, offset, length }: Range, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (part !== "scalars") return memory.read(part, arena, offset, length * bytes);
    const numbers = await memory.scalars!.read(offset / 4, length);
    return new Uint8Array(numbers.buffer);
  }

  async function readKept(param: number, what: string, plane: Plane, first: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const { bytes, ranges } = keptOf(param, what, plane);
    const wanted = cut(ranges, bytes, first, length);
    const [only] = wanted;
    if (wanted.length === 1 && only !== undefined) return readRange(only, bytes);
    const whole = new Uint8Array(wanted.reduce((sum, range) => sum + range.length, 0) * bytes);
    await Promise.all(wanted.map(async (range) => whole.set(await readRange(range, bytes), (range.first - first) * bytes)));
    return whole;
  }

  function writeKept(param: number, what: string, plane: Plane, start: number, data: Uint8Array): void {
    const { bytes, ranges } = keptOf(param, what, plane);
    for (const { part, arena, offset, first, length } of cut(ranges, bytes, start, data.length / bytes)) {
      const piece = data.subarray((first - start) * bytes, (first - start + length) * bytes);
      if (part === "scalars") memory.scalars!.write(offset / 4, floatsOf(piece));
      else memory.write(part, arena, offset, piece);
    }
  }

  async function read(param: number, what: string, first: number, length: number): Promise<Float32Array<ArrayBuffer>> {
    const { format } = keptOf(param, what, "elements");
    const elements = await readKept(param, what, "elements", first, length);
    if (!isQuantized(format)) return widen(format, elements);
    const blocks = [Math.floor(first / QUANTIZED_BLOCK), Math.ceil((first + length) / QUANTIZED_BLOCK)] as const;
    const scales = await readKept(param, what, "scales", blocks[0], blocks[1] - blocks[0]);
    return dequantize(format, elements, floatsOf(scales), arithmetic);
  }

  /** All numbers of an array. */
  function write(param: number, what: string, data: NumberArray): void {
    const { format } = keptOf(param, what, "elements");
    if (isQuantized(format)) writeQuantized(param, what, format, data);
    else writeKept(param, what, "elements", 0, bytesOf(isFloat32Array(data) ? narrow(format, data) : data));
  }

  function writeQuantized(param: number, what: string, format: EightBitFormat, data: NumberArray): void {
    const { codes, scales } = quantize(format, data, arithmetic);
    writeKept(param, what, "elements", 0, codes);
    writeKept(param, what, "scales", 0, bytesOf(scales));
  }

  /** What stands beside a parameter that has these numbers. */
  function writeMasters(param: number, numbers: Float32Array): void {
    for (const { key, master } of masters) {
      if (keptOf(param, key, "elements").ranges.length > 0) write(param, key, master === "master" ? numbers : numbers.map(lowerHalf));
    }
  }

  function writeParam(param: number, data: NumberArray): void {
    const { format } = keptOf(param, "param", "elements");
    const isHalf = masters.some(({ master }) => master === "remainder") && isFloat32Array(data);
    write(param, "param", isHalf ? data.map(upperHalf) : data);
    if (masters.length > 0) writeMasters(param, isFloat32Array(data) ? data : widen(format as PlainFormat, bytesOf(data.slice())));
  }

  return {
    find(name) {
      const place = places.get(name);
      if (place !== undefined) return place;
      throw new OptimizerError(
        "unknown-parameter",
        `there is no parameter ${quote(String(name))}${didYouMean(String(name), places.keys())}`,
      );
    },
    view(part, param) {
      const { arena, offset, elements } = layout.tensors[param]!;
      return memory.view(part, arena, offset, elements);
    },
    place: (param) => arenaRanges[param]!,
    gradients: memory.gradients,
    writeGrad(param, data) {
      const { arena, offset } = layout.tensors[param]!;
      const { grad } = formats;
      if (grad === "f32" || !isFloat32Array(data)) return memory.write("grad", arena, offset * formatBytes[grad], data);
      if (scratch.length < data.length) scratch = new Uint16Array(data.length);
      memory.write("grad", arena, offset * formatBytes[grad], narrowInto(scratch, grad, data));
    },
    writeParam,
    async completeParam(param) {
      if (masters.length > 0) writeMasters(param, await read(param, "param", 0, params[param]!.numel));
    },
    writeGradRows(param, { rows, rowElements, values }) {
      const { arena, offset } = layout.tensors[param]!;
      const { grad } = formats;
      const rowBytes = rowElements * formatBytes[grad];
      const kept = { rows, rowBytes, bytes: bytesOf(narrow(grad, values)) };
      if (memory.writeGradRows) return memory.writeGradRows(arena, offset, kept);
      eachRun(kept, (from, to) => {
        memory.write(
          "grad",
          arena,
          offset * formatBytes[grad] + rows[from]! * rowBytes,
          kept.bytes.subarray(from * rowBytes, to * rowBytes),
        );
      });
    },
    async download(param, what) {
      const length = keptOf(param, what, "elements").ranges.reduce((sum, range) => sum + range.length, 0);
      return read(param, what, 0, length);
    },
    read,
    readKept,
    writeKept,
    upload(param, data, what) {
      const { name, numel } = params[param]!;
      const { format, ranges } = keptOf(param, what, "elements");
      const label = what === "param" ? `data for ${quote(name)}` : `data for ${what} of ${quote(name)}`;
      const length = ranges[0]?.part === "scalars" ? 1 : numel;
      if (ranges.length === 0 && numel > 0) throw new OptimizerError("invalid-data", `parameter ${quote(name)} keeps no ${what}`);
      const numbers = readNumbers(
        data,
        what === "param" || what === "grad" ? (format as NumberFormat) : "f32",
        length,
        label,
        "invalid-data",
      );
      if (what === "param") writeParam(param, numbers);
      else write(param, what, numbers);
    },
    async readModel(key) {
      const [value] = await memory.scalars!.read(modelOffset(key), 1);
      return value!;
    },
    writeModel(key, value) {
      const offset = modelOffset(key);
      if (typeof value !== "number") throw new OptimizerError("invalid-data", `${key} is a number, not ${show(value)}`);
      memory.scalars!.write(offset, Float32Array.of(value));
    },
    zeroGrad() {
      for (const arena of layout.memory.arenas.keys()) memory.zero("grad", arena);
    },
    assignRows(rowOf) {
      for (const [arena, { banks }] of layout.memory.arenas.entries()) {
        for (const [bank, bankLayout] of banks.entries()) if (assignRows(bankLayout, rowOf)) memory.writeChunks(arena, bank);
      }
      const { scalars: table } = layout.memory;
      if (table !== undefined && assignTensorRows(table, rowOf)) memory.scalars!.writeTable();
    },
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** Bytes as numbers, copied where they are not aligned. */
function floatsOf(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(buffer as ArrayBuffer, byteOffset, byteLength / 4);
}

/** The part of some ranges that lies in [from, from + count) of the tensor's numbers; of ranges without any, nothing but their place. */
function cut(ranges: readonly Range[], bytes: number, from: number, count: number): readonly Range[] {
  return ranges.flatMap((range) => {
    const first = Math.max(range.first, from);
    const end = Math.min(range.first + range.length, from + count);
    if (end < first || (end === first && count > 0)) return [];
    return [{ ...range, first, offset: range.offset + (first - range.first) * bytes, length: end - first }];
  });
}

function unknownState(what: string, states: readonly DeviceStateInfo[]): OptimizerError {
  const known = ["param", "grad", ...new Set(states.flatMap(({ key, scaler }) => (scaler === undefined ? [key] : [])))];
  return new OptimizerError(
    "invalid-data",
    `there is no ${quote(String(what))}${didYouMean(String(what), known)}; there are ${known.join(", ")}`,
  );
}
