// The CUDA device over a driver that pretends (fixtures/cuda/pretend-driver.cpp), with the real NVRTC: all that a GPU would do is done by
// g++'s translation of the same text.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { type CudaDevice, type CudaOptions, cuda } from "../../../src/runtime/cuda/index.js";
import { compileForCpu, whyNoGcc } from "../../compilers/cuda-on-cpu.js";
import { nvrtcPath, whyNoCuda } from "../../compilers/cuda-toolchain.js";

export const whyNoPretence = whyNoGcc() ?? whyNoCuda;

const folder = mkdtempSync(join(tmpdir(), "optspec-pretend-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
export const pretendDriver = join(folder, "libcuda.so.1");
/** The user's cache folder of these tests. */
export const cacheHome = join(folder, "cache");

function build(): void {
  if (existsSync(pretendDriver)) return;
  const source = fileURLToPath(new URL("../../fixtures/cuda/pretend-driver.cpp", import.meta.url));
  const made = spawnSync("g++", ["-std=c++17", "-O1", "-Wall", "-shared", "-fPIC", "-o", pretendDriver, source], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
}

export type Machine = Partial<
  Record<"INIT" | "VERSION" | "COUNT" | "CAPABILITY" | "MEMORY" | "ORDINAL" | "REFUSES_MODULE" | "LAUNCH", string>
>;

/** What machine the driver plays from now on. */
export function playMachine(machine: Machine): void {
  for (const name of Object.keys(process.env)) if (name.startsWith("PRETEND_") && name !== "PRETEND_KERNELS") delete process.env[name];
  for (const [name, value] of Object.entries(machine)) process.env[`PRETEND_${name}`] = value;
  process.env.XDG_CACHE_HOME = cacheHome;
}

/** Opens the device; `text` is the CUDA text whose kernels it will run. */
export async function pretendCuda(text: string, options: CudaOptions = {}): Promise<CudaDevice> {
  build();
  process.env.PRETEND_KERNELS = compileForCpu(text);
  return cuda({ driver: pretendDriver, nvrtc: nvrtcPath, ...options });
}

/** Allocations, contexts and pinned memory that were not given back. */
export function leftInDriver(): number {
  build();
  const left = koffi.load(pretendDriver).func("uint64_t pretend_left()") as () => number | bigint;
  return Number(left());
}

/** Memory of the "GPU" for tests that play its owner. */
export function allocateOnGpu(data: Float32Array): { readonly pointer: bigint; readonly bytes: number } {
  const library = koffi.load(pretendDriver);
  const push = library.func("int cuCtxPushCurrent_v2(uintptr_t context)");
  const pop = library.func("int cuCtxPopCurrent_v2(void* out)");
  const allocate = library.func("int cuMemAlloc_v2(void* out, size_t bytes)");
  const copy = library.func("int cuMemcpyHtoDAsync_v2(uint64_t to, void* from, size_t bytes, uintptr_t stream)");
  const out = new BigUint64Array(new ArrayBuffer(64));
  if (push(77) !== 0 || allocate(out, data.byteLength) !== 0) throw new Error("no memory");
  const pointer = out[0]!;
  copy(pointer, data, data.byteLength, 0);
  pop(out);
  return { pointer, bytes: data.byteLength };
}

export function freeOnGpu({ pointer }: { readonly pointer: bigint }): void {
  const library = koffi.load(pretendDriver);
  const out = new BigUint64Array(new ArrayBuffer(64));
  library.func("int cuCtxPushCurrent_v2(uintptr_t context)")(77);
  library.func("int cuMemFree_v2(uint64_t address)")(pointer);
  library.func("int cuCtxPopCurrent_v2(void* out)")(out);
}

/** The numbers at an address of the "GPU". */
export function readOnGpu(pointer: bigint, length: number): Float32Array {
  return new Float32Array(koffi.view(pointer, length * 4).slice(0));
}
