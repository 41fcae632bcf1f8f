// All of a running optimizer that belongs to one list of parameters: memory, kernels, classes and step counts. Made at creation, and anew
// when parameters are added.

import type { DeviceStateInfo, Manifest, OptimizerDefinition, ProgramInfo } from "../contract/manifest.js";
import { formatBytes, isQuantized, type NumberFormat } from "../numeric/storage-formats.js";
import { createClasses } from "./classes.js";
import { createHostSide, type HostSide } from "./coefficients.js";
import { createDecisions, type Decisions } from "./decisions.js";
import type { CallerMemory, Device, DeviceMemory, Launch } from "./device.js";
import { OptimizerError, quote } from "./errors.js";
import { createHypers, type Hypers, surroundingsOf } from "./hypers.js";
import { type Layout, layOut } from "./layout.js";
import { unscaled } from "./loss-scale.js";
import { rowElementsOf } from "./row-gradient.js";
import { createRowWork } from "./row-work.js";
import { createScaler, type Scaler } from "./scaler.js";
import { type Param, readSettings, type Settings } from "./settings.js";
import { createStepper, type Stepper } from "./stepper.js";
import { createStorage, type Storage } from "./storage.js";
import type { BaseSettings } from "./types.js";

/** Everything the host decides before the device is asked for anything. */
interface Setup {
  readonly manifest: Manifest;
  readonly settings: Settings;
  readonly hypers: Hypers;
  readonly decisions: Decisions;
  readonly host: HostSide;
  readonly frozen: readonly boolean[];
  /** For each parameter and state: its offset in a segment, or -1. */
  readonly offsets: readonly (readonly number[])[];
  readonly layout: Layout;
  readonly step: ProgramInfo;
  readonly init: ProgramInfo | null;
}

export interface Session<View> extends Setup {
  readonly memory: DeviceMemory<View>;
  readonly storage: Storage<View>;
  readonly stepper: Stepper;
  /** Null: the build skips no steps. */
  readonly scaler: Scaler | null;
  /** Dispatches of a step. */
  readonly dispatches: number;
}

/**
 * Makes a session over a device. `takeOver` writes what parameters hold already, before initial values are computed, some of which reduce
 * over all of them. Rejects with OptimizerError; then nothing is left on the device.
 */
export async function openSession<View>(
  definition: OptimizerDefinition,
  device: Device<View>,
  given: BaseSettings,
  takeOver?: (storage: Storage<View>) => Promise<void>,
): Promise<Session<View>> {
  const setup = prepare(definition, device, given);
  const memory = device.allocate(setup.layout.memory);
  try {
    const { build, kernels, params, gradients: mode, lazyRows: isLazy } = setup.settings;
    const scaler = createScaler({ build, memory, host: setup.host, start: setup.settings.lossScale ?? unscaled });
    const launch = await device.bind(kernels, setup.step, memory, scaler?.pageFrom);
    const initLaunch = setup.init && (await device.bind(kernels, setup.init, memory, scaler?.pageFrom));
    const storage = createStorage({
      memory,
      layout: setup.layout,
      params,
      states: build.states,
      profile: device.profile,
      scalars: build.scalars,
      offsets: setup.offsets,
    });
    await fill(setup, storage);
    await takeOver?.(storage);
    if (initLaunch) await initialize(setup, device, initLaunch, storage);
    const { host, frozen, step: program } = setup;
    const lazyRows = isLazy ? createRowWork(setup.layout, memory) : null;
    const stepper = createStepper({
      device,
      program,
      launch,
      params,
      frozen,
      mode,
      format: build.formats.grad,
      hypers: setup.hypers,
      host,
      storage,
      lazyRows,
      scaler,
    });
    return { ...setup, memory, storage, stepper, scaler, dispatches: launch.dispatches };
  } catch (error) {
    memory.destroy();
    throw error;
  }
}

