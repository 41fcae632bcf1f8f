// The resolved table for a terminal: families as rows, numbers and rules in aligned columns. Names and texts are spelled so that
// nothing in them can move the cursor, colour the screen or reorder letters.

import type { ExplainedParam, ExplainTable } from "./explain.js";
import { collapseFamilies, type FamilyRow } from "./families.js";

export interface TableOptions {
  /** One row for each parameter instead of one for each family. */
  readonly every?: boolean;
}

/** The table as lines of text, without problems. */
export function renderExplainTable(table: ExplainTable, { every = false }: TableOptions = {}): string {
  const rows = every ? table.params.map((param): FamilyRow => ({ name: param.name, params: [param] })) : collapseFamilies(table.params);
  const first = table.params[0];
  if (!first) return "no parameters\n";
  const hypers = Object.keys(first.hypers);
  const used = table.params.some((param) => param.use !== null);
  const called = table.params.some(({ callbacks }) => Object.keys(callbacks).length > 0);
  const titles = [...new Set(table.params.flatMap((param) => Object.keys(param.arms)))];
  const header = [
    "parameter",
    "tensors",
    ...(used ? ["optimizer"] : []),
    ...hypers.map((hyper) => columnOf(table, hyper)),
    ...titles.map((title) => (titles.length === 1 ? "rule" : `rule of ${title}`)),
    ...(called ? ["callbacks"] : []),
  ];
  const body = rows.map(({ name, params }) => [
    name,
    `${params.length}`,
    ...(used ? [params[0]!.use ?? "this"] : []),
    ...hypers.map((hyper) => cellOf(table, params, hyper)),
    ...titles.map((title) => armCell(params[0]!, title)),
    ...(called ? [callbackCell(params)] : []),
  ]);
  return align([header, ...body].map((cells) => cells.map(printable)));
}

/** A hyper is shown as its ratio where only scales decide it, else as its value. */
const showsRatio = (table: ExplainTable, hyper: string) => new Set(table.params.map((param) => param.hypers[hyper]!.peak)).size === 1;
const columnOf = (table: ExplainTable, hyper: string) => (showsRatio(table, hyper) ? `${hyper} ratio` : hyper);

function cellOf(table: ExplainTable, params: readonly ExplainedParam[], hyper: string): string {
  if (params[0]!.frozen) return "frozen";
  const form = showsRatio(table, hyper) ? "ratio" : "value";
  const shown = params.map((param) => param.hypers[hyper]![form]);
  const [first, last] = [shown[0]!, shown.at(-1)!];
  const low = short(shown.reduce((a, b) => Math.min(a, b), first));
  const high = short(shown.reduce((a, b) => Math.max(a, b), first));
  if (low === high) return low;
  return first <= last ? `${low} .. ${high}` : `${high} .. ${low}`;
}

/** What the caller's own functions said; `..` where a row's parameters differ. */
function callbackCell(params: readonly ExplainedParam[]): string {
  const texts = params.map(({ callbacks: { lrRatio, applyDecay } }) => [
    lrRatio === undefined ? "" : `lrRatio ${short(lrRatio)}`,
    applyDecay === undefined ? "" : "applyDecay false",
  ]);
  const said = (i: number) => (new Set(texts.map((text) => text[i])).size === 1 ? texts[0]![i]! : `${["lrRatio", "applyDecay"][i]} ..`);
  return [said(0), said(1)].filter((text) => text !== "").join(", ");
}

function armCell(param: ExplainedParam, title: string): string {
  const arm = param.arms[title];
  return arm ? `line ${arm.line}: ${arm.text}` : "";
}

/** Four significant digits, as short as they are. */
function short(value: number): string {
  return `${Number(value.toPrecision(4))}`;
}

function align(rows: readonly (readonly string[])[]): string {
  const width = (text: string) => Array.from(text).length;
  const widths = rows[0]!.map((_, column) => rows.reduce((most, cells) => Math.max(most, width(cells[column]!)), 0));
  const padded = (text: string, column: number) => {
    const blanks = " ".repeat(widths[column]! - width(text));
    return column === 1 ? blanks + text : text + blanks;
  };
  return rows.map((cells) => `${cells.map(padded).join("  ").trimEnd()}\n`).join("");
}

const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu;

/** A text with control, format and direction characters spelled out, newlines too. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
