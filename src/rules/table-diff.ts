// What changed between two tables: parameters that came or went, and those that are decided otherwise now. Numbers count as equal
// within the last place, because powers differ there between machines.

import type { ExplainedParam } from "./explain.js";
import { printable } from "./explain-text.js";
import { collapseFamilies } from "./families.js";

/** What a table of before tells of a parameter. */
export interface DecidedParam extends Pick<ExplainedParam, "name" | "frozen" | "use"> {
  readonly hypers: Readonly<Record<string, { readonly peak: number; readonly ratio: number }>>;
}

export interface TableDiff {
  readonly added: readonly ExplainedParam[];
  readonly removed: readonly DecidedParam[];
  readonly changed: readonly { readonly before: DecidedParam; readonly after: ExplainedParam }[];
}

/** Compares by name. */
export function diffTables(before: readonly DecidedParam[], after: readonly ExplainedParam[]): TableDiff {
  const known = new Map(before.map((param) => [param.name, param]));
  const names = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !known.has(name)),
    removed: before.filter(({ name }) => !names.has(name)),
    changed: after.flatMap((param) => {
      const old = known.get(param.name);
      return old !== undefined && aspectsOf(old, param).some((aspect) => differs(old, param, aspect))
        ? [{ before: old, after: param }]
        : [];
    }),
  };
}

/** The changes as lines, families collapsed: `+` came, `-` went, `~` is decided otherwise. */
export function renderTableDiff({ added, removed, changed }: TableDiff): string {
  const old = new Map(changed.map(({ before }) => [before.name, before]));
  const rows = collapseFamilies(changed.map(({ after }) => after)).map(({ name, params }) => {
    const pairs = params.map((after) => ({ before: old.get(after.name)!, after }));
    const aspects = new Set(pairs.flatMap(({ before, after }) => aspectsOf(before, after)));
    const shown = [...aspects].filter((aspect) => pairs.some(({ before, after }) => differs(before, after, aspect)));
    const from = (aspect: Aspect) => spread(pairs.map(({ before }) => shownOf(before, aspect)));
    const to = (aspect: Aspect) => spread(pairs.map(({ after }) => shownOf(after, aspect)));
    return `~ ${name} (${params.length}): ${shown.map((aspect) => `${aspect} ${from(aspect)} -> ${to(aspect)}`).join(", ")}`;
  });
  const came = collapseFamilies(added).map(({ name, params }) => `+ ${name} (${params.length})`);
  const lines = [...rows, ...came, ...removed.map(({ name }) => `- ${name}`)];
  return lines.length === 0 ? "no parameter is decided otherwise\n" : `${lines.map(printable).join("\n")}\n`;
}

/** `frozen`, `optimizer`, or of a hyper its `ratio` and its peak. */
type Aspect = string;

function aspectsOf(before: DecidedParam, after: DecidedParam): Aspect[] {
  if (before.frozen || after.frozen) return before.frozen === after.frozen ? [] : ["frozen"];
  const hypers = new Set([...Object.keys(before.hypers), ...Object.keys(after.hypers)]);
  return ["optimizer", ...[...hypers].flatMap((hyper) => [`${hyper} ratio`, hyper])];
}

function aspect(param: DecidedParam, name: Aspect): number | string | null {
  if (name === "frozen") return param.frozen ? "yes" : "no";
  if (name === "optimizer") return param.use ?? "this";
  const [hyper, form] = name.endsWith(" ratio") ? ([name.slice(0, -" ratio".length), "ratio"] as const) : ([name, "peak"] as const);
  return Object.hasOwn(param.hypers, hyper) ? param.hypers[hyper]![form] : null;
}

function differs(before: DecidedParam, after: DecidedParam, name: Aspect): boolean {
  const [a, b] = [aspect(before, name), aspect(after, name)];
  if (typeof a !== "number" || typeof b !== "number") return a !== b;
  return Math.abs(a - b) > 2e-15 * Math.max(Math.abs(a), Math.abs(b));
}

function shownOf(param: DecidedParam, name: Aspect): string {
  const value = aspect(param, name);
  return typeof value === "number" ? `${Number(value.toPrecision(4))}` : (value ?? "none");
}

/** First and last where they are not all the same. */
function spread(texts: readonly string[]): string {
  const [first, last] = [texts[0]!, texts.at(-1)!];
  if (new Set(texts).size === 1) return first;
  return first === last ? `${first} ..` : `${first} .. ${last}`;
}
