// One step: check everything, compute everything on the host, and only then write, submit and count. What fails before changes nothing.
// While the same parameters take part as before, a step allocates nothing; a change of that set makes the classes anew.

import { type ProgramInfo, ROW_PAGES } from "../contract/manifest.js";
import type { NumberFormat } from "../numeric/storage-formats.js";
import { type ClassTable, createClasses } from "./classes.js";
import type { HostSide } from "./coefficients.js";
import type { Device, Launch } from "./device.js";
import { OptimizerError } from "./errors.js";
import { createGradientSources } from "./gradient-sources.js";
import { createGradientReader } from "./gradients.js";
import type { Hypers } from "./hypers.js";
import type { RowWork } from "./row-work.js";
import { MOST_AHEAD, type Scaler } from "./scaler.js";
import type { Param } from "./settings.js";
import type { Storage } from "./storage.js";
import type { Gradients } from "./types.js";

export interface Stepper {
  /** Completed steps; those that the device has said nothing of yet count as taken. */
  readonly steps: number;
  /** Resolves when the next step can be computed; null: now. Rejects where the device was not given what it would have to answer for. */
  waits(gradients: Gradients<unknown> | undefined): Promise<void> | null;
  /** Throws, having changed nothing. The promise resolves when the device is not many steps behind. */
  step(gradients: Gradients<unknown> | undefined): Promise<void>;
  /** The same into the caller's encoder or pass. */
  encode(target: unknown, gradients: Gradients<unknown> | undefined): void;
  /** Records the kernels of a step into a stream that the caller captures. Counts nothing. */
  capture(stream: unknown): void;
  /** All of a step but its kernels, for one replay of what was captured. */
  prepare(gradients: Gradients<unknown> | undefined): Promise<void>;
  /** Resolves when every step has been accepted or taken back, and is done. Throws where an encoded one may not have been submitted yet. */
  settle(): Promise<void>;
  /** Leaves a parameter out of all steps from now on, or takes it in again. */
  hold(param: number, held: boolean): void;
  /** Whether a parameter was left out by `hold`. */
  isHeld(param: number): boolean;
  /** Goes on after this many completed steps, with the step counts and host states as they now are. */
  resume(steps: number): void;
  /** Resolves when the device is idle. What was encoded before must have been submitted; its pages are free again. */
  idle(): Promise<void>;
}

export interface StepperParts {
  readonly device: Device;
  readonly program: ProgramInfo;
  readonly launch: Launch;
  readonly params: readonly Param[];
  readonly frozen: readonly boolean[];
  readonly mode: "all" | "some";
  /** What gradients are kept in. */
  readonly format: NumberFormat;
  readonly hypers: Hypers;
  readonly host: HostSide;
  readonly storage: Storage<unknown>;
  /** Null: what a gradient by rows leaves out has a gradient of zero. */
  readonly lazyRows: RowWork | null;
  /** Null: no step is skipped. */
  readonly scaler: Scaler | null;
}

/** Steps between asking a device what it skipped: the answer is waited for after as many steps more. */
const ASK_EVERY = Math.floor(MOST_AHEAD / 2);

const done = Promise.resolve();