function prepare(definition: OptimizerDefinition, device: Device, given: BaseSettings): Setup {
  const { manifest } = definition;
  const settings = readSettings(definition, given);
  const { build, params } = settings;
  if (settings.lazyRows) checkLazyRows(settings, manifest, device);
  const hypers = createHypers(manifest, settings.hypers, surroundingsOf(settings));
  const decisions = createDecisions(manifest, settings, hypers);
  const host = createHostSide({ build, params, decisions });
  const program = (entry: string) => build.programs.find((candidate) => candidate.entry === entry) ?? null;
  const step = program("step");
  if (step === null) throw new OptimizerError("manifest", 'the manifest has no program "step": build the spec again');
  const frozen = decisions.resolution.params.map((param) => param.frozen);
  const none = build.states.map(() => -1);
  const offsets = params.map((_, param) => (frozen[param] ? none : host.variantAtCreation(step, param).stateOffsets));
  const init = program("init");
  const sizes = params.map(({ name, numel, shape, memory }, param) => ({
    name,
    elements: numel,
    rowElements: settings.lazyRows && !frozen[param] && rowElementsOf({ shape }) % 4 === 0 ? rowElementsOf({ shape }) : 0,
    own: memory === null ? null : adopt(device, memory, numel, build.formats.param, name),
    stateBytes: Math.max(0, ...offsets[param]!.map((offset, state) => stateEnd(build.states[state]!, offset))),
  }));
  const rowWidth = Math.max(step.rowWidth, init?.rowWidth ?? 0);
  const layout = layOut(sizes, {
    rowWidth,
    limits: device.limits,
    formats: build.formats,
    scalars: build.scalars,
    choosesPages: build.states.some(isScaler),
  });
  return { manifest, settings, hypers, decisions, host, frozen, offsets, layout, step, init };
}

/** Throws where a spec or a device cannot leave rows out. */
function checkLazyRows({ build }: Settings, { optimizer }: Manifest, device: Device): void {
  const fail = (problem: string): never => {
    throw new OptimizerError("invalid-setting", `lazyRows: ${problem}. Leave it out: rows without a gradient are then updated with zeros`);
  };
  if (build.states.some(({ format }) => isQuantized(format))) fail(`${optimizer.name} keeps states of 8 bits in blocks, which are no rows`);
  if (device.lazyRows === undefined) fail(`the ${device.kind} device works on whole tensors only`);
}

function adopt(device: Device, memory: NonNullable<Param["memory"]>, numel: number, format: NumberFormat, name: string): CallerMemory {
  if (device.adopt !== undefined) return device.adopt(memory, numel, format, `parameter ${quote(name)}`);
  const message = `parameter ${quote(name)}: the ${device.kind} device works in memory of its own: give data instead of buffer`;
  throw new OptimizerError("invalid-parameter", message);
}

/** Writes the caller's data, and states that start from a constant other than zero. */
async function fill({ settings: { params, build }, offsets }: Setup, storage: Storage<unknown>): Promise<void> {
  for (const [param, { data, memory, numel }] of params.entries()) {
    if (data !== null) storage.writeParam(param, data);
    else if (memory !== null) await storage.completeParam(param);
    for (const [index, state] of build.states.entries()) {
      const isKept = state.extent === "model" ? param === 0 : offsets[param]![index] !== -1;
      const length = state.extent === "elem" ? numel : 1;
      if (needsFill(state) && isKept) storage.upload(param, new Float32Array(length).fill(state.init!), state.key);
    }
  }
}

const isScaler = ({ scaler }: DeviceStateInfo) => scaler !== undefined;

const needsFill = ({ init, scaler, master, format }: DeviceStateInfo) =>
  scaler === undefined && master === undefined && init !== null && (!Object.is(init, 0) || isQuantized(format));

/** Where a state of elements ends in a segment, in bytes of an element. */
function stateEnd({ extent, format }: DeviceStateInfo, offset: number): number {
  return extent === "elem" && offset !== -1 ? offset + formatBytes[format] : 0;
}

/** Runs the program that computes initial states, for all parameters that are not frozen. */
async function initialize({ frozen, host, init }: Setup, device: Device, launch: Launch, storage: Storage<unknown>): Promise<void> {
  const active = frozen.map((isFrozen) => !isFrozen);
  const table = createClasses(active, host.classKey, init!.rowWidth);
  host.compute(init!, table, 0);
  storage.assignRows(table.rowOf);
  await device.submit(launch, 0, table.rows);
}
