// Many programs at once: each compiled by itself, their CUDA texts by one call of g++, and each run on every device.

import { cpu } from "optspec/cpu";
import { type CompiledOptimizer, compile } from "../../src/compiler/compile.js";
import type { Device } from "../../src/runtime/device.js";
import { compileTogether } from "../compilers/cuda-on-cpu.js";
import { cudaTextOnCpu } from "../compilers/cuda-on-cpu-device.js";
import { type Program, printProgram } from "./program.js";
import { runEverywhere, type Target } from "./run-everywhere.js";
import { openSoftwareGpu } from "./software-gpu.js";

/** Why the compiler may refuse a program that is well-typed: by values that it computes, and by limits. */
const refusals = [
  "first-step-not-finite",
  "not-in-f32",
  "division-by-zero",
  "too-many-variants",
  "too-many-states",
  "pinned-local",
  "unknown-option-word",
];

/** The targets that this machine has. */
export async function openTargets(wanted: readonly Target["name"][]): Promise<readonly Target[]> {
  const makers: Record<Target["name"], () => Promise<Device>> = {
    cpu: () => cpu() as Promise<Device>,
    cuda: async () =>
      cudaTextOnCpu({ entry: "model", shift: (index) => [0, 1, 0, 2, 3][index % 5]!, threads: 32, states: "any" }) as Device,
    webgpu: openSoftwareGpu,
  };
  return Promise.all(wanted.map(async (name) => ({ name, device: await makers[name]() })));
}

export interface Tally {
  /** Programs that ran on every target without a difference. */
  equal: number;
  /** Programs that some step refused on every target: their coefficients are not finite. */
  refused: number;
  /** Programs that the compiler refused, by the code of the first error. */
  readonly rejected: Record<string, number>;
  /** Compared numbers. */
  compared: number;
  /** Steps that an interpreter skipped. */
  skipped: number;
  readonly failures: { readonly index: number; readonly text: string; readonly what: string }[];
}

export const emptyTally = (): Tally => ({ equal: 0, refused: 0, rejected: {}, compared: 0, skipped: 0, failures: [] });

/** Adds what was found of the programs from `first` on. */
export function addTally(total: Tally, tally: Tally, first: number): void {
  for (const key of ["equal", "refused", "compared", "skipped"] as const) total[key] += tally[key];
  for (const [code, count] of Object.entries(tally.rejected)) total.rejected[code] = (total.rejected[code] ?? 0) + count;
  total.failures.push(...tally.failures.map((failure) => ({ ...failure, index: first + failure.index })));
}

/** Compiles and runs programs, adding to a tally. */
export async function compareBatch(programs: readonly Program[], targets: readonly Target[], tally: Tally): Promise<void> {
  const hasCuda = targets.some(({ name }) => name === "cuda");
  const compiled: { readonly index: number; readonly optimizer: CompiledOptimizer }[] = [];
  const cudaTexts: string[] = [];
  /** What goes wrong with a program is its failure, and not that of the others. */
  const attempt = async (index: number, work: () => Promise<string | null>) => {
    const what = await work().catch((error: unknown) => String((error as Error).stack));
    if (what !== null) tally.failures.push({ index, text: printProgram(programs[index]!), what });
  };
  for (const [index, program] of programs.entries()) {
    await attempt(index, async () => {
      const made = await compileOne(program);
      if (!("optimizer" in made)) return countRefusal(made, tally);
      const kernels = Object.values(made.optimizer.definition.kernels);
      if (hasCuda) cudaTexts.push(...(await Promise.all(kernels.map(({ cuda }) => cuda!()))));
      compiled.push({ index, optimizer: made.optimizer });
      return null;
    });
  }
  if (cudaTexts.length > 0) compileAll(cudaTexts);
  for (const { index, optimizer } of compiled) {
    await attempt(index, async () => {
      const { difference, refused, compared, skipped } = await runEverywhere(programs[index]!, optimizer, targets);
      tally.compared += compared;
      tally.skipped += skipped;
      if (difference === null) tally[refused === null ? "equal" : "refused"]++;
      return difference;
    });
  }
}

/** A text that is no C++ fails again, alone, where its program is run. */
function compileAll(texts: readonly string[]): void {
  try {
    compileTogether(texts, "-O0");
  } catch {}
}

function countRefusal({ code, message }: { readonly code: string; readonly message: string }, { rejected }: Tally): string | null {
  if (!refusals.includes(code)) return `${code}: ${message}`;
  rejected[code] = (rejected[code] ?? 0) + 1;
  return null;
}

/** The optimizer, or the first error. */
export async function compileOne({ name, text, options }: Program) {
  const { diagnostics, optimizers } = await compile({ path: `${name}.opt`, text }, { builds: new Map([[name, [options]]]), targets: [] });
  const optimizer = optimizers[0];
  if (optimizer !== undefined) return { optimizer };
  const { code, message } = diagnostics.find(({ severity }) => severity === "error")!;
  return { code, message };
}
