// WGSL expressions on vec4f. Never `fma`, never `pow`. The builtins min, max and sign disagree between drivers on NaN and signed zero,
// and an implementation may assume that neither NaN nor infinity exists: what asks for them asks the bits.

import { bitsOf } from "../../../numeric/bits.js";
import type { Dialect } from "../dialect.js";
import { infix, unwrap } from "../infix.js";
import { hexFloat } from "../numbers.js";

/** A variable of the kernel that holds 0; entry points set it. */
export const UNKNOWN_ZERO = "unknown_zero";

const call =
  (name: string) =>
  (...operands: string[]) =>
    `${name}(${operands.map(unwrap).join(", ")})`;

export const wgslDialect: Dialect = {
  ops: {
    add: infix("+"),
    sub: infix("-"),
    mul: infix("*"),
    div: infix("/"),
    neg: call("negate"),
    abs: call("abs"),
    sqrt: call("sqrt"),
    min: call("minimum"),
    max: call("maximum"),
    sign: call("sign_of"),
    floor: call("floor"),
    ceil: call("ceil"),
    bf16: call("round_bf16"),
    bf16_random: call("round_bf16_at_random"),
    f16_random: call("round_f16_at_random"),
    upper_half: call("upper_half"),
    lower_half: call("lower_half"),
    join_halves: call("join_halves"),
    isfinite: call("is_finite"),
    lt: infix("<"),
    le: infix("<="),
    eq: infix("=="),
    and: infix("&"),
    or: infix("|"),
    not: (x) => `(!${x})`,
    exp2i: call("power_of_two"),
    exponent: call("exponent_of"),
    mantissa: call("mantissa_of"),
  },
  random: (seed, step) => `random_bits(${unwrap(seed)}, ${unwrap(step)}, chunk.tensor, chunk.first + 4u * i)`,
  select: (condition, then, otherwise) => `select(${unwrap(otherwise)}, ${unwrap(then)}, ${unwrap(condition)})`,
  literal: (value) => numberLiteral(Math.fround(value)),
  read: (name) => name,
  define: (name, value) => `let ${name} = ${unwrap(value)};`,
  guard: call("exactly"),
};

/** Not a constant to the driver's compiler, which would merge it with others, divide by multiplying, drop `+ 0`. WGSL has no literal that is not finite. */
function numberLiteral(value: number): string {
  if (Number.isFinite(value) && !Object.is(value, -0)) return `constant(${hexFloat(value)}f)`;
  const bits = bitsOf(value);
  return `from_bits(0x${bits.toString(16).padStart(8, "0")}u)`;
}

