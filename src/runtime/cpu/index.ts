// The CPU device: WebAssembly SIMD on all cores, IEEE arithmetic, parameters and gradients shared with the caller without a copy.
// The number of threads changes no bit. A model too small for two threads lives in ordinary memory and never meets the pool.

import { CHUNK_WORDS } from "../../contract/manifest.js";
import { ieee } from "../../numeric/float32.js";
import { formatBytes } from "../../numeric/storage-formats.js";
import type { BankLayout, Device, DeviceLostInfo, DeviceMemory, Launch, MemoryLayout } from "../device.js";
import { DeviceLost, OptimizerError, show } from "../errors.js";
import { createModuleCache, type Finish, instantiate, type Sweep } from "./kernels.js";
import { allocateCpu, type CpuMemory } from "./memory.js";
import { coreCount, whyNoSharing } from "./platform.js";
import { createPool, type SharedLaunch } from "./pool.js";
import { type Call, divideWork, threadsFor } from "./work.js";

/** What WebAssembly can address in 32 bits, less one page so that the end of memory still is an address. */
const MAX_ARENA_BYTES = 2 ** 32 - 65_536;
const MAX_THREADS = 1024;
/** At twice as many, waking a second thread in vain was measured to cost 8 % of a step (7 us); it may save half. */
const ELEMENTS_PER_THREAD = 65_536;
const PATIENCE_MS = 60_000;

export interface CpuOptions {
  /**
   * Threads that work on a step, the calling one among them. "all", the default: one for each core where threads may share memory (in a
   * page: where it is cross-origin isolated), else one. A number is a demand: without shared memory more than 1 is an error.
   */
  readonly threads?: number | "all";
  /** A thread takes part only where it has at least so many elements to work on, 65,536 unless told; a smaller model wakes nobody. */
  readonly elementsPerThread?: number;
  /** Largest single memory in bytes; smaller values spread the parameters over several memories. */
  readonly arenaBytes?: number;
}

type SweepCall = Call & { readonly run: Sweep };

/** A sweep in all arenas, its number among the sweeps and what it does to single rows; or a finish in the first arena. */
type Stage =
  | {
      readonly kind: "sweep";
      readonly sweep: number;
      readonly calls: readonly SweepCall[];
      readonly rowCalls: readonly { readonly bank: BankLayout; readonly call: SweepCall }[];
    }
  | { readonly kind: "finish"; readonly run: Finish };

interface CpuLaunch extends Launch {
  readonly memory: CpuMemory;
  readonly stages: readonly Stage[];
  /** Null: the calling thread works alone. */
  readonly shared: SharedLaunch | null;
  /** Where the number of the page stands that is read; null: it is the one that was written. */
  readonly pageFrom: number | null;
}

/** Ends what belongs to a memory or a device that nobody holds any more. */
const abandoned = new FinalizationRegistry<() => void>((end) => end());

