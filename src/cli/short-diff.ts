// A few lines of what differs, enough to recognize the change.

const SHOWN_LINES = 4;
const SHOWN_COLUMNS = 120;

/** The lines between the common start and the common end of two texts, `-` before and `+` after; sizes where a file is no text. */
export function shortDiff(before: Uint8Array, after: Uint8Array): readonly string[] {
  const [old, next] = [textOf(before), textOf(after)];
  if (old === null || next === null) return [`- ${before.length} bytes`, `+ ${after.length} bytes`];
  const [a, b] = [old.split("\n"), next.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return [`@ line ${start + 1}`, ...excerpt("-", a.slice(start, a.length - end)), ...excerpt("+", b.slice(start, b.length - end))];
}

function excerpt(sign: string, lines: readonly string[]): readonly string[] {
  const shown = lines
    .slice(0, SHOWN_LINES)
    .map((line) => `${sign} ${line.length > SHOWN_COLUMNS ? `${line.slice(0, SHOWN_COLUMNS)}…` : line}`);
  const left = lines.length - shown.length;
  return left > 0 ? [...shown, `${sign} … ${left} more`] : shown;
}

function textOf(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
