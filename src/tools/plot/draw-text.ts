// Figures in a terminal: curves of braille dots, layers as bars of eighths. Every step that was asked counts: a column of dots reaches
// from the lowest to the highest value in it.

import { printable } from "../../rules/explain-text.js";
import { type CurveFigure, type Figure, type LayerFigure, rangeWithZero, short } from "./figure.js";

const ROWS = 12;
const LONGEST_LABEL = 32;
/** Bits of a braille character by column and row of its 2 by 4 dots. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** Lines of a figure, no wider than `width` where that leaves room to draw. */
export function drawText(figure: Figure, width: number): readonly string[] {
  const lines = figure.kind === "curve" ? curveLines(figure, width) : layerLines(figure, width);
  return [printable(figure.title), ...lines.map((line) => line.trimEnd())];
}

function curveLines({ steps, values }: CurveFigure, width: number): readonly string[] {
  const [low, high] = rangeWithZero(values);
  const labels = [high, (low + high) / 2, low].map(short);
  const margin = labels.reduce((most, label) => Math.max(most, label.length), 0);
  const columns = Math.max(20, width - margin - 2);
  const last = steps.at(-1)!;
  const cells = Array.from({ length: ROWS }, () => new Uint8Array(columns));
  const dotsHigh = ROWS * 4;
  const rowOf = (value: number) => (high === low ? dotsHigh / 2 : Math.round(((high - value) / (high - low)) * (dotsHigh - 1)));
  const columnOf = (step: number) => (last === 0 ? 0 : Math.round((step / last) * (columns * 2 - 1)));
  for (const [i, step] of steps.entries()) {
    const next = Math.min(i + 1, steps.length - 1);
    stroke(cells, columnOf(step), rowOf(values[i]!), columnOf(steps[next]!), rowOf(values[next]!));
  }
  const labelAt = (row: number) => (row === 0 ? labels[0]! : row === ROWS - 1 ? labels[2]! : row === ROWS / 2 - 1 ? labels[1]! : "");
  const rows = cells.map((row, index) => {
    const drawn = Array.from(row, (bits) => (bits === 0 ? " " : String.fromCodePoint(0x2800 + bits))).join("");
    return `${labelAt(index).padStart(margin)} ┤${drawn}`;
  });
  const [start, end] = ["0", `${last} steps`];
  return [...rows, `${" ".repeat(margin + 1)}└${start}${" ".repeat(Math.max(1, columns - start.length - end.length))}${end}`];
}

/** Dots from one point to another; upwards and downwards inside the column of the second. */
function stroke(cells: readonly Uint8Array[], fromX: number, fromY: number, toX: number, toY: number): void {
  for (let x = fromX; x <= toX; x++) {
    const part = (at: number) => (toX === fromX ? 1 : Math.min(1, Math.max(0, (at - fromX) / (toX - fromX))));
    const y0 = Math.round(fromY + (toY - fromY) * (toX === fromX ? 0 : part(x - 0.5)));
    const y1 = Math.round(fromY + (toY - fromY) * part(x + 0.5));
    for (let y = Math.min(y0, y1); y <= Math.max(y0, y1); y++) {
      const row = cells[y >> 2];
      if (row !== undefined && x >> 1 < row.length) row[x >> 1] = row[x >> 1]! | DOTS[(x & 1) as 0 | 1][y & 3]!;
    }
  }
}

function layerLines({ layers }: LayerFigure, width: number): readonly string[] {
  const labels = layers.map(({ label }) => elided(printable(label)));
  const margin = labels.reduce((most, label) => Math.max(most, Array.from(label).length), 0);
  const values = layers.map(({ range }) =>
    range === null ? "frozen" : range[0] === range[1] ? short(range[0]) : `${short(range[0])} .. ${short(range[1])}`,
  );
  const room = values.reduce((most, text) => Math.max(most, text.length), 0);
  const columns = Math.max(10, width - margin - room - 3);
  const [, high] = rangeWithZero(layers.flatMap(({ range }) => range ?? []));
  return layers.map(({ range }, i) => {
    const label = labels[i]! + " ".repeat(margin - Array.from(labels[i]!).length);
    const bar = range === null || high === 0 ? "" : barOf(Math.max(0, range[1]) / high, columns);
    return `${label} ${bar.padEnd(columns)} ${values[i]!}`;
  });
}

/** A bar of a part of the columns, to an eighth of one. */
function barOf(part: number, columns: number): string {
  const eighths = Math.round(part * columns * 8);
  const rest = eighths % 8;
  return "█".repeat(Math.floor(eighths / 8)) + (rest === 0 ? "" : String.fromCodePoint(0x2590 - rest));
}

function elided(label: string): string {
  const letters = Array.from(label);
  return letters.length <= LONGEST_LABEL ? label : `…${letters.slice(1 - LONGEST_LABEL).join("")}`;
}
