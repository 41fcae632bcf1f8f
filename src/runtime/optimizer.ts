// The optimizer as its user sees it: every method checks that it may be called, and leaves the work to the session.

import type { OptimizerDefinition } from "../contract/manifest.js";
import { createExplainTable } from "../rules/explain.js";
import type { GivenSettings } from "./add-params.js";
import type { Device } from "./device.js";
import { OptimizerError, quote, show } from "./errors.js";
import { createGuard } from "./guard.js";
import { type Running, stateOf } from "./optimizer-state.js";
import { paramsFinite } from "./params-finite.js";
import { openSession } from "./session.js";
import type { Stepper } from "./stepper.js";
import type { BaseSettings, Optimizer, OptimizerTypes, StepOptions } from "./types.js";

function checkDevice(device: unknown): void {
  const way = 'write, for example, `create(await cpu(), ...)` with `cpu` of "optspec/cpu"';
  if (device instanceof Promise) throw new OptimizerError("invalid-setting", `the device is a Promise: await it; ${way}`);
  if (typeof device !== "object" || device === null || !("limits" in device))
    throw new OptimizerError("invalid-setting", `the first argument of create is not a device; ${way}`);
}

/** Gradients by name handed over without their key would be a step with whatever gradients lie in the arena. */
function checkStepOptions(options: unknown): void {
  if (options === undefined) return;
  const keys = typeof options === "object" && options !== null && !(options instanceof Map) && !Array.isArray(options);
  if (!keys) throw new OptimizerError("invalid-gradient", "step takes { gradients }: write `step({ gradients })`");
  for (const key in options)
    if (key !== "gradients")
      throw new OptimizerError(
        "invalid-gradient",
        `step takes { gradients } and has no ${quote(key)}: write \`step({ gradients: { ${quote(key)}: ... } })\``,
      );
}

function checkChanges(changes: unknown): void {
  if (typeof changes === "object" && changes !== null && !Array.isArray(changes)) return;
  throw new OptimizerError("invalid-setting", `set takes an object such as { lr: 0.1 }, not ${show(changes)}`);
}

function checkDefinition(definition: unknown): void {
  const manifest = typeof definition === "object" && definition !== null && "manifest" in definition ? definition.manifest : null;
  if (typeof manifest === "object" && manifest !== null) return;
  throw new OptimizerError("manifest", "this is no definition of a generated module: import the module that optspec build wrote");
}

/** Creates an optimizer over a device. Rejects with OptimizerError; then nothing is left on the device. */
export async function createOptimizer<View, T extends OptimizerTypes = OptimizerTypes>(
  definition: OptimizerDefinition,
  device: Device<View>,
  settings: BaseSettings,
): Promise<Optimizer<View, T>> {
  checkDefinition(definition);
  checkDevice(device);
  const session = await openSession(definition, device, settings);
  return present<View, T>({ definition, device, session, given: { ...settings }, guard: createGuard(definition.manifest.optimizer.name) });
}

function present<View, T extends OptimizerTypes>(running: Running<View>): Optimizer<View, T> {
  const { device, guard, session: first } = running;
  const destroy = () => {
    const before = guard.destroyed;
    guard.destroy();
    if (!before) running.session.memory.destroy();
  };
  return {
    name: first.manifest.optimizer.name,
    options: first.settings.build.options,
    get dispatches() {
      return running.session.dispatches;
    },
    get steps() {
      return running.session.stepper.steps;
    },
    get hypers() {
      return running.session.hypers.record() as T["hypers"];
    },
    ...steppingOf(running),
    ...memoryOf(running),
    ...stateOf(running),
    set(changes: Readonly<Record<string, unknown>>, options?: { readonly group: number }) {
      checkChanges(changes);
      guard.enter("set");
      try {
        running.session.hypers.prepare(changes, options?.group)();
      } finally {
        guard.leave();
      }
      running.given = withChanges(running, changes, options?.group);
    },
    explain() {
      const { decisions, hypers, stepper } = running.session;
      const table = createExplainTable(decisions.resolution, hypers);
      return { ...table, params: table.params.map((param, i) => ({ ...param, frozen: param.frozen || stepper.isHeld(i) })) };
    },
    destroy,
    [Symbol.dispose]: destroy,
    async [Symbol.asyncDispose]() {
      if (!guard.destroyed) await device.idle().catch(() => {}); // a lost device has nothing left to wait for
      destroy();
    },
  };
}

