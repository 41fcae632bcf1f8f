// Walks a plan in the way every frame needs it: its launches with their names, and where a cell of a variant lies.

import type { StorageFormat } from "../../numeric/storage-formats.js";
import { printDecision } from "../ir/print.js";
import type { CellId, Ir } from "../ir/value.js";
import type { Finish, Plan, ProgramPlan, Sweep, SweepBody, VariantPlan } from "../passes/plan.js";
import type { PlannedBuild } from "./files.js";
import { createNamer } from "./namer.js";

export interface SweepPlace {
  readonly kind: "sweep";
  readonly name: string;
  readonly program: ProgramPlan;
  readonly sweep: Sweep;
}

export interface FinishPlace {
  readonly kind: "finish";
  readonly name: string;
  readonly program: ProgramPlan;
  readonly finish: Finish;
}

/** All sweeps and finishes of a build, in the order of programs and launches. */
export function launchesOf(build: PlannedBuild): readonly (SweepPlace | FinishPlace)[] {
  return build.plan.programs.flatMap((program) => programLaunches(program, build.sweepNames));
}

/** The sweeps and finishes of a program in the order of launch: the sweeps of a phase, then what finishes it. */
export function programLaunches(program: ProgramPlan, names: ReadonlyMap<Sweep | Finish, string>): readonly (SweepPlace | FinishPlace)[] {
  return program.phases.flatMap(({ sweeps, finish }) => [
    ...sweeps.map((sweep): SweepPlace => ({ kind: "sweep", name: names.get(sweep)!, program, sweep })),
    ...(finish === null ? [] : [{ kind: "finish", name: names.get(finish)!, program, finish } as const]),
  ]);
}

/** One name for each sweep and finish that is an identifier in every kernel language. */
export function nameSweeps({ programs }: Plan): ReadonlyMap<Sweep | Finish, string> {
  const wgsl = createNamer("wgsl");
  const cpp = createNamer("cpp");
  const launches = programs.flatMap(({ phases }) =>
    phases.flatMap(({ sweeps, finish }): (Sweep | Finish)[] => [...sweeps, ...(finish === null ? [] : [finish])]),
  );
  return new Map(launches.map((launch) => [launch, wgsl(cpp(launch.name))]));
}

/** Whether any body of a sweep reads or writes the memory of scalars. */
export function usesScalars(sweep: Sweep): boolean {
  return passesOf(sweep).some(({ body }) => body.scalars.length + body.partials.length > 0);
}

/** One pass over a chunk, for the tensors of a variant. */
export interface SweepPass {
  readonly variant: number;
  readonly body: SweepBody;
  /** Of its function: that of the sweep, with the variant and, behind a first pass, a word more. */
  readonly suffix: string;
}

/** All passes of a sweep: by variant, and for each in the order in which they run. */
export function passesOf({ bodies }: Sweep): readonly SweepPass[] {
  return bodies.flatMap((body, variant): readonly SweepPass[] => {
    if (body === null) return [];
    const first = { variant, body, suffix: `_variant${variant}` };
    return body.second === null ? [first] : [first, { variant, body: body.second, suffix: `_variant${variant}_stores` }];
  });
}

/** Whether a sweep goes by the tree of reductions. */
export function reduces(sweep: Sweep): boolean {
  return passesOf(sweep).some(({ body }) => body.partials.length > 0);
}

/** Where a cell's elements are, and how they are kept. In the states: how many bytes an element has in those before it. */
export type CellPlace = { readonly format: StorageFormat } & (
  | { readonly part: "param" | "grad" }
  | { readonly part: "state"; readonly offset: number }
);

/** Where the elements of a cell lie in memory, for the tensors of a variant. */
export function placeOf(plan: Plan, variant: VariantPlan, id: CellId): CellPlace {
  const cell = plan.ir.cells[id];
  if (cell === undefined) throw new Error(`bug: there is no cell ${id}`);
  switch (cell.role) {
    case "param":
    case "grad":
      return { part: cell.role, format: cell.format };
    case "state": {
      const offset = variant.stateOffsets.get(id);
      if (offset === undefined) throw new Error(`bug: state ${cell.name} has no place in this variant`);
      return { part: "state", offset, format: cell.format };
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
