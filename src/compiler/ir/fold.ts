// Host arithmetic of the compiler: every operation in f64. Booleans are 0 and 1; operations of one argument ignore the second.
// The operations on bits (exp2i, exponent, mantissa) exist on the device only.

import { roundToBfloat16 } from "../../numeric/bfloat16.js";
import { power } from "../../numeric/integer-power.js";
import type { Op } from "./ops.js";

export type HostOperation = Exclude<Op, DeviceOnly>;
type DeviceOnly = "exp2i" | "exponent" | "mantissa" | "bf16_random" | "f16_random" | "upper_half" | "lower_half" | "join_halves";

export const float64Operations = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  neg: (x) => -x,
  abs: (x) => Math.abs(x),
  sqrt: (x) => Math.sqrt(x),
  min: (x, y) => Math.min(x, y),
  max: (x, y) => Math.max(x, y),
  sign: (x) => Math.sign(x),
  floor: (x) => Math.floor(x),
  ceil: (x) => Math.ceil(x),
  bf16: (x) => roundToBfloat16(x),
  isfinite: (x) => Number(Number.isFinite(x)),
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(x <= y),
  eq: (x, y) => Number(x === y),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  not: (x) => 1 - x,
  pow: (x, y) => power(x, y),
  exp: (x) => Math.exp(x),
  log: (x) => Math.log(x),
  tanh: (x) => Math.tanh(x),
  cbrt: (x) => Math.cbrt(x),
  atan2: (y, x) => Math.atan2(y, x),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
} as const satisfies Record<HostOperation, (x: number, y: number) => number>;

export function isHostOperation(op: Op): op is HostOperation {
  return Object.hasOwn(float64Operations, op);
}
