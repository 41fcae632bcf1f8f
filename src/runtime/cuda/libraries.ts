// Finds and loads what is not ours: koffi, the driver's library, NVRTC. Libraries are loaded by absolute path and nothing else, so
// that no folder that somebody else may write decides what runs here.

import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { OptimizerError, quote } from "../errors.js";
import { findNvrtc } from "./find-nvrtc.js";

/** A native function: pointers and 64-bit numbers are bigints, memory is a typed array or an address. */
export type NativeFunction = (...operands: readonly unknown[]) => number;

export interface NativeLibrary {
  func(signature: string): NativeFunction;
}

/** What we ask of the npm package "koffi". */
export interface Koffi {
  load(path: string): NativeLibrary;
  address(memory: ArrayBufferView): bigint;
  view(pointer: bigint, bytes: number): ArrayBuffer;
  alloc(type: string, count: number): bigint;
  free(pointer: bigint): void;
}

const isWindows = process.platform === "win32";
const arch = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

const DRIVER = isWindows ? "nvcuda.dll" : "libcuda.so.1";
/** Where drivers are installed: Debian, Fedora and Arch, WSL, containers, NixOS. */
const driverFolders: readonly string[] = isWindows
  ? [join(process.env.SystemRoot ?? "C:\\Windows", "System32")]
  : [
      `/usr/lib/${arch}`,
      "/usr/lib64",
      "/usr/lib",
      "/usr/lib/wsl/lib",
      "/usr/local/nvidia/lib64",
      "/usr/local/nvidia/lib",
      "/run/opengl-driver/lib",
    ];

/** The npm package, which the caller may hand in. Throws "no-device". */
export async function loadKoffi(given: Koffi | undefined): Promise<Koffi> {
  if (given !== undefined) return given;
  try {
    const found = (await import("koffi")) as unknown as { readonly default: Koffi };
    return found.default;
  } catch (cause) {
    throw new OptimizerError("no-device", `CUDA needs the npm package "koffi", which does not load: ${String(cause)}. npm install koffi`, {
      cause,
    });
  }
}

/** The driver's library. Throws "no-device". */
export function loadDriverLibrary(koffi: Koffi, given: string | undefined): NativeLibrary {
  const places = given === undefined ? driverFolders.map((folder) => join(folder, DRIVER)) : [absolute("driver", given)];
  const path = given === undefined ? places.find((place) => existsSync(place)) : places[0];
  if (path !== undefined) return load(koffi, path, "the NVIDIA driver's library");
  throw new OptimizerError(
    "no-device",
    `there is no NVIDIA driver here (no ${DRIVER} in ${driverFolders.join(", ")}). Install the driver, name its library in cuda({ driver }), or train on cpu()`,
  );
}

/** NVRTC, the run-time compiler, for a driver of CUDA `newest`.x. Throws "kernel". */
export function loadNvrtcLibrary(koffi: Koffi, given: string | undefined, newest: number): NativeLibrary {
  const path = given === undefined ? findNvrtc(newest) : absolute("nvrtc", given);
  if (path !== undefined) return load(koffi, path, "NVRTC");
  throw new OptimizerError(
    "kernel",
    "NVRTC, which compiles the kernels, is not installed: no toolkit in CUDA_HOME or /usr/local/cuda, no wheel in a Python environment " +
      '(VIRTUAL_ENV, CONDA_PREFIX, .venv here). "pip install nvidia-cuda-nvrtc" there, install the CUDA toolkit (12 or 13), or name the library in cuda({ nvrtc })',
  );
}

function absolute(option: string, path: string): string {
  if (isAbsolute(path)) return path;
  throw new OptimizerError("invalid-setting", `${option} must be an absolute path, not ${quote(path)}`);
}

function load(koffi: Koffi, path: string, what: string): NativeLibrary {
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new OptimizerError("no-device", `${what} does not load from ${quote(path)}: ${String(cause)}`, { cause });
  }
}
