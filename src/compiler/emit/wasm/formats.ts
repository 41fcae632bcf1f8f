// Four numbers at a time between memory and f32, by format: integer arithmetic on bits, so that every pattern of 16 bits comes out as it is.
// A spelling reads its operand several times, so the frame gives it locals of its own.

import { bitsOf } from "../../../numeric/bits.js";
import { type EightBitFormat, FIRST_CODE, SMALLEST_SCALE } from "../../../numeric/eight-bit.js";
import { isQuantized, type PlainFormat, type StorageFormat } from "../../../numeric/storage-formats.js";
import { WHOLE } from "./dialect.js";
import { get, set } from "./frame.js";

const words = (bits: string) => `(v128.const i32x4 ${[bits, bits, bits, bits].join(" ")})`;
const floats = (number: string) => `(v128.const f32x4 ${[number, number, number, number].join(" ")})`;

/** Locals of type v128 that loads and stores use. */
export const formatLocals = ["kept", "magnitude", "scaled"];

/** Bytes of four elements. */
export function groupBytes(format: StorageFormat): number {
  return isQuantized(format) ? 4 : 4 * plainBytes[format];
}

const plainBytes = { f32: 4, f16: 2, bf16: 2, i16: 2 } as const satisfies Record<PlainFormat, number>;

/** Statements that set a local to the numbers at an address. `scale` is the local of an 8-bit block's scale. */
export function loadLines(format: StorageFormat, address: string, name: string, scale: string): readonly string[] {
  switch (format) {
    case "f32":
      return [set(name, `(v128.load ${address})`)];
    case "bf16":
      return [set(name, `(i32x4.shl (v128.load16x4_u ${address}) (i32.const 16))`)];
    case "i16":
      return [set(name, `(f32x4.convert_i32x4_s (v128.load16x4_s ${address}))`)];
    case "f16":
      return [
        set("kept", `(v128.load16x4_u ${address})`),
        set("magnitude", `(v128.and ${get("kept")} ${words("0x7fff")})`),
        set(name, wideFloat16),
      ];
    case "q8s":
    case "q8u": {
      const codes = `(i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero ${address})))`;
      const size = format === "q8s" ? `(v128.and ${get("kept")} ${words("0x7f")})` : get("kept");
      const bits = `(v128.and (i32x4.shl (i32x4.add ${get("magnitude")} ${words(String(FIRST_CODE[format]))}) (i32.const 20)) (i32x4.gt_s ${get("magnitude")} ${words("0")}))`;
      const signed = `(v128.or ${bits} (i32x4.shl (v128.and ${get("kept")} ${words("0x80")}) (i32.const 24)))`;
      return [set("kept", codes), set("magnitude", size), set(name, `(f32x4.mul ${format === "q8s" ? signed : bits} ${get(scale)})`)];
    }
    default:
      return format satisfies never;
  }
}

/** Of `kept` and its `magnitude`, the bits without the sign. */
const wideFloat16 = (() => {
  const sign = `(i32x4.shl (v128.xor ${get("kept")} ${get("magnitude")}) (i32.const 16))`;
  const bias = words("0x38000000");
  const normal = `(i32x4.add (i32x4.shl ${get("magnitude")} (i32.const 13)) ${bias})`;
  // All exponents above that of 65,504 mean infinity or NaN: twice the bias makes them so.
  const unbounded = `(i32x4.add ${normal} (v128.and ${bias} (i32x4.gt_s ${get("magnitude")} ${words("0x7bff")})))`;
  const subnormal = `(f32x4.mul (f32x4.convert_i32x4_s ${get("magnitude")}) ${floats("0x1p-24")})`;
  return `(v128.or ${sign} (v128.bitselect ${subnormal} ${unbounded} (i32x4.lt_s ${get("magnitude")} ${words("0x0400")})))`;
})();

/** Statements that keep a value at an address. `reciprocal` and `fits` are locals of an 8-bit block: 1 / scale, and whether that is a number. */
export function storeLines(format: StorageFormat, address: string, value: string, block: BlockLocals | null): readonly string[] {
  switch (format) {
    case "f32":
      return [`(v128.store ${address} ${value})`];
    case "bf16":
      return [
        set("kept", value),
        set("kept", narrowBfloat16),
        `(v128.store64_lane 0 ${address} (i16x8.narrow_i32x4_u ${get("kept")} ${get("kept")}))`,
      ];
    case "i16":
      return [
        // The sum's lowest bits are those of a whole number: fewer instructions than a conversion.
        set("kept", `(v128.and (f32x4.add ${value} ${floats(WHOLE)}) ${words("0xffff")})`),
        `(v128.store64_lane 0 ${address} (i16x8.narrow_i32x4_u ${get("kept")} ${get("kept")}))`,
      ];
    case "f16":
      return [
        set("kept", value),
        set("magnitude", `(v128.and ${get("kept")} ${words("0x7fffffff")})`),
        set("kept", narrowFloat16),
        `(v128.store64_lane 0 ${address} (i16x8.narrow_i32x4_u ${get("kept")} ${get("kept")}))`,
      ];
    case "q8s":
    case "q8u":
      return [
        set("kept", value),
        set("magnitude", sizeOf(format, get("kept"))),
        set("scaled", `(f32x4.mul ${get("magnitude")} ${get(block!.largest)})`),
        set("magnitude", codesOf(format, block!)),
        set("magnitude", `(i16x8.narrow_i32x4_u ${get("magnitude")} ${get("magnitude")})`),
        `(v128.store32_lane 0 ${address} (i8x16.narrow_i16x8_u ${get("magnitude")} ${get("magnitude")}))`,
      ];
    default:
      return format satisfies never;
  }
}

