// Text from files and names on its way to a terminal: nothing in it may move the cursor, colour the screen or reorder letters.

import { visible } from "../compiler/diagnostics/visible.js";

/** The text with control and direction characters spelled out; its line breaks stay. */
export function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}
