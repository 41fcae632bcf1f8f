// Where NVRTC may be: in a CUDA toolkit, or in the Python environments into which pip and conda put NVIDIA's wheels. What the user's own
// variables name comes first, then a `.venv` of the working directory where nobody else could have written it, then the system.

import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";

const isWindows = process.platform === "win32";
const triple = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
const LIBRARY = isWindows ? /^nvrtc64_(\d+)0_0\.dll$/ : /^libnvrtc\.so\.(\d+)$/;

interface Candidate {
  readonly path: string;
  readonly major: number;
}

/** Absolute path of the best NVRTC: of the first folder that has one for a driver of CUDA `newest`.x, or else the first of any version. */
export function findNvrtc(newest: number): string | undefined {
  let other: string | undefined;
  for (const candidates of libraryFolders()) {
    const fitting = candidates.find(({ major }) => major <= newest);
    if (fitting !== undefined) return fitting.path;
    other ??= candidates[0]?.path;
  }
  return other;
}

/** What each place holds, the newest first. */
function* libraryFolders(): Generator<readonly Candidate[]> {
  for (const toolkit of named("CUDA_HOME", "CUDA_PATH"))
    yield librariesIn(isWindows ? [`${toolkit}/bin`, `${toolkit}/bin/x64`] : [`${toolkit}/lib64`]);
  for (const environment of named("VIRTUAL_ENV", "CONDA_PREFIX")) yield ofEnvironment(environment);
  yield ofEnvironment(resolve(".venv")).filter(({ path }) => isOurs(path) && isOurs(dirname(path)));
  if (isWindows) return;
  for (const folder of ["/usr/local/cuda/lib64", `/usr/lib/${triple}`, "/usr/lib64", "/opt/cuda/lib64"]) yield librariesIn([folder]);
  for (const prefix of [join(homedir(), ".local"), "/usr/local", "/usr"]) yield ofEnvironment(prefix);
}

const named = (...variables: string[]): string[] =>
  variables.map((name) => process.env[name]).filter((path): path is string => path !== undefined && isAbsolute(path));

/** A Python environment: the wheels of CUDA 13 and 12 under its site-packages; conda's packages in its own folder. */
function ofEnvironment(prefix: string): readonly Candidate[] {
  const pythons = isWindows ? [join(prefix, "Lib")] : ["lib", "lib64"].flatMap((lib) => entries(join(prefix, lib), /^python3/));
  const packages = pythons.flatMap((python) => ["site-packages", "dist-packages"].map((folder) => join(python, folder, "nvidia")));
  const wheels = packages.flatMap((folder) => entries(folder, /^(cu\d+|cuda_nvrtc)$/));
  const libraries = isWindows ? ["bin", "bin/x86_64"] : ["lib"];
  const own = isWindows ? join(prefix, "Library/bin") : join(prefix, "lib");
  return librariesIn([...wheels.flatMap((wheel) => libraries.map((folder) => join(wheel, folder))), own]);
}

function librariesIn(folders: readonly string[]): readonly Candidate[] {
  const found = folders.flatMap((folder) =>
    entries(folder, LIBRARY).map((path) => ({ path, major: Number(LIBRARY.exec(path.slice(folder.length + 1))![1]) })),
  );
  return found.sort((a, b) => b.major - a.major);
}

/** Paths of what a folder holds by such names; nothing where there is no folder that we may read. */
function entries(folder: string, pattern: RegExp): string[] {
  try {
    return existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => pattern.test(name))
          .map((name) => join(folder, name))
      : [];
  } catch {
    return [];
  }
}

/** Whether only this user and the system may have written it. Where a system has no owners there is nothing to ask. */
function isOurs(path: string): boolean {
  if (process.getuid === undefined) return true;
  const { uid, mode } = statSync(path);
  return (uid === process.getuid() || uid === 0) && (mode & 0o002) === 0;
}
