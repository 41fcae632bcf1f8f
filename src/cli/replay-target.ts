// Opens what a run is replayed on. Devices are loaded only when asked for.

import type { CompiledOptimizer } from "../compiler/compile.js";
import type { ReplayTarget } from "../tools/replay.js";
import { deviceTarget, interpreterTarget, type ReplaySettings } from "../tools/replay-targets.js";
import type { Context } from "./context.js";

/** What a run can be replayed on. */
export type TargetName = "interpret" | "interpret64" | "cpu" | "webgpu" | "cuda";

/** The optimizer's one build on this target. */
export async function openTarget(
  context: Context,
  name: TargetName,
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
      const { openDawn } = await import("./dawn.js");
      const dawn = await openDawn(context);
      const target = await deviceTarget(definition, dawn.device, settings);
      return {
        ...target,
        destroy() {
          target.destroy();
          dawn.destroy();
        },
      };
    }
    case "cuda": {
      const { openCuda } = await import("./cuda.js");
      const device = await openCuda(context);
      const target = await deviceTarget(definition, device, settings);
      return {
        ...target,
        destroy() {
          target.destroy();
          device.destroy();
        },
      };
    }
    default:
      return name satisfies never;
  }
}
