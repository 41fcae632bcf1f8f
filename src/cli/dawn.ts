// WebGPU in Node by Dawn: the npm package "webgpu", an optional peer.

import { type WebGpuDevice, webgpu } from "../runtime/webgpu/index.js";
import { CliError } from "./cli-error.js";
import type { Context } from "./context.js";
import { importPeer } from "./optional-peer.js";

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

async function importDawn(context: Context): Promise<DawnPackage> {
  const found = await importPeer(context, "webgpu").catch((error: unknown) => {
    throw failure(error);
  });
  if (found !== null) return found as DawnPackage;
  throw new CliError('WebGPU in Node needs the package "webgpu" (Dawn), which is not installed', "npm install webgpu; or replay on cpu");
}

function failure(error: unknown): CliError {
  return new CliError(
    `the package "webgpu" (Dawn) does not load: ${error instanceof Error ? error.message : String(error)}`,
    "replay on cpu",
  );
}
