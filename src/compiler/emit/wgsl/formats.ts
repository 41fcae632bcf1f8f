// What a sweep loads and stores, by the format of a cell. Memory is an array of words: a whole group of 4 elements where all is f32, else
// what the narrowest format of the binding needs for one. A store writes whole words, as neighbours work on what is beside them. Between
// f32 and 16 bits only integers are at work, and sums and products that are exact: a driver's own conversion may round otherwise, and flush.

import { type BuildInfo, CHUNK_ELEMENTS } from "../../../contract/manifest.js";
import { bitsOf } from "../../../numeric/bits.js";
import { FIRST_CODE, QUANTIZED_BLOCK, SMALLEST_SCALE } from "../../../numeric/eight-bit.js";
import { formatBytes, isQuantized } from "../../../numeric/storage-formats.js";
import type { CellPlace } from "../sweeps.js";

/** A word of a binding, of 16, 8 or 4 bytes. */
export type Word = "vec4f" | "vec2u" | "u32";

export interface MemoryWords {
  readonly param: Word;
  readonly grad: Word;
  readonly state: Word;
}

const wordBytes = { vec4f: 16, vec2u: 8, u32: 4 } as const satisfies Record<Word, number>;

/** Groups of 4 elements in a block of 8-bit codes. */
const BLOCK_GROUPS = QUANTIZED_BLOCK / 4;
const CHUNK_BLOCKS = CHUNK_ELEMENTS / QUANTIZED_BLOCK;

/** The widest words that serve all formats of a build. */
export function wordsOfMemory({ formats, states }: Pick<BuildInfo, "formats" | "states">): MemoryWords {
  const kept = states.filter(({ extent }) => extent === "elem").map(({ format }) => format);
  const state = kept.some(isQuantized) ? "u32" : kept.some((format) => format !== "f32") ? "vec2u" : "vec4f";
  return { param: formats.param === "f32" ? "vec4f" : "vec2u", grad: formats.grad === "f32" ? "vec4f" : "vec2u", state };
}

/** The numbers of group `i` of a chunk. */
export function loadOf(place: CellPlace, { state: word }: MemoryWords): string {
  const { format } = place;
  if (place.part !== "state") return widened(format, `${place.part}s[chunk.param + i]`);
  const at = groupAt(place, word);
  if (format === "f32") return word === "vec4f" ? `states[${at}]` : `load_f32(${at})`;
  if (isQuantized(format)) return `widen_${format}(states[${at}], states[${scaleAt(place)}])`;
  return widened(format, word === "vec2u" ? `states[${at}]` : `load_halves(${at})`);
}

/** Stores group `i` of a chunk, in a format in which every element stands for itself. */
export function storeOf(place: CellPlace, { state: word }: MemoryWords, value: string): string {
  const { format } = place;
  if (isQuantized(format)) throw new Error(`bug: a group of ${format} is not stored by itself`);
  if (place.part !== "state") return `${place.part}s[chunk.param + i] = ${narrowed(format, value)};`;
  const at = groupAt(place, word);
  if (format === "f32") return word === "vec4f" ? `states[${at}] = ${value};` : `store_f32(${at}, ${value});`;
  return word === "vec2u" ? `states[${at}] = ${narrowed(format, value)};` : `store_halves(${at}, ${narrowed(format, value)});`;
}

const widened = (format: string, words: string) => (format === "f32" ? words : `widen_${format}(${words})`);
const narrowed = (format: string, value: string) => (format === "f32" ? value : `narrow_${format}(${value})`);

type StatePlace = Extract<CellPlace, { part: "state" }>;

/** The first word of group `i` of a state. */
function groupAt({ format, offset }: StatePlace, word: Word): string {
  const group = isQuantized(format) ? 1 : formatBytes[format];
  return sum(stateStart(offset, word), times((4 * group) / wordBytes[word], "chunk.place + i"));
}

/** The scale of the block that group `i` is in. */
function scaleAt({ offset }: StatePlace): string {
  return sum(stateStart(offset + 1, "u32"), `(chunk.place + i) / ${BLOCK_GROUPS}u`);
}

/** The first word of a state before which an element has so many bytes, which may be a number and some scales' 64ths. */
function stateStart(offset: number, word: Word): string {
  const strides = (offset * 4) / wordBytes[word];
  const whole = Math.floor(strides);
  const scales = (strides - whole) * BLOCK_GROUPS;
  return sum(
    times(16 / wordBytes[word], "chunk.state"),
    whole === 0 ? "" : times(whole, "chunk.state_stride"),
    scales === 0 ? "" : times(scales, `chunk.state_stride / ${BLOCK_GROUPS}u`),
  );
}

const sum = (...terms: readonly string[]) => terms.filter((term) => term !== "").join(" + ");

function times(factor: number, term: string): string {
  if (factor === 1) return term;
  return `${factor}u * ${term.includes(" ") ? `(${term})` : term}`;
}

/** A store in 8 bits, of a body that goes block by block. */
export interface QuantizedStore {
  readonly place: StatePlace;
  /** Its number among those of the body. */
  readonly index: number;
  /** Locals that hold the new numbers, and the scale of their block. */
  readonly kept: string;
  readonly scale: string;
}

