// WebAssembly modules, compiled once for each content and instantiated for each arena's memory.

import type { Kernels } from "../device.js";
import { OptimizerError } from "../errors.js";
import { withSharedMemory } from "./shared-import.js";

/** NAME(param, grad, state, chunks, count, rows, scalars, tensors): byte addresses and a number of chunks; many take but the first six. */
export type Sweep = (
  param: number,
  grad: number,
  state: number,
  chunks: number,
  count: number,
  rows: number,
  scalars: number,
  tensors: number,
) => void;
/** NAME(rows, scalars, tensors): byte addresses. */
export type Finish = (rows: number, scalars: number, tensors: number) => void;

export interface ModuleCache {
  /** `shared`: for memories that threads share. */
  compile(kernels: Kernels, shared: boolean): Promise<WebAssembly.Module>;
}

export function createModuleCache(): ModuleCache {
  const modules = new Map<string, Promise<WebAssembly.Module>>();
  return {
    async compile(kernels, shared) {
      const base64 = await kernels.wasm();
      const key = `${shared} ${base64}`;
      let compiled = modules.get(key);
      if (compiled === undefined) {
        compiled = compile(base64, shared);
        modules.set(key, compiled);
      }
      return compiled;
    },
  };
}

async function compile(base64: string, shared: boolean): Promise<WebAssembly.Module> {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const module = shared ? withSharedMemory(bytes) : bytes;
  try {
    return await WebAssembly.compile(module);
  } catch (cause) {
    const message =
      "the WebAssembly kernel does not compile here (fixed-width SIMD is needed: Node 16.4, Chrome 91, Firefox 89, Safari 16.4)";
    throw new OptimizerError("kernel", `${message}: ${String(cause)}`, { cause });
  }
}

/** The sweeps and finishes of an instance over one memory, by name. */
export interface Instance {
  sweep(name: string): Sweep;
  finish(name: string): Finish;
}

export async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Instance> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const entry = (kind: string, name: string) => {
    const found = exports[name];
    if (typeof found === "function") return found as unknown;
    throw new OptimizerError("manifest", `the kernel module has no ${kind} ${name}: build the spec again`);
  };
  return { sweep: (name) => entry("sweep", name) as Sweep, finish: (name) => entry("finish", name) as Finish };
}
