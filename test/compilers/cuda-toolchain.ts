// NVIDIA's compilers out of the Python wheels that the set-up installs: none of them needs a GPU.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { missingDevice } from "../device/missing-device.js";

const VENV = fileURLToPath(new URL("../../.venv/lib", import.meta.url));

/** The folder with `bin`, `lib` and `include`, or null. */
function findToolchain(): string | null {
  const pythons = existsSync(VENV) ? readdirSync(VENV) : [];
  const folders = pythons.map((python) => join(VENV, python, "site-packages/nvidia/cu13"));
  return folders.find((folder) => existsSync(join(folder, "bin/nvcc"))) ?? null;
}

const folder = findToolchain();
/** Why tests that need the compilers are skipped; undefined where they are here. */
export const whyNoCuda = folder === null ? missingDevice("nvcc", "node scripts/setup.mjs test installs NVIDIA's Python wheels") : undefined;
/** Absolute path of NVRTC. */
export const nvrtcPath = join(folder ?? "/nowhere", "lib/libnvrtc.so.13");

/** Runs one of the tools; throws what it said where it fails. */
export function runTool(name: "nvcc" | "cuobjdump", args: readonly string[]): { readonly stdout: string; readonly stderr: string } {
  const result = spawnSync(join(folder ?? "/nowhere", "bin", name), args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new Error(`${name} ${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return { stdout: result.stdout, stderr: result.stderr };
}
