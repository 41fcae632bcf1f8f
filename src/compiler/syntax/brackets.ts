// Which bracket was left open.

import type { IToken } from "chevrotain";
import { positionAt, type SourceText } from "../source.js";

const CLOSES: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/** The last `bracket` before token `at` that nothing closes, brackets of other kinds aside. */
export function findOpener(tokens: readonly IToken[], at: number, bracket: string): IToken | null {
  let closed = 0;
  for (let i = at - 1; i >= 0; i--) {
    const { image } = tokens[i]!;
    if (CLOSES[image] === bracket) closed++;
    else if (image === bracket && closed-- === 0) return tokens[i]!;
  }
  return null;
}

/** A `{` inside `opener` whose `}` begins a line further left than the line of the `{`: there a `}` is probably missing. */
export function suspectOf(source: SourceText, tokens: readonly IToken[], opener: IToken): IToken | null {
  const open: IToken[] = [];
  let suspect: IToken | null = null;
  for (const token of tokens) {
    if (token.startOffset <= opener.startOffset) continue;
    if (token.image === "{") open.push(token);
    else if (token.image === "}") {
      const from = open.pop();
      if (from === undefined) break;
      const indent = indentOf(source, token.startOffset);
      if (indent.first === token.startOffset && indent.width < indentOf(source, from.startOffset).width) suspect ??= from;
    }
  }
  return suspect;
}

function indentOf(source: SourceText, offset: number): { width: number; first: number } {
  const lineStart = offset - positionAt(source, offset).column + 1;
  const width = /^[ \t]*/.exec(source.text.slice(lineStart, offset))![0].length;
  return { width, first: lineStart + width };
}
