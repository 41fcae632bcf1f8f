// One step: check everything, compute everything on the host, and only then write, submit and count. What fails before changes nothing.
// While the same parameters take part as before, a step allocates nothing; a change of that set makes the classes anew.

import { type ProgramInfo, ROW_PAGES } from "../contract/manifest.js";
import { type ClassTable, createClasses } from "./classes.js";
import type { HostSide } from "./coefficients.js";
import type { Device, Launch } from "./device.js";
import { createGradientReader } from "./gradients.js";
import type { Hypers } from "./hypers.js";
import type { Param } from "./settings.js";
import type { Storage } from "./storage.js";
import type { Gradients } from "./types.js";

export interface Stepper {
  /** Completed steps. */
  readonly steps: number;
  /** Throws, having changed nothing. The promise resolves when the device is not many steps behind. */
  step(gradients: Gradients | undefined): Promise<void>;
}

export interface StepperParts {
  readonly device: Device;
  readonly program: ProgramInfo;
  readonly launch: Launch;
  readonly params: readonly Param[];
  readonly frozen: readonly boolean[];
  readonly mode: "all" | "some";
  readonly hypers: Hypers;
  readonly host: HostSide;
  readonly storage: Storage<unknown>;
}

const done = Promise.resolve();

export function createStepper({ device, program, launch, params, frozen, mode, hypers, host, storage }: StepperParts): Stepper {
  const reader = createGradientReader(params, mode, (param) => !frozen[param]);
  const active = frozen.map((isFrozen) => !isFrozen);
  let table = createClasses(active, host.classKey, program.rowWidth);
  storage.assignRows(table.rowOf);
  let steps = 0;
  let fence: Promise<void> = done;

  /** The classes of this step, where the parameters that have a gradient take part. */
  function classesNow(given: boolean): ClassTable {
    let same = true;
    for (let i = 0; i < active.length; i++) {
      active[i] = !frozen[i] && (!given || reader.found[i] !== null);
      if (active[i] !== table.active[i]) same = false;
    }
    return same ? table : createClasses(active, host.classKey, program.rowWidth);
  }

  function writeGradients(): void {
    for (let i = 0; i < params.length; i++) {
      const gradient = reader.found[i];
      if (gradient && active[i]) storage.write("grad", i, gradient);
    }
    reader.clear();
  }

  /** Waits, once every ROW_PAGES steps, for what was submitted ROW_PAGES steps before: so run-ahead is bounded and rarely waited for. */
  function paced(): Promise<void> {
    if (steps % ROW_PAGES !== 0) return done;
    const previous = fence;
    fence = device.idle();
    fence.catch(() => {}); // a lost device is told by the step that waits here
    return previous;
  }

  return {
    get steps() {
      return steps;
    },
    step(gradients) {
      if (gradients !== undefined) reader.read(gradients);
      const next = classesNow(gradients !== undefined);
      hypers.refresh(steps);
      host.compute(program, next, steps + 1);
      if (next !== table) storage.assignRows(next.rowOf);
      table = next;
      if (gradients !== undefined) writeGradients();
      device.submit(launch, steps % ROW_PAGES, table.rows);
      host.commit(table);
      steps++;
      return paced();
    },
  };
}
