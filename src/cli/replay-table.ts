// The table that `replay --against` prints.

import type { ComparedTensor } from "../tools/compare-runs.js";
import { visibleLines } from "./visible-lines.js";

/** One line a tensor, worst first within its verdict. */
export function comparisonTable(rows: readonly ComparedTensor[]): string {
  const head = ["", "tensor", "max abs error", "of movement", "ulps", "first deviation"];
  const body = [...rows].sort((a, b) => Number(a.firstDeviation === null) - Number(b.firstDeviation === null)).map(cells);
  const widths = head.map((title, column) => Math.max(title.length, ...body.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd();
  return [head, ...body].map(line).join("\n");
}

function cells(row: ComparedTensor): readonly string[] {
  const deviation = row.firstDeviation === null ? "-" : `step ${row.firstDeviation}`;
  return [
    row.firstDeviation === null ? "ok" : "!!",
    visibleLines(row.name),
    number(row.absolute),
    number(row.relativeToMovement),
    count(row.ulps),
    deviation,
  ];
}

function number(value: number): string {
  return value === 0 ? "0" : value.toExponential(2);
}

function count(value: number): string {
  return value < 1e6 ? String(value) : number(value);
}
