// What a planned step costs, counted from the plan: bytes, operations, launches. Per element of a parameter unless said otherwise.

import { formatBytes } from "../../numeric/storage-formats.js";
import type { Ir, ValueId } from "../ir/value.js";
import type { Plan, ProgramPlan, SweepBody } from "./plan.js";

export interface VariantCost {
  readonly bytes: { readonly read: number; readonly written: number };
  readonly stateBytes: number;
  /** Arithmetic operations of sweeps; what is computed once for a tensor or a chunk is not counted. */
  readonly operations: number;
}

export interface StepCost {
  /** Passes over the elements. */
  readonly sweeps: number;
  /** Small launches that finish reductions. */
  readonly finishes: number;
  /** One for each variant. */
  readonly variants: readonly VariantCost[];
}

/** The cost of one program of a plan. */
export function costOf({ ir }: Plan, { phases, variants }: ProgramPlan): StepCost {
  const sweeps = phases.flatMap((phase) => phase.sweeps);
  return {
    sweeps: sweeps.length,
    finishes: phases.filter(({ finish }) => finish !== null).length,
    variants: variants.map(({ bytes, stateOffsets }, variant) => ({
      bytes,
      stateBytes: [...stateOffsets.keys()].reduce((sum, cell) => sum + formatBytes[ir.cells[cell]!.format], 0),
      operations: sweeps.reduce((sum, { bodies }) => sum + operationsOf(ir, bodies[variant] ?? null), 0),
    })),
  };
}

function operationsOf(ir: Ir, body: SweepBody | null): number {
  if (body === null) return 0;
  const isOperation = (id: ValueId) => ir.values[id]!.kind === "apply" || ir.values[id]!.kind === "select";
  return body.body.filter(isOperation).length + body.partials.length + operationsOf(ir, body.second);
}
