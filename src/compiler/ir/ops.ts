// One row per operation of elements: arity and types. Its meaning in every arithmetic profile is in `numeric/`, its spelling in each dialect.

export type ValueType = "number" | "boolean";

interface OpRow {
  readonly args: readonly ValueType[];
  readonly result: ValueType;
  /** In the set whose bits are equal on every target (numerics, "the exact set"), under a given arithmetic profile. */
  readonly exact: boolean;
  /** May stand in a kernel. The others are host functions; `expand-math` lowers them before a kernel sees them. */
  readonly device: boolean;
}

const number2 = { args: ["number", "number"], result: "number" } as const;
const number1 = { args: ["number"], result: "number" } as const;
const compare = { args: ["number", "number"], result: "boolean" } as const;
const logic = { args: ["boolean", "boolean"], result: "boolean" } as const;
const everywhere = { exact: true, device: true } as const;
const hostOnly = { exact: false, device: false } as const;

export const ops = {
  add: { ...number2, ...everywhere },
  sub: { ...number2, ...everywhere },
  mul: { ...number2, ...everywhere },
  div: { ...number2, ...everywhere },
  neg: { ...number1, ...everywhere },
  abs: { ...number1, ...everywhere },
  sqrt: { ...number1, ...everywhere },
  /** IEEE 754-2019 minimum and maximum: NaN wins, +0 > -0. */
  min: { ...number2, ...everywhere },
  max: { ...number2, ...everywhere },
  /** JavaScript's Math.sign: keeps NaN and signed zero. */
  sign: { ...number1, ...everywhere },
  floor: { ...number1, ...everywhere },
  ceil: { ...number1, ...everywhere },
  /** Rounds to bfloat16, nearest even, and back. */
  bf16: { ...number1, ...everywhere },
  /** Rounds to one of the two neighbours in bfloat16 or binary16, by 16 random bits. */
  bf16_random: { ...number2, ...everywhere },
  f16_random: { ...number2, ...everywhere },
  /** The nearest bfloat16, ties away from zero, and what is left beside it: a whole number of 16 bits. */
  upper_half: { ...number1, ...everywhere },
  lower_half: { ...number1, ...everywhere },
  /** The number of two halves. */
  join_halves: { ...number2, ...everywhere },
  isfinite: { args: ["number"], result: "boolean", ...everywhere },
  lt: { ...compare, ...everywhere },
  le: { ...compare, ...everywhere },
  eq: { ...compare, ...everywhere },
  and: { ...logic, ...everywhere },
  or: { ...logic, ...everywhere },
  not: { args: ["boolean"], result: "boolean", ...everywhere },
  /** 2^k for a whole k in [-126, 127], built from bits. Made by `expand-math` only. */
  exp2i: { ...number1, ...everywhere },
  /** floor(log2(x)) for a normal x > 0, read from bits. Made by `expand-math` only. */
  exponent: { ...number1, ...everywhere },
  /** x / 2^exponent(x), in [1, 2), for a normal x > 0. Made by `expand-math` only. */
  mantissa: { ...number1, ...everywhere },
  pow: { ...number2, ...hostOnly },
  exp: { ...number1, ...hostOnly },
  log: { ...number1, ...hostOnly },
  tanh: { ...number1, ...hostOnly },
  cbrt: { ...number1, ...hostOnly },
  atan2: { ...number2, ...hostOnly },
  softplus: { ...number1, ...hostOnly },
} as const satisfies Record<string, OpRow>;

export type Op = keyof typeof ops;
export type DeviceOp = { [K in Op]: (typeof ops)[K]["device"] extends true ? K : never }[Op];
