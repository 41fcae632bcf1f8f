// WebAssembly modules, compiled once for each content and instantiated for each arena's memory.

import type { Kernels } from "../device.js";
import { OptimizerError } from "../errors.js";

/** NAME(param, grad, state, chunks, count, rows): byte addresses and a number of chunks. */
export type Sweep = (param: number, grad: number, state: number, chunks: number, count: number, rows: number) => void;

export interface ModuleCache {
  compile(kernels: Kernels): Promise<WebAssembly.Module>;
}

export function createModuleCache(): ModuleCache {
  const modules = new Map<string, Promise<WebAssembly.Module>>();
  return {
    async compile(kernels) {
      const base64 = await kernels.wasm();
      let compiled = modules.get(base64);
      if (compiled === undefined) {
        compiled = compile(base64);
        modules.set(base64, compiled);
      }
      return compiled;
    },
  };
}

async function compile(base64: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  } catch (cause) {
    const message =
      "the WebAssembly kernel does not compile here (fixed-width SIMD is needed: Node 16.4, Chrome 91, Firefox 89, Safari 16.4)";
    throw new OptimizerError("kernel", `${message}: ${String(cause)}`, { cause });
  }
}

/** The sweeps of an instance over one memory, by name. */
export async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<(sweep: string) => Sweep> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return (sweep) => {
    const entry = exports[sweep];
    if (typeof entry !== "function") throw new OptimizerError("manifest", `the kernel module has no sweep ${sweep}: build the spec again`);
    return entry as Sweep;
  };
}
