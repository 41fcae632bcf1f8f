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

const folder = mkdtempSync(join(tmpdir(), "optspec-cuda-on-cpu-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/**
 * A shared library with each kernel KERNEL as `start_KERNEL`, which takes the blocks, the threads and the addresses of the
 * `operands_of_KERNEL()` operands, as the driver does.
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
  writeFileSync(source, `#include "${HEADER}"\n${texts.map(withStarters).join("\n")}`);
  const flags = [
    "-std=c++17",
    optimize,
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unused-function",
    "-Wno-unused-parameter",
    "-Wno-unknown-pragmas",
  ];
  const made = spawnSync("g++", [...flags, "-shared", "-fPIC", "-o", `${library}.new`, source], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  renameSync(`${library}.new`, library);
  for (const text of texts) libraries.set(text, library);
}

function withStarters(text: string): string {
  const kernels = [...text.matchAll(/^extern "C" __global__ .*?(\w+)\((?!\d)/gm)].map((match) => match[1]!);
  const starters = kernels.map(
    (kernel) => `
extern "C" void start_${kernel}(unsigned int blocks, unsigned int threads, void** operands) { start(${kernel}, blocks, threads, operands); }
extern "C" unsigned int operands_of_${kernel}() { return count_operands(${kernel}); }`,
  );
  return `${text}\n${starters.join("\n")}\n`;
}

/** Starts a kernel with the addresses of its operands. */
export function startOf(library: string, kernel: string): (blocks: number, threads: number, operands: BigUint64Array) => void {
  return koffi.load(library).func(`void start_${kernel}(uint32_t, uint32_t, void*)`) as unknown as ReturnType<typeof startOf>;
}

/** The same with operands of at most 64 bits by their values. */
export function startWith(library: string, kernel: string, blocks: number, threads: number, values: readonly bigint[]): void {
  const words = BigUint64Array.from(values);
  const first = koffi.address(words) as bigint;
  startOf(library, kernel)(
    blocks,
    threads,
    words.map((_, i) => first + 8n * BigInt(i)),
  );
}
