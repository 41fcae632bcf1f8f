// What only real compiled optimizers bring: initial values computed on the device, host states, variants by shape and by step.
// Expected numbers are plain JavaScript, one rounding per written operation.

import { describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import type { OptimizerDefinition } from "../../src/contract/manifest.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import type { Device } from "../../src/runtime/device.js";
import { type BaseSettings, createOptimizer, type Optimizer, type OptimizerTypes } from "../../src/runtime/index.js";
import { webgpu } from "../../src/runtime/webgpu/index.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { noise } from "./adamw-reference.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}

const f = Math.fround;

async function compileOne(text: string): Promise<OptimizerDefinition> {
  const { diagnostics, optimizers } = await compile({ path: "test.opt", text }, { targets: [] });
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return optimizers[0]!.definition;
}

const { gpu, why } = await openDawn();
const devices: [string, () => Promise<Device>][] = [["cpu", () => cpu()]];
if (why === undefined) devices.push(["webgpu", () => webgpu({ gpu })]);

describe.each(devices)("on %s", (_, open) => {
  async function create(text: string, settings: BaseSettings & Record<string, unknown>): Promise<Optimizer<unknown, AnyTypes>> {
    return createOptimizer<unknown, AnyTypes>(await compileOne(text), await open(), settings);
  }

  test("states start from the parameter, from a hyper, from a constant", async () => {
    const data = noise(5, 1);
    const text = `optimizer Anchored {
      hyper lr = 0.5, start = 3
      state z = param
      state s = start
      state c = -0.25
      s <- s + grad
      c <- c * grad
      param <- param - lr * (param - z + s + c)
    }`;
    const optimizer = await create(text, { params: [{ name: "w", shape: [5], data }], start: 4 });
    expect(await optimizer.download("w", "z")).toEqual(data);
    expect([...(await optimizer.download("w", "s"))]).toEqual([4, 4, 4, 4, 4]);
    expect([...(await optimizer.download("w", "c"))]).toEqual([-0.25, -0.25, -0.25, -0.25, -0.25]);
    const gradient = noise(5, 2);
    await optimizer.step({ gradients: { w: gradient } });
    const expected = data.map((p, i) => {
      const s = f(4 + gradient[i]!);
      const c = f(-0.25 * gradient[i]!);
      return f(p - f(0.5 * f(f(0 + s) + c)));
    });
    expect(await optimizer.download("w")).toEqual(expected);
    expect([optimizer.t("w"), optimizer.steps]).toEqual([1, 1]);
  });

  test.each([
    ["rank >= 2", ""],
    ["matrix_like", "matrix_like = rank >= 2"],
  ])("a condition on the shape decides which states exist: %s", async (condition, definition) => {
    const text = `optimizer Split {
      hyper lr = 0.5
      ${definition}
      state m = 0 when ${condition}
      state a, b = 0 when not (${condition})
      if ${condition} { m <- 0.5 * m + grad   param <- param - lr * m }
      else { a <- a + grad   b <- b + grad^2   param <- param - lr * (a + b) }
    }`;
    const data = noise(6, 1);
    const optimizer = await create(text, {
      params: [
        { name: "w", shape: [2, 3], data },
        { name: "bias", shape: [6], data },
      ],
    });
    const gradient = noise(6, 2);
    for (let i = 0; i < 2; i++) await optimizer.step({ gradients: { w: gradient, bias: gradient } });
    const m = gradient.map((g) => f(f(0.5 * g) + g));
    expect(await optimizer.download("w", "m")).toEqual(m);
    expect(await optimizer.download("w", "a")).toHaveLength(0);
    expect(await optimizer.download("bias", "m")).toHaveLength(0);
    expect(await optimizer.download("bias", "b")).toEqual(gradient.map((g) => f(f(g * g) + f(g * g))));
    expect(await optimizer.download("w")).toEqual(data.map((p, i) => f(f(p - f(0.5 * gradient[i]!)) - f(0.5 * m[i]!))));
    expect(() => optimizer.upload("bias", new Float32Array(6), "m")).toThrow('parameter "bias" keeps no m');
  });

  test("the first step and a hyper choose variants, per parameter", async () => {
    const text = `optimizer Switching {
      hyper lr = 1
      hyper momentum = 0.5
      state m = 0
      if momentum != 0 {
        if first { m <- grad } else { m <- momentum * m + grad }
        param <- param - lr * m
      } else { param <- param - lr * grad }
    }`;
    const one = Float32Array.of(1);
    const optimizer = await create(text, { params: ["a", "b"].map((name) => ({ name, shape: [1] })), gradients: "some" });
    await optimizer.step({ gradients: { a: one } }); // a: m = 1
    await optimizer.step({ gradients: { a: one, b: one } }); // a: m = 1.5; b: m = 1
    optimizer.set({ momentum: 0 });
    await optimizer.step({ gradients: { b: one } });
    optimizer.set({ momentum: 0.25 });
    await optimizer.step({ gradients: { a: one, b: one } }); // a: m = 1.375; b: m = 1.25
    expect((await optimizer.download("a", "m"))[0]).toBe(1.375);
    expect((await optimizer.download("b", "m"))[0]).toBe(1.25);
    expect((await optimizer.download("a"))[0]).toBe(-(1 + 1.5 + 1.375));
    expect((await optimizer.download("b"))[0]).toBe(-(1 + 1 + 1.25));
    expect([optimizer.t("a"), optimizer.t("b"), optimizer.steps]).toEqual([3, 3, 4]);
  });

  test("host states go on for the parameters that take part", async () => {
    const text = `optimizer Counting {
      hyper lr = 1
      host state total = 0
      total <- total + t
      param <- param - lr * total * grad
    }`;
    const one = Float32Array.of(1);
    const optimizer = await create(text, { params: ["a", "b"].map((name) => ({ name, shape: [1] })), gradients: "some" });
    await optimizer.step({ gradients: { a: one, b: one } });
    await optimizer.step({ gradients: { a: one } });
    await optimizer.step({ gradients: { a: one, b: one } });
    const after = async (name: string) => (await optimizer.download(name))[0];
    // total: 1, 3, 6 for a; 1, 3 for b where its t advances alone.
    expect(await after("a")).toBe(-(1 + 3 + 6));
    expect(await after("b")).toBe(-(1 + 3));
  });
});
