// The IR of a build becomes its plan: operations lowered to what kernels have, equal totals merged, stores placed, coefficients and scalars
// numbered.

import type { CellId, Ir } from "../ir/value.js";
import { verifyIr } from "../ir/verify.js";
import { expandMath } from "./expand-math.js";
import { mergeTotals } from "./merge-totals.js";
import { planProgram } from "./phases.js";
import type { Plan, ScalarPlace } from "./plan.js";

/** The plan of one build. `options` are the build's words in declaration order, kept for print. */
export function makePlan(lowered: Ir, options: Readonly<Record<string, string>>): Plan {
  const ir = mergeTotals(expandMath(lowered));
  verifyIr(ir, { device: "exact" });
  const scalarStates = placeScalarStates(ir);
  const planned = ir.programs.map((program) => planProgram(ir, program, scalarStates));
  const most = (kind: "model" | "tensor" | "partial") => Math.max(0, ...planned.map(({ slots }) => slots[kind]));
  const scalars = { model: most("model"), tensor: most("tensor"), partial: most("partial") };
  return {
    options,
    ir,
    programs: planned.map(({ plan }) => plan),
    scalars: scalars.model + scalars.tensor > 0 ? scalars : null,
    scalarStates,
  };
}

/** Device states of extent tensor and model have the first slots, the same ones in every program. */
function placeScalarStates({ cells }: Ir): ReadonlyMap<CellId, ScalarPlace> {
  const used = { model: 0, tensor: 0 };
  const places = new Map<CellId, ScalarPlace>();
  for (const [id, { role, home, extent }] of cells.entries()) {
    if (role !== "state" || home !== "device" || extent === "elem") continue;
    if (extent !== "tensor" && extent !== "model") throw new Error(`bug: no place for a state of extent ${extent}`);
    places.set(id as CellId, { of: extent, slot: used[extent]++ });
  }
  return places;
}
