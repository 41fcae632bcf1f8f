// The resolved table for a terminal: families as rows, numbers and rules in aligned columns. Names and texts are spelled so that
// nothing in them can move the cursor, colour the screen or reorder letters.

import type { ExplainedParam, ExplainTable } from "./explain.js";
import { collapseFamilies, type FamilyRow } from "./families.js";

export interface TableOptions {
  /** One row for each parameter instead of one for each family. */
  readonly every?: boolean;
  /** Columns of the terminal: a wider table names its rules by their lines and lists them below. */
  readonly width?: number;
}

/** The table as lines of text, without problems. */
export function renderExplainTable(table: ExplainTable, { every = false, width = Number.POSITIVE_INFINITY }: TableOptions = {}): string {
  if (table.params.length === 0) return "no parameters\n";
  const wide = align(tableCells(table, { every }).map((cells) => cells.map(printable)));
  if (wide.split("\n").every((line) => Array.from(line).length <= width)) return wide;
  const narrow = align(tableCells(table, { every, byLine: true }).map((cells) => cells.map(printable)));
  return `${narrow}\n${linesOf(table)
    .map((line) => `${printable(line)}\n`)
    .join("")}`;
}

/** The cells of the table, header first. `byLine`: rules are named by their lines alone. */
export function tableCells(
  table: ExplainTable,
  { every = false, byLine = false }: { readonly every?: boolean; readonly byLine?: boolean },
): readonly (readonly string[])[] {
  const rows = every ? table.params.map((param): FamilyRow => ({ name: param.name, params: [param] })) : collapseFamilies(table.params);
  const hypers = Object.keys(table.params[0]?.hypers ?? {});
  const used = table.params.some((param) => param.use !== null);
  const called = table.params.some(({ callbacks }) => Object.keys(callbacks).length > 0);
  const titles = titlesOf(table);
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
    ...titles.map((title) => armCell(params[0]!, title, byLine)),
    ...(called ? [callbackCell(params)] : []),
  ]);
  return [header, ...body];
}

const titlesOf = ({ params }: ExplainTable) => [...new Set(params.flatMap((param) => Object.keys(param.arms)))];

/** The rules that decided something, each once under its title. */
function linesOf(table: ExplainTable): readonly string[] {
  return titlesOf(table).flatMap((title) => {
    const arms = table.params.flatMap((param) => (param.arms[title] === undefined ? [] : [param.arms[title]]));
    const once = [...new Map(arms.map((arm) => [`${arm.line} ${arm.text}`, arm])).values()].sort((a, b) => a.line - b.line);
    return [`rules of ${title}`, ...once.map(({ line, text }) => `  line ${line}: ${text}`)];
  });
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

function armCell(param: ExplainedParam, title: string, byLine: boolean): string {
  const arm = param.arms[title];
  if (!arm) return "";
  return byLine ? `line ${arm.line}` : `line ${arm.line}: ${arm.text}`;
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
