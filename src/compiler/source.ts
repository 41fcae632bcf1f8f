// A source text and places in it. Offsets are UTF-16 code units, half-open; lines and columns count from 1.

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface SourceText {
  /** As given by the user, shown in messages; never absolute in generated files. */
  readonly path: string;
  readonly text: string;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Line and column of an offset. */
export function positionAt(source: SourceText, offset: number): Position {
  let line = 1;
  let start = 0;
  for (let i = source.text.indexOf("\n"); i !== -1 && i < offset; i = source.text.indexOf("\n", i + 1)) {
    line++;
    start = i + 1;
  }
  return { line, column: offset - start + 1 };
}

/** The smallest span that holds both. */
export function joinSpans(a: Span, b: Span): Span {
  return { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}
