// Generated CUDA texts compiled by g++ for the CPU (fixtures/cuda/cuda-on-cpu.h), as functions to call.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { missingDevice } from "../device/missing-device.js";

const HEADER = fileURLToPath(new URL("../fixtures/cuda/cuda-on-cpu.h", import.meta.url));

export function whyNoGcc(): string | undefined {
  const { status } = spawnSync("g++", ["--version"]);
  return status === 0 ? undefined : missingDevice("g++", "apt-get install g++");
}

export interface CpuKernels {
  /** One tensor: addresses of param, grad, state and of its row. */
  readonly tensor: (
    blocks: number,
    threads: number,
    param: bigint,
    grad: bigint,
    state: bigint,
    stateStride: bigint,
    count: bigint,
    row: bigint,
  ) => void;
}

const folder = mkdtempSync(join(tmpdir(), "optspec-cuda-on-cpu-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/**
 * A shared library with each kernel KERNEL as `start_KERNEL`, which takes the blocks, the threads and the addresses of the
 * `operands_of_KERNEL()` operands, as the driver does; and those of single tensors as `run_KERNEL` with their own parameters.
 */
export function compileForCpu(text: string): string {
  if (!libraries.has(text)) compileTogether([text], "-O2");
  return libraries.get(text)!;
}

/** Libraries by a text that they hold. */
const libraries = new Map<string, string>();

/** One library, by one call of the compiler, for many texts of different namespaces. */
export function compileTogether(texts: readonly string[], optimize: "-O0" | "-O2"): void {
  const name = createHash("sha256").update(texts.join("")).digest("hex").slice(0, 16);
  const library = join(folder, `${name}.so`);
  const source = join(folder, `${name}.cpp`);
  writeFileSync(source, `#include "${HEADER}"\n${texts.map(withRunners).join("\n")}`);
  const flags = [
    "-std=c++17",
    optimize,
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unused-function",
    "-Wno-unused-parameter",
  ];
  const made = spawnSync("g++", [...flags, "-shared", "-fPIC", "-o", `${library}.new`, source], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  renameSync(`${library}.new`, library);
  for (const text of texts) libraries.set(text, library);
}

function withRunners(text: string): string {
  const symbols = [...text.matchAll(/^extern "C" __global__ .* (\w+)_tensor\(/gm)].map((match) => match[1]!);
  const runners = symbols.map(
    (symbol) => `
extern "C" void run_${symbol}_tensor(unsigned int blocks, unsigned int threads, float* param, const float* grad, float* state,
    unsigned long long state_stride, unsigned long long count, const float* row) {
  launch(${symbol}_tensor, blocks, threads, param, grad, state, state_stride, count, row);
}`,
  );
  const kernels = [...text.matchAll(/^extern "C" __global__ .*?(\w+)\((?!\d)/gm)].map((match) => match[1]!);
  const starters = kernels.map(
    (kernel) => `
extern "C" void start_${kernel}(unsigned int blocks, unsigned int threads, void** operands) { start(${kernel}, blocks, threads, operands); }
extern "C" unsigned int operands_of_${kernel}() { return count_operands(${kernel}); }`,
  );
  return `${text}\n${[...runners, ...starters].join("\n")}\n`;
}

export function loadCpuKernels(library: string, symbol: string): CpuKernels {
  const loaded = koffi.load(library);
  return {
    tensor: loaded.func(
      `void run_${symbol}_tensor(uint32_t, uint32_t, uintptr_t, uintptr_t, uintptr_t, uint64_t, uint64_t, uintptr_t)`,
    ) as unknown as CpuKernels["tensor"],
  };
}

/** Starts a kernel with the addresses of its operands. */
export function startOf(library: string, kernel: string): (blocks: number, threads: number, operands: BigUint64Array) => void {
  return koffi.load(library).func(`void start_${kernel}(uint32_t, uint32_t, void*)`) as unknown as ReturnType<typeof startOf>;
}
