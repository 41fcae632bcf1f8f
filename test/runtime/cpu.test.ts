// The optimizer on the CPU device: numbers, counts, views, changes between steps, missing gradients, the end of its life.

import { describe, expect, test, vi } from "vitest";
import { CHUNK_ELEMENTS } from "../../src/contract/manifest.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import { type BaseSettings, createOptimizer, type Optimizer } from "../../src/runtime/index.js";
import { adamStep, createState, defaults, noise } from "./adamw-reference.js";
import { type HandAdamTypes, handAdam } from "./hand-made.js";

type Settings = BaseSettings & Record<string, unknown>;
const definition = handAdam();

async function create(settings: Settings, arenaBytes?: number): Promise<Optimizer<Float32Array, HandAdamTypes>> {
  return createOptimizer(definition, await cpu(arenaBytes === undefined ? {} : { arenaBytes }), settings);
}

/** A ratio's power may differ from `**` by an ulp of f64, and so the coefficient of a step below 1 by one of f32. */
function expectClose(result: Float32Array, expected: Float64Array): void {
  for (const [i, x] of result.entries()) expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(2 ** -22);
}

const shapes = { a: [3, 5], b: [1], c: [CHUNK_ELEMENTS + 3], empty: [0, 4], scalar: [] as number[] };
const params = () =>
  Object.entries(shapes).map(([name, shape], i) => ({
    name,
    shape,
    data: noise(
      shape.reduce((x, y) => x * y, 1),
      i + 1,
    ),
  }));
const gradientsAt = (step: number) =>
  Object.fromEntries(params().map(({ name, data }, i) => [name, noise(data.length, 100 * step + i, 0.1)]));

describe("numbers", () => {
  test.each([undefined, 270_000])("equal float32 arithmetic written down by hand, bit for bit (arena limit %s)", async (limit) => {
    const list = params();
    const optimizer = await create({ params: list, lr: 0.01 }, limit);
    expect(optimizer.dispatches).toBe(limit === undefined ? 1 : 3);
    const expected = list.map(({ data }) => createState(data));
    for (let step = 1; step <= 20; step++) {
      const gradients = gradientsAt(step);
      await optimizer.step({ gradients });
      for (const [i, { name }] of list.entries()) adamStep(expected[i]!, gradients[name]!, { ...defaults, lr: 0.01 }, Math.fround);
    }
    for (const [i, { name }] of list.entries()) {
      expect(await optimizer.download(name)).toEqual(Float32Array.from(expected[i]!.p));
      expect(await optimizer.download(name, "m")).toEqual(Float32Array.from(expected[i]!.m));
      expect(await optimizer.download(name, "v")).toEqual(Float32Array.from(expected[i]!.v));
    }
  });

  test("stay near float64 over 200 steps", async () => {
    const data = noise(1000, 7);
    const optimizer = await create({ params: [{ name: "w", shape: [1000], data }], lr: 3e-3 });
    const expected = createState(data);
    for (let step = 1; step <= 200; step++) {
      const gradient = noise(1000, step, 0.1);
      await optimizer.step({ gradients: new Map([["w", gradient]]) });
      adamStep(expected, gradient, { ...defaults, lr: 3e-3 });
    }
    const result = await optimizer.download("w");
    // 200 steps of at most about 1.5 ulp of 1 each.
    for (let i = 0; i < 1000; i++) expect(Math.abs(result[i]! - expected.p[i]!)).toBeLessThan(200 * 1.5 * 2 ** -24);
  });

  test("follow rules: a ratio by layer, no decay on biases, frozen parameters untouched", async () => {
    const names = ["layers.0.w", "layers.11.w", "head.w", "head.bias", "frozen.w"];
    const data = noise(8, 3);
    const optimizer = await create({ params: names.map((name) => ({ name, shape: [8], data })), lr: 0.1, weightDecay: 0.5 });
    const gradient = noise(8, 4);
    await optimizer.step({ gradients: Object.fromEntries(names.slice(0, 4).map((name) => [name, gradient])) });
    const hypers = [
      { ...defaults, lr: 0.1 * 0.8 ** 12, weightDecay: 0.5 },
      { ...defaults, lr: 0.1 * 0.8, weightDecay: 0.5 },
      { ...defaults, lr: 0.1, weightDecay: 0.5 },
      { ...defaults, lr: 0.1, weightDecay: 0 },
    ];
    for (const [i, h] of hypers.entries()) {
      const expected = createState(data);
      adamStep(expected, gradient, h, Math.fround);
      expectClose(await optimizer.download(names[i]!), expected.p);
    }
    expect(await optimizer.download("frozen.w")).toEqual(data);
    expect(await optimizer.download("frozen.w", "m")).toHaveLength(0);
    expect([optimizer.t("head.w"), optimizer.t("frozen.w")]).toEqual([1, 0]);
  });

  test("propagate NaN and infinity to the elements that have them, and to no other", async () => {
    const optimizer = await create({ params: [{ name: "w", shape: [6] }] });
    await optimizer.step({ gradients: { w: Float32Array.of(1, Number.NaN, 1, Number.POSITIVE_INFINITY, 1, 1) } });
    const result = await optimizer.download("w");
    expect([...result].map(Number.isNaN)).toEqual([false, true, false, true, false, false]);
  });
});

