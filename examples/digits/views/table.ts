// A table in a terminal: the first column flush left, the others flush right, two spaces of margin, a thin rule below the head.

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("   ")}`;
  const rule = `  ${"─".repeat(widths.reduce((sum, width) => sum + width + 3, -3))}`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
