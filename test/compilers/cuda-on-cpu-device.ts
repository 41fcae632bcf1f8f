// A device whose kernels are the generated CUDA text compiled by g++, in memory of the host. Tensors can be moved off their alignment,
// each by another number of elements, to meet every path of the kernels; what a launch may not write is as it was before it.

import koffi from "koffi";
import {
  CHUNK_FIELDS,
  CHUNK_WORDS,
  type DeviceStateInfo,
  IDLE_VARIANT,
  type ProgramInfo,
  REDUCE_WORKGROUP,
  type SweepInfo,
  TENSOR_HEADER,
  type VariantInfo,
} from "../../src/contract/manifest.js";
import { ieee } from "../../src/numeric/float32.js";
import { formatBytes } from "../../src/numeric/storage-formats.js";
import { createTables, type Tables } from "../../src/runtime/cuda/tables.js";
import type { Device, DeviceMemory, Launch, MemoryLayout, Part, ScalarLayout, ScalarMemory } from "../../src/runtime/device.js";
import { compileForCpu, startOf, startWith } from "./cuda-on-cpu.js";

export interface HostDeviceOptions {
  readonly entry: "model" | "tensor";
  /** Moves tensor `index` by so many elements of each of its arrays, the states by one float more. */
  readonly shift: (index: number) => number;
  /** Of a block of a kernel that takes any number of them. */
  readonly threads: number;
  /** The device states of the build; all f32 unless given. "any": builds of several kinds, whose states are not looked at for strange writes. */
  readonly states?: readonly DeviceStateInfo[] | "any";
}

const GUARD = 0xa5;
/** Bytes between tensors, besides those that move them. */
const GAP = 32;
const [PARAM, STATE, STRIDE, COUNT, TENSOR] = (["param", "state", "stateStride", "count", "tensor"] as const).map((field) =>
  CHUNK_FIELDS.indexOf(field),
) as [number, number, number, number, number];

/** A tensor's bytes in the layout, where each begins, and how far it stands from there in memory. */
interface Store {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly starts: readonly number[];
  readonly moved: (index: number) => number;
}

/** A tensor of the tables: how many elements, and how many each of its states has room for. */
interface Length {
  readonly count: number;
  readonly stride: number;
}

interface HostMemory extends DeviceMemory<Float32Array | Uint16Array> {
  readonly layout: MemoryLayout;
  readonly tables: Tables;
  readonly stores: Readonly<Record<Part, Store>>;
  readonly lengths: readonly Length[];
  readonly rows: Float32Array<ArrayBuffer>;
  /** The memory of scalars, empty where there is none. */
  readonly numbers: Float32Array<ArrayBuffer>;
  /** Makes everything unreadable that a submission must write before it reads it. */
  readonly forget: () => void;
}

interface HostLaunch extends Launch {
  readonly memory: HostMemory;
  readonly library: string;
  readonly program: ProgramInfo;
  readonly kernels: readonly (SweepInfo & { readonly start: ReturnType<typeof startOf> })[];
  /** The kernel that says which page is read; null: it is the one that was written. */
  readonly choose: ReturnType<typeof startOf> | null;
}

export function cudaTextOnCpu({ entry, shift, threads, states }: HostDeviceOptions): Device<Float32Array | Uint16Array> {
  return {
    kind: "cuda",
    name: "g++",
    limits: { arenaBytes: 2 ** 34, bindingBytes: 2 ** 34, unified: false },
    profile: ieee,
    lost: new Promise(() => {}),
    lazyRows: true,
    allocate: (layout) => allocate(layout, shift),
    async bind(kernels, program, memory, pageFrom) {
      const library = compileForCpu(await kernels.cuda!());
      const launch: HostLaunch = {
        dispatches: program.sweeps.length,
        memory: memory as HostMemory,
        library,
        program,
        kernels: program.sweeps.map((sweep) => ({ ...sweep, start: startOf(library, sweep.symbol!) })),
        choose: pageFrom === undefined ? null : startOf(library, besides(program.sweeps[0]!, "choose")),
      };
      return launch;
    },
    submit(given, page, rows) {
      const launch = given as HostLaunch;
      const { memory, choose } = launch;
      if (choose === null) memory.rows.fill(Number.NaN);
      memory.forget();
      const pageOf = memory.rows.subarray((page * memory.layout.pageBytes) / 4);
      pageOf.set(rows);
      const before = snapshot(memory);
      if (entry === "model") startAll(launch, choose === null ? pageOf : memory.rows, threads);
      else startEach(launch, pageOf, threads);
      checkUntouched(launch, pageOf, before, states);
    },
    idle: async () => {},
    destroy() {},
  };
}