export function createStepper(parts: StepperParts): Stepper {
  const { device, program, launch, params, frozen, mode, format, hypers, host, storage, lazyRows, scaler } = parts;
  const { gradients: callers } = storage;
  const adopt = callers && ((param: number, given: unknown, label: string) => callers.adopt(given, storage.place(param), label));
  const held = params.map(() => false);
  const takesPart = (param: number) => !frozen[param] && !held[param];
  const reader = createGradientReader({ params, mode, format, lazyRows: lazyRows !== null, needed: takesPart, adopt });
  const sources = createGradientSources({ params, storage, reader, lazyRows });
  const active = frozen.map((isFrozen) => !isFrozen);
  let table = createClasses(active, host.classKey, program.rowWidth);
  storage.assignRows(table.rowOf);
  /** Steps given to the device; without a scaler those that are completed. */
  let steps = 0;
  const completed = () => scaler?.steps ?? steps;
  /** What coefficients were computed from last: which hypers were given, and whether one of them keeps a state that may change. */
  const last = { changes: -1, keepsState: false };
  let fence: Promise<void> = done;
  /** The last word of the device's that is still to come. */
  let answering: Promise<void> = done;
  /** Encoded steps, by their number, that the device may not have been given yet: their pages must stay as they are. */
  let encoded: number[] = [];

  /** Notes who takes part in this step: parameters that have a gradient. True where all is as in the step before. */
  function sameTakePart(given: boolean): boolean {
    let same = true;
    for (let i = 0; i < active.length; i++) {
      active[i] = takesPart(i) && (!given || reader.found[i] !== null);
      if (active[i] !== table.active[i]) same = false;
    }
    return same;
  }

  /** The classes of this step. */
  function classesNow(given: boolean): ClassTable {
    return sameTakePart(given) ? table : createClasses(active, host.classKey, program.rowWidth);
  }

  /** Whether this step's coefficients, or its page, depend on what the device has not answered yet. */
  function isBlocked(gradients: Gradients<unknown> | undefined): boolean {
    if (scaler === null || scaler.pending === 0) return false;
    if (scaler.pending === MOST_AHEAD || hypers.changes !== last.changes || last.keepsState) return true;
    if (gradients !== undefined) reader.read(gradients);
    return !sameTakePart(gradients !== undefined);
  }

  /** Waits for the device's word on everything that it was given. */
  async function hear(): Promise<void> {
    await answering;
    await scaler?.ask();
  }

  function notGiven(): OptimizerError {
    const many = `${scaler!.pending} steps were encoded or prepared, and the device has not run them`;
    return new OptimizerError("encode", `${many}, so it cannot be known which were skipped. Submit them, then await idle()`);
  }

  /** Throws where this step would overwrite what an encoded one, perhaps not submitted yet, is going to read. */
  function checkEncoded(next: ClassTable): void {
    if (encoded.length === 0) return;
    const way = "Submit the commands, then await idle()";
    if (steps - encoded[0]! >= ROW_PAGES) {
      throw new OptimizerError(
        "encode",
        `an encoded step's coefficients are kept for ${ROW_PAGES} steps, which have passed since idle(). ${way}`,
      );
    }
    if (lazyRows !== null && reader.foundRows) {
      throw new OptimizerError("encode", `lazy rows would change what the ${encoded.length} steps encoded since idle() work on. ${way}`);
    }
    if (next !== table) {
      throw new OptimizerError("encode", `other parameters take part than in the ${encoded.length} steps encoded since idle(). ${way}`);
    }
  }

  /** Everything before the submission. */
  function prepare(gradients: Gradients<unknown> | undefined): void {
    const given = gradients !== undefined;
    if (given) reader.read(gradients);
    const next = classesNow(given);
    checkEncoded(next);
    sources.check(active, given);
    if (hypers.changes !== last.changes) Object.assign(last, { changes: hypers.changes, keepsState: hypers.stateful().length > 0 });
    hypers.refresh(completed());
    host.compute(program, next, completed() + 1);
    if (next !== table) storage.assignRows(next.rowOf);
    table = next;
    sources.write(active, given);
  }

  /** A device that counts steps counts none in which no parameter takes part. */
  const isNothing = () => scaler !== null && !active.includes(true);

  function count(): void {
    host.commit(table);
    steps++;
    scaler?.submitted();
  }

  /** Waits for the device's word on a submission; a step that it refused does not count, unless others followed. */
  async function accepted(answer: Promise<void>): Promise<void> {
    const mine = steps;
    try {
      await answer;
    } catch (error) {
      if (scaler !== null) scaler.refused();
      else if (steps === mine) {
        host.undo();
        steps--;
      }
      throw error;
    }
  }

  /** Waits, once every ROW_PAGES steps, for what was submitted ROW_PAGES steps before: so run-ahead is bounded and rarely waited for. */
  function paced(): Promise<void> {
    if (steps % (scaler === null ? ROW_PAGES : ASK_EVERY) !== 0) return done;
    const previous = fence;
    fence = scaler === null || scaler.pending === 0 ? device.idle() : scaler.ask();
    fence.catch(() => {}); // a lost device is told by the step that waits here
    return previous;
  }

  return {
    get steps() {
      return completed();
    },
    waits(gradients) {
      if (!isBlocked(gradients)) return null;
      return hear().then(() => {
        if (isBlocked(gradients)) throw notGiven();
      });
    },
    step(gradients) {
      prepare(gradients);
      if (isNothing()) return done;
      const answer = device.submit(launch, completed() % ROW_PAGES, table.rows);
      count();
      const pace = paced();
      if (!(answer instanceof Promise)) return pace;
      const counted = accepted(answer);
      answering = counted.catch(() => {}); // told by the step itself
      return counted.then(() => pace);
    },
    encode(target, gradients) {
      if (device.encode === undefined)
        throw new OptimizerError("encode", `the ${device.kind} device has no commands to encode into: use step()`);
      sources.refuseArrays(gradients);
      if (isBlocked(gradients)) throw notGiven();
      prepare(gradients);
      if (isNothing()) return;
      device.encode(launch, completed() % ROW_PAGES, table.rows, target);
      encoded.push(steps);
      count();
    },
    capture(stream) {
      if (device.capture === undefined) throw noGraphs(device);
      if (lazyRows !== null) throw noRowsInGraphs();
      device.capture(launch, stream);
    },
    prepare(gradients) {
      if (device.prepare === undefined) throw noGraphs(device);
      if (lazyRows !== null) throw noRowsInGraphs();
      prepare(gradients);
      if (isNothing()) throw new OptimizerError("encode", "no parameter takes part in this step: neither prepare nor replay it");
      device.prepare(launch, completed() % ROW_PAGES, table.rows);
      count();
      return paced();
    },
    async settle() {
      if (encoded.length > 0) {
        const way = "Submit the commands, then await idle()";
        throw new OptimizerError("encode", `steps were encoded that the device may not have been given. ${way}`);
      }
      await device.idle();
      await hear();
      if (scaler !== null && scaler.pending > 0) throw notGiven();
    },
    hold(param, hold) {
      held[param] = hold;
    },
    isHeld: (param) => held[param]!,
    resume(after) {
      steps = after;
      scaler?.resume(after);
      table = createClasses(table.active, host.classKey, program.rowWidth);
      storage.assignRows(table.rowOf);
    },
    async idle() {
      const before = steps;
      await device.idle();
      if (scaler !== null) await hear();
      encoded = encoded.filter((step) => step >= before);
    },
  };
}

function noGraphs({ kind }: Device): OptimizerError {
  return new OptimizerError("encode", `the ${kind} device has no graphs: use step()`);
}

function noRowsInGraphs(): OptimizerError {
  return new OptimizerError("encode", "a graph works on whole tensors: create the optimizer without lazyRows");
}
