// One hyper over the depth of a model, as inline SVG: a column for each layer, a dot for each value that its parameters have.

import type { ExplainedParam } from "./explain.js";
import { printable } from "./explain-text.js";

const WIDTH = 960;
const HEIGHT = 320;
const LEFT = 64;
const BOTTOM = 116;
const TOP = 16;
/** More columns are labelled in steps. */
const MOST_LABELS = 36;
const LONGEST_LABEL = 20;

export interface Column {
  readonly label: string;
  readonly params: readonly ExplainedParam[];
}

/** The picture of one hyper. `form` is what of it is drawn. */
export function drawHyper(params: readonly ExplainedParam[], hyper: string, form: "ratio" | "value"): string {
  const columns = columnsOf(params);
  const values = params.flatMap((param) => (param.frozen ? [] : [param.hypers[hyper]![form]])).filter(Number.isFinite);
  const scale = scaleOf(values);
  const step = (WIDTH - LEFT) / columns.length;
  const x = (column: number) => LEFT + (column + 0.5) * step;
  const tops = columns.flatMap(({ params: some }, i) => {
    const known = some.flatMap((param) => (param.frozen ? [] : [param.hypers[hyper]![form]]));
    return known.length === 0 ? [] : [`${x(i).toFixed(1)},${scale.y(known.reduce((a, b) => Math.max(a, b))).toFixed(1)}`];
  });
  const every = Math.ceil(columns.length / MOST_LABELS);
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(`${hyper} ${form} by depth`)}">`,
    ...scale.ticks.map(
      (tick) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${scale.y(tick).toFixed(1)}" y2="${scale.y(tick).toFixed(1)}"/>` +
        `<text x="${LEFT - 8}" y="${(scale.y(tick) + 4).toFixed(1)}" text-anchor="end">${short(tick)}</text>`,
    ),
    `<polyline points="${tops.join(" ")}"/>`,
    ...columns.flatMap((column, i) => dots(column, hyper, form, x(i), scale.y)),
    ...columns.map(({ label }, i) =>
      i % every === 0
        ? `<text transform="translate(${(x(i) + 4).toFixed(1)} ${HEIGHT - BOTTOM + 12}) rotate(-55)" text-anchor="end">${escapeHtml(elided(label))}</text>`
        : "",
    ),
    "</svg>",
  ].join("\n");
}

/** Dots for matrices and for vectors: one for each value, with the names behind it. */
function dots(column: Column, hyper: string, form: "ratio" | "value", x: number, y: (value: number) => number): string[] {
  const groups = new Map<string, { kind: string; value: number | null; names: string[] }>();
  for (const { frozen, hypers, shape, name } of column.params) {
    const value = frozen ? null : hypers[hyper]![form];
    const kind = frozen ? "frozen" : shape.length > 1 ? "matrix" : "vector";
    const key = `${kind} ${value}`;
    const group = groups.get(key) ?? { kind, value, names: [] };
    group.names.push(name);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ kind, value, names }) => {
    const said = value === null ? "frozen" : `${hyper} ${form} ${short(value)}`;
    const more = names.length === 1 ? "" : ` and ${names.length - 1} more`;
    const height = value === null || !Number.isFinite(value) ? HEIGHT - BOTTOM : y(value);
    const side = kind === "vector" ? 3 : kind === "matrix" ? -3 : 0;
    const title = escapeHtml(`${said}: ${names[0]!}${more} (${kind})`);
    return `<circle class="${kind}" cx="${(x + side).toFixed(1)}" cy="${height.toFixed(1)}" r="3.5"><title>${title}</title></circle>`;
  });
}

/** By the rank of the one order where there is one, else by the name up to its first number; layers count as numbers do. */
export function columnsOf(params: readonly ExplainedParam[]): readonly Column[] {
  const orders = Object.keys(params[0]?.orders ?? {});
  const groups = new Map<string, { readonly rank: number; readonly label: string; readonly params: ExplainedParam[] }>();
  const stems = new Map<string, number>();
  for (const param of params) {
    const part = partOf(param.staticName);
    const stem = part.replace(/[0-9]+$/, "");
    if (!stems.has(stem)) stems.set(stem, stems.size);
    const ordered = orders.length === 1 ? param.orders![orders[0]!] : undefined;
    const rank = ordered ?? stems.get(stem)! * 1e6 + Math.min(Number(/[0-9]+$/.exec(part)?.[0] ?? 0), 999_999);
    const key = ordered === undefined ? part : `${ordered}`;
    const group = groups.get(key) ?? { rank, label: part, params: [] };
    group.params.push(param);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => a.rank - b.rank);
}

/** Up to the first number, else the first two segments without the tensor's own. */
function partOf(name: string): string {
  const numbered = /^.*?(?:^|[./])[0-9]+(?=[./]|$)/.exec(name)?.[0];
  const segments = name.split(/[./]/);
  return numbered ?? segments.slice(0, Math.max(1, Math.min(2, segments.length - 1))).join(".");
}

interface Scale {
  readonly y: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Logarithmic where values differ twentyfold and none is 0. */
function scaleOf(values: readonly number[]): Scale {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const bottom = HEIGHT - BOTTOM;
  if (values.length === 0 || low === high) {
    return { y: () => (bottom + TOP) / 2, ticks: values.length === 0 ? [] : [low] };
  }
  const logarithmic = low > 0 && high / low > 20;
  const from = logarithmic ? Math.log(low) : Math.min(low, 0);
  const to = logarithmic ? Math.log(high) : Math.max(high, 0);
  const at = (value: number) => ((logarithmic ? Math.log(value) : value) - from) / (to - from);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => from + part * (to - from)).map((value) => (logarithmic ? Math.exp(value) : value));
  return { y: (value) => bottom - at(value) * (bottom - TOP), ticks };
}

const short = (value: number) => `${Number(value.toPrecision(3))}`;

function elided(label: string): string {
  const letters = Array.from(label);
  return letters.length <= LONGEST_LABEL ? label : `…${letters.slice(1 - LONGEST_LABEL).join("")}`;
}

/** Text for HTML and SVG, inside elements and attributes: nothing in it can end either, move the cursor or reorder letters. */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
