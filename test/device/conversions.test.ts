// What a device's kernels make of numbers in 16 and 8 bits, by specs that do nothing but copy: every pattern is widened exactly, more than a
// million binary32 patterns are narrowed as `narrow` does it, blocks of 8 bits are what `quantize` says.

import { describe, expect, test } from "vitest";
import { dequantize, type EightBitFormat, quantize } from "../../src/numeric/eight-bit.js";
import { narrow, widen } from "../../src/numeric/storage-formats.js";
import { noise } from "../oracle/against-interpreter.js";
import { compileOne } from "../oracle/compile-one.js";
import { openTarget, type TargetName } from "../oracle/replay-case.js";

const targets: readonly TargetName[] = ["interpret", "cpu", "cpu-threads"];
const halves = ["f16", "bf16"] as const;
type Half = (typeof halves)[number];

/** Where two arrays of numbers differ in a bit; any NaN equals any NaN. */
function differing(ours: Float32Array, expected: Float32Array): readonly string[] {
  const [a, b] = [ours, expected].map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length)) as [
    Uint32Array,
    Uint32Array,
  ];
  if (a.length !== b.length) return [`${a.length} numbers, not ${b.length}`];
  const found: string[] = [];
  for (let i = 0; i < a.length && found.length < 5; i++)
    if (a[i] !== b[i] && !(Number.isNaN(ours[i]!) && Number.isNaN(expected[i]!)))
      found.push(`${i}: 0x${a[i]!.toString(16)} instead of 0x${b[i]!.toString(16)}`);
  return found;
}

/** Copies a gradient, a parameter, and what a state held before; a state that nothing reads would be refused. */
const copies = (format: string) => `
optimizer Copies {
  hyper read = 0
  state from_grad, from_param, kept, before = 0
  next = if read > 0 then from_grad + from_param + before else grad
  before <- kept
  kept <- grad
  from_grad <- grad
  from_param <- param
  param <- next
  store { kept: ${format} }
}`;

type States = "from_grad" | "from_param" | "kept" | "before" | null;

/** Opens a build of the copies over one tensor; `gradient` steps, and what a state or the parameter then is. */
async function open(target: TargetName, format: string, options: Readonly<Record<string, string>>, start: Float32Array<ArrayBuffer>) {
  const optimizer = await compileOne(copies(format), [options]);
  const opened = await openTarget(target, optimizer, { params: [{ name: "p", shape: [start.length], data: start }] });
  return {
    step: (gradient: Float32Array<ArrayBuffer>) => opened.step(new Map([["p", gradient]])),
    read: async (state: States) => (await opened.read("p", state)) as Float32Array,
    destroy: () => opened.destroy(),
  };
}

const every = (format: Half) => widen(format, new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer));

/** Patterns of binary32: around all halves of both formats, their ends, subnormal numbers, and any. */
const patterns = (() => {
  const words = new Uint32Array(1_200_000);
  const numbers = new Float32Array(words.buffer);
  let at = 0;
  for (let high = 0; high < 65_536; high++) for (const low of [0x7fff, 0x8000, 0x8001, 0]) words[at++] = high * 65_536 + low;
  const f16 = every("f16");
  for (let bits = 0; bits < 0x7c00; bits++) {
    numbers[at] = bits === 0x7bff ? 65_520 : (f16[bits]! + f16[bits + 1]!) / 2;
    const half = words[at]!;
    for (const sign of [0, 0x80000000]) for (const beside of [-1, 0, 1]) words[at++] = half + beside + sign;
  }
  let state = 99;
  const any = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (; at < 800_000; at++) words[at] = any();
  // Subnormal numbers of binary32; sizes between the smallest of binary16 and its first normal ones.
  for (; at < 900_000; at++) words[at] = any() & 0x807fffff;
  for (; at < words.length; at++) words[at] = ((any() & 0x07ffffff) + 0x32000000) | (any() & 0x80000000);
  return numbers;
})();

const roundedTo = (format: Half, numbers: Float32Array) => {
  const bits = narrow(format, numbers) as Uint16Array<ArrayBuffer>;
  return widen(format, new Uint8Array(bits.buffer));
};

describe.each(targets)("on %s", (target) => {
  test.each(halves)("all 65,536 patterns of %s are widened exactly: of gradients, parameters and states", async (format) => {
    const numbers = every(format);
    const run = await open(target, format, { param_dtype: format, grad_dtype: format }, numbers);
    await run.step(numbers);
    await run.step(numbers.slice().reverse());
    expect(differing(await run.read("before"), numbers)).toEqual([]);
    expect(differing(await run.read("from_param"), numbers)).toEqual([]);
    expect(differing(await run.read("from_grad"), numbers.slice().reverse())).toEqual([]);
    // A device takes the bits themselves too, NaNs of any payload among them.
    if (target !== "interpret") {
      await run.step(Uint16Array.from({ length: 65_536 }, (_, bits) => bits) as unknown as Float32Array<ArrayBuffer>);
      expect(differing(await run.read("from_grad"), numbers)).toEqual([]);
    }
    run.destroy();
  });

  test.each(halves)("1,200,000 patterns of binary32 are narrowed to %s as `narrow` does it: to parameters and states", async (format) => {
    const run = await open(target, format, { param_dtype: format }, new Float32Array(patterns.length));
    await run.step(patterns);
    const expected = roundedTo(format, patterns);
    for (const state of [null, "kept"] as const) expect(differing(await run.read(state), expected)).toEqual([]);
    expect(differing(await run.read("from_grad"), patterns)).toEqual([]);
    run.destroy();
  });

  const quantized = { q8s: "q8(signed, block 256)", q8u: "q8(unsigned, block 256)" } as const satisfies Record<EightBitFormat, string>;
  test.each(Object.keys(quantized) as EightBitFormat[])("%s: blocks as `quantize` makes them, of all kinds and lengths", async (format) => {
    const back = (numbers: Float32Array) => {
      const { codes, scales } = quantize(format, numbers);
      return dequantize(format, codes, scales);
    };
    // In order: sizes over five decades; zeros; one of each number that is not finite; tiny ones; one decade; every code's own number.
    for (const length of [1, 3, 255, 256, 257, 1000, 40_000]) {
      const numbers = noise(length, length);
      const words = new Uint32Array(numbers.buffer);
      numbers.subarray(256, 512).fill(0);
      for (const [i, bits] of [0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f812345].entries())
        if (length > 1000) words[512 + 256 * i + 41 * i] = bits;
      for (let i = 2048; i < Math.min(4096, length); i++) numbers[i]! *= 2 ** -66;
      for (let i = 4096; i < Math.min(8192, length); i++) numbers[i] = Math.abs(numbers[i]!) * 2 ** (i >> 6);
      const run = await open(target, quantized[format], {}, new Float32Array(length));
      await run.step(numbers);
      const once = await run.read("kept");
      expect(differing(once, back(numbers))).toEqual([]);
      // What was kept is read by the next step as it is shown here, and kept again it is the same.
      await run.step(Float32Array.from(once));
      expect(differing(await run.read("before"), once)).toEqual([]);
      expect(differing(await run.read("kept"), once)).toEqual([]);
      run.destroy();
    }
  });
});
