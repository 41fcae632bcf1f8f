// The values of literals, and what is wrong with a literal's spelling.

export interface StringSpelling {
  readonly raw: string;
  readonly value: string;
  /** Places in `raw` of escapes that mean nothing. */
  readonly badEscapes: readonly { readonly at: number; readonly text: string }[];
}

/** What is wrong with a number, or null. */
export function numberFault(text: string): "dot-end" | "dot-start" | "name" | "form" | null {
  if (/^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return null;
  if (/^\d+\.$/.test(text)) return "dot-end";
  if (/^\.\d+(?:[eE][+-]?\d+)?$/.test(text)) return "dot-start";
  return /^\d+(?:\.\d+)?[A-Za-z_]/.test(text) && !/^\d+(?:\.\d+)?[eE][+-]?/.test(text) && !/^0[xXbBoO]|^\d+_/.test(text) ? "name" : "form";
}

/** The number that a text stands for, as well as one can tell. */
export function numberValue(text: string): number {
  const value = Number(text);
  return Number.isNaN(value) ? Number.parseFloat(text) || 0 : value;
}

/** Resolves the escapes of a string; other backslashes stay, for patterns have escapes of their own. */
export function readString(image: string): StringSpelling {
  const raw = image.length > 1 && /["'\u201C\u201D]$/.test(image) ? image.slice(1, -1) : image.slice(1);
  const badEscapes: { at: number; text: string }[] = [];
  const value = raw.replace(
    /\\(?:u(?:\{([^}]*)\})?|([\s\S]))/g,
    (all: string, hex: string | undefined, plain: string | undefined, at: number) => {
      if (plain !== undefined) return PLAIN[plain] ?? all;
      const code = hex !== undefined && /^[0-9A-Fa-f]{1,6}$/.test(hex) ? Number.parseInt(hex, 16) : Number.NaN;
      if (code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)) return String.fromCodePoint(code);
      badEscapes.push({ at, text: all });
      return "";
    },
  );
  return { raw, value, badEscapes };
}

const PLAIN: Readonly<Record<string, string>> = Object.assign(Object.create(null) as Record<string, string>, {
  '"': '"',
  "\\": "\\",
  n: "\n",
  t: "\t",
});
