// The CUDA device: one launch a sweep for a whole model, whatever its tensors and arenas, on one stream.

import { CHUNK_ELEMENTS, type ProgramInfo, ROW_PAGES, type SweepInfo } from "../../contract/manifest.js";
import { ieee } from "../../numeric/float32.js";
import type { Device, Kernels, Launch } from "../device.js";
import { OptimizerError, show } from "../errors.js";
import type { GpuPointer } from "../types.js";
import { readCallerMemory } from "./caller-memory.js";
import type { Driver } from "./driver.js";
import { allocateCuda, type OptimizerMemory } from "./memory.js";
import { createReader } from "./read-back.js";

/** The optimizer works in memory of the GPU; views are addresses. */
export interface CudaDevice extends Device<GpuPointer> {
  readonly kind: "cuda";
  /** `sm_90`. */
  readonly architecture: string;
}

/** One launch: a kernel, its threads, and where the list of its operands starts in the block's. */
interface Kernel {
  readonly kind: SweepInfo["kind"];
  readonly handle: bigint;
  readonly threads: number;
}

interface CudaLaunch extends Launch {
  readonly memory: OptimizerMemory;
  readonly kernels: readonly Kernel[];
  /** For each page, the address of the list of the kernel's operands. */
  readonly operands: readonly bigint[];
  /** The same where the device itself counts, and the kernel that counts with its operands. */
  readonly counted: { readonly operands: bigint; readonly advance: bigint; readonly advanceOperands: bigint };
  /** The device always counts, before the kernels: it says itself which steps were taken. */
  readonly chooses: boolean;
}

/**
 * A page's block: the operands tensors, chunks, chunk_count, rows, control, scalars, table; then their addresses. chunk_count is all that
 * the table has room for: a launch has as many blocks as there are entries.
 */
const OPERANDS = 7;
/** A sweep takes them from the first one on, a finish from `rows` on, the kernel that counts from `control` on. */
const FIRST_OPERAND = { sweep: 0, finish: 3, advance: 4 } as const;
const BLOCK_WORDS = 2 * OPERANDS;
/** Chunk offsets are counted in 32 bits of four elements, which have two bytes or more. */
const ARENA_BYTES = 2 ** 35;

export interface CudaDeviceParts {
  readonly driver: Driver;
  readonly stream: bigint;
  readonly machineCode: (text: string) => Uint8Array;
}

