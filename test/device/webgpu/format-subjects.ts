// Optimizers whose numbers are kept in 16 and 8 bits, and the numbers that conversions are held to.

import { readFileSync } from "node:fs";
import { narrow, type PlainFormat, widen } from "../../../src/numeric/storage-formats.js";

type Words = Readonly<Record<string, string>>;

export interface FormatSubject {
  readonly title: string;
  readonly text: string;
  readonly build: Words;
}

const example = (name: string) => readFileSync(new URL(`../../../examples/${name}.opt`, import.meta.url), "utf8");

const rules: readonly { readonly name: string; readonly text: string; readonly states: readonly string[]; readonly build: Words }[] = [
  { name: "AdamW", text: example("adamw"), states: ["m", "v"], build: {} },
  { name: "Lion", text: example("lion"), states: ["m"], build: {} },
  { name: "SGD", text: example("sgd"), states: ["momentum_buffer"], build: { variant: "momentum" } },
  { name: "Lamb", text: example("lamb"), states: ["m", "v"], build: {} },
  { name: "AdamW, clipped", text: example("adamw"), states: ["m", "v"], build: { grad_clip: "global_norm" } },
];

const bf16 = { param_dtype: "bf16", grad_dtype: "bf16" } as const;
const f16 = { param_dtype: "f16", grad_dtype: "f16" } as const;

const builds: Readonly<Record<string, Words>> = {
  bf16,
  f16,
  "bf16 with a master": { ...bf16, master: "f32" },
  "bf16 with a remainder": { ...bf16, master: "remainder" },
  "bf16 at random": { ...bf16, rounding: "stochastic" },
  "f16 at random, gradients in f32": { param_dtype: "f16", rounding: "stochastic" },
};

/** How the first state is kept, and the second one where there is one; with what build. */
const stores: Readonly<Record<string, readonly [first: string, second: string, Words]>> = {
  "states in 16 bits": ["bf16", "f16", {}],
  "states in 8 bits": ["q8(signed, block 256) when numel >= 4096", "q8(unsigned, block 256) when numel >= 4096", {}],
  "one state in f16, one in 8 bits, a remainder": ["f16", "q8(unsigned, block 256)", { ...bf16, master: "remainder" }],
  "one state in 8 bits, one in f32, a master": ["q8(signed, block 256)", "f32", { ...f16, master: "f32" }],
};

/** The text with a `store` clause before its first state; what it has by itself is taken out. */
function withStore(text: string, states: readonly string[], formats: readonly string[]): string {
  const entries = states.map((state, i) => `${state}: ${formats[i]}`).join("; ");
  return text.replace(/\n *store \{[^}]*\}/, "").replace(/\n( *)state /, `\n$1store { ${entries} }\n$1state `);
}

const reducing: ReadonlySet<string> = new Set([
  "Lamb, bf16",
  "Lamb, bf16 with a remainder",
  "Lamb, bf16 at random",
  "Lamb, states in 16 bits",
  "Lamb, states in 8 bits",
  "Lamb, one state in f16, one in 8 bits, a remainder",
  "AdamW, clipped, f16",
  "AdamW, clipped, f16 at random, gradients in f32",
  "AdamW, clipped, one state in 8 bits, one in f32, a master",
]);

export const formatSubjects: readonly FormatSubject[] = rules
  .flatMap(({ name, text, states, build }) => [
    ...Object.entries(builds).map(([title, words]) => ({ title: `${name}, ${title}`, text, build: { ...build, ...words } })),
    ...Object.entries(stores).map(([title, [first, second, words]]) => ({
      title: `${name}, ${title}`,
      text: withStore(text, states, [first, second]),
      build: { ...build, ...words },
    })),
  ])
  // A software driver takes many seconds to compile what reduces.
  .filter(({ title }) => !/^(Lamb|AdamW, clipped)/.test(title) || reducing.has(title));

/** Parts of a block, blocks and one element more or less, a chunk and a part of another. */
export const formatLengths: readonly number[] = [1, 3, 5, 255, 256, 257, 1_000, 4_096, 5_000, 16_384 + 300];

/** The same numbers as a format keeps them. */
export function rounded(format: PlainFormat, numbers: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = narrow(format, numbers);
  return widen(format, new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
}

/** Every number halfway between two neighbours of a 16-bit format, its neighbours in f32, and as many bit patterns as make up `length`. */
export function numbersToNarrow(format: "f16" | "bf16", length: number): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(length);
  const kept = widen(format, new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer));
  const bits = new Uint32Array(1);
  const number = new Float32Array(bits.buffer);
  let at = 0;
  for (let code = 0; code < 0x8000; code++) {
    const [below, above] = [kept[code]!, kept[code + 1]!];
    if (!Number.isFinite(below)) break;
    // Beyond the largest number as if one more followed.
    number[0] = (below + (Number.isFinite(above) ? above : 2 * below - kept[code - 1]!)) / 2;
    for (const sign of [0, 0x8000_0000]) for (const apart of [-1, 0, 1]) words[at++] = (bits[0]! + apart) | sign;
  }
  for (let state = 1; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // Every second one between 2^-30 and 2^17, where binary16 is.
    words[at] = at % 2 === 0 ? state : (state & 0x807f_ffff) | ((97 + ((state >>> 8) % 48)) << 23);
  }
  return new Float32Array(words.buffer);
}
