// Breaks long lines of the WebAssembly text format: an expression that does not fit gets its operands on lines of their own.

const WIDTH = 120;

/** The same line, or several that hold the same tokens. */
export function foldLines(line: string): string[] {
  const indent = line.length - line.trimStart().length;
  return fold(line.slice(indent), " ".repeat(indent), "");
}

/** `closers` are the parentheses that follow the text and belong to expressions around it. */
function fold(text: string, indent: string, closers: string): string[] {
  const parts = indent.length + text.length + closers.length > WIDTH ? splitExpression(text) : null;
  if (parts === null) return [indent + text + closers];
  const [head, ...operands] = parts;
  const inner = `${indent}  `;
  return [indent + head, ...operands.flatMap((operand, i) => fold(operand, inner, i === operands.length - 1 ? `)${closers}` : ""))];
}

/** `(f a (b c) (d))` as `(f a`, `(b c)`, `(d)`; null where the text is not one expression with nested ones at its end. */
function splitExpression(text: string): string[] | null {
  if (!text.startsWith("(") || !text.endsWith(")") || /["]|;;/.test(text)) return null;
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(" && ++depth === 2) {
      const before = text.slice(start, i).trim();
      if (parts.length > 0 && before !== "") return null;
      if (parts.length === 0) parts.push(before);
      start = i;
    } else if (text[i] === ")" && --depth === 1) {
      parts.push(text.slice(start, i + 1));
      start = i + 1;
    } else if (text[i] === ")" && depth === 0 && i < text.length - 1) return null;
  }
  return depth === 0 && parts.length > 1 && text.slice(start, -1).trim() === "" ? parts : null;
}
