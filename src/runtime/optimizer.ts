// From a definition, a device and a caller's settings to a running optimizer: what is decided once, at creation, is decided here.

import type { DeviceStateInfo, Manifest, OptimizerDefinition, ProgramInfo } from "../contract/manifest.js";
import { createExplainTable } from "../rules/explain.js";
import { createClasses } from "./classes.js";
import { createHostSide, type HostSide } from "./coefficients.js";
import { createDecisions, type Decisions } from "./decisions.js";
import type { CallerMemory, Device, DeviceMemory, Launch } from "./device.js";
import { OptimizerError, quote } from "./errors.js";
import { createHypers, type Hypers } from "./hypers.js";
import { type Layout, layOut } from "./layout.js";
import { type Param, readSettings, type Settings } from "./settings.js";
import { createStepper, type Stepper } from "./stepper.js";
import { createStorage, type Storage } from "./storage.js";
import type { BaseSettings, Optimizer, OptimizerTypes } from "./types.js";

/** Everything the host decides before the device is asked for anything. */
interface Setup {
  readonly manifest: Manifest;
  readonly settings: Settings;
  readonly hypers: Hypers;
  readonly decisions: Decisions;
  readonly host: HostSide;
  readonly frozen: readonly boolean[];
  /** For each parameter and state: its slot, or -1. */
  readonly slots: readonly (readonly number[])[];
  readonly layout: Layout;
  readonly step: ProgramInfo;
  readonly init: ProgramInfo | null;
}

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
  const setup = prepare(definition, device, settings);
  const memory = device.allocate(setup.layout.memory);
  try {
    const { build, kernels, params, gradients } = setup.settings;
    const launch = await device.bind(kernels, setup.step, memory);
    const initLaunch = setup.init && (await device.bind(kernels, setup.init, memory));
    const storage = createStorage({ memory, layout: setup.layout, params, states: build.states, slots: setup.slots });
    fill(setup, storage);
    if (initLaunch) await initialize(setup, device, initLaunch, storage);
    const { hypers, host, frozen, step: program } = setup;
    const stepper = createStepper({ device, program, launch, params, frozen, mode: gradients, hypers, host, storage });
    return present<View, T>(setup, device, memory, storage, stepper, launch.dispatches);
  } catch (error) {
    memory.destroy();
    throw error;
  }
}

function prepare(definition: OptimizerDefinition, device: Device, given: BaseSettings): Setup {
  const { manifest } = definition;
  const settings = readSettings(definition, given);
  const { build, params } = settings;
  const hypers = createHypers(manifest, settings.hypers, settings.rules);
  const decisions = createDecisions(manifest, settings, hypers);
  const host = createHostSide({ build, params, decisions });
  const program = (entry: string) => build.programs.find((candidate) => candidate.entry === entry) ?? null;
  const step = program("step");
  if (step === null) throw new OptimizerError("manifest", 'the manifest has no program "step": build the spec again');
  const frozen = decisions.resolution.params.map((param) => param.frozen);
  const none = build.states.map(() => -1);
  const slots = params.map((_, param) => (frozen[param] ? none : host.variantAtCreation(step, param).stateSlots));
  const init = program("init");
  const sizes = params.map(({ name, numel, memory }, param) => ({
    name,
    elements: numel,
    own: memory === null ? null : adopt(device, memory, numel, name),
    slots: Math.max(0, ...slots[param]!.map((slot) => slot + 1)),
  }));
  const layout = layOut(sizes, Math.max(step.rowWidth, init?.rowWidth ?? 0), device.limits);
  return { manifest, settings, hypers, decisions, host, frozen, slots, layout, step, init };
}

function adopt(device: Device, memory: NonNullable<Param["memory"]>, numel: number, name: string): CallerMemory {
  if (device.adopt !== undefined) return device.adopt(memory, numel, `parameter ${quote(name)}`);
  const message = `parameter ${quote(name)}: the ${device.kind} device works in memory of its own: give data instead of buffer`;
  throw new OptimizerError("invalid-parameter", message);
}

/** Writes the caller's data, and states that start from a constant other than zero. */
function fill({ settings, slots }: Setup, storage: Storage<unknown>): void {
  for (const [param, { data, numel }] of settings.params.entries()) {
    if (data !== null) storage.write("param", param, data);
    for (const [index, state] of settings.build.states.entries()) {
      if (needsFill(state) && slots[param]![index] !== -1) storage.upload(param, new Float32Array(numel).fill(state.init!), state.key);
    }
  }
}

const needsFill = ({ init }: DeviceStateInfo) => init !== null && !Object.is(init, 0);

/** Runs the program that computes initial states, for all parameters that are not frozen. */
async function initialize({ frozen, host, init }: Setup, device: Device, launch: Launch, storage: Storage<unknown>): Promise<void> {
  const active = frozen.map((isFrozen) => !isFrozen);
  const table = createClasses(active, host.classKey, init!.rowWidth);
  host.compute(init!, table, 0);
  storage.assignRows(table.rowOf);
  await device.submit(launch, 0, table.rows);
}

/** The optimizer as its user sees it. */
function present<View, T extends OptimizerTypes>(
  { manifest, settings, hypers, decisions, host }: Setup,
  device: Device<View>,
  memory: DeviceMemory<View>,
  storage: Storage<View>,
  stepper: Stepper,
  dispatches: number,
): Optimizer<View, T> {
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
    set(changes) {
      alive();
      hypers.prepare(changes)();
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
    explain: () => createExplainTable(decisions.resolution, hypers.byName()),
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
