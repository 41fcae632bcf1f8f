// How numbers that are not kept in f32 are read and written in CUDA: by their bits, one, four or eight at a time. Four of 16 bits are a
// uint2 and eight a uint4; four 8-bit codes are an unsigned int. What is kept in 8 bits goes by blocks, each worked on by a warp.

import { FIRST_CODE, QUANTIZED_BLOCK, SMALLEST_SCALE } from "../../../numeric/eight-bit.js";
import { formatBytes, isQuantized, type StorageFormat } from "../../../numeric/storage-formats.js";
import { inline } from "./dialect.js";

/** Threads that work on a block together: each has two times four of its elements. */
export const BLOCK_THREADS = QUANTIZED_BLOCK / 8;

/** What an element is in C++. */
export const elementTypes = {
  f32: "float",
  f16: "unsigned short",
  bf16: "unsigned short",
  i16: "unsigned short",
  q8s: "unsigned char",
  q8u: "unsigned char",
} as const satisfies Record<StorageFormat, string>;

/** The structs that know the bits of a format. */
export const formatStructs = {
  f16: "Float16",
  bf16: "Bfloat16",
  i16: "Integer16",
  q8s: "Signed8",
  q8u: "Unsigned8",
} as const satisfies Record<Exclude<StorageFormat, "f32">, string>;

/** Bytes of an element, without its part of a scale. */
export function widthOf(format: StorageFormat): 1 | 2 | 4 {
  return isQuantized(format) ? 1 : formatBytes[format];
}

/** What some elements of a width are together in memory. */
export function groupType(width: 1 | 2 | 4, elements: 4 | 8): string {
  if (width === 4) return "float4";
  return width === 1 ? "unsigned int" : elements === 8 ? "uint4" : "uint2";
}

const hex = (number: number) => `0x${number.toString(16)}`;
const smallest = hex(new Uint32Array(Float32Array.of(SMALLEST_SCALE).buffer)[0]!);