describe("callbacks", () => {
  test("lrRatio multiplies the rules' ratio; applyDecay switches decay off; both see static names", async () => {
    const data = noise(4, 3);
    const seen: unknown[] = [];
    const optimizer = await create({
      params: ["x", "y"].map((name) => ({ name, shape: [4], data })),
      names: { x: "layers.11.w" },
      lr: 0.1,
      weightDecay: 0.5,
      lrRatio: (param) => {
        seen.push(param);
        return param.name === "x" ? 0.5 : 1;
      },
      applyDecay: ({ staticName }) => staticName === "y",
    });
    expect(seen).toMatchObject([
      { name: "x", staticName: "layers.11.w", shape: [4] },
      { name: "y", staticName: "y", shape: [4] },
    ]);
    const gradient = noise(4, 4);
    await optimizer.step({ gradients: { x: gradient, y: gradient } });
    for (const [name, lr, weightDecay] of [
      ["x", 0.1 * 0.8 * 0.5, 0],
      ["y", 0.1, 0.5],
    ] as const) {
      const expected = createState(data);
      adamStep(expected, gradient, { ...defaults, lr, weightDecay }, Math.fround);
      expectClose(await optimizer.download(name), expected.p);
    }
  });

  test("one that returns nothing is an error that names the parameter", async () => {
    const wrong = create({ params: [{ name: "w", shape: [1] }], lrRatio: (() => {}) as unknown as () => number });
    await expect(wrong).rejects.toMatchObject({ code: "invalid-ratio", message: expect.stringContaining("w") });
  });
});

describe("changing hypers", () => {
  test("set() and functions of the step act from the next step on", async () => {
    const data = noise(8, 1);
    const asked: number[] = [];
    const schedule = (step: number) => {
      asked.push(step);
      return 0.1 / (step + 1);
    };
    const optimizer = await create({ params: [{ name: "w", shape: [8], data }], lr: schedule });
    const expected = createState(data);
    for (let step = 0; step < 6; step++) {
      if (step === 3) optimizer.set({ beta1: 0.5, weightDecay: 0 });
      const gradient = noise(8, step + 50);
      await optimizer.step({ gradients: { w: gradient } });
      adamStep(
        expected,
        gradient,
        { ...defaults, lr: 0.1 / (step + 1), ...(step >= 3 ? { beta1: 0.5, weightDecay: 0 } : {}) },
        Math.fround,
      );
    }
    expect(await optimizer.download("w")).toEqual(Float32Array.from(expected.p));
    expect(asked).toEqual([0, 0, 1, 2, 3, 4, 5]); // once at creation
    expect(optimizer.hypers).toEqual({ lr: 0.1 / 6, beta1: 0.5, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, nLayers: 12 });
  });

  test("a set() with one bad value changes none", async () => {
    const optimizer = await create({ params: [{ name: "w", shape: [1] }] });
    expect(() => optimizer.set({ lr: 0.5, beta1: 1 })).toThrow("beta1 must be in [0, 1), not 1");
    expect(optimizer.hypers.lr).toBe(1e-3);
  });

  test("a schedule that leaves its interval stops the step before anything moves", async () => {
    const data = noise(4, 1);
    const optimizer = await create({ params: [{ name: "w", shape: [4], data }], lr: (step: number) => (step === 0 ? 1 : -1) });
    await optimizer.step({ gradients: { w: noise(4, 2) } });
    const before = await optimizer.download("w");
    await expect(optimizer.step({ gradients: { w: noise(4, 3) } })).rejects.toThrow(/lr must be in \[0, inf\), not -1 .*step 1/);
    expect(await optimizer.download("w")).toEqual(before);
    expect(await optimizer.download("w", "grad")).toEqual(noise(4, 2));
    expect([optimizer.steps, optimizer.t("w")]).toEqual([1, 1]);
  });

  test.each([
    [{ epsilon: 1e-60 }, /`epsilon` is 1e-60 and rounds to zero in f32, at t = 1 of "w"/],
    [{ lr: 1e300 }, /overflows f32/],
  ])("a coefficient that f32 cannot hold is an error: %o", async (hypers, message) => {
    const optimizer = await create({ params: [{ name: "w", shape: [1] }], ...hypers });
    await expect(optimizer.step({ gradients: { w: new Float32Array(1) } })).rejects.toThrow(message);
    expect(optimizer.steps).toBe(0);
  });
});

