// What a lock keeps of a resolved table: a text to hash, and its families to read. Only decisions count - which arm made them, its line
// and its comments may change. Numbers are rounded to f32 first, because powers differ in the last place between machines.

import type { ExplainedParam, ExplainTable } from "./explain.js";
import { printable } from "./explain-text.js";
import { collapseFamilies } from "./families.js";
import type { Resolution } from "./resolution.js";

/** A family of parameters and what was decided for it. */
export interface LockedFamily {
  readonly family: string;
  readonly tensors: number;
  /** By aspect (`lr ratio`, `weight_decay`, `frozen`, `optimizer`): each value once, in the order of the parameters. */
  readonly decided: Readonly<Record<string, readonly (number | string)[]>>;
}

export interface LockedTable {
  /** Equal for equal decisions. */
  readonly canonical: string;
  readonly families: readonly LockedFamily[];
}

/** The decisions of a table, whatever the order of its parameters. */
export function lockTable({ rules }: Pick<Resolution, "rules">, { params }: ExplainTable): LockedTable {
  const peaked = peakedHypers(rules.setting, params);
  const kept = params.map((param) => keep(param, peaked));
  const rows = kept.map((param): readonly [string, ...unknown[]] => [param.name, param.frozen, param.use, numbersOf(param)]);
  rows.sort(([a], [b]) => (a < b ? -1 : 1));
  const families = collapseFamilies(kept).map(({ name, params: members }): LockedFamily => {
    const aspects = members.map((member) => aspectsOf(member, peaked));
    const names = [...new Set(aspects.flatMap((aspect) => Object.keys(aspect)))];
    const decided = names.map((aspect) => [aspect, [...new Set(aspects.flatMap((values) => values[aspect] ?? []))]] as const);
    return { family: name, tensors: members.length, decided: Object.fromEntries(decided) };
  });
  return { canonical: JSON.stringify(rows), families };
}

/** Hypers whose number rules decide; of others only the ratio is a decision. */
function peakedHypers(setting: ReadonlyMap<string, unknown>, params: readonly ExplainedParam[]): ReadonlySet<string> {
  const names = Object.keys(params[0]?.hypers ?? {});
  const differs = (name: string) => new Set(params.map(({ hypers }) => hypers[name]!.peak)).size > 1;
  return new Set(names.filter((name) => setting.has(name) || differs(name)));
}

/** The parameter without its arms, its numbers as f32; a peak that is no decision counts as 1. */
function keep(param: ExplainedParam, peaked: ReadonlySet<string>): ExplainedParam {
  const hypers = Object.entries(param.hypers).map(([name, { peak, ratio }]) => {
    const [kept, factor] = [peaked.has(name) ? Math.fround(peak) : 1, Math.fround(ratio)];
    return [name, { peak: kept, ratio: factor, value: Math.fround(kept * factor) }] as const;
  });
  // A frozen parameter has no learning rate and no decay.
  return { ...param, hypers: param.frozen ? {} : Object.fromEntries(hypers), arms: {}, callbacks: {} };
}

const numbersOf = ({ hypers }: ExplainedParam) => Object.entries(hypers).map(([name, { peak, ratio }]) => [name, peak, ratio]);

function aspectsOf({ frozen, use, hypers }: ExplainedParam, peaked: ReadonlySet<string>): Record<string, number | string> {
  if (frozen) return { frozen: "yes" };
  const aspects: Record<string, number | string> = use === null ? {} : { optimizer: use };
  for (const [name, { ratio, value }] of Object.entries(hypers)) {
    if (peaked.has(name)) aspects[name] = short(value);
    else aspects[`${name} ratio`] = short(ratio);
  }
  return aspects;
}

const short = (value: number) => Number(value.toPrecision(6));

/** What became of locked families, as lines: `-` what was locked, `+` what holds now, `~` where one family is decided otherwise. */
export function diffLocks(locked: readonly LockedFamily[], now: readonly LockedFamily[]): readonly string[] {
  const key = ({ family, tensors }: LockedFamily) => `${family} (${tensors})`;
  const current = new Map(now.map((family) => [key(family), family]));
  const known = new Set(locked.map(key));
  const gone = locked.flatMap((family): string[] => {
    const after = current.get(key(family));
    if (after === undefined) return [`- ${key(family)}: ${Object.entries(family.decided).map(shown).join(", ")}`];
    const changes = changesOf(family, after);
    return changes.length === 0 ? [] : [`~ ${key(family)}: ${changes.join(", ")}`];
  });
  const come = now.filter((family) => !known.has(key(family)));
  return [...gone, ...come.map((family) => `+ ${key(family)}: ${Object.entries(family.decided).map(shown).join(", ")}`)].map(printable);
}

function changesOf(before: LockedFamily, after: LockedFamily): readonly string[] {
  const aspects = new Set([...Object.keys(before.decided), ...Object.keys(after.decided)]);
  return [...aspects].flatMap((aspect) => {
    const [a, b] = [valuesOf(before, aspect), valuesOf(after, aspect)];
    if (a.join() === b.join()) return [];
    const first = a.length === b.length ? a.findIndex((value, i) => value !== b[i]) : -1;
    if (first > 0 && a.at(-1) === b.at(-1)) return [`${aspect}, number ${first + 1} of ${a.length}, ${a[first]} -> ${b[first]}`];
    const counted = range(a) === range(b) ? ([` (${a.length} numbers)`, ` (${b.length} numbers)`] as const) : (["", ""] as const);
    return [`${aspect} ${range(a)}${counted[0]} -> ${range(b)}${counted[1]}`];
  });
}

const valuesOf = ({ decided }: LockedFamily, aspect: string) => (Object.hasOwn(decided, aspect) ? decided[aspect]! : []);
const shown = ([aspect, values]: readonly [string, readonly (number | string)[]]) => `${aspect} ${range(values)}`;

function range(values: readonly (number | string)[]): string {
  if (values.length === 0) return "none";
  return values.length === 1 ? `${values[0]}` : `${values[0]} .. ${values.at(-1)}`;
}
