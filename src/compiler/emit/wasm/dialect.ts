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
/** 1.5 * 2^23: a whole number of 16 bits that is added to it stands in the sum's lowest bits. */
export const WHOLE = "0x1.8p23";
const WHOLE_BITS = words("0x4b400000");
/** A whole number of 16 bits as an integer; conversions that saturate are several instructions. */
const integer = (x: string) => `(i32x4.sub (f32x4.add ${x} ${floats(WHOLE)}) ${WHOLE_BITS})`;

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
    bf16_random: (x, random) =>
      `(v128.bitselect (v128.and (i32x4.add ${x} ${integer(random)}) ${words("0xffff0000")}) ${x} (f32x4.lt (f32x4.abs ${x}) ${floats("inf")}))`,
    f16_random: (x, random) => `(call $f16_random ${x} ${integer(random)})`,
    // The bits of every NaN become those of one.
    upper_half: (x) =>
      `(v128.bitselect (v128.and (i32x4.add ${x} ${words("0x8000")}) ${words("0xffff0000")}) ${words("0x7fc00000")} (f32x4.eq ${x} ${x}))`,
    lower_half: (x) =>
      `(f32x4.convert_i32x4_s (v128.and (i32x4.shr_s (i32x4.shl ${x} (i32.const 16)) (i32.const 16)) (f32x4.eq ${x} ${x})))`,
    join_halves: (upper, lower) => `(i32x4.add ${upper} ${integer(lower)})`,
    exp2i: (x) => `(i32x4.shl (i32x4.add (i32x4.trunc_sat_f32x4_s ${x}) ${BIAS}) (i32.const 23))`,
    exponent: (x) => `(f32x4.convert_i32x4_s (i32x4.sub (i32x4.shr_u ${x} (i32.const 23)) ${BIAS}))`,
    mantissa: (x) => `(v128.or (v128.and ${x} ${FRACTION}) ${ONE})`,
  },
  // Made at the beginning of a loop's body: a call for four elements would cost as much as the numbers.
  random: () => "(f32x4.convert_i32x4_s (local.get $random))",
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

/** Functions that spellings and the frame call, by name; a module holds those it uses. */
export const wasmDeclarations: Readonly<Record<string, readonly string[]>> = {
  f16_random: [
    ";; One of the two binary16 around x, by 16 random bits: of normal numbers as many of them decide as are lost, of smaller ones all.",
    "(func $f16_random (param $x v128) (param $random v128) (result v128) (local $size v128) (local $whole v128) (local $rest v128)",
    `  (local.set $size (v128.and (local.get $x) ${words("0x7fffffff")}))`,
    // Normal numbers: as for bfloat16, then what comes to 65,536 is infinite.
    `  (local.set $whole (v128.and (i32x4.add (local.get $size) (i32x4.shr_u (local.get $random) (i32.const 3))) ${words("0xffffe000")}))`,
    `  (local.set $whole (v128.bitselect (local.get $whole) ${words("0x7f800000")} (i32x4.lt_s (local.get $whole) ${words("0x47800000")})))`,
    // Smaller ones: whole multiples of 2^-24, and what is left in units of 2^-16 of one.
    `  (local.set $rest (f32x4.mul (local.get $size) ${floats("0x1p24")}))`,
    "  (local.set $rest (f32x4.sub (local.get $rest) (f32x4.floor (local.get $rest))))",
    `  (local.set $rest (f32x4.gt (f32x4.mul (local.get $rest) ${floats("0x1p16")}) (f32x4.convert_i32x4_s (local.get $random))))`,
    `  (local.set $rest (f32x4.mul (f32x4.add (f32x4.floor (f32x4.mul (local.get $size) ${floats("0x1p24")})) (v128.and (local.get $rest) ${ONE})) ${floats("0x1p-24")}))`,
    `  (local.set $whole (v128.bitselect (local.get $rest) (local.get $whole) (i32x4.lt_s (local.get $size) ${words("0x38800000")})))`,
    `  (local.set $whole (v128.or (local.get $whole) (v128.and (local.get $x) ${SIGN})))`,
    `  (v128.bitselect (local.get $whole) (local.get $x) (f32x4.lt (f32x4.abs (local.get $x)) ${floats("inf")})))`,
  ],
  random_key: [
    ";; What all elements of a tensor share at a step.",
    "(func $random_key (param $seed i32) (param $step i32) (param $tensor i32) (result i32)",
    "  (call $lowbias32 (i32.xor (call $lowbias32 (i32.xor (call $lowbias32 (i32.add (local.get $tensor) (i32.const 0x9e3779b9))) (local.get $step))) (local.get $seed))))",
  ],
  lowbias32: [
    "(func $lowbias32 (param $h i32) (result i32)",
    ...hashSteps("i32", "h", (multiplier) => `(i32.const ${multiplier})`, "i32"),
    "  (local.get $h))",
  ],
};

/** Statements that set `random` to 16 random bits of four elements, from the one with number `element` on. */
export const randomLines: readonly string[] = [
  "(local.set $random (v128.xor (i32x4.splat (local.get $random_key)) (i32x4.add (i32x4.splat (local.get $element)) (v128.const i32x4 0 1 2 3))))",
  ...hashSteps("i32x4", "random", (multiplier) => words(multiplier), "v128").map((line) => line.trim()),
  "(local.set $random (i32x4.shr_u (local.get $random) (i32.const 16)))",
];

/** See `numeric/random16.ts`. */
function hashSteps(type: "i32" | "i32x4", h: string, constant: (bits: string) => string, logic: "i32" | "v128"): string[] {
  const x = `(local.get $${h})`;
  const mixed = (shift: number) => `(${logic}.xor ${x} (${type}.shr_u ${x} (i32.const ${shift})))`;
  return [
    `  (local.set $${h} (${type}.mul ${mixed(16)} ${constant("0x7feb352d")}))`,
    `  (local.set $${h} (${type}.mul ${mixed(15)} ${constant("0x846ca68b")}))`,
    `  (local.set $${h} ${mixed(16)})`,
  ];
}