/** The symbol of a kernel that stands beside a sweep. */
const besides = ({ symbol, name }: SweepInfo, kernel: string) => `${symbol!.slice(0, -name.length)}${kernel}`;

const segmentOf = ({ tensors, words }: Tables, at: number) =>
  tensors.subarray(words * at, words * at + words) as unknown as readonly bigint[];

const addressOf = (array: Uint8Array | BigUint64Array | Float32Array | Uint32Array) => koffi.address(array) as bigint;

/** All kernels of a launch over the whole model; of sweeps one block too many. */
function startAll({ memory, kernels, choose }: HostLaunch, rows: Float32Array<ArrayBuffer>, threads: number): void {
  const { tables, layout, numbers } = memory;
  const table = layout.scalars?.table ?? new Uint32Array(4);
  const chunkCount = BigInt(tables.chunkCount);
  const control = BigUint64Array.of(0n, BigInt(layout.pageBytes / 4));
  const values = BigUint64Array.of(
    addressOf(tables.tensors),
    addressOf(tables.chunks),
    chunkCount,
    addressOf(rows),
    choose === null ? 0n : addressOf(control),
    addressOf(numbers),
    addressOf(table),
  );
  const operands = values.map((_, i) => addressOf(values) + 8n * BigInt(i));
  choose?.(1, 1, operands.subarray(4));
  for (const { kind, workgroup, start } of kernels) {
    // From the rows on, and any number of whole warps.
    if (kind === "finish") start(1, 64, operands.subarray(3));
    else start(tables.chunkCount + 1, workgroup === REDUCE_WORKGROUP ? workgroup : threads, operands);
  }
}

/** The kernel for single tensors, for each of them; a number of the tensor that it does not take is not looked at. */
function startEach({ memory: { tables, lengths }, library, kernels, program }: HostLaunch, rows: Float32Array, threads: number): void {
  for (const [at, { count }] of lengths.entries()) {
    const [param, grad, state, stride, row, index = 0n] = segmentOf(tables, at);
    const address = addressOf(rows) + 4n * BigInt(program.rowWidth) * row!;
    const operands = [param!, grad!, state!, stride!, BigInt(count), address, index];
    startWith(library, `${kernels[0]!.symbol}_tensor`, 3, threads, operands);
  }
}

function allocate(layout: MemoryLayout, shift: HostDeviceOptions["shift"]): HostMemory {
  const [arena, ...others] = layout.arenas;
  if (arena === undefined || others.length > 0 || arena.banks.length !== 1) throw new Error("one arena of one bank");
  const { chunks, stateBytes } = arena.banks[0]!;
  const entries = [...chunks.keys()].filter((word) => word % CHUNK_WORDS === 0);
  const firsts = entries.filter((word) => word === 0 || chunks[word + TENSOR] !== chunks[word - CHUNK_WORDS + TENSOR]);
  const lengths = firsts.map((first): Length => {
    const own = entries.filter((word) => chunks[word + TENSOR] === chunks[first + TENSOR]);
    return { count: own.reduce((sum, word) => sum + chunks[word + COUNT]!, 0), stride: 4 * chunks[first + STRIDE]! };
  });
  const elements = (part: "param" | "grad"): Store => {
    const bytes = formatBytes[layout.formats[part]];
    return createStore(
      arena.elements * bytes,
      firsts.map((word) => 4 * bytes * chunks[word + PARAM]!),
      (index) => bytes * shift(index),
    );
  };
  const stores = {
    param: elements("param"),
    grad: elements("grad"),
    state: createStore(
      stateBytes,
      firsts.map((word) => 16 * chunks[word + STATE]!),
      (index) => 4 * shift(index + 1),
    ),
  };
  const { param, grad, state } = stores;
  const addresses = { param: addressOf(param.bytes), grad: addressOf(grad.bytes), state: addressOf(state.bytes) };
  const tables = createTables([{ layout: arena, ...addresses }], layout);
  for (const at of firsts.keys()) {
    for (const [word, store] of [param, grad, state].entries()) tables.tensors[tables.words * at + word]! += BigInt(store.moved(at));
    for (const part of ["param", "grad"] as const) {
      const from = stores[part].starts[at]! + stores[part].moved(at);
      stores[part].bytes.fill(0, from, from + lengths[at]!.count * formatBytes[layout.formats[part]]);
    }
    state.bytes.fill(0, state.starts[at]! + state.moved(at), (state.starts[at + 1] ?? stateBytes) + state.moved(at));
  }
  const range = (part: Part, offset: number, length: number) => {
    const { bytes, starts, moved } = stores[part];
    const index = starts.findLastIndex((start) => start <= offset);
    return bytes.subarray(offset + moved(index), offset + moved(index) + length);
  };
  const scalars = createScalars(layout.scalars);
  return {
    layout,
    tables,
    stores,
    lengths,
    ...scalars,
    bytes: 0,
    rows: new Float32Array((layout.pageBytes * layout.pages) / 4),
    view(part, _arena, offset, length) {
      const format = layout.formats[part];
      const { buffer, byteOffset } = range(part, offset * formatBytes[format], 0);
      return format === "f32" ? new Float32Array(buffer, byteOffset, length) : new Uint16Array(buffer, byteOffset, length);
    },
    write: (part, _arena, offset, { buffer, byteOffset, byteLength }) =>
      range(part, offset, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength)),
    read: async (part, _arena, offset, bytes) => range(part, offset, bytes).slice(),
    zero() {},
    writeChunks(arenaIndex, bank) {
      tables.setRows(arenaIndex, bank);
      tables.listChunks();
    },
    writeRowChunks: () => tables.listChunks(),
    destroy() {},
  };
}

