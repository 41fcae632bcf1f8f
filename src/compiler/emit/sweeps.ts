// Walks a plan in the way every frame needs it: its sweeps with their names, and where a cell of a variant lies.

import { printDecision } from "../ir/print.js";
import type { CellId, Ir } from "../ir/value.js";
import type { Plan, ProgramPlan, Sweep, VariantPlan } from "../passes/plan.js";
import type { PlannedBuild } from "./files.js";
import { createNamer } from "./namer.js";

export interface SweepPlace {
  readonly name: string;
  readonly program: ProgramPlan;
  readonly sweep: Sweep;
}

/** All sweeps of a build, in the order of programs and phases. */
export function sweepsOf(build: PlannedBuild): readonly SweepPlace[] {
  return listSweeps(build.plan).map(({ program, sweep }) => ({ name: build.sweepNames.get(sweep)!, program, sweep }));
}

/** One name for each sweep that is an identifier in every kernel language. */
export function nameSweeps(plan: Plan): ReadonlyMap<Sweep, string> {
  const wgsl = createNamer("wgsl");
  const cpp = createNamer("cpp");
  return new Map(listSweeps(plan).map(({ sweep }) => [sweep, wgsl(cpp(sweep.name))]));
}

function listSweeps(plan: Plan): { program: ProgramPlan; sweep: Sweep }[] {
  return plan.programs.flatMap((program) => program.phases.flatMap((phase) => phase.sweeps.map((sweep) => ({ program, sweep }))));
}

export type CellPlace = { readonly part: "param" | "grad" } | { readonly part: "state"; readonly slot: number };

/** Where the elements of a cell lie in memory, for the tensors of a variant. */
export function placeOf(plan: Plan, variant: VariantPlan, id: CellId): CellPlace {
  const cell = plan.ir.cells[id];
  if (cell === undefined) throw new Error(`bug: there is no cell ${id}`);
  switch (cell.role) {
    case "param":
    case "grad":
      return { part: cell.role };
    case "state": {
      const slot = variant.stateSlots.get(id);
      if (slot === undefined) throw new Error(`bug: state ${cell.name} has no slot in this variant`);
      return { part: "state", slot };
    }
    case "input":
      throw new Error(`bug: input ${cell.name} cannot be read by a sweep yet`);
    default:
      return cell.role satisfies never;
  }
}

/** For which tensors and steps a variant is, in the spec's words; empty where there is no choice. */
export function variantText(ir: Ir, variant: VariantPlan): string {
  const decisions = variant.when.map(({ condition, is }) => printDecision(ir, condition, is));
  return decisions.length === 0 ? "" : `Where ${decisions.join(" and ")}.`;
}
