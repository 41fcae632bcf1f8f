// Infix notation for C-like targets: every operation keeps its parentheses, except where nothing stands around it.

/** Spells `(a sign b)`. */
export const infix = (sign: string) => (a: string, b: string) => `(${a} ${sign} ${b})`;

/** Takes away one pair of parentheses around the whole text. */
export function unwrap(text: string): string {
  if (!text.startsWith("(") || !text.endsWith(")")) return text;
  let depth = 0;
  for (let i = 0; i < text.length - 1; i++) {
    if (text[i] === "(") depth++;
    else if (text[i] === ")" && --depth === 0) return text;
  }
  return text.slice(1, -1);
}
