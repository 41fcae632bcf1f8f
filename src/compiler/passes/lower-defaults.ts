// The hypers' default values and schedules as values of the host: a default may read the hypers above it, a schedule their peaks and the
// step; never an option.

import type { Spec } from "../check/spec.js";
import { createBuilder } from "../ir/builder.js";
import type { Value, ValueId } from "../ir/value.js";
import { createBody, lowerExpression } from "./lower-body.js";
import { storageOf } from "./storage.js";
import { undecided } from "./variants.js";

export interface Defaults {
  readonly values: readonly Value[];
  /** The default of each hyper by name. */
  readonly formulas: ReadonlyMap<string, ValueId>;
  /** The multiplier of each hyper that has a schedule. */
  readonly schedules: ReadonlyMap<string, ValueId>;
}

/** One table of values for all hypers of a spec. */
export function lowerDefaults(spec: Spec): Defaults {
  const builder = createBuilder();
  const nothing = {
    options: {},
    cells: new Map(),
    present: new Set<never>(),
    globals: new Set<never>(),
    siteLevels: new Map(),
    storage: storageOf({}),
  };
  const body = createBody({ ...nothing, builder, decisions: undecided });
  return {
    values: builder.values,
    formulas: new Map(spec.hypers.map(({ name, value }) => [name, lowerExpression(body, value)])),
    schedules: new Map(spec.schedules.map(({ hyper, value }) => [hyper, lowerExpression(body, value)])),
  };
}