function createScalars(layout: ScalarLayout | undefined): Pick<HostMemory, "numbers" | "forget" | "scalars"> {
  if (layout === undefined) return { numbers: new Float32Array(1), forget() {} };
  const numbers = new Float32Array(layout.elements);
  const scalars: ScalarMemory = {
    write: (offset, data) => numbers.set(data, offset),
    read: async (offset, length) => numbers.slice(offset, offset + length),
    writeTable() {},
  };
  return { numbers, forget: () => void numbers.fill(Number.NaN, layout.table[TENSOR_HEADER.indexOf("firstPartial")]), scalars };
}

/** Memory in which nothing is a number, on 256 bytes as a GPU's is. */
function createStore(bytes: number, starts: readonly number[], shift: (index: number) => number): Store {
  const length = bytes + (GAP + 16) * (starts.length + 2);
  const room = new Uint8Array(length + 256);
  const aligned = Number((256n - (addressOf(room) % 256n)) % 256n);
  return { bytes: room.subarray(aligned, aligned + length).fill(GUARD), starts, moved: (index) => GAP * index + shift(index) };
}

type Snapshot = Readonly<Record<Part, Uint8Array>>;

function snapshot({ stores: { param, grad, state } }: HostMemory): Snapshot {
  return { param: param.bytes.slice(), grad: grad.bytes.slice(), state: state.bytes.slice() };
}

/** Throws where a byte has changed that is no element of a tensor that takes part. */
function checkUntouched(launch: HostLaunch, rows: Float32Array, before: Snapshot, states: HostDeviceOptions["states"]): void {
  const { stores, lengths, layout } = launch.memory;
  for (const part of ["param", "grad", "state"] as const) {
    if (part === "state" && states === "any") continue;
    const { bytes, starts, moved } = stores[part];
    const expected = before[part].slice();
    for (const [at, { count, stride }] of part === "grad" ? [] : lengths.entries()) {
      for (const variant of variantsOf(launch, rows, at)) {
        const own = [[0, count * formatBytes[layout.formats.param]] as const];
        for (const [from, length] of part === "param" ? own : stateRanges(variant, count, stride, states)) {
          const first = starts[at]! + moved(at) + from;
          expected.set(bytes.subarray(first, first + length), first);
        }
      }
    }
    if (Buffer.compare(expected, bytes) !== 0) throw new Error(`a kernel wrote where no tensor is: ${part}`);
  }
}

/** The variant that a tensor has, none where it is idle; any, where the device chooses the page. */
function variantsOf({ memory, program, choose }: HostLaunch, rows: Float32Array, at: number): readonly VariantInfo[] {
  if (choose !== null) return program.variants;
  const variant = rows[program.rowWidth * Number(segmentOf(memory.tables, at)[4])]!;
  return variant === IDLE_VARIANT ? [] : [program.variants[variant]!];
}

/** Where the states of a tensor are, by the byte behind the first: elements, and the scales of those of 8 bits. */
function stateRanges(
  { stateOffsets }: VariantInfo,
  count: number,
  stride: number,
  states: HostDeviceOptions["states"],
): readonly (readonly [number, number])[] {
  return stateOffsets.flatMap((offset, i): (readonly [number, number])[] => {
    const { format, extent } = (states === "any" ? undefined : states?.[i]) ?? { format: "f32", extent: "elem" };
    if (offset === -1 || extent !== "elem") return [];
    if (format !== "q8s" && format !== "q8u") return [[offset * stride, count * formatBytes[format]]];
    return [
      [offset * stride, count],
      [(offset + 1) * stride, 4 * Math.ceil(count / 256)],
    ];
  });
}
