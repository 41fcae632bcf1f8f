// CUDA: koffi, the driver with its first GPU, and NVRTC, which compiles one empty kernel; each by the runtime's own ways.

import { createCompiler } from "../../runtime/cuda/compiler.js";
import { type Driver, openDriver, versionText } from "../../runtime/cuda/driver.js";
import { type Koffi, loadDriverLibrary } from "../../runtime/cuda/libraries.js";
import type { Context } from "../context.js";
import { importPeer } from "../optional-peer.js";
import { type Finding, type Lack, reasonOf } from "./finding.js";

const KERNEL = 'extern "C" __global__ void optspec_doctor() {}\n';
/** What NVRTC compiles for where there is no GPU to ask. */
const ARCHITECTURE = "sm_80";

/** Opens the driver and compiles. */
export async function examineCuda(context: Context): Promise<Finding> {
  const koffi = await openKoffi(context);
  if ("get" in koffi) return { device: "cuda", works: false, facts: {}, lacks: [koffi] };
  const driver = attempt(() => openDriver(koffi, loadDriverLibrary(koffi, undefined), 0));
  try {
    const compiled = attempt(() => compile(koffi, driver.result));
    const lacks = [
      ...lacksOf(driver.problem, "a machine with an NVIDIA GPU, and its driver: nvidia.com/drivers"),
      ...lacksOf(compiled.problem, "pip install nvidia-cuda-nvrtc, or the CUDA toolkit 12 or newer"),
    ];
    const facts = { ...(driver.result && gpuFacts(driver.result)), ...(compiled.result && { NVRTC: compiled.result }) };
    return { device: "cuda", works: lacks.length === 0, facts, lacks };
  } finally {
    driver.result?.close();
  }
}

async function openKoffi(context: Context): Promise<Koffi | Lack> {
  const get = "npm install koffi";
  try {
    const found = (await importPeer(context, "koffi")) as { readonly default: Koffi } | null;
    return found === null ? { what: 'the npm package "koffi", by which Node calls the driver', get } : found.default;
  } catch (error) {
    return { what: `a "koffi" that loads: ${reasonOf(error)}`, get };
  }
}

function compile(koffi: Koffi, driver: Driver | null): string {
  const architecture = driver?.architecture ?? ARCHITECTURE;
  createCompiler({ koffi, nvrtc: undefined }).compile(KERNEL, architecture, driver?.version ?? Number.POSITIVE_INFINITY);
  return `compiles for ${architecture}`;
}

function gpuFacts({ name, version, architecture }: Driver): Finding["facts"] {
  return {
    GPU: `${name}, ${architecture}`,
    driver: `CUDA ${versionText(version)}`,
    arithmetic: "IEEE: keeps subnormals, rounds each operation once",
  };
}

function attempt<T>(work: () => T): { readonly result: T | null; readonly problem: string | null } {
  try {
    return { result: work(), problem: null };
  } catch (error) {
    return { result: null, problem: reasonOf(error) };
  }
}

const lacksOf = (problem: string | null, get: string): Lack[] => (problem === null ? [] : [{ what: problem, get }]);
