// Where each gradient of a step is: arrays are written into the optimizer's memory, buffers of the caller's are handed to the device.

import { isNumberArray } from "./arrays.js";
import { OptimizerError, quote, quoteSome } from "./errors.js";
import type { FoundGradient, GradientReader } from "./gradients.js";
import { denseGradient, isGivenByRows, isRowGradient, type RowGradient } from "./row-gradient.js";
import type { RowWork } from "./row-work.js";
import type { Param } from "./settings.js";
import type { Storage } from "./storage.js";
import type { Gradients } from "./types.js";

export interface GradientSources {
  /** Throws where a step without gradients would read memory that holds none. */
  check(active: readonly boolean[], given: boolean): void;
  /** Throws where arrays were given for a step that is encoded. */
  refuseArrays(gradients: Gradients<unknown> | undefined): void;
  /** Writes arrays, names buffers, and forgets what was read. */
  write(active: readonly boolean[], given: boolean): void;
}

export interface GradientSourceParts {
  readonly params: readonly Param[];
  readonly storage: Storage<unknown>;
  readonly reader: GradientReader;
  /** Null: rows left out have a gradient of zero. */
  readonly lazyRows: RowWork | null;
}

export function createGradientSources({ params, storage, reader, lazyRows }: GradientSourceParts): GradientSources {
  const { gradients } = storage;
  const own = params.flatMap(({ memory }, param) => (memory === null ? [] : [param]));

  const byRows = params.map((): RowGradient | null => null);

  function writeRows(param: number, gradient: RowGradient): void {
    if (lazyRows === null) storage.writeGrad(param, denseGradient(gradient, params[param]!.numel));
    else storage.writeGradRows(param, gradient);
  }

  /** What the lazy step works on. */
  function chooseRows(active: readonly boolean[], given: boolean): void {
    for (const [i, gradient] of reader.found.entries()) byRows[i] = given && active[i] && isRowGradient(gradient) ? gradient : null;
    lazyRows!.choose(byRows);
  }

  return {
    check(active, given) {
      if (given || gradients === undefined || own.length === 0) return;
      const without = own.filter((param) => active[param] && params[param]!.numel > 0 && !gradients.has(storage.place(param).arena));
      if (without.length === 0) return;
      const names = quoteSome(without.map((param) => params[param]!.name));
      const way = "Name their buffers in step({ gradients }), or write into tensor(name).grad first";
      throw new OptimizerError("missing-gradient", `the optimizer's memory holds no gradient of ${names}. ${way}`);
    },
    refuseArrays(given) {
      const entries = given instanceof Map ? given : Object.entries(given ?? {});
      for (const [name, value] of entries as Iterable<[unknown, unknown]>) {
        if (!isNumberArray(value) && !isGivenByRows(value)) continue;
        const what = isGivenByRows(value) ? "is given by rows" : "is an array";
        const way = "Give a GPUBuffer, or upload the gradient and encode without gradients";
        throw new OptimizerError("encode", `the gradient of ${quote(String(name))} ${what}, which cannot be encoded. ${way}`);
      }
    },
    write(active, given) {
      gradients?.begin();
      if (lazyRows !== null) chooseRows(active, given);
      if (given) {
        for (let i = 0; i < params.length; i++) {
          const gradient = reader.found[i];
          if (!gradient || !active[i]) continue;
          if (isNumberArray(gradient)) storage.writeGrad(i, gradient);
          else if (isRowGradient(gradient)) writeRows(i, gradient);
          else gradients!.use(storage.place(i), gradient);
        }
      }
      for (const param of own) {
        const gradient = reader.found[param];
        if (!active[param]) gradients!.use(storage.place(param), "none");
        else if (!given || isOnHost(gradient)) gradients!.use(storage.place(param), "ours");
      }
      if (given) reader.clear();
    },
  };
}

function isOnHost(gradient: FoundGradient | null | undefined): boolean {
  return isNumberArray(gradient) || isRowGradient(gradient);
}
