// Totals that add up the same numbers are one: the same reducer and, in every variant of every program, the same contribution. What is
// computed of them may then be equal too, so this goes on until nothing changes. Every total keeps the level that lowering gives it: one
// more than the highest of its contributions.

import { rebuild } from "../ir/rebuild.js";
import type { Ir } from "../ir/value.js";

/** The same IR with one total for all that are equal. */
export function mergeTotals(ir: Ir): Ir {
  for (let merged = ir; ; ) {
    const firsts = firstEqual(merged);
    const levels = levelsOf(merged);
    const isSettled = merged.values.every(
      (value) => value.kind !== "total" || (firsts.get(value.site) === value.site && levels.get(value.site) === value.level),
    );
    if (isSettled) return merged;
    const replaced = rebuild(merged, (value, _, builder) =>
      value.kind === "total" ? builder.total(firsts.get(value.site)!, value.by, levels.get(value.site)!) : null,
    );
    // Once more: a select between equal totals is gone, and with it perhaps what its condition reduced.
    merged = rebuild(replaced);
  }
}

/** Of every total, the first one that is equal to it. */
function firstEqual({ programs }: Ir): ReadonlyMap<number, number> {
  const given = new Map<number, string>();
  for (const [index, { contributions }] of programs.flatMap(({ variants }) => variants).entries())
    for (const { site, by, from, arg } of contributions) given.set(site, `${given.get(site) ?? ""} ${index} ${by} ${from} ${arg}`);
  const firsts = new Map<string, number>();
  for (const [site, all] of given) if (!firsts.has(all)) firsts.set(all, site);
  return new Map([...given].map(([site, all]) => [site, firsts.get(all)!]));
}

function levelsOf({ values, programs }: Ir): ReadonlyMap<number, number> {
  const levels = new Map<number, number>();
  for (const { site, arg } of programs.flatMap(({ variants }) => variants).flatMap(({ contributions }) => contributions))
    levels.set(site, Math.max(levels.get(site) ?? 0, values[arg]!.level + 1));
  return levels;
}
