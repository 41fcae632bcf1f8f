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
    "scalars",
    "tensors",
    "tensor",
    "leaf",
    "lanes",
    "row",
    "rows",
    "count",
    "sum",
    "sum_0",
    "leaves",
    "leaf_sum",
    "chunk_sum",
    "fold_sum",
    "fold_sum_together",
    "tensor_scalar",
    "partial_place",
    "chunk_place",
    "is_idle",
    "is_element",
    "step1_finish",
    "step1_finish_model0_variant0",
    "tail",
    "mask",
    "column",
    "offset",
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

export type HostileKind = "hyper" | "state" | "number";

/** A spec in which every name is a hyper, a state of elements, or a state of one number for a tensor or the model, and takes part in the update. */
export function specWith(names: readonly string[], kind: HostileKind, optimizer = "Hostile"): string {
  const extents = ["tensor", "model"];
  const declare: Record<HostileKind, (name: string, i: number) => string> = {
    hyper: (name) => `  hyper ${name} = 0.5`,
    state: (name) => `  state ${name} = 0`,
    number: (name, i) => `  state ${name}: ${extents[i % 2]} = 0`,
  };
  const update: Record<HostileKind, (name: string, i: number) => string> = {
    hyper: (name) => `  param <- param - ${name} * grad`,
    state: (name) => `  ${name} <- ${name} + grad * param\n  param <- param - ${name}`,
    number: (name, i) => `  ${name} <- ${name} + sum[${extents[i % 2]}](grad)\n  param <- param - ${name} * grad`,
  };
  return [`optimizer ${optimizer} {`, ...names.map(declare[kind]), ...names.map(update[kind]), "}"].join("\n");
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
