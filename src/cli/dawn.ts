// WebGPU in Node by Dawn: the npm package "webgpu", an optional peer.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type WebGpuDevice, webgpu } from "../runtime/webgpu/index.js";
import { CliError, systemCode } from "./cli-error.js";
import type { Context } from "./context.js";

export interface Dawn {
  readonly device: WebGpuDevice;
  destroy(): void;
}

interface DawnPackage {
  readonly create: (flags: string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** Instances in use: Dawn's lives as long as somebody holds it. */
const instances = new Set<GPU>();

/** Opens a device of this machine. */
export async function openDawn(context: Context): Promise<Dawn> {
  const { create, globals } = await importDawn(context);
  Object.assign(globalThis, globals);
  const gpu = create([]);
  instances.add(gpu);
  const device = await webgpu({ gpu });
  return {
    device,
    destroy() {
      device.destroy();
      instances.delete(gpu);
    },
  };
}

/** The package beside optspec, or else of the project where the command runs. */
async function importDawn({ cwd, importModule }: Context): Promise<DawnPackage> {
  try {
    return (await importModule("webgpu")) as DawnPackage;
  } catch (error) {
    if (systemCode(error) !== "ERR_MODULE_NOT_FOUND") throw failure(error);
  }
  try {
    const path = createRequire(join(cwd, "package.json")).resolve("webgpu");
    return (await importModule(pathToFileURL(path).href)) as DawnPackage;
  } catch (error) {
    if (systemCode(error) !== "MODULE_NOT_FOUND") throw failure(error);
    throw new CliError('WebGPU in Node needs the package "webgpu" (Dawn), which is not installed', "npm install webgpu; or replay on cpu");
  }
}

function failure(error: unknown): CliError {
  return new CliError(
    `the package "webgpu" (Dawn) does not load: ${error instanceof Error ? error.message : String(error)}`,
    "replay on cpu",
  );
}
