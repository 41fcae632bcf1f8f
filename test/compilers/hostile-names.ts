// Specs whose names and texts attack a code generator: words that targets reserve, names of our own frames, members of every object,
// texts that would end a comment or a string.

import { reservedWords } from "../../src/compiler/emit/reserved-words.js";

const targetWords: readonly string[] = [...new Set(Object.values(reservedWords).flat())].sort();

const frameWords = [
  ...[
    "lane",
    "chunk",
    "chunks",
    "main",
    "param_",
    "params",
    "grads",
    "states",
    "Chunk",
    "workgroup",
    "i",
    "index",
    "left",
    "next",
    "param_at",
  ],
  ...[
    "state_at",
    "grad_at",
    "step_variant0",
    "old_param",
    "old_m",
    "part_1",
    "maximum",
    "minimum",
    "sign_of",
    "from_bits",
    "is_nan",
    "negate",
  ],
  ...[
    "definition",
    "manifest",
    "createOptimizer",
    "Optimizer",
    "View",
    "BaseSettings",
    "memory",
    "env",
    "default",
    "names",
    "allow",
    "gradients",
  ],
];

export const objectWords = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "__defineGetter__", "prototype"];
const greek = ["β1", "λ", "Σ", "ε", "ϕ", "_", "__", "x__y", "_1"];

/** Names that do not meet after conversion to a settings key. */
function distinct(names: readonly string[]): string[] {
  const seen = new Set<string>();
  const spelled = (name: string) => name.toLowerCase().replace(/[^a-z0-9\u0370-\u03ff]/g, "");
  return names.filter((name) => !seen.has(spelled(name)) && seen.add(spelled(name)) !== undefined && spelled(name) !== "");
}

export const hostileNames: readonly string[] = distinct([...objectWords, ...frameWords, ...targetWords, ...greek]);

/** A spec in which every name is a state, or a hyper, and takes part in the update. */
export function specWith(names: readonly string[], kind: "hyper" | "state", optimizer = "Hostile"): string {
  const lines = names.map((name) => (kind === "hyper" ? `  hyper ${name} = 0.5` : `  state ${name} = 0`));
  const updates = names.map((name) =>
    kind === "hyper" ? `  param <- param - ${name} * grad` : `  ${name} <- ${name} + grad * param\n  param <- param - ${name}`,
  );
  return [`optimizer ${optimizer} {`, ...lines, ...updates, "}"].join("\n");
}

/** Doc comments that try to get out. */
export const hostileDocs = [
  "ends */ export const pwned = 1; /* here",
  "// line ;; wat (; block ;) # python \\",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the attack
  "template `${pwned}` \\` backslash \\\\ and \"quotes\" 'single'",
  "</script><script>pwned()</script>",
  "@param {never} pwned {@link pwned} */",
];

/** Texts that the language refuses already; the escapers take them all the same. */
export const refusedTexts = [
  "separators \u2028 and \u2029 and \u0085 and \u000b end",
  "\u202e reversed \u2066 hidden \u200b",
  "lone \ud800 half",
  "\r\n\r\0",
];
