// CUDA C++ expressions on one float. Whoever compiles the text may do so with -use_fast_math or -ftz=true: what rounds goes through
// five functions in PTX that no flag reaches, everything else asks the bits, because a plain `<` or `-x` would flush subnormals.

import { bitsOf } from "../../../numeric/bits.js";
import type { Dialect } from "../dialect.js";
import { unwrap } from "../infix.js";
import { hexFloat } from "../numbers.js";

/** What a sweep calls the number of the tensor, and of an element in it, where it needs random bits. */
export const elementNames = ["tensor_number", "element_number"] as const;

const call =
  (name: string) =>
  (...operands: string[]) =>
    `${name}(${operands.map(unwrap).join(", ")})`;
const logic = (sign: string) => (a: string, b: string) => `(${a} ${sign} ${b})`;

export const cudaDialect: Dialect = {
  ops: {
    add: call("add_rn"),
    sub: call("sub_rn"),
    mul: call("mul_rn"),
    div: call("div_rn"),
    neg: call("negate"),
    abs: call("magnitude"),
    sqrt: call("sqrt_rn"),
    min: call("minimum"),
    max: call("maximum"),
    sign: call("sign_of"),
    floor: call("round_down"),
    ceil: call("round_up"),
    bf16: call("round_bf16"),
    bf16_random: call("round_bf16_random"),
    f16_random: call("round_f16_random"),
    upper_half: call("upper_half"),
    lower_half: call("lower_half"),
    join_halves: call("join_halves"),
    isfinite: call("is_finite"),
    lt: call("is_below"),
    le: call("is_up_to"),
    eq: call("is_equal"),
    and: logic("&&"),
    or: logic("||"),
    not: (x) => `(!${x})`,
    exp2i: call("power_of_two"),
    exponent: call("exponent_of"),
    mantissa: call("mantissa_of"),
  },
  random: (seed, step) => call("random_bits")(seed, step, ...elementNames),
  select: (condition, then, otherwise) => `(${condition} ? ${then} : ${otherwise})`,
  literal: (value) => numberLiteral(Math.fround(value)),
  read: (name) => name,
  define: (name, value) => `const auto ${name} = ${unwrap(value)};`,
  guard: null,
};

/** Numbers that a compiler might flush or has no literal for are spelled by their bits. */
function numberLiteral(value: number): string {
  const isPlain = Number.isFinite(value) && (Object.is(value, 0) || Math.abs(value) >= 2 ** -126);
  return isPlain ? `${hexFloat(value)}f` : `__uint_as_float(0x${bitsOf(value).toString(16).padStart(8, "0")}u)`;
}

export const inline = "static __device__ __forceinline__";

function rounding(name: string, instruction: string, operands: "two" | "one"): string {
  const [parameters, places, inputs] =
    operands === "two" ? ["float a, float b", "%0, %1, %2", '"f"(a), "f"(b)'] : ["float a", "%0, %1", '"f"(a)'];
  return `${inline} float ${name}(${parameters}) { float r; asm("${instruction} ${places};" : "=f"(r) : ${inputs}); return r; }`;
}

/** The five operations that round; only CUDA's compilers know their language, others must bring five functions of their own. */
export const roundingDeclarations: Readonly<Record<string, string>> = {
  add_rn: rounding("add_rn", "add.rn.f32", "two"),
  sub_rn: rounding("sub_rn", "sub.rn.f32", "two"),
  mul_rn: rounding("mul_rn", "mul.rn.f32", "two"),
  div_rn: rounding("div_rn", "div.rn.f32", "two"),
  sqrt_rn: rounding("sqrt_rn", "sqrt.rn.f32", "one"),
};

