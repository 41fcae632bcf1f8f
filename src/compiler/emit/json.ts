// JSON for people: what fits in a line stays in one. Also valid JavaScript, where `__proto__` must not set a prototype.

const WIDTH = 140;

/** Pretty JSON with a final newline; keeps the sign of zero, and infinities as numbers too great for any reader. */
export function prettyJson(value: unknown): string {
  return `${print(value, "", JSON.stringify)}\n`;
}

/** The same as a JavaScript expression. */
export function javascriptLiteral(value: unknown, string: (text: string) => string): string {
  return print(value, "", (key) => (key === "__proto__" ? '["__proto__"]' : string(key)), string);
}

function print(value: unknown, indent: string, key: (name: string) => string, string: (text: string) => string = JSON.stringify): string {
  if (Object.is(value, -0)) return "-0";
  if (Number.isNaN(value)) throw new Error("bug: NaN cannot be written as JSON");
  if (value === Infinity || value === -Infinity) return value > 0 ? "1e999" : "-1e999";
  if (typeof value === "string") return string(value);
  if (typeof value !== "object" || value === null) return String(value);
  const inner = `${indent}  `;
  const items = Array.isArray(value)
    ? value.map((item: unknown) => print(item, inner, key, string))
    : Object.entries(value).map(([name, item]) => `${key(name)}: ${print(item, inner, key, string)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const pad = Array.isArray(value) || items.length === 0 ? "" : " ";
  const line = open + pad + items.join(", ") + pad + close;
  if (indent.length + line.length <= WIDTH && !line.includes("\n")) return line;
  return `${open}\n${items.map((item) => inner + item).join(",\n")}\n${indent}${close}`;
}
