// A device whose kernels are the generated CUDA text compiled by g++, in memory of the host. Tensors can be moved off their alignment,
// each by another number of floats, to meet every path of the kernels; numbers that nobody may touch stand between them.

import koffi from "koffi";
import { CHUNK_FIELDS, CHUNK_WORDS, REDUCE_WORKGROUP, type SweepInfo, TENSOR_HEADER } from "../../src/contract/manifest.js";
import { ieee } from "../../src/numeric/float32.js";
import { createTables, type Tables } from "../../src/runtime/cuda/tables.js";
import type { Device, DeviceMemory, Launch, MemoryLayout, Part, ScalarLayout, ScalarMemory } from "../../src/runtime/device.js";
import { compileForCpu, loadCpuKernels, startOf } from "./cuda-on-cpu.js";

export interface HostDeviceOptions {
  readonly entry: "model" | "tensor";
  /** Moves tensor `index` by so many floats, the states by one more. */
  readonly shift: (index: number) => number;
  /** Of a block of a kernel that takes any number of them. */
  readonly threads: number;
}

const GUARD = 0x7fa5a5a5;
/** Floats between tensors, besides those that move them. */
const GAP = 8;
const [PARAM, STATE, STRIDE, TENSOR] = (["param", "state", "stateStride", "tensor"] as const).map((field) =>
  CHUNK_FIELDS.indexOf(field),
) as [number, number, number, number];

/** A tensor in the layout's elements: where its numbers begin, how many runs of them there are, and how far these are apart. */
interface Run {
  readonly start: number;
  readonly runs: number;
  readonly stride: number;
}

/** One kind of memory: tensor `index` stands `GAP * index + shift(index)` floats further than the layout says. */
interface Store {
  readonly numbers: Float32Array<ArrayBuffer>;
  readonly runs: readonly Run[];
  readonly moved: (index: number) => number;
}

interface HostMemory extends DeviceMemory<Float32Array> {
  readonly layout: MemoryLayout;
  readonly tables: Tables;
  readonly rows: Float32Array<ArrayBuffer>;
  /** The memory of scalars, empty where there is none. */
  readonly numbers: Float32Array<ArrayBuffer>;
  /** Makes everything unreadable that a submission must write before it reads it. */
  readonly forget: () => void;
  /** Whether no number between tensors was touched. */
  readonly isClean: () => boolean;
}

interface HostLaunch extends Launch {
  readonly memory: HostMemory;
  readonly library: string;
  readonly kernels: readonly (SweepInfo & { readonly start: ReturnType<typeof startOf> })[];
  readonly rowWidth: number;
  /** The kernel that says which page is read; null: it is the one that was written. */
  readonly choose: ReturnType<typeof startOf> | null;
}

export function cudaTextOnCpu({ entry, shift, threads }: HostDeviceOptions): Device<Float32Array> {
  return {
    kind: "cuda",
    name: "g++",
    limits: { arenaBytes: 2 ** 34, bindingBytes: 2 ** 34, unified: false },
    profile: ieee,
    lost: new Promise(() => {}),
    allocate: (layout) => allocate(layout, shift),
    async bind(kernels, program, memory, pageFrom) {
      const library = compileForCpu(await kernels.cuda!());
      const launch: HostLaunch = {
        dispatches: program.sweeps.length,
        memory: memory as HostMemory,
        library,
        kernels: program.sweeps.map((sweep) => ({ ...sweep, start: startOf(library, sweep.symbol!) })),
        rowWidth: program.rowWidth,
        choose: pageFrom === undefined ? null : startOf(library, besides(program.sweeps[0]!, "choose")),
      };
      return launch;
    },
    submit(launch, page, rows) {
      const { memory, library, kernels, rowWidth, choose } = launch as HostLaunch;
      const { tables, layout } = memory;
      if (choose === null) memory.rows.fill(Number.NaN);
      memory.forget();
      const pageOf = memory.rows.subarray((page * layout.pageBytes) / 4);
      pageOf.set(rows);
      if (entry === "model") startAll(launch as HostLaunch, choose === null ? pageOf : memory.rows, threads);
      for (const { at, count } of entry === "tensor" ? lengthsOf(tables) : []) {
        const [param, grad, state, stride, row] = segmentOf(tables, at);
        const address = koffi.address(pageOf) + 4n * BigInt(rowWidth) * row!;
        loadCpuKernels(library, kernels[0]!.symbol!).tensor(3, threads, param!, grad!, state!, stride!, count, address);
      }
      if (!memory.isClean()) throw new Error("a kernel wrote where no tensor is");
    },
    idle: async () => {},
    destroy() {},
  };
}

/** The symbol of a kernel that stands beside a sweep. */
const besides = ({ symbol, name }: SweepInfo, kernel: string) => `${symbol!.slice(0, -name.length)}${kernel}`;

const segmentOf = ({ tensors, words }: Tables, at: number) =>
  tensors.subarray(words * at, words * at + words) as unknown as readonly bigint[];

