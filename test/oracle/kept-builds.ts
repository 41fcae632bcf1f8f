// Builds that keep numbers in 16 and 8 bits, or skip steps, each under a name that no other optimizer has: for compilers, and for machines with a GPU.

import { exampleText } from "./replay-case.js";

export interface KeptBuild {
  readonly text: string;
  readonly options: Readonly<Record<string, string>>;
  /** Bytes of an element that a step of a large tensor reads and writes. */
  readonly bytes: number;
}

const bf16 = { param_dtype: "bf16", grad_dtype: "bf16" };
const f16 = { param_dtype: "f16", grad_dtype: "f16" };
const eightBits = "m: q8(signed, block 256) when numel >= 4096\n  v: q8(unsigned, block 256) when numel >= 4096";

/** A text with a `store` clause of these entries. */
function storing(name: string, entries: string): string {
  const text = exampleText(name);
  return `${text.slice(0, text.lastIndexOf("}"))}  store {\n  ${entries}\n  }\n}\n`;
}

const adamw = exampleText("adamw");

export const keptBuilds: Readonly<Record<string, KeptBuild>> = {
  AdamWBfloat16: { text: adamw, options: bf16, bytes: 22 },
  AdamWFloat16: { text: adamw, options: f16, bytes: 22 },
  AdamWMaster: { text: adamw, options: { ...bf16, master: "f32" }, bytes: 28 },
  AdamWRemainder: { text: adamw, options: { ...bf16, master: "remainder" }, bytes: 26 },
  AdamWRandom: { text: adamw, options: { ...bf16, rounding: "stochastic" }, bytes: 22 },
  AdamWRandomFloat16: { text: adamw, options: { ...f16, rounding: "stochastic" }, bytes: 22 },
  AdamWAllBfloat16: { text: storing("adamw", "m: bf16\n  v: bf16"), options: bf16, bytes: 14 },
  AdamWEightBits: { text: storing("adamw", eightBits), options: bf16, bytes: 10.0625 },
  AdamWEightBitsClipped: { text: storing("adamw", eightBits), options: { ...bf16, grad_clip: "global_norm" }, bytes: 12.0625 },
  LionBfloat16: { text: storing("lion", "m: bf16"), options: bf16, bytes: 10 },
  SgdEightBits: { text: storing("sgd", "momentum_buffer: q8(signed, block 256) when numel >= 4096"), options: bf16, bytes: 8.03125 },
  AdamWSkipping: { text: adamw, options: { non_finite: "skip" }, bytes: 32 },
  AdamWMasterSkipping: { text: adamw, options: { ...bf16, master: "f32", grad_clip: "global_norm", non_finite: "skip" }, bytes: 30 },
  LambEightBits: { text: storing("lamb", eightBits), options: { ...bf16, master: "remainder" }, bytes: 22.0625 },
};
