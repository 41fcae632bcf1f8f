// The CUDA device with numbers in 16 and 8 bits, without a GPU: NVRTC is real, the driver pretends. What the caller gives stands on
// multiples of 2 and has half as many bytes.

import { afterEach, describe, expect, test } from "vitest";
import { narrow, widen } from "../../../src/numeric/storage-formats.js";
import { createOptimizer } from "../../../src/runtime/index.js";
import { differences, noise } from "../../oracle/against-interpreter.js";
import { compileOne } from "../../oracle/compile-one.js";
import { keptBuilds } from "../../oracle/kept-builds.js";
import { allocateOnGpu, freeOnGpu, leftInDriver, playMachine, pretendCuda, readOnGpu, whyNoPretence } from "./pretend.js";

const compileKept = (name: string) => {
  const { text, options } = keptBuilds[name]!;
  return compileOne(text.replace(/optimizer (\w+)/, `optimizer ${name}`), [options]);
};

async function openKept(name: string) {
  playMachine({});
  const compiled = await compileKept(name);
  return { compiled, device: await pretendCuda(await Object.values(compiled.definition.kernels)[0]!.cuda!()) };
}

/** Bits of 16 as the words of memory on the "GPU". */
const inWords = (bits: Uint16Array) =>
  new Float32Array(Uint16Array.from({ length: bits.length + (bits.length % 2) }, (_, i) => bits[i] ?? 0).buffer);

describe.skipIf(whyNoPretence !== undefined)("numbers in 16 and 8 bits", () => {
  afterEach(() => expect(leftInDriver()).toBe(0));

  test.each(Object.keys(keptBuilds))("%s: its steps equal the interpreter's", async (name) => {
    const { compiled, device } = await openKept(name);
    const params = [1, 255, 4096, 16_684, 70_000].map((length, i) => ({ name: `p${i}`, shape: [length] }));
    const present = (param: number, step: number) => (param + step) % 4 !== 3;
    expect(await differences(device, compiled, { params, steps: 3, seed: 3, present })).toEqual([]);
    device.destroy();
  });

  test("parameters and gradients of the caller's are worked on where they are, wherever a number of 16 bits can stand", async () => {
    const { compiled, device } = await openKept("AdamWRemainder");
    const lengths = [5, 64, 20_001];
    const numbers = lengths.map((length, i) => widen("bf16", new Uint8Array(narrow("bf16", noise(length, i + 1)).buffer as ArrayBuffer)));
    const params = lengths.map((length, i) => ({ name: `p${i}`, shape: [length] }));
    const plain = await createOptimizer(compiled.definition, device, {
      params: params.map((param, i) => ({ ...param, data: numbers[i]! })),
    });
    /** The numbers behind i + 1 others. */
    const behind = (i: number, array: Float32Array) => {
      const bits = new Uint16Array(array.length + i + 1);
      bits.set(narrow("bf16", array) as Uint16Array, i + 1);
      return allocateOnGpu(inWords(bits));
    };
    const owned = numbers.map((array, i) => behind(i, array));
    const own = await createOptimizer(compiled.definition, device, {
      params: params.map((param, i) => ({ ...param, buffer: owned[i], offset: 2 * (i + 1) })) as never,
    });
    const given = [];
    for (let step = 0; step < 3; step++) {
      const gradients = lengths.map((length, i) => noise(length, 100 * step + i + 50));
      const there = gradients.map((gradient, i) => behind(i, gradient));
      given.push(...there);
      await plain.step({ gradients: Object.fromEntries(gradients.map((gradient, i) => [`p${i}`, gradient])) });
      const pointers = there.map(({ pointer }, i) => [`p${i}`, { pointer: pointer + BigInt(2 * (i + 1)), bytes: 2 * lengths[i]! }]);
      await own.step({ gradients: Object.fromEntries(pointers) as never });
    }
    for (const [i, length] of lengths.entries()) {
      const expected = await plain.download(`p${i}`);
      expect(await own.download(`p${i}`)).toEqual(expected);
      const kept = new Uint16Array(readOnGpu(owned[i]!.pointer, Math.ceil((length + i + 1) / 2)).buffer);
      expect(kept.subarray(i + 1, i + 1 + length)).toEqual(narrow("bf16", expected));
      expect([...kept.subarray(0, i + 1)].every((bits) => bits === 0)).toBe(true);
    }
    expect(own.tensor("p1").grad).toMatchObject({ bytes: 128 });
    own.destroy();
    plain.destroy();
    for (const memory of [...owned, ...given]) freeOnGpu(memory);
    device.destroy();
  });

  test.each<[string, object, RegExp]>([
    ["an odd address", { pointer: 0x7000_0000_0001n, bytes: 400 }, /not a multiple of 2, where bf16 can stand/],
    ["too few bytes", { pointer: 0x7000_0000_0002n, bytes: 199 }, /100 elements need 200 bytes; 199 are there/],
  ])("%s is refused", async (_, buffer, message) => {
    const { compiled, device } = await openKept("AdamWBfloat16");
    const created = createOptimizer(compiled.definition, device, { params: [{ name: "p", shape: [100], buffer }] as never });
    await expect(created).rejects.toThrow(message);
    device.destroy();
  });
});
