// WebAssembly SIMD expressions in folded form. Every instruction used rounds once, and f32x4.min and .max are IEEE 754-2019's.

import type { Dialect } from "../dialect.js";
import { hexFloat } from "../numbers.js";

const instruction =
  (name: string) =>
  (...operands: string[]) =>
    `(${[name, ...operands].join(" ")})`;
const words = (bits: string) => `(v128.const i32x4 ${[bits, bits, bits, bits].join(" ")})`;
const floats = (number: string) => `(v128.const f32x4 ${[number, number, number, number].join(" ")})`;

const ONE = words("0x3f800000");
const SIGN = words("0x80000000");
const FRACTION = words("0x007fffff");
const BIAS = words("127");

export const wasmDialect: Dialect = {
  ops: {
    add: instruction("f32x4.add"),
    sub: instruction("f32x4.sub"),
    mul: instruction("f32x4.mul"),
    div: instruction("f32x4.div"),
    neg: instruction("f32x4.neg"),
    abs: instruction("f32x4.abs"),
    sqrt: instruction("f32x4.sqrt"),
    min: instruction("f32x4.min"),
    max: instruction("f32x4.max"),
    // The sign bit on a one; a zero or a NaN stays what it is.
    sign: (x) => `(v128.bitselect (v128.or (v128.and ${x} ${SIGN}) ${ONE}) ${x} (f32x4.gt (f32x4.abs ${x}) ${floats("0")}))`,
    floor: instruction("f32x4.floor"),
    ceil: instruction("f32x4.ceil"),
    // Nearest, ties to even, on the bits; a NaN stays what it is.
    bf16: (x) =>
      `(v128.bitselect (v128.and (i32x4.add (i32x4.add ${x} ${words("0x7fff")}) (v128.and (i32x4.shr_u ${x} (i32.const 16)) ${words("1")})) ${words("0xffff0000")}) ${x} (f32x4.eq ${x} ${x}))`,
    isfinite: (x) => `(f32x4.lt (f32x4.abs ${x}) ${floats("inf")})`,
    lt: instruction("f32x4.lt"),
    le: instruction("f32x4.le"),
    eq: instruction("f32x4.eq"),
    and: instruction("v128.and"),
    or: instruction("v128.or"),
    not: instruction("v128.not"),
    exp2i: (x) => `(i32x4.shl (i32x4.add (i32x4.trunc_sat_f32x4_s ${x}) ${BIAS}) (i32.const 23))`,
    exponent: (x) => `(f32x4.convert_i32x4_s (i32x4.sub (i32x4.shr_u ${x} (i32.const 23)) ${BIAS}))`,
    mantissa: (x) => `(v128.or (v128.and ${x} ${FRACTION}) ${ONE})`,
  },
  select: (condition, then, otherwise) => `(v128.bitselect ${then} ${otherwise} ${condition})`,
  literal: (value) => floats(numberLiteral(Math.fround(value))),
  read: (name) => `(local.get $${name})`,
  define: (name, value) => `(local.set $${name} ${value})`,
  guard: null,
};

function numberLiteral(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  return hexFloat(value);
}
