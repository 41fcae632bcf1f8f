// Text from files and names on its way to a terminal: nothing in it may move the cursor, colour the screen or reorder letters.

const unsafe = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** The text with control and direction characters spelled out; newlines and tabs stay. */
export function visible(text: string): string {
  return text.replace(unsafe, (c) => (c === "\n" || c === "\t" ? c : `\\u{${c.codePointAt(0)!.toString(16)}}`));
}