/** Opens the CPU device. Views are live `Float32Array`s; `step()` is done when it returns. */
export async function cpu(options: CpuOptions = {}): Promise<Device<Float32Array>> {
  const threads = threadCount(options.threads ?? "all");
  const elementsPerThread = positive(options.elementsPerThread ?? ELEMENTS_PER_THREAD, "elementsPerThread");
  const modules = createModuleCache();
  const done = Promise.resolve();
  let lostReason: string | null = null;
  let resolveLost: (info: DeviceLostInfo) => void;
  const lost = new Promise<DeviceLostInfo>((resolve) => {
    resolveLost = resolve;
  });
  const lose = (reason: string) => {
    lostReason ??= reason;
    resolveLost({ reason });
  };
  const checkLost = () => {
    if (lostReason !== null) throw new DeviceLost(lostReason);
  };
  const pool = threads === 1 ? null : createPool({ threads, strict: typeof options.threads === "number", patienceMs: PATIENCE_MS }, lose);

  const device: Device<Float32Array> = {
    kind: "cpu",
    name: `WebAssembly SIMD, ${threads === 1 ? "one thread" : `${threads} threads`}`,
    limits: { arenaBytes: options.arenaBytes ?? MAX_ARENA_BYTES, bindingBytes: MAX_ARENA_BYTES, unified: true },
    profile: ieee,
    lost,
    lazyRows: true,
    allocate(layout) {
      checkLost();
      const memory = allocateCpu(layout, threadsFor(elementsOf(layout), threads, elementsPerThread), (launches) => pool?.release(launches));
      const { launches } = memory;
      if (memory.threads > 1) abandoned.register(memory, () => pool?.release(launches));
      // What is kept in 16 bits is seen as Uint16Arrays; which build does that the optimizer's own types know.
      return memory as DeviceMemory<unknown> as DeviceMemory<Float32Array>;
    },
    async bind(kernels, program, memory, pageFrom) {
      checkLost();
      const cpuMemory = memory as CpuMemory;
      const ranges = cpuMemory.threads;
      const memories = cpuMemory.arenas.map((arena) => arena.memory);
      const module = await modules.compile(kernels, ranges > 1);
      const instances = await Promise.all(memories.map((one) => instantiate(module, one)));
      const sweeps = program.sweeps.flatMap(({ kind, name }) => (kind === "finish" ? [] : [name]));
      const stages = program.sweeps.map(({ kind, name }): Stage => {
        if (kind === "finish") return { kind, run: instances[0]!.finish(name) };
        const calls = callsOf(cpuMemory, name).map((call) => ({ ...call, run: instances[call.arena]!.sweep(name) }));
        return { kind: "sweep", sweep: sweeps.indexOf(name), calls, rowCalls: rowCallsOf(cpuMemory, calls) };
      });
      const calls = stages.flatMap((stage) => (stage.kind === "sweep" ? stage.calls : []));
      let shared: SharedLaunch | null = null;
      if (pool !== null && ranges > 1) {
        const work = divideWork(calls, sweeps, ranges, ({ arena, chunks }) => tableAt(cpuMemory, arena, chunks));
        shared = await pool.bind({ module, memories, calls, work });
        cpuMemory.launches.push(shared.id);
        checkLost();
      }
      const finishes = stages.length - sweeps.length;
      const launch: CpuLaunch = { dispatches: calls.length + finishes, memory: cpuMemory, stages, shared, pageFrom: pageFrom ?? null };
      return launch;
    },
    submit(launch, page, rows) {
      checkLost();
      const { memory, stages, shared, pageFrom } = launch as CpuLaunch;
      const { pageBytes } = memory.layout;
      for (const arena of memory.arenas) arena.rows.set(rows, (page * pageBytes) / 4);
      const offset = pageBytes * (pageFrom === null ? page : memory.scalars!.peek(pageFrom, 1)[0]!);
      for (const stage of stages) {
        if (stage.kind === "finish") {
          finish(memory, stage.run, offset);
          continue;
        }
        if (pool !== null && shared !== null) pool.run(shared, stage.sweep, offset);
        else for (const call of stage.calls) runCall(call, call.count, offset);
        for (const { bank, call } of stage.rowCalls) runCall(call, bank.rowChunks!.used, offset);
      }
    },
    idle: () => done,
    destroy() {
      lose("it was destroyed");
      pool?.end();
    },
  };
  if (pool !== null) abandoned.register(device, pool.end);
  return device;
}

function threadCount(given: unknown): number {
  const refused = whyNoSharing();
  if (given === "all") return refused === null ? Math.min(coreCount(), MAX_THREADS) : 1;
  const count = positive(given, "threads");
  if (count > MAX_THREADS) throw new OptimizerError("invalid-setting", `threads must be at most ${MAX_THREADS}, not ${count}`);
  if (count > 1 && refused !== null)
    throw new OptimizerError("no-device", `cpu() cannot use ${count} threads: ${refused}. Or use cpu() with one thread`);
  return count;
}

function positive(given: unknown, name: string): number {
  if (typeof given === "number" && Number.isSafeInteger(given) && given > 0) return given;
  const or = name === "threads" ? ' or "all"' : "";
  throw new OptimizerError("invalid-setting", `${name} must be a whole number from 1 on${or}, not ${show(given)}`);
}

const elementsOf = ({ arenas }: MemoryLayout) => arenas.reduce((sum, { elements }) => sum + elements, 0);

/** Each bank of each arena. */
function callsOf({ arenas, layout }: CpuMemory, sweep: string): Call[] {
  return arenas.flatMap(({ layout: { banks }, sections, chunks }, arena) =>
    banks.map(({ first, stateFirst }, bank) => ({
      arena,
      sweep,
      param: sections.param + first * formatBytes[layout.formats.param],
      grad: sections.grad + first * formatBytes[layout.formats.grad],
      state: sections.state + stateFirst,
      chunks: chunks[bank]!.address,
      count: chunks[bank]!.table.length / CHUNK_WORDS,
      rows: sections.rows,
      scalars: sections.scalars,
      tensors: sections.tensors,
    })),
  );
}

/** What works on single rows, where a bank has such. */
function rowCallsOf({ arenas }: CpuMemory, calls: readonly SweepCall[]) {
  return calls.flatMap((call) => {
    const { layout, chunks, rowChunks } = arenas[call.arena]!;
    const bank = chunks.findIndex(({ address }) => address === call.chunks);
    const table = rowChunks[bank];
    return table ? [{ bank: layout.banks[bank]!, call: { ...call, chunks: table.address } }] : [];
  });
}

function runCall({ run, param, grad, state, chunks, rows, scalars, tensors }: SweepCall, count: number, offset: number): void {
  run(param, grad, state, chunks, count, rows + offset, scalars, tensors);
}

/** On the calling thread, when all threads have ended their part of the sweeps before. */
function finish({ arenas, scalars }: CpuMemory, run: Finish, offset: number): void {
  const { sections } = arenas[0]!;
  scalars!.gather();
  run(sections.rows + offset, sections.scalars, sections.tensors);
  scalars!.spread();
}

const tableAt = ({ arenas }: CpuMemory, arena: number, address: number) =>
  arenas[arena]!.chunks.find((bank) => bank.address === address)!.table;
