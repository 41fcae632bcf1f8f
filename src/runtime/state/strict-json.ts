// JSON whose objects name no key twice. JSON.parse keeps the last of two equal keys in silence, and a second tensor of one
// name would hide the first. The text is parsed by JSON.parse; this walks its tokens for the keys alone.

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** The first key that an object of this valid JSON text names twice, or null. */
function repeatedKey(text: string): string | null {
  const open: (Set<string> | null)[] = [];
  let last: string | null = null;
  for (const [found] of text.matchAll(token)) {
    if (found === "{") open.push(new Set());
    else if (found === "[") open.push(null);
    else if (found === "}" || found === "]") open.pop();
    else if (found === ":") {
      const key: string = JSON.parse(last!);
      const keys = open.at(-1)!;
      if (keys!.has(key)) return key;
      keys!.add(key);
    } else if (found !== ",") last = found;
  }
  return null;
}

export type StrictJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string; readonly key: string | null };

/** Parses JSON; `key` is set where a key stands twice. */
export function parseStrictJson(text: string): StrictJson {
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