/** Has group `i` found in the largest size of its block; padding is not. */
export function measureLine({ place: { format }, index, kept }: QuantizedStore): string {
  return `atomicMax(&${largestAt(index)}, largest_${format}(${kept}, is_element(chunk, i)));`;
}

/** Stores the codes of group `i` and, for the first one of a block, the scale. */
export function quantizedStoreLines({ place, index, kept, scale }: QuantizedStore): readonly string[] {
  return [
    `let ${scale} = scale_of(atomicLoad(&${largestAt(index)}));`,
    `states[${groupAt(place, "u32")}] = narrow_${place.format}(${kept}, ${scale});`,
    `if (i % ${BLOCK_GROUPS}u == 0u) { states[${scaleAt(place)}] = ${scale}; }`,
  ];
}

const largestAt = (index: number) => `largest[${index === 0 ? "" : `${index * CHUNK_BLOCKS}u + `}i / ${BLOCK_GROUPS}u]`;

/** What loads and stores call, by name; `blockStores`: the most 8-bit stores in a body. */
export function formatDeclarations(word: Word, blockStores: number): Readonly<Record<string, string>> {
  return {
    ...(word === "vec4f" ? {} : wordAccess[word]),
    ...(blockStores > 0 && {
      largest: `// Largest sizes of the blocks of a chunk, as bits; 0 at first.
var<workgroup> largest: array<atomic<u32>, ${blockStores * CHUNK_BLOCKS}>;`,
    }),
    ...conversions,
  };
}

const wordAccess = {
  vec2u: {
    load_f32: `fn load_f32(at: u32) -> vec4f {
  return bitcast<vec4f>(vec4u(states[at], states[at + 1u]));
}`,
    store_f32: `fn store_f32(at: u32, x: vec4f) {
  let bits = bitcast<vec4u>(x);
  states[at] = bits.xy;
  states[at + 1u] = bits.zw;
}`,
  },
  u32: {
    load_f32: `fn load_f32(at: u32) -> vec4f {
  return bitcast<vec4f>(vec4u(states[at], states[at + 1u], states[at + 2u], states[at + 3u]));
}`,
    store_f32: `fn store_f32(at: u32, x: vec4f) {
  let bits = bitcast<vec4u>(x);
  states[at] = bits.x;
  states[at + 1u] = bits.y;
  states[at + 2u] = bits.z;
  states[at + 3u] = bits.w;
}`,
    load_halves: `fn load_halves(at: u32) -> vec2u {
  return vec2u(states[at], states[at + 1u]);
}`,
    store_halves: `fn store_halves(at: u32, halves: vec2u) {
  states[at] = halves.x;
  states[at + 1u] = halves.y;
}`,
  },
} as const;

const hex = (bits: number) => `0x${bits.toString(16).padStart(8, "0")}u`;