export function createCudaDevice({ driver, stream, machineCode }: CudaDeviceParts): CudaDevice {
  const { calls, check, koffi } = driver;
  const reader = createReader(driver, stream);
  const modules = new Map<string, bigint>();
  const memories = new Set<OptimizerMemory>();
  const blocks = new Map<OptimizerMemory, bigint[]>();

  function moduleOf(text: string): bigint {
    const known = modules.get(text);
    if (known !== undefined) return known;
    const image = machineCode(text);
    const loaded = driver.within(() => driver.read((out) => calls.cuModuleLoadData(out, image), "loading the kernels"));
    modules.set(text, loaded);
    return loaded;
  }

  /** The kernels' operands for every page of rows, and for the ring of pages, made once, in memory that does not move. */
  function operandsOf(memory: OptimizerMemory): bigint[] {
    const start = koffi.alloc("uint64_t", BLOCK_WORDS * (ROW_PAGES + 1));
    blocks.set(memory, [...(blocks.get(memory) ?? []), start]);
    const words = new BigUint64Array(koffi.view(start, BLOCK_WORDS * (ROW_PAGES + 1) * 8));
    const { tensors, chunks, rows, control, numbers, table, tables, layout } = memory;
    return Array.from({ length: ROW_PAGES + 1 }, (_, page) => {
      const at = page * BLOCK_WORDS;
      const own = page < ROW_PAGES ? [rows + BigInt(page * layout.pageBytes), 0n] : [rows, control];
      words.set([tensors, chunks, BigInt(tables.chunks.length / tables.chunkWords), ...own, numbers, table], at);
      for (let i = 0; i < OPERANDS; i++) words[at + OPERANDS + i] = start + BigInt(8 * (at + i));
      return start + BigInt(8 * (at + OPERANDS));
    });
  }

  function sendRows(memory: OptimizerMemory, page: number, rows: Float32Array<ArrayBuffer>): void {
    const at = memory.rows + BigInt(page * memory.layout.pageBytes);
    check(calls.cuMemcpyHtoDAsync(at, rows, rows.byteLength, stream), "copying coefficients to the GPU");
  }

  function start({ memory, kernels }: CudaLaunch, operands: bigint, target: bigint): void {
    for (const { kind, handle, threads } of kernels) {
      const blocks = kind === "sweep" ? memory.tables.chunkCount : 1;
      const own = operands + BigInt(8 * FIRST_OPERAND[kind]);
      if (blocks > 0) check(calls.cuLaunchKernel(handle, blocks, 1, 1, threads, 1, 1, 0, target, own, 0), "starting a kernel");
    }
  }

  /** All that a graph records; `counted` says for each step where it reads. */
  function startCounted(launch: CudaLaunch, target: bigint): void {
    const { counted, chooses } = launch;
    const count = () =>
      check(calls.cuLaunchKernel(counted.advance, 1, 1, 1, 1, 1, 1, 0, target, counted.advanceOperands, 0), "starting a kernel");
    if (chooses) count();
    start(launch, counted.operands, target);
    if (!chooses) count();
  }

  /** What the device counts from, and how long its pages are. */
  function setControl({ control, layout }: OptimizerMemory, page: number): void {
    const words = BigUint64Array.of(BigInt(page), BigInt(layout.pageBytes / 4));
    check(calls.cuMemcpyHtoDAsync(control, words, words.byteLength, stream), "setting the count of steps on the GPU");
  }

  const onDestroy = (memory: OptimizerMemory) => {
    memories.delete(memory);
    for (const block of blocks.get(memory) ?? []) koffi.free(block);
    blocks.delete(memory);
  };

  return {
    kind: "cuda",
    name: driver.name,
    architecture: driver.architecture,
    limits: { arenaBytes: ARENA_BYTES, bindingBytes: ARENA_BYTES - CHUNK_ELEMENTS * 4, unified: false },
    profile: ieee,
    lost: driver.lost,
    lazyRows: true,
    adopt: ({ buffer, offset }, elements, format, label) => {
      driver.checkLost();
      return readCallerMemory(driver, buffer, { offset, elements, format, label, code: "invalid-parameter" });
    },
    allocate(layout) {
      driver.checkLost();
      const memory = allocateCuda({ driver, stream, layout, reader, onDestroy });
      memories.add(memory);
      return memory;
    },
    async bind(kernels, program, memory, pageFrom) {
      const text = await textOf(kernels);
      driver.checkLost();
      const bound = memory as OptimizerMemory;
      const loaded = moduleOf(text);
      const find = (symbol: string): bigint =>
        driver.within(() => driver.read((out) => calls.cuModuleGetFunction(out, loaded, symbol), `finding the kernel ${symbol}`));
      const symbols = symbolsOf(program);
      const chooses = pageFrom !== undefined;
      if (chooses) driver.within(() => setControl(bound, 0));
      const launched = program.sweeps.map(({ kind, workgroup }, i): Kernel => {
        return { kind: kind === "finish" ? kind : "sweep", handle: find(symbols[i]!), threads: workgroup };
      });
      const operands = operandsOf(bound);
      const ring = operands.pop()!;
      const counted = {
        operands: ring,
        advance: find(besides(symbols[0]!, program.sweeps[0]!.name, chooses ? "choose" : "advance")),
        advanceOperands: ring + BigInt(8 * FIRST_OPERAND.advance),
      };
      const launch: CudaLaunch = {
        dispatches: launched.length + (chooses ? 1 : 0),
        memory: bound,
        kernels: launched,
        operands,
        counted,
        chooses,
      };
      return launch;
    },
    submit(launch, page, rows) {
      const { memory, operands, chooses } = launch as CudaLaunch;
      driver.within(() => {
        memory.prepare();
        sendRows(memory, page, rows);
        memory.nextPage = null;
        if (chooses) startCounted(launch as CudaLaunch, stream);
        else start(launch as CudaLaunch, operands[page]!, stream);
      });
    },
    prepare(launch, page, rows) {
      const { memory, chooses } = launch as CudaLaunch;
      driver.within(() => {
        memory.prepare();
        sendRows(memory, page, rows);
        if (!chooses && memory.nextPage !== page) setControl(memory, page);
        memory.nextPage = (page + 1) % ROW_PAGES;
      });
    },
    capture(launch, target) {
      if (typeof target !== "bigint") throw new OptimizerError("encode", `capture takes a CUstream as a bigint, not ${show(target)}`);
      driver.within(() => startCounted(launch as CudaLaunch, target));
    },
    idle: () => reader.idle(),
    destroy() {
      for (const memory of [...memories]) memory.destroy();
      reader.close();
      for (const loaded of modules.values()) driver.release(() => calls.cuModuleUnload(loaded));
      modules.clear();
      driver.close();
    },
  };
}

async function textOf({ cuda }: Kernels): Promise<string> {
  if (cuda !== undefined) return cuda();
  throw new OptimizerError("manifest", "the generated module has no CUDA kernels: build the spec again with this version of optspec");
}

/** Beside the sweep `SPACE_NAME` stands the kernel that counts, such as `SPACE_advance`. */
function besides(symbol: string, name: string, kernel: "advance" | "choose"): string {
  return `${symbol.slice(0, -name.length)}${kernel}`;
}

function symbolsOf({ sweeps }: ProgramInfo): string[] {
  return sweeps.map(({ name, symbol }) => {
    if (symbol !== undefined) return symbol;
    throw new OptimizerError("manifest", `the manifest names no CUDA kernel for the sweep ${name}: build the spec again`);
  });
}
