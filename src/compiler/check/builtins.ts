// The functions of elements that are operations of their own. The others are members of the prelude.

import type { Op } from "../ir/ops.js";

const builtins = {
  sqrt: "sqrt",
  abs: "abs",
  sign: "sign",
  exp: "exp",
  log: "log",
  tanh: "tanh",
  floor: "floor",
  ceil: "ceil",
  cbrt: "cbrt",
  atan2: "atan2",
  softplus: "softplus",
  isfinite: "isfinite",
  bf16: "bf16",
} as const satisfies Record<string, Op>;

/** Names that are called and are no functions of the prelude. */
const special = ["old", "error", "contains", "min", "max", "sum", "mean", "norm", "rms", "dot", "any"];

/** The operation behind a function's name. */
export function builtinOp(name: string): Op | null {
  return Object.hasOwn(builtins, name) ? builtins[name as keyof typeof builtins] : null;
}

export function isBuiltin(name: string): boolean {
  return builtinOp(name) !== null || special.includes(name);
}

/** For suggestions. */
export const builtinNames: readonly string[] = [...Object.keys(builtins), ...special];
