// Parameters, gradients and states by parameter and name, over a device's memory: what a caller reads and writes, in whole tensors.

import type { DeviceStateInfo } from "../contract/manifest.js";
import { checkFloat32Array } from "./arrays.js";
import type { ArenaRange, CallerGradients, DeviceMemory, Part } from "./device.js";
import { didYouMean, OptimizerError, quote, show } from "./errors.js";
import { assignRows, type Layout } from "./layout.js";
import { eachRun, type RowGradient } from "./row-gradient.js";
import { assignTensorRows, type ScalarSlots, scalarOffset } from "./scalar-layout.js";
import type { Param } from "./settings.js";

export interface Storage<View> {
  /** Place of a parameter in the list. Throws "unknown-parameter". */
  find(name: string): number;
  view(part: "param" | "grad", param: number): View;
  write(part: "param" | "grad", param: number, data: Float32Array): void;
  /** Writes rows of a gradient; the others keep what they hold. */
  writeGradRows(param: number, gradient: RowGradient): void;
  /** A tensor's place in its arena. */
  place(param: number): ArenaRange;
  /** Gradients in memory of the caller's; undefined where the device takes arrays only. */
  readonly gradients: CallerGradients | undefined;
  /** `what`: "param", "grad" or the key of a state. Empty where the parameter has no such state; the model's states are at every parameter. */
  download(param: number, what: string): Promise<Float32Array<ArrayBuffer>>;
  upload(param: number, data: Float32Array, what: string): void;
  /** Elements [first, first + length) of what `download` gives. */
  read(param: number, what: string, first: number, length: number): Promise<Float32Array<ArrayBuffer>>;
  /** Overwrites elements from `first` on; with no data it only throws where that is refused. */
  overwrite(param: number, what: string, first: number, data: Float32Array): void;
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
  /** Of the memory of scalars. */
  readonly scalars: ScalarSlots | null;
  /** For each parameter and state: its slot, -1 where the parameter has no such state. */
  readonly slots: readonly (readonly number[])[];
}

/** A run of elements of a tensor, and where it stands. */
interface Range {
  readonly part: Part | "scalars";
  /** 0 of scalars, which all arenas share. */
  readonly arena: number;
  readonly offset: number;
  /** First element, counted in the tensor. */
  readonly first: number;
  readonly length: number;
}

export function createStorage<View>(parts: StorageParts<View>): Storage<View> {
  const { memory, layout, params, states, scalars, slots } = parts;
  const arenaRanges = layout.tensors.map(({ arena, offset, elements }): ArenaRange => ({ arena, offset, length: elements }));
  const places = new Map(params.map(({ name }, index) => [name, index]));

  /** Where a tensor, or one of its states, stands: one range, or one for each bank. Empty where there is no such state. */
  function ranges(param: number, what: string): readonly Range[] {
    const { arena, offset, elements, segments } = layout.tensors[param]!;
    if (what === "param" || what === "grad") return [{ part: what, arena, offset, first: 0, length: elements }];
    const index = states.findIndex(({ key, scaler }) => key === what && scaler === undefined);
    const state = states[index];
    if (state === undefined) throw unknownState(what, states);
    const slot = slots[param]![index]!;
    if (slot === -1 && state.extent !== "model") return [];
    if (state.extent !== "elem") return [{ part: "scalars", arena: 0, offset: scalarOffset(scalars!, state, param), first: 0, length: 1 }];
    return segments.map(({ first, elements: length, stateFirst, stateStride }) => {
      return { part: "state", arena, offset: stateFirst + slot * stateStride, first, length };
    });
  }

  function modelOffset(key: string): number {
    const ofModel = states.filter(({ extent, scaler }) => extent === "model" && scaler === undefined);
    const state = ofModel.find((candidate) => candidate.key === key);
    if (state !== undefined) return scalarOffset(scalars!, state, 0);
    const known = ofModel.map((candidate) => candidate.key);
    const there = known.length === 0 ? "" : `; there are ${known.join(", ")}`;
    throw new OptimizerError("invalid-data", `the model has no state ${quote(String(key))}${didYouMean(String(key), known)}${there}`);
  }

  async function read(parts: readonly Range[]): Promise<Float32Array<ArrayBuffer>> {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return readRange(only);
    const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    const start = only?.first ?? 0;
    await Promise.all(parts.map(async (range) => whole.set(await readRange(range), range.first - start)));
    return whole;
  }

  function readRange({ part, arena, offset, length }: Range): Promise<Float32Array<ArrayBuffer>> {
    return part === "scalars" ? memory.scalars!.read(offset, length) : memory.read(part, arena, offset, length);
  }

  /** `data` starts at element `start` of the tensor. */
  function overwrite(parts: readonly Range[], start: number, data: Float32Array): void {
    for (const { part, arena, offset, first, length } of parts) {
      const piece = data.subarray(first - start, first - start + length);
      if (part === "scalars") memory.scalars!.write(offset, piece);
      else memory.write(part, arena, offset, piece);
    }
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
    write(part, param, data) {
      const { arena, offset } = layout.tensors[param]!;
      memory.write(part, arena, offset, data);
    },
    writeGradRows(param, gradient) {
      const { arena, offset } = layout.tensors[param]!;
      if (memory.writeGradRows) return memory.writeGradRows(arena, offset, gradient);
      const { rows, rowElements, values } = gradient;
      eachRun(gradient, (from, to) => {
        memory.write("grad", arena, offset + rows[from]! * rowElements, values.subarray(from * rowElements, to * rowElements));
      });
    },
    download: async (param, what) => read(ranges(param, what)),
    read: async (param, what, first, length) => read(cut(ranges(param, what), first, length)),
    upload(param, data, what) {
      const { name, numel } = params[param]!;
      const parts = ranges(param, what);
      const label = what === "param" ? `data for ${quote(name)}` : `data for ${what} of ${quote(name)}`;
      const length = parts[0]?.part === "scalars" ? 1 : numel;
      if (parts.length === 0 && numel > 0) throw new OptimizerError("invalid-data", `parameter ${quote(name)} keeps no ${what}`);
      checkFloat32Array(data, length, label, "invalid-data");
      overwrite(parts, 0, data);
    },
    overwrite: (param, what, first, data) => overwrite(cut(ranges(param, what), first, data.length), first, data),
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

/** The part of some ranges that lies in [from, from + count) of the tensor; of ranges without elements, nothing but their place. */
function cut(ranges: readonly Range[], from: number, count: number): readonly Range[] {
  return ranges.flatMap((range) => {
    const first = Math.max(range.first, from);
    const end = Math.min(range.first + range.length, from + count);
    if (end < first || (end === first && count > 0)) return [];
    return [{ ...range, first, offset: range.offset + first - range.first, length: end - first }];
  });
}

function unknownState(what: string, states: readonly DeviceStateInfo[]): OptimizerError {
  const known = ["param", "grad", ...states.flatMap(({ key, scaler }) => (scaler === undefined ? [key] : []))];
  return new OptimizerError(
    "invalid-data",
    `there is no ${quote(String(what))}${didYouMean(String(what), known)}; there are ${known.join(", ")}`,
  );
}
