// What may be asked of an optimizer now: nothing of one that was destroyed, no change while a save or load is under way, and no step of
// one that is half loaded.

import { OptimizerError } from "./errors.js";

export interface Guard {
  readonly destroyed: boolean;
  /** Throws where the optimizer was destroyed. */
  alive(): void;
  /** Throws where it may not be changed now. */
  free(): void;
  /** Before work that asks the caller's functions: throws as `free` does, and until `leave` nothing else may be asked but to read. */
  enter(what: string): void;
  leave(): void;
  /** Runs what nothing may come between. `repairs`: may run on what is half loaded. */
  alone<T>(what: string, work: () => Promise<T>, repairs?: boolean): Promise<T>;
  /** From now on half loaded, or whole again. */
  setHalfLoaded(half: boolean): void;
  /** Throws inside of what was entered. */
  destroy(): void;
}

export function createGuard(name: string): Guard {
  let destroyed = false;
  let halfLoaded = false;
  let running: string | null = null;
  let entered: string | null = null;

  function alive(): void {
    if (destroyed) throw new OptimizerError("destroyed", `this ${name} was destroyed and its memory given back: create a new one`);
  }

  function outside(): void {
    if (entered !== null)
      throw new OptimizerError(
        "busy",
        `${entered} is under way, and a function that it asked called this ${name}: only return the value there`,
      );
  }

  function notBusy(): void {
    alive();
    outside();
    if (running !== null) throw new OptimizerError("busy", `${running} is under way: await it first`);
  }

  function free(): void {
    notBusy();
    if (halfLoaded)
      throw new OptimizerError(
        "half-loaded",
        `a load broke off after it had begun to write, so this ${name} is half of two runs: load again`,
      );
  }

  return {
    get destroyed() {
      return destroyed;
    },
    alive,
    free,
    enter(what) {
      free();
      entered = what;
    },
    leave() {
      entered = null;
    },
    async alone(what, work, repairs = false) {
      if (repairs) notBusy();
      else free();
      running = what;
      try {
        return await work();
      } catch (error) {
        alive(); // what was destroyed meanwhile fails in its own words
        throw error;
      } finally {
        running = null;
      }
    },
    setHalfLoaded(half) {
      halfLoaded = half;
    },
    destroy() {
      outside();
      destroyed = true;
    },
  };
}
