// Joins what the variants of a program do at each level into sweeps, and puts a finish behind those whose reductions are needed.
// A variant numbers its own coefficients from slot 1, in the order in which its bodies meet them.

import { formatBytes, isQuantized } from "../../numeric/storage-formats.js";
import type { CellId, Ir, Program, Variant } from "../ir/value.js";
import { type CoefficientSlots, compute, createCoefficientSlots } from "./bodies.js";
import { createFinishes, type Finishes } from "./finishes.js";
import type { PlacedSweep } from "./place-stores.js";
import { type ProgramPlacement, placeProgram } from "./place-totals.js";
import type { Phase, ProgramPlan, ScalarPlace, ScalarSlots, Sweep, SweepBody, VariantPlan } from "./plan.js";

export interface PlannedProgram {
  readonly plan: ProgramPlan;
  /** What the program needs of the memory of scalars, states included. */
  readonly slots: ScalarSlots;
}

/** The plan of one program: a phase for every level at which some variant has element work or a reduction is finished. */
export function planProgram(ir: Ir, program: Program, states: ReadonlyMap<CellId, ScalarPlace>): PlannedProgram {
  const { entry, variants } = program;
  const placement = placeProgram(ir, program);
  const coefficients = variants.map(() => createCoefficientSlots(ir));
  const finishes = createFinishes(ir, program, placement, { states, coefficients });
  const sweepLevels = placement.variants.flatMap(({ sweeps }) => sweeps.map(({ level }) => level));
  const levels = [...new Set([...sweepLevels, ...finishes.levels])].sort((a, b) => a - b);
  const planning = { ir, variants, placement, finishes, coefficients };
  // All sweeps before any finish: they ask the last finish to save what it overwrites.
  const sweeps = new Map(levels.map((level) => [level, sweepLevels.includes(level) ? [sweepAt(planning, level)] : []]));
  const phases = levels.map((level): Phase => ({ sweeps: sweeps.get(level)!, finish: finishes.at(level) }));
  const widest = Math.max(...coefficients.map(({ values }) => values.length));
  const plan: ProgramPlan = {
    entry,
    variants: variants.map(
      (variant, i): VariantPlan => ({
        when: variant.when,
        stateOffsets: stateOffsets(ir, variant),
        coefficients: coefficients[i]!.values,
        hostStores: variant.hostStores,
        bytes: placement.variants[i]!.bytes,
      }),
    ),
    phases: nameLaunches(entry, phases),
    rowWidth: Math.ceil((1 + widest) / 4) * 4,
  };
  return { plan, slots: finishes.slots };
}

/** Sweeps are `step` or, where there are several, `step1`, `step2`, ...; a finish is named after what it follows. */
function nameLaunches(entry: string, phases: readonly Phase[]): readonly Phase[] {
  const many = phases.filter(({ sweeps }) => sweeps.length > 0).length > 1;
  let number = 0;
  return phases.map(({ sweeps, finish }): Phase => {
    if (sweeps.length > 0) number++;
    const name = `${entry}${many ? number : ""}`;
    return { sweeps: sweeps.map((sweep) => ({ ...sweep, name })), finish: finish && { ...finish, name: `${name}_finish` } };
  });
}

/** Device states of elements of this variant, one after the other: wide ones first, and else in the order of cells. */
function stateOffsets(ir: Ir, { cells }: Variant): VariantPlan["stateOffsets"] {
  const states = cells.filter((id) => {
    const cell = ir.cells[id]!;
    return cell.role === "state" && cell.home === "device" && cell.extent === "elem";
  });
  const bytes = (id: CellId) => formatBytes[ir.cells[id]!.format];
  const offsets = new Map<CellId, number>();
  let end = 0;
  for (const id of states.toSorted((a, b) => bytes(b) - bytes(a))) {
    offsets.set(id, end);
    end += bytes(id);
  }
  return new Map(states.map((id) => [id, offsets.get(id)!]));
}

interface Planning {
  readonly ir: Ir;
  readonly variants: readonly Variant[];
  readonly placement: ProgramPlacement;
  readonly finishes: Finishes;
  readonly coefficients: readonly CoefficientSlots[];
}

function sweepAt(planning: Planning, level: number): Sweep {
  const bodies = planning.variants.map((_, variant) => {
    const placed = planning.placement.variants[variant]!.sweeps.find((sweep) => sweep.level === level);
    return placed === undefined ? null : sweepBody(planning, variant, placed);
  });
  return { name: "", traversal: "chunks", bodies };
}

function sweepBody(planning: Planning, variant: number, { level, loads, stores, reductions }: PlacedSweep): SweepBody {
  const { ir, finishes, coefficients } = planning;
  const partials = reductions.map((reduction) => finishes.partial(variant, level, reduction));
  const pass = (what: Pick<SweepBody, "stores" | "partials" | "second">): SweepBody => {
    const roots = [...what.stores, ...what.partials].map(({ value }) => value);
    const computed = compute(ir, roots, {
      coefficients: coefficients[variant]!,
      loaded: new Set(loads.map(({ value }) => value)),
      placeOf: (id) => finishes.placeOf(variant, id, level),
    });
    return { loads: loads.filter(({ value }) => computed.loaded.has(value)), ...computed, ...what };
  };
  const inBlocks = stores.some(({ cell }) => isQuantized(ir.cells[cell]!.format));
  if (partials.length === 0 || !inBlocks) return pass({ stores, partials, second: null });
  return pass({ stores: [], partials, second: pass({ stores, partials: [], second: null }) });
}
