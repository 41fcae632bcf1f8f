// Layer families in a list of names: subtrees whose names differ in one number. The outermost numbers count; blocks inside of stages
// (`layers.2.blocks.5`) are found below them, experts and sublayers are not layers.

import type { ParamInfo, PatternPart } from "../../contract/rules.js";
import { groupBy } from "../group-by.js";
import { nameSegments } from "../names.js";

/** A parameter and its segments as rules see them. */
export interface Named {
  readonly param: ParamInfo;
  readonly segments: readonly string[];
}

/** One level of numbering: fixed segments, then a segment with a number in it. */
export interface Level {
  readonly path: readonly string[];
  readonly before: string;
  readonly after: string;
}

export interface LayerFamily {
  readonly outer: Level;
  /** Numbers below the first one that count blocks of a stage; the path is relative. */
  readonly inner: Level | null;
  readonly members: readonly Named[];
  /** Different outer numbers. */
  readonly count: number;
  /** Whether members stand beside the inner blocks. */
  readonly beside: boolean;
}

/** More stages than this are layers. */
const MOST_STAGES = 8;
/** Stems of numbered parts that are operations of one layer. */
const operation = /(norm|linear|conv|fc|dense|proj|bn|ln|mlp|attn|act|relu|pool|drop|weight|bias|downsample|upsample|gn|w)s?_?$/i;
const parallel = /expert|head|branch/i;

/** Splits the names of a list. */
export function nameAll(params: readonly ParamInfo[]): readonly Named[] {
  return params.map((param) => ({ param, segments: nameSegments(param.name) }));
}

/** The families of a list, in its order; what `skip` holds for is left out. */
export function findFamilies(names: readonly Named[], skip: (name: Named) => boolean): readonly LayerFamily[] {
  const families: LayerFamily[] = [];
  const visit = (items: readonly Named[], depth: number, path: readonly string[]): void => {
    const taken = new Set<Named>();
    for (const { level, byIndex } of numberedAt(items, depth, path)) {
      const members = [...byIndex.values()].flat();
      for (const member of members) taken.add(member);
      families.push({ outer: level, members, count: byIndex.size, ...innerOf(byIndex, depth + 1) });
    }
    const rest = groupBy(
      items.filter((item) => !taken.has(item) && item.segments.length > depth + 1),
      ({ segments }) => segments[depth]!,
    );
    for (const [segment, some] of rest) {
      // A lone number is a place in a list of one, and what is below it one layer's own; at the top it is a wrapper.
      if (depth === 0 || !/^[0-9]+$/.test(segment)) visit(some, depth + 1, [...path, segment]);
    }
  };
  visit(
    names.filter((name) => !skip(name)),
    0,
    [],
  );
  return families;
}

interface Numbered {
  readonly level: Level;
  readonly byIndex: ReadonlyMap<number, readonly Named[]>;
}

/** Groups of at least two siblings that differ in a number. */
function numberedAt(items: readonly Named[], depth: number, path: readonly string[]): Numbered[] {
  const groups = new Map<string, { before: string; after: string; byIndex: Map<number, Named[]> }>();
  for (const item of items) {
    const [, before, digits, after] = /^(.*?)([0-9]{1,15})([^0-9]*)$/su.exec(item.segments[depth] ?? "") ?? [];
    if (before === undefined || digits === undefined || after === undefined) continue;
    const key = JSON.stringify([before, after]);
    const group = groups.get(key) ?? { before, after, byIndex: new Map() };
    group.byIndex.set(Number(digits), [...(group.byIndex.get(Number(digits)) ?? []), item]);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ before, after, byIndex }): Numbered[] => {
    const plain = before === "" && after === "";
    const layers =
      plain || (!operation.test(before) && alike(byIndex, depth + 1) && [...byIndex.values()].every(({ length }) => length > 1));
    return byIndex.size > 1 && layers ? [{ level: { path, before, after }, byIndex }] : [];
  });
}

/** Whether most of what stands below one number stands below another one too. */
function alike(byIndex: ReadonlyMap<number, readonly Named[]>, depth: number): boolean {
  const below = [...byIndex.values()].map((items) => new Set(items.map(({ segments }) => segments.slice(depth).join("."))));
  const pairs = below.slice(1).map((set, i) => {
    const common = [...set].filter((suffix) => below[i]!.has(suffix)).length;
    return common / Math.min(set.size, below[i]!.size);
  });
  return pairs.every((share) => share >= 0.5);
}

/** Blocks inside of a few stages: one place below every stage, where most of its parameters are, numbered and alike. */
function innerOf(byIndex: ReadonlyMap<number, readonly Named[]>, depth: number): Pick<LayerFamily, "inner" | "beside"> {
  if (byIndex.size > MOST_STAGES) return { inner: null, beside: false };
  const total = [...byIndex.values()].reduce((sum, { length }) => sum + length, 0);
  const held = new Map<string, { level: Level; members: number; stages: number }>();
  for (const items of byIndex.values()) {
    for (const { level, byIndex: blocks } of numberedBelow(items, depth, [])) {
      const key = JSON.stringify(level);
      const entry = held.get(key) ?? { level, members: 0, stages: 0 };
      entry.members += [...blocks.values()].flat().length;
      entry.stages++;
      held.set(key, entry);
    }
  }
  const best = [...held.values()].sort((a, b) => b.members - a.members)[0];
  if (best === undefined || best.stages * 2 < byIndex.size) return { inner: null, beside: false };
  // A stage of one block has no two blocks to compare: count whatever stands at the place.
  const inside = [...byIndex.values()].flat().filter(({ segments }) => isAt(best.level, segments.slice(depth))).length;
  return inside * 2 < total ? { inner: null, beside: false } : { inner: best.level, beside: inside < total };
}

function numberedBelow(items: readonly Named[], depth: number, path: readonly string[]): Numbered[] {
  if (path.some((segment) => parallel.test(segment)) || path.length > 2) return [];
  const here = numberedAt(items, depth, path).filter(({ level, byIndex }) => !parallel.test(level.before) && alike(byIndex, depth + 1));
  if (here.length > 0) return here;
  const children = groupBy(
    items.filter(({ segments }) => segments.length > depth + 1),
    ({ segments }) => segments[depth]!,
  );
  return [...children].flatMap(([segment, some]) => (/^[0-9]+$/.test(segment) ? [] : numberedBelow(some, depth + 1, [...path, segment])));
}

function isAt({ path, before, after }: Level, segments: readonly string[]): boolean {
  if (!path.every((segment, i) => segments[i] === segment)) return false;
  const numbered = segments[path.length] ?? "";
  if (!numbered.startsWith(before) || !numbered.endsWith(after) || numbered.length < before.length + after.length) return false;
  return /^[0-9]+$/.test(numbered.slice(before.length, numbered.length - after.length));
}

/** The parts of a level's numbered segment. */
export function numberedParts({ before, after }: Level, capture: string): PatternPart[] {
  const text = (part: string): PatternPart[] => (part === "" ? [] : [{ kind: "text", text: part }]);
  return [...text(before), { kind: "number", name: capture, low: null, high: null }, ...text(after)];
}
