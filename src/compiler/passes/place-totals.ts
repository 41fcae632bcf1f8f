// At which level each total over the model is finished: one choice for all variants, the one with which they move the fewest bytes.

import { argsOf } from "../ir/builder.js";
import type { Contribution, Ir, Program, ValueId, Variant } from "../ir/value.js";
import { choices, cost, elementWork, type Placement, placeStores } from "./place-stores.js";

export interface ProgramPlacement {
  /** One for each variant. */
  readonly variants: readonly Placement[];
  /** For each site: the level behind whose sweeps it is finished; -1: before all sweeps. */
  readonly totalAt: ReadonlyMap<number, number>;
}

/** Places all work of a program on elements. */
export function placeProgram(ir: Ir, { entry, variants }: Program): ProgramPlacement {
  const works = variants.map((variant) => elementWork(ir, variant));
  const levels = [...new Set(works.flatMap((work) => [...work.levels]))].sort((a, b) => a - b);
  const sites = [...new Set(variants.flatMap(({ contributions }) => contributions.map(({ site }) => site)))];
  let best: (ProgramPlacement & { readonly cost: number }) | null = null;
  for (const places of choices(sites.map((site) => levelsFor(ir, variants, site, levels)))) {
    const totalAt = new Map(sites.map((site, i) => [site, places[i]!]));
    const placed = works.map((work) => placeStores(ir, work, { levels, totalAt }));
    if (!placed.every((placement) => placement !== null)) continue;
    if (!variants.every((variant, i) => argumentsAreThere(ir, variant, placed[i]!, totalAt))) continue;
    const early = [...totalAt.values()].filter((at) => at < (levels[0] ?? 0)).length;
    const total = placed.reduce((sum, placement) => sum + cost(placement), early);
    if (best === null || total < best.cost) best = { variants: placed, totalAt, cost: total };
  }
  if (best === null) throw new Error(`bug: no order of sweeps computes the stores of ${entry}`);
  return best;
}

/** Where a total of elements may be made: in a sweep; of tensors' numbers also before all sweeps. */
function levelsFor(ir: Ir, variants: readonly Variant[], site: number, levels: readonly number[]): readonly number[] {
  const given = variants.flatMap(({ contributions }) => contributions.filter((contribution) => contribution.site === site));
  if (given[0]!.from !== "elem") return [-1, ...levels];
  const lowest = Math.max(...given.map(({ arg }) => ir.values[arg]!.level));
  const possible = levels.filter((level) => level >= lowest);
  return possible.length > 0 ? possible : [-1];
}

/** Whether what tensors give as numbers is finished when the total needs it; in one finish, a total of a total takes another round. */
function argumentsAreThere(ir: Ir, { contributions }: Variant, { reducedAt }: Placement, totalAt: ReadonlyMap<number, number>): boolean {
  return contributions.every(
    (given: Contribution) => given.from === "elem" || finishedAt(ir, given.arg, reducedAt, totalAt) <= totalAt.get(given.site)!,
  );
}

/** The level behind which all reductions that a value needs are finished; -1 where it needs none. */
export function finishedAt(ir: Ir, id: ValueId, reducedAt: ReadonlyMap<ValueId, number>, totalAt: ReadonlyMap<number, number>): number {
  const known = new Map<ValueId, number>();
  function visit(id: ValueId): number {
    const found = known.get(id);
    if (found !== undefined) return found;
    const value = ir.values[id]!;
    const at =
      value.kind === "reduce"
        ? reducedAt.get(id)!
        : value.kind === "total"
          ? totalAt.get(value.site)!
          : argsOf(value).reduce((last, arg) => Math.max(last, visit(arg)), -1);
    known.set(id, at);
    return at;
  }
  return visit(id);
}