describe("missing gradients", () => {
  test('"some": parameter, states and t stay; others go on with their own t', async () => {
    const names = ["a", "b", "c"];
    const lists = names.map((name, i) => ({ name, shape: [5], data: noise(5, i + 1) }));
    const optimizer = await create({ params: lists, gradients: "some", lr: 0.05 });
    const expected = lists.map(({ data }) => createState(data));
    const present = [[0, 1, 2], [0, 2], [1], [], [0, 1, 2], [2]];
    for (const [step, who] of present.entries()) {
      const gradients = Object.fromEntries(who.map((i) => [names[i]!, noise(5, step * 10 + i)]));
      await optimizer.step({ gradients });
      for (const i of who) adamStep(expected[i]!, gradients[names[i]!]!, { ...defaults, lr: 0.05 }, Math.fround);
      for (const [i, name] of names.entries()) {
        expect(await optimizer.download(name)).toEqual(Float32Array.from(expected[i]!.p));
        expect(await optimizer.download(name, "v")).toEqual(Float32Array.from(expected[i]!.v));
        expect(optimizer.t(name)).toBe(expected[i]!.t);
      }
    }
    expect(optimizer.steps).toBe(present.length);
  });
});

describe("memory", () => {
  test("views are live, never detach, and a step without gradients reads them", async () => {
    const optimizer = await create({ params: [{ name: "w", shape: [4], data: Float32Array.of(1, 2, 3, 4) }], lr: 0.1, weightDecay: 0 });
    const { param, grad } = optimizer.tensor("w");
    grad.set([1, 1, -1, 0]);
    for (let i = 0; i < 40; i++) await optimizer.step();
    expect(param.length).toBe(4);
    expect(param).toEqual(await optimizer.download("w"));
    expect([param[0]! < 1, param[1]! < 2, param[2]! > 3, param[3]]).toEqual([true, true, true, 4]);
    optimizer.zeroGrad();
    expect([...grad]).toEqual([0, 0, 0, 0]);
    optimizer.destroy();
    expect(param.length).toBe(4);
  });

  test("what is uploaded comes back, states too", async () => {
    const optimizer = await create({ params: params() });
    for (const what of ["param", "grad", "m", "v"] as const) {
      optimizer.upload("c", noise(CHUNK_ELEMENTS + 3, 9), what);
      expect(await optimizer.download("c", what)).toEqual(noise(CHUNK_ELEMENTS + 3, 9));
    }
    expect(await optimizer.download("empty")).toHaveLength(0);
    expect(await optimizer.download("scalar")).toHaveLength(1);
  });

  test("more than WebAssembly can hold is refused with what was asked", async () => {
    await expect(create({ params: [{ name: "w", shape: [2 ** 30] }] })).rejects.toMatchObject({ code: "parameter-too-large" });
  });

  test("a thousand optimizers come and go on one device", async () => {
    const device = await cpu();
    for (let i = 0; i < 1000; i++) {
      await using optimizer = await createOptimizer(definition, device, { params: [{ name: "w", shape: [4] }] });
      if (i % 100 === 0) await optimizer.step({ gradients: { w: noise(4, i) } });
    }
  });
});

test("after destroy() every method says so", async () => {
  const optimizer = await create({ params: [{ name: "w", shape: [1] }] });
  optimizer.destroy();
  optimizer.destroy();
  optimizer[Symbol.dispose]();
  await optimizer[Symbol.asyncDispose]();
  const destroyed = expect.objectContaining({ code: "destroyed" });
  await expect(optimizer.step()).rejects.toEqual(destroyed);
  await expect(optimizer.download("w")).rejects.toEqual(destroyed);
  await expect(optimizer.idle()).rejects.toEqual(destroyed);
  await expect(optimizer.prepare()).rejects.toEqual(destroyed);
  for (const call of [
    () => optimizer.set({ lr: 1 }),
    () => optimizer.tensor("w"),
    () => optimizer.upload("w", new Float32Array(1)),
    () => optimizer.zeroGrad(),
    () => optimizer.encode({} as never),
    () => optimizer.capture(1n),
  ]) {
    expect(call).toThrow(destroyed);
  }
});

test("memory that the host does not have: what was asked, and a way out", async () => {
  const { Memory } = WebAssembly;
  const refusing = (descriptor: WebAssembly.MemoryDescriptor) => {
    if (descriptor.initial > 1_000) throw new RangeError("WebAssembly.Memory(): could not allocate memory");
    return new Memory(descriptor);
  };
  vi.stubGlobal("WebAssembly", Object.assign(Object.create(WebAssembly), { Memory: refusing }));
  try {
    await expect(create({ params: [{ name: "w", shape: [10_000_000] }] })).rejects.toMatchObject({
      code: "out-of-memory",
      message: expect.stringMatching(
        /no WebAssembly memory of 1[6-9]\d{7} bytes for parameters, gradients and states: .*Train fewer parameters/,
      ),
    });
  } finally {
    vi.unstubAllGlobals();
  }
});
