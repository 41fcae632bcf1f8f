// The optimizer as its user sees it: every method checks that it may be called, and leaves the work to the session.

import type { OptimizerDefinition } from "../contract/manifest.js";
import { createExplainTable } from "../rules/explain.js";
import type { Device } from "./device.js";
import { OptimizerError, quote } from "./errors.js";
import { openSession, type Session } from "./session.js";
import type { BaseSettings, Optimizer, OptimizerTypes } from "./types.js";

function checkDevice(device: unknown): void {
  const way = 'write, for example, `create(await cpu(), ...)` with `cpu` of "optspec/cpu"';
  if (device instanceof Promise) throw new OptimizerError("invalid-setting", `the device is a Promise: await it; ${way}`);
  if (typeof device !== "object" || device === null || !("limits" in device))
    throw new OptimizerError("invalid-setting", `the first argument of create is not a device; ${way}`);
}

/** Gradients by name handed over without their key would be a step with whatever gradients lie in the arena. */
function checkStepOptions(options: unknown): void {
  if (options === undefined) return;
  const keys = typeof options === "object" && options !== null && !(options instanceof Map);
  if (!keys) throw new OptimizerError("invalid-gradient", "step takes { gradients }: write `step({ gradients })`");
  for (const key in options)
    if (key !== "gradients")
      throw new OptimizerError(
        "invalid-gradient",
        `step takes { gradients } and has no ${quote(key)}: write \`step({ gradients: { ${quote(key)}: ... } })\``,
      );
}

/** Creates an optimizer over a device. Rejects with OptimizerError; then nothing is left on the device. */
export async function createOptimizer<View, T extends OptimizerTypes = OptimizerTypes>(
  definition: OptimizerDefinition,
  device: Device<View>,
  settings: BaseSettings,
): Promise<Optimizer<View, T>> {
  checkDevice(device);
  return present<View, T>(device, await openSession(definition, device, settings));
}

function present<View, T extends OptimizerTypes>(device: Device<View>, session: Session<View>): Optimizer<View, T> {
  const { manifest, settings, hypers, decisions, host, memory, storage, stepper, dispatches } = session;
  let destroyed = false;
  const alive = () => {
    if (destroyed)
      throw new OptimizerError("destroyed", `this ${manifest.optimizer.name} was destroyed and its memory given back: create a new one`);
  };
  const destroy = () => {
    if (!destroyed) memory.destroy();
    destroyed = true;
  };
  return {
    name: manifest.optimizer.name,
    options: settings.build.options,
    dispatches,
    get steps() {
      return stepper.steps;
    },
    get hypers() {
      return hypers.record() as T["hypers"];
    },
    step(options) {
      try {
        alive();
        checkStepOptions(options);
        return stepper.step(options?.gradients);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    encode(target, options) {
      alive();
      checkStepOptions(options);
      stepper.encode(target, options?.gradients);
    },
    capture(stream) {
      alive();
      stepper.capture(stream);
    },
    async prepare(options) {
      alive();
      checkStepOptions(options);
      return stepper.prepare(options?.gradients);
    },
    set(changes: Readonly<Record<string, unknown>>, options?: { readonly group: number }) {
      alive();
      hypers.prepare(changes, options?.group)();
    },
    t(name) {
      return host.t[storage.find(name)]!;
    },
    tensor(name) {
      alive();
      const param = storage.find(name);
      return { param: storage.view("param", param), grad: storage.view("grad", param) };
    },
    async download(name, what = "param") {
      alive();
      return storage.download(storage.find(name), what);
    },
    upload(name, data, what = "param") {
      alive();
      storage.upload(storage.find(name), data, what);
    },
    explain: () => createExplainTable(decisions.resolution, hypers),
    zeroGrad() {
      alive();
      storage.zeroGrad();
    },
    async idle() {
      alive();
      await stepper.idle();
    },
    destroy,
    [Symbol.dispose]: destroy,
    async [Symbol.asyncDispose]() {
      if (!destroyed) await device.idle().catch(() => {}); // a lost device has nothing left to wait for
      destroy();
    },
  };
}