/** Of `kept`: its bits as 16 bits in each word. */
const narrowBfloat16 = (() => {
  const x = get("kept");
  const odd = `(v128.and (i32x4.shr_u ${x} (i32.const 16)) ${words("1")})`;
  const rounded = `(i32x4.shr_u (i32x4.add (i32x4.add ${x} ${words("0x7fff")}) ${odd}) (i32.const 16))`;
  return `(v128.bitselect ${rounded} ${words("0x7fc0")} (f32x4.eq ${x} ${x}))`;
})();

/** The difference of the two formats' exponents taken away, and a unit less than half a step added. */
const REBIASED = "0xc8000fff";

/** Of `kept` and its `magnitude`: the last one's bits as 16 bits in each word. */
const narrowFloat16 = (() => {
  const [x, size] = [get("kept"), get("magnitude")];
  const sign = `(v128.and (i32x4.shr_u ${x} (i32.const 16)) ${words("0x8000")})`;
  const odd = `(v128.and (i32x4.shr_u ${size} (i32.const 13)) ${words("1")})`;
  const normal = `(i32x4.shr_u (i32x4.add (i32x4.add ${size} ${words(REBIASED)}) ${odd}) (i32.const 13))`;
  // The sum with 0.5 is rounded to multiples of 2^-24, the smallest number of binary16 (F. Giesen, "Float->half variants").
  const subnormal = `(i32x4.sub (f32x4.add ${size} ${floats("0.5")}) ${floats("0.5")})`;
  const either = `(v128.bitselect ${subnormal} (i32x4.min_u ${normal} ${words("0x7c00")}) (i32x4.lt_s ${size} ${words("0x38800000")}))`;
  return `(v128.or ${sign} (v128.bitselect ${either} ${words("0x7e00")} (f32x4.eq ${x} ${x})))`;
})();

/** Locals of one 8-bit store, for the block at hand. */
export interface BlockLocals {
  /** The largest size so far, as bits in four lanes; then 1 / scale. */
  readonly largest: string;
  /** All bits where the scale is a number. */
  readonly fits: string;
  /** f32. */
  readonly scale: string;
}

/** The bits of a value's size; a format without signs takes negative numbers for zeros, but not a NaN, which may have any sign. */
export function sizeOf(format: EightBitFormat, value: string): string {
  const kept = format === "q8s" ? value : `(v128.andnot ${value} (i32x4.lt_s ${value} ${words("0xff800000")}))`;
  return `(v128.and ${kept} ${words("0x7fffffff")})`;
}

/** Of `kept`, its `magnitude` and that divided by the scale. */
function codesOf(format: EightBitFormat, { fits }: BlockLocals): string {
  const scaled = get("scaled");
  const rounded = `(i32x4.shr_u (i32x4.add (i32x4.add ${scaled} ${words("0x7ffff")}) (v128.and (i32x4.shr_u ${scaled} (i32.const 20)) ${words("1")})) (i32.const 20))`;
  const least = format === "q8u" ? `(v128.and (i32x4.ne ${get("magnitude")} ${words("0")}) ${words("1")})` : words("0");
  const most = words(format === "q8u" ? "255" : "127");
  const code = `(i32x4.min_s (i32x4.max_s (i32x4.sub ${rounded} ${words(String(FIRST_CODE[format]))}) ${least}) ${most})`;
  const sign = `(v128.and (i32x4.shr_u ${get("kept")} (i32.const 24)) ${words("0x80")})`;
  return `(v128.and ${format === "q8s" ? `(v128.or ${code} ${sign})` : code} ${get(fits)})`;
}

/** From the largest size in four lanes to the block's scale and what it is divided by. */
export function scaleLines({ largest, fits, scale }: BlockLocals): readonly string[] {
  const x = get(largest);
  const folded = (lanes: number) => {
    const bytes = Array.from({ length: 16 }, (_, i) => (i + 4 * lanes) % 16).join(" ");
    return set(largest, `(i32x4.max_u ${x} (i8x16.shuffle ${bytes} ${x} ${x}))`);
  };
  const least = bitsOf(SMALLEST_SCALE);
  return [
    folded(2),
    folded(1),
    set(largest, `(i32x4.max_u ${x} ${words(`0x${least.toString(16)}`)})`),
    set(fits, `(i32x4.lt_u ${x} ${words("0x7f800000")})`),
    set(largest, `(v128.bitselect ${x} ${words("0x7fc00000")} ${get(fits)})`),
    set(scale, `(f32x4.extract_lane 0 ${x})`),
    set(largest, `(f32x4.div ${floats("1")} ${x})`),
  ];
}