/** All kernels of a launch over the whole model; of sweeps one block too many. */
function startAll({ memory, kernels, choose }: HostLaunch, rows: Float32Array<ArrayBuffer>, threads: number): void {
  const { tables, layout, numbers } = memory;
  const address = (array: BigUint64Array | Float32Array | Uint32Array) => koffi.address(array) as bigint;
  const table = layout.scalars?.table ?? new Uint32Array(4);
  const chunkCount = BigInt(tables.chunkCount);
  const control = BigUint64Array.of(0n, BigInt(layout.pageBytes / 4));
  const values = BigUint64Array.of(
    address(tables.tensors),
    address(tables.chunks),
    chunkCount,
    address(rows),
    choose === null ? 0n : address(control),
    address(numbers),
    address(table),
  );
  const operands = values.map((_, i) => address(values) + 8n * BigInt(i));
  choose?.(1, 1, operands.subarray(4));
  for (const { kind, workgroup, start } of kernels) {
    // From the rows on, and any number of whole warps.
    if (kind === "finish") start(1, 64, operands.subarray(3));
    else start(tables.chunkCount + 1, workgroup === REDUCE_WORKGROUP ? workgroup : threads, operands);
  }
}

/** The number of elements of each tensor of the tables. */
function lengthsOf({ chunks }: Tables): { readonly at: number; readonly count: bigint }[] {
  const lengths: bigint[] = [];
  for (let i = 0; i < chunks.length; i += 2) {
    const at = Number(chunks[i + 1]! >> 32n);
    lengths[at] = chunks[i]! + (chunks[i + 1]! & 0xffff_ffffn);
  }
  return lengths.map((count, at) => ({ at, count }));
}

function allocate(layout: MemoryLayout, shift: HostDeviceOptions["shift"]): HostMemory {
  const [arena, ...others] = layout.arenas;
  if (arena === undefined || others.length > 0 || arena.banks.length !== 1) throw new Error("one arena of one bank");
  const { chunks, stateElements } = arena.banks[0]!;
  const firsts = [...chunks.keys()].filter(
    (word) => word % CHUNK_WORDS === 0 && (word === 0 || chunks[word + TENSOR] !== chunks[word - CHUNK_WORDS + TENSOR]),
  );
  const states = firsts.map((word, i): Run => {
    const [start, stride] = [4 * chunks[word + STATE]!, 4 * chunks[word + STRIDE]!];
    const end = i + 1 < firsts.length ? 4 * chunks[firsts[i + 1]! + STATE]! : stateElements;
    return { start, stride, runs: (end - start) / stride };
  });
  const single = firsts.map((word): Run => ({ start: 4 * chunks[word + PARAM]!, stride: 0, runs: 1 }));
  const stores: Record<Part, Store> = {
    param: createStore(arena.elements, single, shift),
    grad: createStore(arena.elements, single, shift),
    state: createStore(arena.stateElements, states, (index) => shift(index + 1)),
  };
  const address = (part: Part) => koffi.address(stores[part].numbers) as bigint;
  const addresses = { param: address("param"), grad: address("grad"), state: address("state") };
  const tables = createTables([{ layout: arena, ...addresses }], layout.scalars);
  const lengths = lengthsOf(tables);
  for (const { at, count } of lengths) {
    for (const [word, part] of (["param", "grad", "state"] as const).entries()) {
      tables.tensors[tables.words * at + word]! += 4n * BigInt(stores[part].moved(at));
      forEachRun(stores[part], at, Number(count), (numbers) => numbers.fill(0));
    }
  }
  const range = (part: Part, offset: number, length: number) => {
    const { numbers, runs, moved } = stores[part];
    const index = runs.findLastIndex(({ start }) => start <= offset);
    return numbers.subarray(offset + moved(index), offset + moved(index) + length);
  };
  const scalars = createScalars(layout.scalars);
  return {
    layout,
    tables,
    ...scalars,
    bytes: 0,
    rows: new Float32Array((layout.pageBytes * layout.pages) / 4),
    isClean: () => Object.values(stores).every((store) => isClean(store, lengths)),
    view: (part, _arena, offset, length) => range(part, offset, length),
    write: (part, _arena, offset, data) => range(part, offset, data.length).set(data),
    read: async (part, _arena, offset, length) => range(part, offset, length).slice(),
    zero() {},
    writeChunks: (arenaIndex, bank) => tables.setRows(arenaIndex, bank),
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

/** Memory in which every number says that nobody may touch it. */
function createStore(elements: number, runs: readonly Run[], shift: (index: number) => number): Store {
  const numbers = new Float32Array(elements + GAP * (runs.length + 2));
  new Uint32Array(numbers.buffer).fill(GUARD);
  return { numbers, runs, moved: (index) => GAP * index + shift(index) };
}

function forEachRun({ numbers, runs, moved }: Store, at: number, count: number, visit: (numbers: Float32Array) => void): void {
  const { start, runs: times, stride } = runs[at]!;
  for (let run = 0; run < times; run++) visit(numbers.subarray(start + run * stride + moved(at), start + run * stride + moved(at) + count));
}

/** Whether every number that is no tensor's still says so. */
function isClean(store: Store, lengths: readonly { readonly at: number; readonly count: bigint }[]): boolean {
  const copy: Store = { ...store, numbers: store.numbers.slice() };
  const guards = new Uint32Array(copy.numbers.buffer);
  for (const { at, count } of lengths)
    forEachRun(copy, at, Number(count), (numbers) => new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length).fill(GUARD));
  return guards.every((word) => word === GUARD);
}
