// CUDA without starting it: the driver's and the compiler's libraries by their place, what the kernel module says of the GPUs, and koffi.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Context } from "../context.js";
import { importPeer } from "../optional-peer.js";
import { type Finding, type Lack, reasonOf } from "./finding.js";

/** Looks for everything that CUDA needs; Linux and Windows only. */
export async function examineCuda(context: Context): Promise<Finding> {
  if (process.platform !== "linux" && process.platform !== "win32") {
    return {
      device: "cuda",
      works: false,
      facts: {},
      lacks: [{ what: `CUDA on ${process.platform}`, get: "Linux or Windows; WebGPU runs here" }],
    };
  }
  const folders = libraryFolders(context.cwd);
  const driver = findLibrary(folders, /^(libcuda\.so\.1|nvcuda\.dll)$/);
  const compiler = findLibrary(folders, /^(libnvrtc\.so\.\d+|nvrtc64_\d+_0\.dll)$/);
  const gpus = process.platform === "linux" ? gpuNames() : null;
  const koffi = await examineKoffi(context);
  const lacks = [
    driver === null && { what: "the NVIDIA driver (libcuda)", get: "a machine with an NVIDIA GPU, and its driver from nvidia.com/drivers" },
    driver !== null &&
      gpus?.length === 0 && { what: "an NVIDIA GPU that this process may use", get: "nvidia-smi says why; in a container: --gpus all" },
    compiler === null && {
      what: "NVRTC, which compiles the kernels",
      get: "pip install nvidia-cuda-nvrtc in ./.venv, or the CUDA toolkit",
    },
    koffi,
  ].filter((lack) => lack !== false && lack !== null);
  const facts = {
    ...(driver !== null && { driver: [driverVersion(), driver].filter((text) => text !== null).join(", ") }),
    ...(gpus !== null && gpus.length > 0 && { GPU: gpus.join(", ") }),
    ...(compiler !== null && { NVRTC: `${basename(compiler).replace(/\D*(\d+).*/, "$1")}, ${compiler}` }),
    ...(koffi === null && { koffi: "installed" }),
  };
  return { device: "cuda", works: lacks.length === 0, facts, lacks };
}

async function examineKoffi(context: Context): Promise<Lack | null> {
  const get = "npm install koffi";
  try {
    return (await importPeer(context, "koffi")) === null
      ? { what: 'the npm package "koffi", through which Node calls the driver', get }
      : null;
  } catch (error) {
    return { what: `a "koffi" that loads: ${reasonOf(error)}`, get };
  }
}

/** Where loaders, the toolkit and NVIDIA's Python wheels put libraries. */
function libraryFolders(cwd: string): string[] {
  const { env, platform } = process;
  const toolkits = [...given(env.CUDA_PATH), ...given(env.CUDA_HOME)];
  const wheels = [...given(env.VIRTUAL_ENV), join(cwd, ".venv")].flatMap(wheelFolders);
  if (platform === "win32") {
    const system = join(env.SystemRoot ?? "C:\\Windows", "System32");
    return [system, ...toolkits.map((path) => join(path, "bin")), ...(env.PATH ?? "").split(";"), ...wheels];
  }
  const machine = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  const system = [
    `/usr/lib/${machine}`,
    `/lib/${machine}`,
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/wsl/lib",
    "/usr/local/cuda/lib64",
    "/usr/local/nvidia/lib64",
  ];
  return [...(env.LD_LIBRARY_PATH ?? "").split(":"), ...toolkits.map((path) => join(path, "lib64")), ...system, ...wheels];
}

const given = (path: string | undefined): string[] => (path === undefined || path === "" ? [] : [path]);

/** `lib` and `bin` of every NVIDIA wheel in a virtual environment. */
function wheelFolders(environment: string): string[] {
  const roots = [join(environment, "Lib"), ...entries(join(environment, "lib")).map((version) => join(environment, "lib", version))];
  return roots.flatMap((root) => {
    const nvidia = join(root, "site-packages", "nvidia");
    return entries(nvidia).flatMap((wheel) => [join(nvidia, wheel, "lib"), join(nvidia, wheel, "bin")]);
  });
}

function findLibrary(folders: readonly string[], name: RegExp): string | null {
  for (const folder of folders) {
    const found = folder === "" ? undefined : entries(folder).findLast((entry) => name.test(entry));
    if (found !== undefined) return join(folder, found);
  }
  return null;
}

/** Names of the GPUs that Linux' kernel module knows. */
function gpuNames(): string[] {
  const root = "/proc/driver/nvidia/gpus";
  return entries(root).map((gpu) => /^Model:\s*(.+)$/m.exec(textOf(join(root, gpu, "information")))?.[1] ?? gpu);
}

function driverVersion(): string | null {
  return /Kernel Module\D*([\d.]+)/.exec(textOf("/proc/driver/nvidia/version"))?.[1] ?? null;
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  } catch {
    return "";
  }
}
