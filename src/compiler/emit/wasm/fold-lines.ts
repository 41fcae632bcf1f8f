// Breaks long lines of the WebAssembly text format: an expression that does not fit gets its operands on lines of their own.

const WIDTH = 120;

/** The same line, or several that hold the same tokens. */
export function foldLines(line: string): string[] {
  const indent = line.length - line.trimStart().length;
  if (line.length <= WIDTH || line.trimStart().startsWith(";;")) return [line];
  const parts = splitExpression(line.slice(indent));
  if (parts === null) return [line];
  const [head, ...operands] = parts;
  const inner = " ".repeat(indent + 2);
  return [" ".repeat(indent) + head, ...operands.flatMap((operand) => foldLines(inner + operand))];
}

/** `(f a (b c))` as `(f a`, `(b c))`: one whole balanced expression, cut before its nested ones; null for anything else. */
function splitExpression(text: string): string[] | null {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"' || text.startsWith(";;", i)) return null;
    if (text[i] === "(" && ++depth === 2) {
      parts.push(text.slice(start, i).trimEnd());
      start = i;
    } else if (text[i] === ")" && --depth === 0 && i < text.length - 1) return null;
  }
  if (depth !== 0 || parts.length < 2) return null;
  return [...parts, text.slice(start)];
}
