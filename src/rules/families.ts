// Collapses a table by families: numeric segments become ranges, and a subtree whose parameters were all decided alike becomes `**`.
// "Alike" is: the same arms, and the same numbers for every layer, so a ratio that differs from layer to layer still makes one row.

import type { ExplainedParam } from "./explain.js";
import { groupBy } from "./group-by.js";

/** A row lists at most so many alternatives of one segment. */
const MOST_ALTERNATIVES = 6;

export interface FamilyRow {
  /** E.g. `encoder.layers.{0..11}.self_attn.**`. */
  readonly name: string;
  readonly params: readonly ExplainedParam[];
}

/** Parameters whose names differ in numeric segments only and that the same arms decided. */
interface Family {
  /** Segments, null for a number. */
  readonly segments: readonly (string | null)[];
  readonly members: { readonly param: ExplainedParam; readonly indices: readonly number[] }[];
  /** Equal for families that were decided alike. */
  verdict: string;
}

/** Rows in the order in which their first parameters stand in the list. */
export function collapseFamilies(params: readonly ExplainedParam[]): FamilyRow[] {
  if (params.length === 0) return [];
  const families = new Map<string, Family>();
  for (const param of params) {
    const written = param.name.split(/[./]/);
    const segments = written.map((segment) => (/^[0-9]+$/.test(segment) ? null : segment));
    const key = JSON.stringify([segments, armLines(param)]);
    const family = families.get(key) ?? { segments, members: [], verdict: "" };
    family.members.push({ param, indices: written.flatMap((segment, i) => (segments[i] === null ? Number(segment) : [])) });
    families.set(key, family);
  }
  for (const family of families.values()) family.verdict = verdictOf(family);
  return joinSiblings(collapse([...families.values()], 0)).map(({ segments, params: some }) => ({
    name: some.length === 1 ? some[0]!.name : segments.join(some.every(({ name }) => isSlashed(name)) ? "/" : "."),
    params: some,
  }));
}

/** Names of JAX and TensorFlow. */
const isSlashed = (name: string) => name.includes("/") && !name.includes(".");

const armLines = (param: ExplainedParam) => [param.frozen, Object.entries(param.arms).map(([title, arm]) => [title, arm.line, arm.text])];
const numbers = (param: ExplainedParam) =>
  JSON.stringify(Object.values(param.hypers).map(({ peak, ratio, value }) => [peak, ratio, value]));

/** Arms and numbers; the numbers once where all are equal, else by the first index, else by all indices. */
function verdictOf({ members }: Family): string {
  const arms = JSON.stringify(armLines(members[0]!.param));
  if (new Set(members.map(({ param }) => numbers(param))).size === 1) return arms + numbers(members[0]!.param);
  const byFirst = new Map<number, string>();
  let depends = false;
  for (const { param, indices } of members) {
    const known = byFirst.get(indices[0]!) ?? numbers(param);
    depends ||= known !== numbers(param);
    byFirst.set(indices[0]!, known);
  }
  if (depends) return arms + members.map(({ param, indices }) => `${indices}:${numbers(param)}`).sort();
  return arms + [...byFirst].sort(([a], [b]) => a - b).join();
}

/** A row before printing. */
interface Draft {
  /** Printed segments. */
  readonly segments: readonly string[];
  readonly verdict: string;
  readonly params: readonly ExplainedParam[];
}

function collapse(families: readonly Family[], depth: number): Draft[] {
  const first = families[0]!;
  if (families.length === 1) return [draft(families, first.segments, [])];
  if (families.every(({ verdict }) => verdict === first.verdict)) return [draft(families, commonStart(families), ["**"])];
  const children = groupBy(families, ({ segments }) => JSON.stringify(segments.slice(depth, depth + 1)));
  return [...children.values()].flatMap((some) =>
    some[0]!.segments.length > depth ? collapse(some, depth + 1) : some.map((family) => draft([family], family.segments, [])),
  );
}

function commonStart(families: readonly Family[]): readonly (string | null)[] {
  const { segments } = families[0]!;
  let length = 0;
  while (length < segments.length && families.every((family) => family.segments[length] === segments[length])) length++;
  return segments.slice(0, length);
}

/** Rows that differ in one segment become one: `self_attn.(q_proj|k_proj).weight`. */
function joinSiblings(drafts: readonly Draft[]): Draft[] {
  let joined = [...drafts];
  const longest = drafts.reduce((most, { segments }) => Math.max(most, segments.length), 0);
  for (let at = longest - 1; at > 0; at--) {
    const keyOf = ({ segments, verdict }: Draft) => JSON.stringify(at < segments.length ? [verdict, segments.with(at, "")] : segments);
    joined = [...groupBy(joined, keyOf).values()].flatMap((some) => {
      const names = [...new Set(some.map(({ segments }) => segments[at]!))];
      if (some.length === 1 || names.length > MOST_ALTERNATIVES || names.some((name) => /[*{(]/.test(name))) return some;
      return [{ ...some[0]!, segments: some[0]!.segments.with(at, `(${names.join("|")})`), params: some.flatMap(({ params }) => params) }];
    });
  }
  return joined;
}

function draft(families: readonly Family[], path: readonly (string | null)[], more: readonly string[]): Draft {
  const members = families.flatMap((family) => family.members);
  let position = 0;
  const printed = path.map((segment) => {
    if (segment !== null) return segment;
    const place = position++;
    return rangeOf(members.map(({ indices }) => indices[place]!));
  });
  return { segments: [...printed, ...more], verdict: families[0]!.verdict, params: members.map(({ param }) => param) };
}

/** `3`, `{0..11}` or `{0..3, 7}`. */
function rangeOf(indices: readonly number[]): string {
  const sorted = [...new Set(indices)].sort((a, b) => a - b);
  if (sorted.length === 1) return `${sorted[0]}`;
  const runs: [number, number][] = [];
  for (const index of sorted) {
    const last = runs.at(-1);
    if (last && index === last[1] + 1) last[1] = index;
    else runs.push([index, index]);
  }
  return `{${runs.map(([low, high]) => (low === high ? `${low}` : `${low}..${high}`)).join(", ")}}`;
}
