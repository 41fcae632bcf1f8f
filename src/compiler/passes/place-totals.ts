// At which level each total over the model is finished: one choice for all variants, the one with which they move the fewest bytes.

import type { Contribution, Ir, Program, Variant } from "../ir/value.js";
import { findCheapest } from "./find-cheapest.js";
import { cost, elementWork, finishedAt, type MadeAt, type Placement, placeStores } from "./place-stores.js";

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
  const lists = sites.map((site) => levelsFor(ir, variants, site, levels));
  const found = findCheapest<number, ProgramPlacement>(lists, startsOf(ir, variants, sites, lists), (places) => {
    const totalAt = new Map(sites.map((site, i) => [site, places[i]!]));
    const placed = works.map((work) => placeStores(ir, work, { levels, totalAt }));
    if (!placed.every((placement) => placement !== null)) return null;
    const early = [...totalAt.values()].filter((at) => at < (levels[0] ?? 0)).length;
    return { result: { variants: placed, totalAt }, cost: placed.reduce((sum, placement) => sum + cost(placement), early) };
  });
  if (found === null) throw new Error(`bug: no order of sweeps computes the stores of ${entry}`);
  return found.result;
}

/** Each total behind the level that its own level asks for, as a sweep or a finish can make it; or as soon as can be, which always can. */
function startsOf(
  ir: Ir,
  variants: readonly Variant[],
  sites: readonly number[],
  lists: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const given = variants.flatMap(({ contributions }) => contributions);
  const levelOf = (site: number) => Math.max(...given.filter((one) => one.site === site).map(({ arg }) => ir.values[arg]!.level));
  const own = sites.map((site, i) => {
    const level = levelOf(site);
    const isOfTensors = lists[i]!.includes(-1);
    return lists[i]!.find((at) => at >= (isOfTensors ? level - 1 : level)) ?? lists[i]!.at(-1)!;
  });
  return [own, earliest(ir, given, sites, lists)];
}

/** Of elements in the first sweep that can; of numbers in the finish that has the last of them. */
function earliest(
  ir: Ir,
  given: readonly Contribution[],
  sites: readonly number[],
  lists: readonly (readonly number[])[],
): readonly number[] {
  const known = new Map<number, number>();
  const made: MadeAt = {
    reduced: (id) => ir.values[id]!.level - 1,
    total(site) {
      const own = given.filter((one) => one.site === site);
      const at = known.get(site) ?? (own[0]!.from === "elem" ? lists[sites.indexOf(site)]![0]! : lastOf(own));
      known.set(site, at);
      return at;
    },
  };
  const lastOf = (own: readonly Contribution[]) => Math.max(...own.map(({ arg }) => finishedAt(ir, arg, made)));
  return sites.map(made.total);
}

/** Where a total of elements may be made: in a sweep; of tensors' numbers also before all sweeps. */
function levelsFor(ir: Ir, variants: readonly Variant[], site: number, levels: readonly number[]): readonly number[] {
  const given = variants.flatMap(({ contributions }) => contributions.filter((contribution) => contribution.site === site));
  if (given[0]!.from !== "elem") return [-1, ...levels];
  const lowest = Math.max(...given.map(({ arg }) => ir.values[arg]!.level));
  const possible = levels.filter((level) => level >= lowest);
  return possible.length > 0 ? possible : [-1];
}
