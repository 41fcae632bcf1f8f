// What callers hand to builds in 16 and 8 bits: numbers or bits, and messages where it is neither, or where there is no such build.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bfloat16Bits, float16Bits } from "../../src/numeric/float16.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import { createOptimizer, type OptimizerTypes } from "../../src/runtime/index.js";
import { compileOne } from "../oracle/compile-one.js";

const text = readFileSync(new URL("../../examples/adamw.opt", import.meta.url), "utf8");
const [plain, narrow, master, remainder, eight] = await Promise.all([
  compileOne(text),
  compileOne(text, [{ param_dtype: "bf16", grad_dtype: "f16" }]),
  compileOne(text, [{ param_dtype: "bf16", master: "f32" }]),
  compileOne(text, [{ param_dtype: "bf16", master: "remainder" }]),
  compileOne(readFileSync(new URL("../../examples/adamw8bit.opt", import.meta.url), "utf8")),
]);

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

async function open({ definition }: typeof plain, settings: object) {
  return createOptimizer<Float32Array, AnyTypes>(definition, await cpu({ threads: 1 }), settings as never);
}

const w = (data: unknown) => ({ params: [{ name: "w", shape: [3], data }] });
const numbers = Float32Array.of(1, 1 / 3, -2e-40);
const bits = Uint16Array.from(numbers, bfloat16Bits);

describe("arrays", () => {
  test("are numbers, rounded, or bits", async () => {
    const fromNumbers = await open(narrow, w(numbers));
    const fromBits = await open(narrow, w(bits));
    expect(fromBits.tensor("w").param).toEqual(bits);
    expect(fromNumbers.tensor("w").param).toEqual(bits);
    const gradient = Float32Array.of(0.1, 70_000, -1e-7);
    await fromNumbers.step({ gradients: { w: gradient } });
    await fromBits.step({ gradients: { w: Uint16Array.from(gradient, float16Bits) } });
    expect(fromNumbers.tensor("w").grad).toEqual(Uint16Array.from(gradient, float16Bits));
    expect(await fromNumbers.download("w")).toEqual(await fromBits.download("w"));
    expect(await fromNumbers.download("w", "grad")).toEqual(Float32Array.of(0.0999755859375, Infinity, -1.1920928955078125e-7));
  });

  test("of a master are whole", async () => {
    for (const [compiled, key] of [
      [master, "paramMaster"],
      [remainder, "paramRemainder"],
    ] as const) {
      const optimizer = await open(compiled, w(Float32Array.of(1, 1 / 3, 3)));
      const beside = await optimizer.download("w", key as never);
      if (compiled === master) expect(beside).toEqual(Float32Array.of(1, 1 / 3, 3));
      else expect(beside[1]).not.toBe(0);
      optimizer.upload("w", Uint16Array.from([1, 2, 3], bfloat16Bits));
      expect(await optimizer.download("w", key as never)).toEqual(compiled === master ? Float32Array.of(1, 2, 3) : new Float32Array(3));
      optimizer.upload("w", Float32Array.of(1, 2 + 2 ** -20, 3));
      expect((await optimizer.download("w"))[1]).toBe(2);
      await optimizer.step({ gradients: { w: new Float32Array(3) } });
      expect(await optimizer.paramsFinite()).toBe(true);
    }
  });

  test("of 8-bit states come back as they are kept", async () => {
    const optimizer = await open(eight, { params: [{ name: "w", shape: [5000] }] });
    const moments = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i) * 10 ** (i % 3));
    optimizer.upload("w", moments, "m" as never);
    const kept = await optimizer.download("w", "m" as never);
    for (const [i, x] of kept.entries())
      expect(Math.abs(x - moments[i]!)).toBeLessThanOrEqual(Math.max(Math.abs(moments[i]!) / 16, 2 ** -9));
    optimizer.upload("w", kept, "m" as never);
    expect(await optimizer.download("w", "m" as never)).toEqual(kept);
  });

  test("of other kinds and lengths are refused", async () => {
    await expect(open(plain, w(bits))).rejects.toThrow('data of parameter "w" must be a Float32Array of 3 elements, not Uint16Array');
    await expect(open(narrow, w(new Float64Array(3)))).rejects.toThrow(
      'data of parameter "w" must be a Float32Array of 3 elements, or a Uint16Array of their bf16 bits, not Float64Array; convert it with new Float32Array(...)',
    );
    await expect(open(narrow, w(new Uint16Array(2)))).rejects.toThrow('data of parameter "w" has 2 elements where its shape has 3');
    const optimizer = await open(narrow, w(numbers));
    await expect(optimizer.step({ gradients: { w: new Int16Array(3) as never } })).rejects.toThrow(
      'the gradient of "w" must be a Float32Array of 3 elements, or a Uint16Array of their f16 bits, not Int16Array',
    );
    await expect(optimizer.step({ gradients: { w: new Uint16Array(4) } })).rejects.toThrow("has 4 elements where its shape has 3");
    expect(() => optimizer.upload("w", bits, "m" as never)).toThrow("must be a Float32Array");
    expect(optimizer.steps).toBe(0);
  });
});

describe("builds that there are not", () => {
  test.each([
    [{ paramDtype: "bf16" }, '{ "param_dtype": "bf16" }'],
    [{ paramDtype: "f16", gradDtype: "f16", master: "f32" }, '{ "param_dtype": "f16", "grad_dtype": "f16", "master": "f32" }'],
    [{ roundingSeed: 7 }, '{ "rounding": "stochastic" }'],
    [{ nonFinite: "skip" }, '{ "non_finite": "skip" }'],
  ])("%j", async (settings, line) => {
    await expect(open(plain, { ...w(numbers), ...settings })).rejects.toThrow(
      `Add ${line} to builds.AdamW in optspec.config.json and run optspec build`,
    );
  });

  test("of options that there are, by what was built", async () => {
    await expect(open(narrow, { ...w(numbers), paramDtype: "f16" })).rejects.toThrow(
      'Add { "amsgrad": false, "param_dtype": "f16", "grad_dtype": "f16" }',
    );
    await expect(open(narrow, { ...w(numbers), gradDtype: "bf32" })).rejects.toThrow(/gradDtype must be one of "f32", "f16", "bf16"/);
  });

  test("whose words do not go together", async () => {
    for (const [build, message] of [
      [{ master: "f32" }, /kept in a way that cannot be/],
      [{ param_dtype: "f16", master: "remainder" }, /kept in a way that cannot be/],
      [{ param_dtype: "bf16", master: "f32", rounding: "stochastic" }, /kept in a way that cannot be/],
      [{ rounding: "stochastic" }, /kept in a way that cannot be/],
    ] as const)
      await expect(compileOne(text, [build])).rejects.toThrow(message);
  });
});

test("lazy rows of 8-bit states are refused", async () => {
  await expect(open(eight, { params: [{ name: "w", shape: [100, 64] }], lazyRows: true })).rejects.toThrow(
    "keeps states of 8 bits in blocks",
  );
});