/** Structs and functions that loads and stores name. */
export const formatDeclarations: Readonly<Record<string, string>> = {
  Bfloat16: `// Numbers of 16 bits: what they are in f32, and the bits of the nearest, ties to even.
struct Bfloat16 {
  static __device__ __forceinline__ float number(unsigned int bits) { return __uint_as_float(bits << 16); }
  static __device__ __forceinline__ unsigned int bits(float x) {
    const unsigned int word = __float_as_uint(x);
    return (is_nan(x) ? 0x7fc00000u : word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
  }
};`,
  Float16: `// Powers of two take the exponent of 16 bits to that of 32, and half of one rounds what is subnormal in 16 bits.
struct Float16 {
  static __device__ __forceinline__ float number(unsigned int bits) {
    const unsigned int size = bits & 0x7fffu;
    const unsigned int word = __float_as_uint(mul_rn(__uint_as_float(size << 13), 0x1p+112f));
    return __uint_as_float((size < 0x7c00u ? word : size << 13 | 0x7f800000u) | (bits & 0x8000u) << 16);
  }
  static __device__ __forceinline__ unsigned int bits(float x) {
    const unsigned int word = __float_as_uint(x), size = word & 0x7fffffffu;
    const unsigned int tiny = __float_as_uint(add_rn(__uint_as_float(size), 0.5f)) - 0x3f000000u;
    const unsigned int rounded = (size - 0x38000000u + 0xfffu + ((size >> 13) & 1u)) >> 13;
    const unsigned int found = size < 0x38800000u ? tiny : rounded < 0x7c00u ? rounded : 0x7c00u;
    return is_nan(x) ? 0x7e00u : found | (word >> 16 & 0x8000u);
  }
};`,
  Integer16: `// Whole numbers.
struct Integer16 {
  static __device__ __forceinline__ float number(unsigned int bits) { return static_cast<float>(static_cast<int>(bits << 16) >> 16); }
  static __device__ __forceinline__ unsigned int bits(float x) { return static_cast<unsigned int>(static_cast<int>(x)) & 0xffffu; }
};`,
  Signed8: `// Codes of 8 bits, times a scale: a sign, and 127 sizes, 8 to an octave, of which the largest is 1. By the reciprocal of the scale
// no size of the block comes to more than a rounding above 1, so none has a larger code.
struct Signed8 {
  static __device__ __forceinline__ int size(float x) { return __float_as_int(x) & 0x7fffffff; }
  static __device__ __forceinline__ int larger(int before, float x) { return before > size(x) ? before : size(x); }
  static __device__ __forceinline__ float number(unsigned int code) {
    const unsigned int step = code & 0x7fu, there = step < 1u ? step : 1u;
    return __uint_as_float(((step << 20) + there * ${hex(FIRST_CODE.q8s * 2 ** 20)}u) | (code & 0x80u) << 24);
  }
  static __device__ __forceinline__ unsigned int code(float x, float reciprocal) {
    const int bits = __float_as_int(mul_rn(__int_as_float(size(x)), reciprocal));
    const int step = (bits - ${hex(FIRST_CODE.q8s * 2 ** 20 - 0x7ffff)} + ((bits >> 20) & 1)) >> 20;
    return static_cast<unsigned int>(step < 0 ? 0 : step) | (__float_as_uint(x) >> 24 & 0x80u);
  }
};`,
  Unsigned8: `// The same without signs: 255 sizes. What is below 0 becomes 0, nothing else does; a NaN
// may have any sign.
struct Unsigned8 {
  static __device__ __forceinline__ int size(float x) { return __float_as_int(x) > 0 ? __float_as_int(x) : 0; }
  static __device__ __forceinline__ int larger(int before, float x) {
    const int own = __float_as_uint(x) < 0xff800000u ? __float_as_int(x) : 0x7f800000;
    return before > own ? before : own;
  }
  static __device__ __forceinline__ float number(unsigned int code) {
    const unsigned int there = code < 1u ? code : 1u;
    return __uint_as_float((code << 20) + there * ${hex(FIRST_CODE.q8u * 2 ** 20)}u);
  }
  static __device__ __forceinline__ unsigned int code(float x, float reciprocal) {
    const int own = size(x), bits = __float_as_int(mul_rn(__int_as_float(own), reciprocal));
    const int step = (bits - ${hex(FIRST_CODE.q8u * 2 ** 20 - 0x7ffff)} + ((bits >> 20) & 1)) >> 20, least = own < 1 ? own : 1;
    return static_cast<unsigned int>(step < least ? least : step);
  }
};`,
  Eight: `struct Eight {
  float4 a, b;
};`,
  Scale: `// Of a block: what its codes are times, and by what they are found. \`mask\` is 0 where not all of its numbers are finite: then its codes
// are zeros and its scale is NaN.
struct Scale {
  float scale;
  float reciprocal;
  unsigned int mask;
};`,
  scale_of: `${inline} Scale scale_of(int largest) {
  const bool is_whole = largest < 0x7f800000;
  const float scale = __int_as_float(is_whole ? (largest > ${smallest} ? largest : ${smallest}) : 0x7fc00000);
  return {scale, div_rn(1.0f, scale), is_whole ? 0xffffffffu : 0u};
}`,
  warp_maximum: `// The largest number that a thread of a whole warp brings.
${inline} int warp_maximum(int number) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  return __reduce_max_sync(0xffffffffu, number);
#else
  for (unsigned int half = ${BLOCK_THREADS / 2}u; half > 0u; half /= 2u) {
    const int other = __shfl_xor_sync(0xffffffffu, number, half);
    number = other > number ? other : number;
  }
  return number;
#endif
}`,
  largest: `template <class Format> ${inline} int largest(int before, float x) {
  return Format::larger(before, x);
}
template <class Format> ${inline} int largest(int before, float4 x) {
  return Format::larger(Format::larger(Format::larger(Format::larger(before, x.x), x.y), x.z), x.w);
}`,
  widen: `// One element from memory, or four of them, in f32.
template <class Format> ${inline} float widen(unsigned short kept) {
  return Format::number(kept);
}
template <class Format> ${inline} float4 widen(uint2 kept) {
  return {Format::number(kept.x & 0xffffu), Format::number(kept.x >> 16), Format::number(kept.y & 0xffffu), Format::number(kept.y >> 16)};
}`,
  widen_eight: `template <class Format> ${inline} Eight widen_eight(uint4 kept) {
  return {widen<Format>(uint2{kept.x, kept.y}), widen<Format>(uint2{kept.z, kept.w})};
}`,
  narrow: `// The same as they are kept.
template <class Format> ${inline} unsigned short narrow(float x) {
  return static_cast<unsigned short>(Format::bits(x));
}
template <class Format> ${inline} uint2 narrow(float4 x) {
  return {Format::bits(x.x) | Format::bits(x.y) << 16, Format::bits(x.z) | Format::bits(x.w) << 16};
}`,
  narrow_eight: `template <class Format> ${inline} uint4 narrow_eight(Eight x) {
  const uint2 a = narrow<Format>(x.a), b = narrow<Format>(x.b);
  return {a.x, a.y, b.x, b.y};
}`,
  decode: `// One code from memory, or four of them, in f32.
template <class Format> ${inline} float decode(unsigned char code, float scale) {
  return mul_rn(Format::number(code), scale);
}
template <class Format> ${inline} float4 decode(unsigned int codes, float scale) {
  return {mul_rn(Format::number(codes & 0xffu), scale), mul_rn(Format::number(codes >> 8 & 0xffu), scale),
          mul_rn(Format::number(codes >> 16 & 0xffu), scale), mul_rn(Format::number(codes >> 24), scale)};
}`,
  encode: `// The same as they are kept.
template <class Format> ${inline} unsigned char encode(float x, Scale by) {
  return static_cast<unsigned char>(Format::code(x, by.reciprocal) & by.mask);
}
template <class Format> ${inline} unsigned int encode(float4 x, Scale by) {
  const unsigned int low = Format::code(x.x, by.reciprocal) | Format::code(x.y, by.reciprocal) << 8;
  return (low | Format::code(x.z, by.reciprocal) << 16 | Format::code(x.w, by.reciprocal) << 24) & by.mask;
}`,
};
