// The IR of a build becomes its plan: operations lowered to what kernels have, stores placed, coefficients numbered.

import type { Ir } from "../ir/value.js";
import { verifyIr } from "../ir/verify.js";
import { expandMath } from "./expand-math.js";
import { planProgram } from "./phases.js";
import type { Plan } from "./plan.js";

/** The plan of one build. `options` are the build's words in declaration order, kept for print. */
export function makePlan(lowered: Ir, options: Readonly<Record<string, string>>): Plan {
  const ir = expandMath(lowered);
  verifyIr(ir, { device: "exact" });
  if (ir.values.some((value) => value.kind === "reduce" || value.kind === "total")) throw new Error("bug: reductions have no finish yet");
  const programs = ir.programs.map((program) => planProgram(ir, program));
  return { options, ir, programs, scalars: null, scalarStates: new Map() };
}
