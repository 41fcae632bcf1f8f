// What every frame prints in the same way: the loads, numbers and operations of a body, whether of a sweep or of a finish.

import { isQuantized } from "../../numeric/storage-formats.js";
import type { CellId, ValueId } from "../ir/value.js";
import type { Coefficient, Load, Plan, ProgramPlan, ScalarBody, ScalarLoad, SweepBody } from "../passes/plan.js";

export interface Computation {
  readonly loads: readonly Load[];
  /** What an earlier sweep has stored and this body loads again, by the cell it stands in. */
  readonly reloaded: ReadonlyMap<ValueId, CellId>;
  readonly scalars: readonly ScalarLoad[];
  readonly coefficients: readonly Coefficient[];
  /** Computed once before the elements; empty in a finish. */
  readonly head: readonly ValueId[];
  readonly body: readonly ValueId[];
  /** Cells of elements that are stored; none in a finish. */
  readonly storedCells: ReadonlySet<CellId>;
  /** The values that leave: what is stored and then, in a sweep, what is reduced, each in the order of the plan. */
  readonly stored: readonly ValueId[];
  readonly reduced: readonly ValueId[];
  /** Values that are computed twice, a block of elements at a time: before all else in a block, to be measured. */
  readonly measured: readonly ValueId[];
}

/** What a sweep computes for the tensors of its program's variant of this number. */
export function sweepComputation({ ir }: Plan, { entry }: ProgramPlan, variant: number, body: SweepBody): Computation {
  const stores = ir.programs.find((program) => program.entry === entry)?.variants[variant]?.deviceStores ?? [];
  const again = new Set(body.loads.filter(({ version }) => version === "new").map(({ cell }) => cell));
  return {
    ...body,
    reloaded: new Map(stores.filter(({ cell }) => again.has(cell)).map(({ cell, value }) => [value, cell])),
    storedCells: new Set(body.stores.map(({ cell }) => cell)),
    stored: body.stores.map(({ value }) => value),
    reduced: body.partials.map(({ value }) => value),
    measured: [],
  };
}

/** The same where what is kept in blocks is measured before it is stored. */
export function measuringComputation(plan: Plan, program: ProgramPlan, variant: number, body: SweepBody): Computation {
  const inBlocks = body.stores.filter(({ cell }) => isQuantized(plan.ir.cells[cell]!.format));
  return { ...sweepComputation(plan, program, variant, body), measured: inBlocks.map(({ value }) => value) };
}

/** What a finish computes for a tensor or the model. */
export function scalarComputation({ scalars, coefficients, body, stores }: ScalarBody): Computation {
  return {
    loads: [],
    reloaded: new Map(),
    scalars,
    coefficients,
    head: [],
    body,
    storedCells: new Set(),
    stored: stores.map(({ value }) => value),
    reduced: [],
    measured: [],
  };
}
