// Text of strangers on a terminal: what could move the cursor, hide or reorder is shown by its number, and every cell has a known width.

export interface Cell {
  readonly text: string;
  readonly width: number;
}

// Controls, format and bidirectional characters, fillers, variation selectors, surrogates that stand alone, tags; and line separators.
const HIDDEN = /^(?:[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0\u{E0000}-\u{E0FFF}]|\p{Variation_Selector})$/u;
const WIDE =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]$/u;
const TAB = 4;

/** One cell for each code point of a line; tabs become spaces up to the next multiple of four. */
export function cellsOf(line: string): Cell[] {
  let column = 0;
  return Array.from(line, (character) => {
    const cell = cellOf(character, column);
    column += cell.width;
    return cell;
  });
}

function cellOf(character: string, column: number): Cell {
  if (character === "\t") {
    const width = TAB - (column % TAB);
    return { text: " ".repeat(width), width };
  }
  if (HIDDEN.test(character)) {
    const text = `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`;
    return { text, width: text.length };
  }
  if (/^\p{Mark}$/u.test(character)) return { text: character, width: 0 };
  return { text: character, width: WIDE.test(character) ? 2 : 1 };
}

/** A text on one line, safe to print. */
export function visible(text: string): string {
  return Array.from(text, (character) => (character === "\n" ? " " : cellOf(character, 0).text)).join("");
}
