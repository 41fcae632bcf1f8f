// The lines of a source around a place, with marks below them. Long lines are cut around the mark.

import type { SourceText, Span } from "../source.js";
import { type Cell, cellsOf } from "./visible.js";

const starts = new WeakMap<SourceText, readonly number[]>();

/** Offsets at which lines begin. */
function lineStarts(source: SourceText): readonly number[] {
  let known = starts.get(source);
  if (known === undefined) {
    const found = [0];
    for (let at = source.text.indexOf("\n"); at !== -1; at = source.text.indexOf("\n", at + 1)) found.push(at + 1);
    starts.set(source, (known = found));
  }
  return known;
}

export interface Spot {
  /** From 0. */
  readonly line: number;
  /** UTF-16 code units from the beginning of the line. */
  readonly offset: number;
}

/** Where an offset is; offsets behind the text are at its end. */
export function spotOf(source: SourceText, offset: number): Spot {
  const lines = lineStarts(source);
  const at = Math.max(0, Math.min(offset, source.text.length));
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return { line: low, offset: at - lines[low]! };
}

export interface Marked {
  readonly line: number;
  readonly text: string;
  /** Blanks before the mark, and its length, in columns of a terminal. */
  readonly indent: number;
  readonly length: number;
}

/** The first line of a span, cut to `width` columns, and where its mark stands. */
export function markLine(source: SourceText, span: Span, width: number): Marked {
  const { line, offset } = spotOf(source, span.from);
  const start = lineStarts(source)[line]!;
  const next = source.text.indexOf("\n", start);
  const end = next === -1 ? source.text.length : next;
  // A line of a megabyte is cut before it is measured.
  const from = Math.max(start, span.from - width * 2);
  const text = source.text.slice(from, Math.min(end, from + width * 6)).replace(/\r$/, "");
  const cells = cellsOf(text);
  const first = countCells(text, start + offset - from);
  const last = countCells(text, Math.max(Math.min(span.to, end), span.from) - from);
  return { line, ...cut(cells, first, Math.max(last, first), width, from > start) };
}

function countCells(text: string, units: number): number {
  return Array.from(text.slice(0, units)).length;
}

function cut(cells: readonly Cell[], first: number, last: number, width: number, cutBefore: boolean): Omit<Marked, "line"> {
  const widthOf = (from: number, to: number) => cells.slice(from, to).reduce((sum, cell) => sum + cell.width, 0);
  let begin = 0;
  if (widthOf(0, cells.length) > width || cutBefore) {
    // A third of the line before the mark.
    begin = Math.min(first, cells.length);
    for (let room = Math.floor(width / 3); begin > 0 && room - cells[begin - 1]!.width >= 0; begin--) room -= cells[begin - 1]!.width;
  }
  let end = begin;
  for (let room = width - 2; end < cells.length && (room -= cells[end]!.width) >= 0; end++);
  const hidden = begin > 0 || cutBefore;
  const text =
    (hidden ? "…" : "") +
    cells
      .slice(begin, end)
      .map((cell) => cell.text)
      .join("") +
    (end < cells.length ? "…" : "");
  return {
    text,
    indent: (hidden ? 1 : 0) + widthOf(begin, Math.min(first, end)),
    length: Math.max(1, widthOf(Math.min(first, end), Math.min(last, end))),
  };
}
