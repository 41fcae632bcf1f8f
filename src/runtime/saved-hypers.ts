// Hypers as a saved state has them, and whether they can be taken back: a number can, a function must be given again at creation.

import type { HyperInfo } from "../contract/manifest.js";
import { OptimizerError } from "./errors.js";
import { checkNumber, type GivenHyper } from "./hyper-sources.js";

/** A hyper as it was at the last step, and whether the caller gave a number or a function of the step. */
export interface SavedHyper {
  readonly value: number;
  readonly given: "number" | "function";
}

export interface SavedHypersFit {
  /** A sentence for each. */
  readonly differences: readonly string[];
  readonly take: () => void;
}

/** A place that a hyper's value was given to: the optimizer's own, or a group's. */
export interface HyperSlot {
  /** Name in the spec, for a group's `groups[1].lr`. */
  readonly name: string;
  /** As the caller writes it. */
  readonly setting: string;
  readonly info: HyperInfo;
  readonly source: GivenHyper;
  /** What a function said last. */
  readonly last: number;
  /** Only creation decides it. */
  readonly fixed: boolean;
  /** A factor on another value: of no interval of its own. */
  readonly factor: boolean;
  readonly put: (value: number) => void;
}

const savedOf = ({ source, last }: HyperSlot): SavedHyper =>
  typeof source === "number" ? { value: source, given: "number" } : { value: last, given: "function" };

/** Every hyper as it stands. */
export function saveSlots(slots: readonly HyperSlot[]): ReadonlyMap<string, SavedHyper> {
  return new Map(slots.map((slot) => [slot.name, savedOf(slot)]));
}

/** Which saved hypers cannot be taken here; `settle` runs once those that can have been put. */
export function compareSlots(slots: readonly HyperSlot[], saved: ReadonlyMap<string, SavedHyper>, settle: () => void): SavedHypersFit {
  const names = new Set(slots.map(({ name }) => name));
  const differences = [...saved.keys()].filter((name) => !names.has(name)).map((name) => `there is no hyper ${JSON.stringify(name)} here`);
  const taken: (() => void)[] = [];
  for (const slot of slots) {
    const there = saved.get(slot.name);
    if (there === undefined) continue;
    const difference = differenceOf(slot, there);
    if (difference !== null) differences.push(difference);
    else if (there.given === "number") taken.push(() => slot.put(there.value));
  }
  const take = () => {
    for (const put of taken) put();
    settle();
  };
  return { differences, take };
}

/** Why a saved hyper cannot be taken, or null. */
function differenceOf(slot: HyperSlot, there: SavedHyper): string | null {
  const { info, setting, fixed, factor } = slot;
  const here = savedOf(slot);
  const show = ({ value, given }: SavedHyper) => (given === "number" ? `${value}` : `a function of the step (last ${value})`);
  if (there.given !== here.given) return `${setting} was ${show(there)}, and is ${show(here)} here: give at creation what was given then`;
  if (there.given === "function") return null;
  if (fixed)
    return Object.is(there.value, here.value)
      ? null
      : `${setting} was ${there.value} and is ${here.value} here, which only creation decides: create with ${setting}: ${there.value}`;
  if (factor) return Number.isFinite(there.value) ? null : `${setting} was ${there.value}, which is no factor`;
  try {
    if (info.type !== "bool") checkNumber(info, there.value, "", setting);
    return info.type !== "bool" || there.value === 0 || there.value === 1 ? null : `${setting} was ${there.value}, which is no boolean`;
  } catch (error) {
    return error instanceof OptimizerError ? error.message : String(error);
  }
}