/** Declarations that spellings name; a kernel holds those it uses, and those that these use. */
export const wgslDeclarations: Readonly<Record<string, string>> = {
  [UNKNOWN_ZERO]: `// Always 0, which the driver's compiler cannot know.
var<private> ${UNKNOWN_ZERO}: u32;`,
  negate: `// The sign bit alone: a driver's own negation may flush a subnormal.
fn negate(x: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x) ^ vec4u(0x80000000u));
}`,
  minimum: `// IEEE 754-2019 minimum: NaN wins, -0 is below +0.
fn minimum(a: vec4f, b: vec4f) -> vec4f {
  return select(b, a, is_nan(a) | (!is_nan(b) & (order_of(a) < order_of(b))));
}`,
  maximum: `// IEEE 754-2019 maximum: NaN wins, +0 is above -0.
fn maximum(a: vec4f, b: vec4f) -> vec4f {
  return select(b, a, is_nan(a) | (!is_nan(b) & (order_of(a) > order_of(b))));
}`,
  order_of: `// Integers in the order of the numbers.
fn order_of(x: vec4f) -> vec4i {
  let bits = bitcast<vec4i>(x);
  return bits ^ ((bits >> vec4u(31u)) & vec4i(0x7fffffff));
}`,
  is_nan: `fn is_nan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}`,
  is_finite: `fn is_finite(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7f800000u)) != vec4u(0x7f800000u);
}`,
  sign_of: `// -1, 1, or x itself where it is 0 or NaN.
fn sign_of(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let magnitude = bits & vec4u(0x7fffffffu);
  let one = bitcast<vec4f>((bits & vec4u(0x80000000u)) | vec4u(0x3f800000u));
  return select(x, one, (magnitude > vec4u(0u)) & (magnitude <= vec4u(0x7f800000u)));
}`,
  round_bf16: `// The nearest bfloat16, ties to even.
fn round_bf16(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let rounded = (bits + vec4u(0x7fffu) + ((bits >> vec4u(16u)) & vec4u(1u))) & vec4u(0xffff0000u);
  return select(bitcast<vec4f>(rounded), x, is_nan(x));
}`,
  round_bf16_at_random: `// One of the two bfloat16 around x; 16 random bits decide.
fn round_bf16_at_random(x: vec4f, random: vec4f) -> vec4f {
  let rounded = (bitcast<vec4u>(x) + vec4u(random)) & vec4u(0xffff0000u);
  return select(x, bitcast<vec4f>(rounded), is_finite(x));
}`,
  round_f16_at_random: `// One of the two binary16 around x; of 16 random bits the upper 13 decide where x has 13 to lose, all of them below 2^-14.
fn round_f16_at_random(x: vec4f, random: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let size = bits & vec4u(0x7fffffffu);
  let sum = (size + (vec4u(random) >> vec4u(3u))) & vec4u(0xffffe000u);
  let normal = select(sum, vec4u(0x7f800000u), sum >= vec4u(0x47800000u));
  // In units of 2^-24: whole ones, and what is beyond them in steps of 2^-16, rounded up.
  let exponent = size >> vec4u(23u);
  let significand = (size & vec4u(0x007fffffu)) | select(vec4u(0u), vec4u(0x00800000u), exponent > vec4u(0u));
  let places = vec4u(126u) - min(exponent, vec4u(112u));
  let whole = significand >> min(places, vec4u(25u));
  let rest = significand - (whole << min(places, vec4u(25u)));
  let apart = min(places, vec4u(40u)) - vec4u(14u);
  let beyond = ((rest << vec4u(2u)) + ((vec4u(1u) << apart) - vec4u(1u))) >> apart;
  let units = whole + select(vec4u(0u), vec4u(1u), beyond > vec4u(random));
  let tiny = bitcast<vec4u>(vec4f(units) * 0x1p-24f);
  let rounded = select(normal, tiny, size < vec4u(0x38800000u)) | (bits & vec4u(0x80000000u));
  return select(x, bitcast<vec4f>(rounded), is_finite(x));
}`,
  upper_half: `// The nearest bfloat16, ties away from zero.
fn upper_half(x: vec4f) -> vec4f {
  return select(bitcast<vec4f>((bitcast<vec4u>(x) + vec4u(0x8000u)) & vec4u(0xffff0000u)), x, is_nan(x));
}`,
  lower_half: `// What x is beyond its upper half, in units of its last place.
fn lower_half(x: vec4f) -> vec4f {
  return select(vec4f((bitcast<vec4i>(x) << vec4u(16u)) >> vec4u(16u)), vec4f(), is_nan(x));
}`,
  join_halves: `fn join_halves(upper: vec4f, lower: vec4f) -> vec4f {
  return select(bitcast<vec4f>(bitcast<vec4i>(upper) + vec4i(lower)), upper, is_nan(upper));
}`,
  random_bits: `// 16 random bits for each of four elements of a tensor.
fn random_bits(seed: vec4f, step: vec4f, tensor: u32, first: u32) -> vec4f {
  let key = hash_of(hash_of(hash_of(vec4u(tensor + 0x9e3779b9u)) ^ vec4u(step)) ^ vec4u(seed));
  return vec4f(hash_of(key ^ (vec4u(first) + vec4u(0u, 1u, 2u, 3u))) >> vec4u(16u));
}`,
  hash_of: `// lowbias32 (https://github.com/skeeto/hash-prospector).
fn hash_of(x: vec4u) -> vec4u {
  let once = (x ^ (x >> vec4u(16u))) * vec4u(0x7feb352du);
  let twice = (once ^ (once >> vec4u(15u))) * vec4u(0x846ca68bu);
  return twice ^ (twice >> vec4u(16u));
}`,
  power_of_two: `fn power_of_two(k: vec4f) -> vec4f {
  return bitcast<vec4f>((vec4i(k) + vec4i(127)) << vec4u(23u));
}`,
  exponent_of: `fn exponent_of(x: vec4f) -> vec4f {
  return vec4f((bitcast<vec4i>(x) >> vec4u(23u)) - vec4i(127));
}`,
  mantissa_of: `fn mantissa_of(x: vec4f) -> vec4f {
  return bitcast<vec4f>((bitcast<vec4u>(x) & vec4u(0x007fffffu)) | vec4u(0x3f800000u));
}`,
  constant: `fn constant(x: f32) -> vec4f {
  return from_bits(bitcast<u32>(x));
}`,
  from_bits: `fn from_bits(bits: u32) -> vec4f {
  return bitcast<vec4f>(vec4u(bits | ${UNKNOWN_ZERO}));
}`,
  exactly: `// x, but the driver's compiler cannot see through it: else it takes (x - y) + y for x.
fn exactly(x: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x) | vec4u(${UNKNOWN_ZERO}));
}`,
};
