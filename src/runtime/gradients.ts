// The gradients of one step as the caller hands them in: every one is checked before any of them is written.

import type { NumberFormat } from "../numeric/storage-formats.js";
import { type NumberArray, readNumbers } from "./arrays.js";
import type { CallerMemory } from "./device.js";
import { didYouMean, OptimizerError, quote, quoteSome } from "./errors.js";
import { isGivenByRows, isRowGradient, type RowGradient, readRowGradient } from "./row-gradient.js";
import type { Param } from "./settings.js";
import type { Gradients } from "./types.js";

/** A gradient that was checked. */
export type FoundGradient = NumberArray | RowGradient | CallerMemory;

export interface GradientReader {
  /** By parameter index, what `read` found last; null: absent. Valid until the next `read`. */
  readonly found: readonly (FoundGradient | null)[];
  /** Whether it found a gradient by rows. */
  readonly foundRows: boolean;
  /** Throws, leaving nothing written, on an unknown name, a wrong dtype or length, or a gradient that is missing and must not be. */
  read(gradients: Gradients<unknown>): void;
  /** Forgets the caller's memory. */
  clear(): void;
}

export interface GradientReaderParts {
  readonly params: readonly Param[];
  readonly mode: "all" | "some";
  /** What gradients are kept in. */
  readonly format: NumberFormat;
  readonly lazyRows: boolean;
  /** Whether the step does anything with this parameter (frozen ones need no gradient). */
  readonly needed: (param: number) => boolean;
  /** Checks a gradient that is no array; undefined where the device takes arrays only. */
  readonly adopt: ((param: number, given: unknown, label: string) => CallerMemory) | undefined;
}

export function createGradientReader({ params, mode, format, lazyRows, needed, adopt }: GradientReaderParts): GradientReader {
  const known = new Set(params.map(({ name }) => name));
  const labels = params.map(({ name }) => `the gradient of ${quote(name)}`);
  const found: (FoundGradient | null)[] = params.map(() => null);

  function readOne(param: number, value: unknown): FoundGradient {
    if (isGivenByRows(value)) {
      const gradient = readRowGradient(value, params[param]!, labels[param]!);
      if (lazyRows && gradient.rowElements % ROW_MULTIPLE !== 0) throw oddRows(gradient, labels[param]!);
      return gradient;
    }
    if (adopt !== undefined && !ArrayBuffer.isView(value)) return adopt(param, value, labels[param]!);
    return readNumbers(value, format, params[param]!.numel, labels[param]!, "invalid-gradient");
  }

  function read(gradients: Gradients<unknown>): void {
    const lookup = asLookup(gradients);
    let count = 0;
    let missing = 0;
    for (let i = 0; i < params.length; i++) {
      const { name } = params[i]!;
      const value = gradientOf(lookup, name);
      found[i] = null;
      if (value !== undefined && value !== null) {
        found[i] = readOne(i, value);
      } else if (needed(i)) missing++;
      if (isMap(lookup) ? lookup.has(name) : Object.hasOwn(lookup, name)) count++;
    }
    if (count !== sizeOf(lookup)) throw unknownGradient(lookup, known);
    if (missing > 0 && mode === "all") throw missingGradients(params.filter((_, i) => found[i] === null && needed(i)));
  }

  return {
    found,
    get foundRows() {
      return found.some(isRowGradient);
    },
    read,
    clear: () => void found.fill(null),
  };
}

/** Kernels work on whole groups of so many elements. */
const ROW_MULTIPLE = 4;

function oddRows({ rowElements }: RowGradient, label: string): OptimizerError {
  const way = "Give it as a Float32Array, or create the optimizer without lazyRows";
  return new OptimizerError(
    "invalid-gradient",
    `${label} is given by rows of ${rowElements} elements; lazy rows need a multiple of ${ROW_MULTIPLE}. ${way}`,
  );
}

type Lookup = ReadonlyMap<unknown, unknown> | Readonly<Record<string, unknown>>;

const isMap = (lookup: unknown): lookup is ReadonlyMap<unknown, unknown> => lookup instanceof Map;

function gradientOf(lookup: Lookup, name: string): unknown {
  if (isMap(lookup)) return lookup.get(name);
  return Object.hasOwn(lookup, name) ? lookup[name] : undefined;
}

function asLookup(gradients: unknown): Lookup {
  if (isMap(gradients)) return gradients;
  if (
    typeof gradients === "object" &&
    gradients !== null &&
    !ArrayBuffer.isView(gradients) &&
    !Array.isArray(gradients) &&
    !(gradients instanceof Promise)
  ) {
    return gradients as Readonly<Record<string, unknown>>;
  }
  if (gradients instanceof Promise) throw new OptimizerError("invalid-gradient", "gradients is a Promise: await it first");
  throw new OptimizerError("invalid-gradient", "gradients must be an object or a Map from parameter names to Float32Arrays");
}

function sizeOf(lookup: Lookup): number {
  if (isMap(lookup)) return lookup.size;
  let size = 0;
  for (const key in lookup) if (Object.hasOwn(lookup, key)) size++;
  return size;
}

function unknownGradient(lookup: Lookup, known: ReadonlySet<string>): OptimizerError {
  const names = isMap(lookup) ? [...lookup.keys()].map(String) : Object.keys(lookup);
  const stranger = names.find((name) => !known.has(name))!;
  return new OptimizerError("unknown-gradient", `gradient ${quote(stranger)} belongs to no parameter${didYouMean(stranger, known)}`);
}

function missingGradients(params: readonly Param[]): OptimizerError {
  const names = quoteSome(params.map(({ name }) => name));
  const way = 'Create the optimizer with gradients: "some" where a parameter without a gradient is to stay as it is';
  return new OptimizerError("missing-gradient", `step() got no gradient for ${names}. ${way}`);
}