function steppingOf<View>(running: Running<View>) {
  const { guard } = running;

  /** Runs now, or when the device has said what the next step depends on. */
  function whenHeard(options: StepOptions<View> | undefined, run: (stepper: Stepper) => Promise<void>): Promise<void> {
    try {
      checkStepOptions(options);
      guard.enter("a step");
      let waits: Promise<void> | null;
      try {
        const { stepper } = running.session;
        waits = stepper.waits(options?.gradients);
        if (waits === null) return run(stepper);
      } finally {
        guard.leave();
      }
      const wait = waits;
      return guard.alone("a step", () => wait).then(() => whenHeard(options, run));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  return {
    step(options?: StepOptions<View>): Promise<void> {
      return whenHeard(options, (stepper) => stepper.step(options?.gradients));
    },
    encode(target: unknown, options?: StepOptions<View>): void {
      checkStepOptions(options);
      guard.enter("a step");
      try {
        running.session.stepper.encode(target, options?.gradients);
      } finally {
        guard.leave();
      }
    },
    capture(stream: unknown): void {
      guard.free();
      running.session.stepper.capture(stream);
    },
    async prepare(options?: StepOptions<View>): Promise<void> {
      return whenHeard(options, (stepper) => stepper.prepare(options?.gradients));
    },
    async idle(): Promise<void> {
      guard.alive();
      await running.session.stepper.idle();
    },
  };
}

function memoryOf<View>(running: Running<View>) {
  const { guard } = running;
  return {
    t(name: string): number {
      const { host, storage } = running.session;
      return host.t[storage.find(name)]!;
    },
    /** What it is seen as, by device and format, only the caller's types know. */
    tensor(name: string): never {
      guard.alive();
      const { storage } = running.session;
      const param = storage.find(name);
      return { param: storage.view("param", param), grad: storage.view("grad", param) } as never;
    },
    async download(name: string, what = "param"): Promise<Float32Array<ArrayBuffer>> {
      guard.alive();
      const { storage } = running.session;
      return storage.download(storage.find(name), what);
    },
    upload(name: string, data: Float32Array | Uint16Array, what = "param"): void {
      guard.free();
      const { storage } = running.session;
      storage.upload(storage.find(name), data, what);
    },
    async state(key: string): Promise<number> {
      guard.alive();
      return running.session.storage.readModel(key);
    },
    setState(key: string, value: number): void {
      guard.free();
      running.session.storage.writeModel(key, value);
    },
    async lossScale(): Promise<number> {
      guard.alive();
      return (await running.session.scaler?.scale()) ?? 1;
    },
    zeroGrad(): void {
      guard.alive();
      running.session.storage.zeroGrad();
    },
    async paramsFinite(): Promise<boolean> {
      guard.alive();
      return paramsFinite(running.session);
    },
  };
}

/** What was given, as it would have to be given now. Hypers of rulesets are not among the settings. */
function withChanges({ given, session }: Running<unknown>, changes: Readonly<Record<string, unknown>>, group?: number): GivenSettings {
  const own = new Set(session.manifest.hypers.map(({ key }) => key));
  const taken = Object.fromEntries(Object.entries(changes).filter(([key, value]) => value !== undefined && own.has(key)));
  if (group === undefined) return { ...given, ...taken };
  const groups = given.groups as readonly object[];
  return { ...given, groups: groups.map((entry, index) => (index === group ? { ...entry, ...taken } : entry)) };
}
