// Finds and loads what is not ours: koffi, the driver's library, NVRTC. Libraries are loaded by absolute path and nothing else, so
// that no folder that somebody else may write decides what runs here.

import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { OptimizerError, quote } from "../errors.js";

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

const driverPaths: readonly string[] = isWindows
  ? [join(process.env.SystemRoot ?? "C:\\Windows", "System32", "nvcuda.dll")]
  : [`/usr/lib/${arch}`, "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib", "/usr/local/nvidia/lib64", "/run/opengl-driver/lib"].map((folder) =>
      join(folder, "libcuda.so.1"),
    );

/** Folders of a CUDA toolkit, the user's own first. */
function toolkitFolders(): readonly string[] {
  const given = [process.env.CUDA_HOME, process.env.CUDA_PATH].filter((path): path is string => path !== undefined && isAbsolute(path));
  const places = isWindows ? given.map((path) => join(path, "bin")) : given.map((path) => join(path, "lib64"));
  return isWindows ? places : [...places, "/usr/local/cuda/lib64", `/usr/lib/${arch}`, "/usr/lib64", "/opt/cuda/lib64"];
}

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
  const path = given === undefined ? driverPaths.find((candidate) => existsSync(candidate)) : absolute("driver", given);
  if (path === undefined) {
    const searched = `${driverPaths[0]} and ${driverPaths.length - 1} other places`;
    throw new OptimizerError(
      "no-device",
      `there is no NVIDIA driver here (no ${isWindows ? "nvcuda.dll" : "libcuda.so.1"} in ${searched}). Install the driver, name its library in cuda({ driver }), or train on cpu()`,
    );
  }
  return load(koffi, path, "the NVIDIA driver's library");
}

/** NVRTC, the run-time compiler. Throws "kernel". */
export function loadNvrtcLibrary(koffi: Koffi, given: string | undefined): NativeLibrary {
  const path = given === undefined ? findNvrtc() : absolute("nvrtc", given);
  if (path === undefined) {
    throw new OptimizerError(
      "kernel",
      "NVRTC, which compiles the kernels, is not installed. Install the CUDA toolkit (12 or 13) or " +
        '"pip install nvidia-cuda-nvrtc", and name the library in cuda({ nvrtc: "/.../libnvrtc.so.13" })',
    );
  }
  return load(koffi, path, "NVRTC");
}

/** The newest libnvrtc.so.N of the toolkit's folders. */
function findNvrtc(): string | undefined {
  const pattern = isWindows ? /^nvrtc64_(\d+)_0\.dll$/ : /^libnvrtc\.so\.(\d+)$/;
  for (const folder of toolkitFolders()) {
    if (!existsSync(folder)) continue;
    const found = readdirSync(folder).flatMap((file) => {
      const version = pattern.exec(file)?.[1];
      return version === undefined ? [] : [{ file, version: Number(version) }];
    });
    const [newest] = found.sort((a, b) => b.version - a.version);
    if (newest !== undefined) return join(folder, newest.file);
  }
  return undefined;
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
