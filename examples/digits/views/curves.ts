// Curves in a terminal: 2 x 4 braille dots in a cell. The first curve is drawn through, the second dashed, so that they can be told
// apart without colour.

export interface Curve {
  readonly label: string;
  readonly values: readonly number[];
}

/** Dot (x, y) of a cell to its bit in the braille block. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const DASHES = ["━━━━", "╍╍╍╍"] as const;

/** Means of `count` equal stretches of the values: what a curve shows in so many columns. */
export function smooth(values: readonly number[], count: number): number[] {
  return Array.from({ length: Math.min(count, values.length) }, (_, column) => {
    const first = Math.floor((column * values.length) / Math.min(count, values.length));
    const last = Math.floor(((column + 1) * values.length) / Math.min(count, values.length));
    const part = values.slice(first, last);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/** Draws up to two curves over a common axis from 0. `paint` colours the text of curve 0 or 1. */
export function drawCurves(
  curves: readonly Curve[],
  size: { columns: number; rows: number },
  paint: (text: string, curve: number) => string,
): string {
  const drawn = curves.map(({ values }) => smooth(values, size.columns * 2));
  const top = Math.max(...drawn.flat().filter(Number.isFinite), Number.MIN_VALUE);
  const cells = Array.from({ length: size.rows }, () => Array.from({ length: size.columns }, () => ({ bits: 0, curve: 0 })));
  const dot = (x: number, y: number, curve: number) => {
    const cell = cells[Math.floor(y / 4)]?.[Math.floor(x / 2)];
    if (cell === undefined) return;
    cell.bits |= DOTS[(y % 4) as 0 | 1 | 2 | 3][(x % 2) as 0 | 1];
    cell.curve = curve;
  };
  for (const [curve, values] of drawn.entries()) {
    let before: number | null = null;
    for (const [x, value] of values.entries()) {
      if (!Number.isFinite(value)) continue;
      const y = Math.round((1 - value / top) * (size.rows * 4 - 1));
      // A steep piece of the curve is a stroke from the last height to this one.
      const low = Math.min(before ?? y, y);
      const high = Math.max(before ?? y, y);
      if (curve === 0 || x % 6 < 3) for (let at = low; at <= high; at++) dot(x, at, curve);
      before = y;
    }
  }
  const lines = cells.map((row, index) => {
    const value = top * (1 - index / (size.rows - 1));
    const label = index % 4 === 0 || index === size.rows - 1 ? value.toFixed(2) : "";
    return `  ${label.padStart(5)} ┤${row.map(({ bits, curve }) => (bits === 0 ? " " : paint(String.fromCharCode(0x2800 + bits), curve))).join("")}`;
  });
  const legend = curves.map(({ label }, curve) => `${paint(DASHES[curve === 0 ? 0 : 1], curve)} ${label}`).join("     ");
  return [...lines.map((line) => line.trimEnd()), `        └${"─".repeat(size.columns)}`, `         ${legend}`].join("\n");
}
