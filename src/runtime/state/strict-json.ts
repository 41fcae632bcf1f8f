// JSON whose objects name no key twice and that is not nested deeper than any file of ours. JSON.parse keeps the last of two equal keys in
// silence, and a second tensor of one name would hide the first; a header of nothing but brackets would fill the memory before it is seen
// to be none. The text is parsed by JSON.parse; this walks its brackets and strings, at one character's cost each.

const MAX_DEPTH = 64;
const mark = /["{}[\],:]/g;

/** Place of the quote that ends the string whose first one stands at `open`. */
function endOfString(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let back = at;
    while (text.charCodeAt(back - 1) === 92) back--;
    if ((at - back) % 2 === 0) return at;
  }
  return text.length;
}

/** Calls `visit` with every mark outside strings and with every string, quotes included, until it answers true. */
function walk(text: string, visit: (token: string) => boolean): void {
  mark.lastIndex = 0;
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    const from = found.index;
    if (found[0] === '"') mark.lastIndex = endOfString(text, from) + 1;
    if (visit(found[0] === '"' ? text.slice(from, mark.lastIndex) : found[0])) return;
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  walk(text, (token) => {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    return depth > MAX_DEPTH;
  });
  return depth > MAX_DEPTH;
}

/** The first key that an object of this valid JSON text names twice, or null. */
function repeatedKey(text: string): string | null {
  const open: (Set<string> | null)[] = [];
  let last: string | null = null;
  let repeated: string | null = null;
  walk(text, (token) => {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const key: string = JSON.parse(last!);
      const keys = open.at(-1)!;
      if (keys!.has(key)) repeated = key;
      keys!.add(key);
    } else if (token !== ",") last = token;
    return repeated !== null;
  });
  return repeated;
}

export type StrictJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string; readonly key: string | null };

/** Parses JSON; `key` is set where a key stands twice. */
export function parseStrictJson(text: string): StrictJson {
  if (isTooDeep(text)) return { ok: false, reason: `it is nested more than ${MAX_DEPTH} deep`, key: null };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error), key: null };
  }
  const key = repeatedKey(text);
  return key === null ? { ok: true, value } : { ok: false, reason: `the key ${JSON.stringify(key)} stands twice`, key };
}

/** A plain JSON object: not null, not an array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
