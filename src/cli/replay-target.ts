// Opens what a run is replayed on. Devices are loaded only when asked for; Dawn is an optional peer.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CompiledOptimizer } from "../compiler/compile.js";
import type { ReplayTarget } from "../tools/replay.js";
import { deviceTarget, interpreterTarget, type ReplaySettings } from "../tools/replay-targets.js";
import { CliError } from "./cli-error.js";

export const TARGETS = ["interpret", "interpret64", "cpu", "webgpu", "cuda"] as const;
export type TargetName = (typeof TARGETS)[number];
/** What this version can run on. */
export type DeviceName = Exclude<TargetName, "cuda">;

/** The optimizer's one build on this target. */
export async function openTarget(
  name: DeviceName,
  { definition, spec, plans }: CompiledOptimizer,
  settings: ReplaySettings,
): Promise<ReplayTarget> {
  const { options, ir } = plans[0]!;
  switch (name) {
    case "interpret":
      return interpreterTarget({ definition, ir, arithmetic: "f32" }, settings);
    case "interpret64": {
      const { lower } = await import("../compiler/passes/lower.js");
      return interpreterTarget({ definition, ir: lower(spec, options), arithmetic: "f64" }, settings);
    }
    case "cpu": {
      const { cpu } = await import("../runtime/cpu/index.js");
      return deviceTarget(definition, await cpu(), settings);
    }
    case "webgpu": {
      const { webgpu } = await import("../runtime/webgpu/index.js");
      const gpu = await openDawn();
      const device = await webgpu({ gpu });
      const target = await deviceTarget(definition, device, settings);
      return {
        ...target,
        destroy() {
          target.destroy();
          device.destroy();
          instances.delete(gpu);
        },
      };
    }
    default:
      return name satisfies never;
  }
}

/** Dawn's instance lives as long as somebody holds it. */
const instances = new Set<GPU>();

interface DawnPackage {
  readonly create: (flags: string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

async function openDawn(): Promise<GPU> {
  const { create, globals } = await importDawn();
  Object.assign(globalThis, globals);
  const gpu = create([]);
  instances.add(gpu);
  return gpu;
}

/** The package beside optspec, or else in the project where the command runs. */
async function importDawn(): Promise<DawnPackage> {
  try {
    return (await import("webgpu")) as DawnPackage;
  } catch {
    try {
      const path = createRequire(join(process.cwd(), "package.json")).resolve("webgpu");
      return (await import(pathToFileURL(path).href)) as DawnPackage;
    } catch {
      throw new CliError(
        'WebGPU in Node needs the package "webgpu" (Dawn), which is not installed',
        "npm install webgpu; or replay on cpu",
      );
    }
  }
}