/** Functions that spellings name; a kernel holds those it uses, and those that these use. */
export const cudaDeclarations: Readonly<Record<string, string>> = {
  is_nan: `${inline} bool is_nan(float x) {
  return (__float_as_uint(x) & 0x7fffffffu) > 0x7f800000u;
}`,
  is_finite: `${inline} bool is_finite(float x) {
  return (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u;
}`,
  order_of: `// Integers in the order of the numbers; -0 is below +0.
${inline} int order_of(float x) {
  const int bits = __float_as_int(x);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}`,
  is_equal: `${inline} bool is_equal(float a, float b) {
  const unsigned int x = __float_as_uint(a), y = __float_as_uint(b);
  return ((x | y) & 0x7fffffffu) == 0u || (x == y && !is_nan(a));
}`,
  is_up_to: `${inline} bool is_up_to(float a, float b) {
  return !is_nan(a) && !is_nan(b) && (order_of(a) <= order_of(b) || is_equal(a, b));
}`,
  is_below: `${inline} bool is_below(float a, float b) {
  return is_up_to(a, b) && !is_equal(a, b);
}`,
  negate: `${inline} float negate(float x) {
  return __uint_as_float(__float_as_uint(x) ^ 0x80000000u);
}`,
  magnitude: `${inline} float magnitude(float x) {
  return __uint_as_float(__float_as_uint(x) & 0x7fffffffu);
}`,
  minimum: `// IEEE 754-2019 minimum: NaN wins, -0 is below +0.
${inline} float minimum(float a, float b) {
  return is_nan(a) || (!is_nan(b) && order_of(a) < order_of(b)) ? a : b;
}`,
  maximum: `// IEEE 754-2019 maximum: NaN wins, +0 is above -0.
${inline} float maximum(float a, float b) {
  return is_nan(a) || (!is_nan(b) && order_of(a) > order_of(b)) ? a : b;
}`,
  sign_of: `// -1, 1, or x itself where it is 0 or NaN.
${inline} float sign_of(float x) {
  const unsigned int bits = __float_as_uint(x);
  const bool is_itself = (bits & 0x7fffffffu) == 0u || is_nan(x);
  return is_itself ? x : __uint_as_float((bits & 0x80000000u) | 0x3f800000u);
}`,
  truncate: `// Towards zero, keeping its sign; from 2^23 on, and where there is no number, x is whole already.
${inline} float truncate(float x) {
  const unsigned int bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) >= 0x4b000000u) return x;
  return __uint_as_float(__float_as_uint(static_cast<float>(static_cast<int>(x))) | (bits & 0x80000000u));
}`,
  round_down: `${inline} float round_down(float x) {
  const float whole = truncate(x);
  return is_below(x, whole) ? sub_rn(whole, 1.0f) : whole;
}`,
  round_up: `${inline} float round_up(float x) {
  const float whole = truncate(x);
  return is_below(whole, x) ? add_rn(whole, 1.0f) : whole;
}`,
  round_bf16: `// The nearest bfloat16, ties to even.
${inline} float round_bf16(float x) {
  const unsigned int bits = __float_as_uint(x);
  return is_nan(x) ? x : __uint_as_float((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}`,
  round_bf16_random: `// One of the two bfloat16 around x: 16 random bits say which.
${inline} float round_bf16_random(float x, float random) {
  const unsigned int bits = __float_as_uint(x);
  const unsigned int rounded = (bits + static_cast<unsigned int>(random)) & 0xffff0000u;
  return __uint_as_float(is_finite(x) ? rounded : bits);
}`,
  round_f16_random: `// The same in binary16, whose normal numbers have 13 bits to lose; what comes to 65,536 is infinite.
${inline} float round_f16_random(float x, float random) {
  const unsigned int bits = __float_as_uint(x), size = bits & 0x7fffffffu;
  const unsigned int normal = (size + (static_cast<unsigned int>(random) >> 3)) & 0xffffe000u;
  const float units = mul_rn(__uint_as_float(size < 0x38800000u ? size : 0u), 0x1p+24f);
  const int below = static_cast<int>(units);
  const float rest = mul_rn(sub_rn(units, static_cast<float>(below)), 65536.0f);
  const int nearest = below + (order_of(random) < order_of(rest) ? 1 : 0);
  const unsigned int tiny = __float_as_uint(mul_rn(static_cast<float>(nearest), 0x1p-24f));
  const unsigned int rounded = size < 0x38800000u ? tiny : normal < 0x47800000u ? normal : 0x7f800000u;
  return __uint_as_float(is_finite(x) ? rounded | (bits & 0x80000000u) : bits);
}`,
  upper_half: `// The nearest bfloat16, ties away from zero.
${inline} float upper_half(float x) {
  return is_nan(x) ? x : __uint_as_float((__float_as_uint(x) + 0x8000u) & 0xffff0000u);
}`,
  lower_half: `// What is left of x beside its upper half, in units of its last place: a whole number of 16 bits.
${inline} float lower_half(float x) {
  return is_nan(x) ? 0.0f : static_cast<float>(static_cast<int>(__float_as_uint(x) << 16) >> 16);
}`,
  join_halves: `${inline} float join_halves(float upper, float lower) {
  return is_nan(upper) ? upper : __uint_as_float(__float_as_uint(upper) + static_cast<unsigned int>(static_cast<int>(lower)));
}`,
  scramble: `// lowbias32 of Chris Wellons: a permutation of the numbers of 32 bits that leaves no pattern.
${inline} unsigned int scramble(unsigned int x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}`,
  random_bits: `// 16 random bits of an element as a whole number: the same whoever works on it, and when.
${inline} float random_bits(float seed, float step, unsigned int tensor, unsigned int element) {
  const unsigned int run = scramble(scramble(tensor + 0x9e3779b9u) ^ static_cast<unsigned int>(step));
  const unsigned int key = scramble(run ^ static_cast<unsigned int>(seed));
  return static_cast<float>(scramble(key ^ element) >> 16);
}`,
  power_of_two: `${inline} float power_of_two(float k) {
  return __int_as_float((static_cast<int>(k) + 127) << 23);
}`,
  exponent_of: `${inline} float exponent_of(float x) {
  return static_cast<float>((__float_as_int(x) >> 23) - 127);
}`,
  mantissa_of: `${inline} float mantissa_of(float x) {
  return __uint_as_float((__float_as_uint(x) & 0x007fffffu) | 0x3f800000u);
}`,
};