const conversions: Readonly<Record<string, string>> = {
  widen_bf16: `fn widen_bf16(halves: vec2u) -> vec4f {
  return bitcast<vec4f>(unpack_halves(halves) << vec4u(16u));
}`,
  narrow_bf16: `// The nearest bfloat16, ties to even.
fn narrow_bf16(x: vec4f) -> vec2u {
  let bits = bitcast<vec4u>(x);
  let rounded = (bits + vec4u(0x7fffu) + ((bits >> vec4u(16u)) & vec4u(1u))) >> vec4u(16u);
  return pack_halves(select(rounded, vec4u(0x7fc0u), is_nan(x)));
}`,
  widen_f16: `fn widen_f16(halves: vec2u) -> vec4f {
  let bits = unpack_halves(halves);
  let size = bits & vec4u(0x7fffu);
  let normal = (size << vec4u(13u)) + select(vec4u(${hex(112 << 23)}), vec4u(${hex(224 << 23)}), size >= vec4u(0x7c00u));
  let tiny = bitcast<vec4u>(vec4f(size) * 0x1p-24f);
  return bitcast<vec4f>(select(normal, tiny, size < vec4u(0x0400u)) | ((bits & vec4u(0x8000u)) << vec4u(16u)));
}`,
  narrow_f16: `// The nearest binary16, ties to even. Below 2^-14 the sum rounds to units of 2^-24, the last place of 0.5.
fn narrow_f16(x: vec4f) -> vec2u {
  let bits = bitcast<vec4u>(x);
  let size = bits & vec4u(0x7fffffffu);
  let normal = (size - vec4u(${hex(112 << 23)}) + vec4u(0x0fffu) + ((size >> vec4u(13u)) & vec4u(1u))) >> vec4u(13u);
  let tiny = bitcast<vec4u>(bitcast<vec4f>(size) + vec4f(0.5f)) - vec4u(0x3f000000u);
  let rounded = select(min(normal, vec4u(0x7c00u)), tiny, size < vec4u(${hex(113 << 23)}));
  return pack_halves(select(rounded | ((bits >> vec4u(16u)) & vec4u(0x8000u)), vec4u(0x7e00u), is_nan(x)));
}`,
  widen_i16: `fn widen_i16(halves: vec2u) -> vec4f {
  return vec4f(bitcast<vec4i>(unpack_halves(halves) << vec4u(16u)) >> vec4u(16u));
}`,
  narrow_i16: `fn narrow_i16(x: vec4f) -> vec2u {
  return pack_halves(bitcast<vec4u>(vec4i(x)) & vec4u(0xffffu));
}`,
  unpack_halves: `fn unpack_halves(halves: vec2u) -> vec4u {
  return (halves.xxyy >> vec4u(0u, 16u, 0u, 16u)) & vec4u(0xffffu);
}`,
  pack_halves: `fn pack_halves(halves: vec4u) -> vec2u {
  return halves.xz | (halves.yw << vec2u(16u));
}`,
  widen_q8s: `fn widen_q8s(word: u32, scale: u32) -> vec4f {
  let codes = unpack_bytes(word);
  let size = codes & vec4u(0x7fu);
  let bits = select(vec4u(0u), (size + vec4u(${FIRST_CODE.q8s}u)) << vec4u(20u), size > vec4u(0u));
  return bitcast<vec4f>(bits | ((codes & vec4u(0x80u)) << vec4u(24u))) * bitcast<f32>(scale);
}`,
  widen_q8u: `fn widen_q8u(word: u32, scale: u32) -> vec4f {
  let codes = unpack_bytes(word);
  let bits = select(vec4u(0u), (codes + vec4u(${FIRST_CODE.q8u}u)) << vec4u(20u), codes > vec4u(0u));
  return bitcast<vec4f>(bits) * bitcast<f32>(scale);
}`,
  narrow_q8s: `// Codes of numbers whose block has this scale.
fn narrow_q8s(x: vec4f, scale: u32) -> u32 {
  let codes = clamp(steps_of(sizes_q8s(x), scale) - vec4i(${FIRST_CODE.q8s}), vec4i(0), vec4i(127));
  return pack_bytes(bitcast<vec4u>(codes) | ((bitcast<vec4u>(x) >> vec4u(24u)) & vec4u(0x80u)), scale);
}`,
  narrow_q8u: `// Codes of numbers whose block has this scale; above 0 none is 0.
fn narrow_q8u(x: vec4f, scale: u32) -> u32 {
  let sizes = sizes_q8u(x);
  let codes = clamp(steps_of(sizes, scale) - vec4i(${FIRST_CODE.q8u}), select(vec4i(0), vec4i(1), sizes > vec4u(0u)), vec4i(255));
  return pack_bytes(bitcast<vec4u>(codes), scale);
}`,
  largest_q8s: `fn largest_q8s(x: vec4f, counts: vec4<bool>) -> u32 {
  return largest_of(select(vec4u(0u), sizes_q8s(x), counts));
}`,
  largest_q8u: `fn largest_q8u(x: vec4f, counts: vec4<bool>) -> u32 {
  return largest_of(select(vec4u(0u), sizes_q8u(x), counts));
}`,
  largest_of: `fn largest_of(sizes: vec4u) -> u32 {
  let pairs = max(sizes.xy, sizes.zw);
  return max(pairs.x, pairs.y);
}`,
  sizes_q8s: `fn sizes_q8s(x: vec4f) -> vec4u {
  return bitcast<vec4u>(x) & vec4u(0x7fffffffu);
}`,
  sizes_q8u: `// Negative numbers are zeros, but what is not finite is not.
fn sizes_q8u(x: vec4f) -> vec4u {
  let bits = bitcast<vec4u>(x);
  return select(bits & vec4u(0x7fffffffu), vec4u(0u), (bits >= vec4u(0x80000000u)) & (bits < vec4u(0xff800000u)));
}`,
  scale_of: `// NaN where a number of the block is not finite.
fn scale_of(largest: u32) -> u32 {
  return select(max(largest, ${hex(bitsOf(SMALLEST_SCALE))}), 0x7fc00000u, largest >= 0x7f800000u);
}`,
  steps_of: `// Sizes in units of the scale, to the nearest of 8 steps in an octave, ties to even.
fn steps_of(sizes: vec4u, scale: u32) -> vec4i {
  let reciprocal = constant(1.0f) / bitcast<f32>(scale);
  let bits = bitcast<vec4u>(bitcast<vec4f>(sizes) * reciprocal);
  return bitcast<vec4i>((bits + vec4u(0x7ffffu) + ((bits >> vec4u(20u)) & vec4u(1u))) >> vec4u(20u));
}`,
  unpack_bytes: `fn unpack_bytes(word: u32) -> vec4u {
  return (vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu);
}`,
  pack_bytes: `// Where the scale is NaN, zeros.
fn pack_bytes(codes: vec4u, scale: u32) -> u32 {
  let pairs = codes.xz | (codes.yw << vec2u(8u));
  return select(pairs.x | (pairs.y << 16u), 0u, scale > 0x7f800000u);
}`,
};

/** All names that `formatDeclarations` may declare. */
export const formatNames: readonly string[] = Object.keys({ ...formatDeclarations("u32", 1), ...formatDeclarations("vec2u", 1) });
