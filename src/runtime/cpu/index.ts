// The CPU device: WebAssembly SIMD on one thread, IEEE arithmetic, parameters and gradients shared with the caller without a copy.

import { CHUNK_WORDS } from "../../contract/manifest.js";
import { ieee } from "../../numeric/float32.js";
import type { Device, DeviceLostInfo, Launch } from "../device.js";
import { createModuleCache, instantiate, type Sweep } from "./kernels.js";
import { allocateCpu, type CpuMemory } from "./memory.js";

/** What WebAssembly can address in 32 bits, less one page so that the end of memory still is an address. */
const MAX_ARENA_BYTES = 2 ** 32 - 65_536;

export interface CpuOptions {
  /** Largest single memory in bytes; smaller values spread the parameters over several memories. */
  readonly arenaBytes?: number;
}

/** One call of a sweep over a bank: byte addresses in the arena's memory. */
interface Call {
  readonly sweep: Sweep;
  readonly param: number;
  readonly grad: number;
  readonly state: number;
  readonly chunks: number;
  readonly count: number;
  readonly rows: number;
}

interface CpuLaunch extends Launch {
  readonly memory: CpuMemory;
  readonly calls: readonly Call[];
}

/** Opens the CPU device. Views are live `Float32Array`s; `step()` is done when it returns. */
export async function cpu(options: CpuOptions = {}): Promise<Device<Float32Array>> {
  const modules = createModuleCache();
  const done = Promise.resolve();
  return {
    kind: "cpu",
    name: "WebAssembly SIMD, one thread",
    limits: { arenaBytes: options.arenaBytes ?? MAX_ARENA_BYTES, bindingBytes: MAX_ARENA_BYTES, unified: true },
    profile: ieee,
    lost: new Promise<DeviceLostInfo>(() => {}),
    allocate: allocateCpu,
    async bind(kernels, program, memory) {
      const cpuMemory = memory as CpuMemory;
      const { arenas } = cpuMemory;
      const module = await modules.compile(kernels);
      const instances = await Promise.all(arenas.map((arena) => instantiate(module, arena.memory)));
      const calls: Call[] = [];
      for (const { name } of program.sweeps) {
        for (const [index, { layout, sections, chunks }] of arenas.entries()) {
          for (const [bank, { first, stateFirst }] of layout.banks.entries()) {
            const { address, table } = chunks[bank]!;
            calls.push({
              sweep: instances[index]!(name),
              param: sections.param + first * 4,
              grad: sections.grad + first * 4,
              state: sections.state + stateFirst * 4,
              chunks: address,
              count: table.length / CHUNK_WORDS,
              rows: sections.rows,
            });
          }
        }
      }
      const launch: CpuLaunch = { dispatches: calls.length, memory: cpuMemory, calls };
      return launch;
    },
    submit(launch, page, rows) {
      const { memory, calls } = launch as CpuLaunch;
      const { pageBytes } = memory.layout;
      for (const arena of memory.arenas) arena.rows.set(rows, (page * pageBytes) / 4);
      for (const call of calls) {
        call.sweep(call.param, call.grad, call.state, call.chunks, call.count, call.rows + page * pageBytes);
      }
    },
    idle: () => done,
    destroy() {},
  };
}
