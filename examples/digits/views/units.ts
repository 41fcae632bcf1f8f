// Numbers as people read them.

export function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

/** A duration with the unit that suits it. */
export function duration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}

/** 36,682 */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}
