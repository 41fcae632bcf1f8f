// Saving and loading, freezing and adding parameters. What only these need is loaded when one of them is first called.

import type { OptimizerDefinition } from "../contract/manifest.js";
import type { GivenSettings } from "./add-params.js";
import type { Device } from "./device.js";
import { didYouMean, OptimizerError, quote, show } from "./errors.js";
import type { Guard } from "./guard.js";
import type { Session } from "./session.js";
import type { AddOptions, LoadOptions, LoadReport, ParamSpec, SaveOptions, StateSource, StateTarget } from "./types.js";

/** An optimizer's parts; the session and what was given change when parameters are added. */
export interface Running<View> {
  readonly definition: OptimizerDefinition;
  readonly device: Device<View>;
  readonly guard: Guard;
  session: Session<View>;
  given: GivenSettings;
}

export function stateOf<View>(running: Running<View>) {
  const { definition, device, guard } = running;

  function save(target?: null, options?: SaveOptions): Promise<Blob>;
  function save(target: StateTarget, options?: SaveOptions): Promise<void>;
  function save(target: StateTarget | null = null, options: SaveOptions = {}): Promise<unknown> {
    return guard.alone("save()", async () => {
      checkOptions("save", options, ["params"]);
      const [{ holdSession }, { saveBlob, saveState }] = await Promise.all([
        import("./session-holder.js"),
        import("./state/save-state.js"),
      ]);
      const holder = holdSession(running.session);
      if (target === null) return saveBlob(holder, options);
      await saveState(holder, target, options);
      return undefined;
    });
  }

  return {
    save,
    load(source: StateSource, options: LoadOptions = {}): Promise<LoadReport> {
      const work = async () => {
        checkOptions("load", options, ["partial", "params", "spec", "hypers"]);
        const [{ holdSession }, { loadState }] = await Promise.all([import("./session-holder.js"), import("./state/load-state.js")]);
        const report = await loadState(holdSession(running.session), source, options, () => guard.setHalfLoaded(true));
        guard.setHalfLoaded(false);
        return report;
      };
      return guard.alone("load()", work, true);
    },
    addParams(params: readonly ParamSpec[], options: AddOptions = {}): Promise<void> {
      return guard.alone("addParams()", async () => {
        checkOptions("addParams", options, ["group"]);
        const { addParams } = await import("./add-params.js");
        const grown = await addParams(definition, device, running.session, running.given, params, options);
        if (guard.destroyed) return grown.session.memory.destroy();
        running.session.memory.destroy();
        Object.assign(running, grown);
      });
    },
    freeze(names: string | readonly string[]): void {
      guard.free();
      hold(running.session, names, true);
    },
    unfreeze(names: string | readonly string[]): void {
      guard.free();
      hold(running.session, names, false);
    },
  };
}

/** A misspelled option would be one that is left out. */
function checkOptions(method: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw new OptimizerError("invalid-setting", `the options of ${method} are an object, not ${show(options)}`);
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new OptimizerError(
      "unknown-setting",
      `${method} has no option ${quote(key)}${didYouMean(key, known)}; options: ${known.join(", ")}`,
    );
  }
}

function hold({ frozen, stepper, storage }: Session<unknown>, given: string | readonly string[], held: boolean): void {
  const names = typeof given === "string" ? [given] : given;
  const places = names.map((name) => storage.find(name));
  for (const [index, param] of places.entries()) {
    if (held || !frozen[param]) continue;
    const way = "change the rule, or create the optimizer without it: a parameter frozen by a rule keeps no states";
    throw new OptimizerError("rules", `a rule freezes ${quote(names[index]!)}: ${way}`);
  }
  for (const param of places) stepper.hold(param, held);
}
