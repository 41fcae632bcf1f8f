// Parameters frozen, taken in again and added in the middle of a run; what may not come between; whether parameters are finite.

import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { describe, expect, test } from "vitest";
import { AdamW } from "../../generated/adamw/adamw.js";
import type { Device } from "../../src/runtime/device.js";
import type { OptimizerError, ParamSpec } from "../../src/runtime/index.js";
import { readSafetensors, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { noise } from "../runtime/adamw-reference.js";

const names = ["a", "b", "c"] as const;
const lengths = { a: 20_003, b: 5, c: 64 } as const;
const param = (name: "a" | "b" | "c", seed = 1): ParamSpec => ({ name, shape: [lengths[name]], data: noise(lengths[name], seed) });
const gradient = (name: "a" | "b" | "c", step: number) => noise(lengths[name], 100 * step + name.charCodeAt(0));
const gradients = (step: number, given: readonly ("a" | "b" | "c")[] = names) =>
  Object.fromEntries(given.map((name) => [name, gradient(name, step)]));

const refusal = async (promise: Promise<unknown>): Promise<OptimizerError> =>
  promise.then(
    () => {
      throw new Error("it was not refused");
    },
    (error: OptimizerError) => error,
  );

const { gpu, why } = await openDawn();
const devices: [string, () => Promise<Device>][] = [
  ["cpu", () => cpu({ threads: 1 })],
  ["cpu, three threads", () => cpu({ threads: 3, elementsPerThread: 1 })],
];
if (why === undefined) devices.push(["webgpu", () => webgpu({ gpu })]);

type Adam = AdamW<unknown>;

/** A parameter with its states, its step count and the learning rate. */
async function all(optimizer: Adam, name: string): Promise<unknown[]> {
  const [p, m, v] = await Promise.all((["param", "m", "v"] as const).map((what) => optimizer.download(name, what)));
  return [p, m, v, optimizer.t(name), optimizer.hypers.lr];
}

describe.each(devices)("on %s", (_, open) => {
  test("a parameter added later is like one of an optimizer of its own; the others do not notice", async () => {
    const device = await open();
    const settings = { lr: 0.01, weightDecay: 0.1 };
    const grown: Adam = await AdamW.create(device, { params: [param("a"), param("b")], ...settings });
    const reference: Adam = await AdamW.create(device, { params: [param("a"), param("b")], ...settings });
    const alone: Adam = await AdamW.create(device, { params: [param("c", 3)], ...settings, lr: 0.02 });
    for (let step = 1; step <= 2; step++) {
      await grown.step({ gradients: gradients(step, ["a", "b"]) });
      await reference.step({ gradients: gradients(step, ["a", "b"]) });
    }
    for (const optimizer of [grown, reference]) optimizer.set({ lr: 0.02 });
    await grown.addParams([param("c", 3)]);
    expect([grown.steps, grown.t("a"), grown.t("c"), grown.hypers.lr]).toEqual([2, 2, 0, 0.02]);
    for (const name of ["a", "b"]) expect(await all(grown, name)).toEqual(await all(reference, name));
    for (let step = 3; step <= 5; step++) {
      await grown.step({ gradients: gradients(step) });
      await reference.step({ gradients: gradients(step, ["a", "b"]) });
      await alone.step({ gradients: gradients(step, ["c"]) });
    }
    for (const name of ["a", "b"]) expect(await all(grown, name)).toEqual(await all(reference, name));
    expect(await all(grown, "c")).toEqual(await all(alone, "c"));
    expect(grown.t("c")).toBe(3);
    for (const optimizer of [grown, reference, alone]) optimizer.destroy();
  });

  test("a frozen parameter stays as it is and needs no gradient; taken in again it goes on", async () => {
    const device = await open();
    const optimizer: Adam = await AdamW.create(device, { params: names.map((name) => param(name)) });
    const reference: Adam = await AdamW.create(device, { params: [param("b")] });
    await optimizer.step({ gradients: gradients(1) });
    await reference.step({ gradients: gradients(1, ["b"]) });
    optimizer.freeze("b");
    expect(optimizer.explain().params.map(({ frozen }) => frozen)).toEqual([false, true, false]);
    const kept = await all(optimizer, "b");
    await optimizer.step({ gradients: gradients(2, ["a", "c"]) });
    await optimizer.step({ gradients: gradients(3) });
    expect(await all(optimizer, "b")).toEqual(kept);
    expect([optimizer.t("a"), optimizer.t("b"), optimizer.steps]).toEqual([3, 1, 3]);
    // Freezing is part of what is saved: a resumed run does not train what was frozen.
    const resumed: Adam = await AdamW.create(device, { params: names.map((name) => param(name)) });
    await resumed.load(await optimizer.save());
    await resumed.step({ gradients: gradients(4) });
    expect((await all(resumed, "b")).slice(0, 4)).toEqual(kept.slice(0, 4));
    for (const one of [optimizer, resumed]) one.unfreeze(["b"]);
    await resumed.step({ gradients: gradients(5) });
    await reference.step({ gradients: gradients(5, ["b"]) });
    expect(await all(resumed, "b")).toEqual(await all(reference, "b"));
    expect((await refusal(optimizer.step({ gradients: gradients(5, ["a", "c"]) }))).code).toBe("missing-gradient");
    for (const one of [optimizer, reference, resumed]) one.destroy();
  });

  test("what is frozen stays so under a file that says nothing of it, and under a partial load", async () => {
    const optimizer: Adam = await AdamW.create(await open(), { params: names.map((name) => param(name)) });
    const file = new Uint8Array(await (await optimizer.save()).arrayBuffer());
    const { tensors, metadata } = readSafetensors(file);
    const silent = writeSafetensors(tensors, new Map([...metadata].filter(([key]) => key !== "frozen")));
    const isFrozen = async () => {
      const before = optimizer.t("b");
      await optimizer.step({ gradients: gradients(1) });
      return optimizer.t("b") === before;
    };
    optimizer.freeze("b");
    await optimizer.load(silent);
    expect(await isFrozen()).toBe(true);
    await optimizer.load(file, { partial: true });
    expect(await isFrozen()).toBe(true);
    await optimizer.load(file);
    expect(await isFrozen()).toBe(false);
    optimizer.destroy();
  });

  test("paramsFinite() looks at every element, zeroGrad() leaves a step without gradients", async () => {
    const optimizer: Adam = await AdamW.create(await open(), { params: names.map((name) => param(name)), weightDecay: 0 });
    expect(await optimizer.paramsFinite()).toBe(true);
    for (const [value, at] of [
      [Number.NaN, 20_002],
      [Number.POSITIVE_INFINITY, 0],
      [Number.NEGATIVE_INFINITY, 16_384],
    ] as const) {
      const data = noise(lengths.a, 1);
      data[at] = value;
      optimizer.upload("a", data);
      expect(await optimizer.paramsFinite()).toBe(false);
      data[at] = 3.4028234663852886e38;
      optimizer.upload("a", data);
      expect(await optimizer.paramsFinite()).toBe(true);
    }
    const before = await optimizer.download("c");
    for (const name of names) optimizer.upload(name, gradient(name, 1), "grad");
    optimizer.zeroGrad();
    await optimizer.step();
    expect(await optimizer.download("c")).toEqual(before);
    expect(await optimizer.download("c", "grad")).toEqual(new Float32Array(lengths.c));
    optimizer.destroy();
  });
});

describe("refusals change nothing", () => {
  test("of addParams", async () => {
    const device = await cpu({ threads: 1 });
    const optimizer = await AdamW.create(device, { params: [param("a")] });
    await optimizer.step({ gradients: gradients(1, ["a"]) });
    const before = await all(optimizer, "a");
    for (const [added, code] of [
      [[], "invalid-parameter"],
      [param("b"), "invalid-parameter"],
      [[param("a")], "duplicate-parameter"],
      [[{ name: "x", shape: [-1] }], "invalid-parameter"],
      [[{ name: "x", shape: [2 ** 31] }], "parameter-too-large"],
    ] as const) {
      expect((await refusal(optimizer.addParams(added as never))).code).toBe(code);
      expect(await all(optimizer, "a")).toEqual(before);
    }
    expect((await refusal(optimizer.addParams([param("b")], { group: 0 }))).message).toMatch("there are no groups");
    await optimizer.step({ gradients: gradients(2, ["a"]) });
    expect(() => optimizer.freeze("aa")).toThrow('there is no parameter "aa"');
    expect(() => optimizer.freeze(["a", "zz"])).toThrow('there is no parameter "zz"');
    await optimizer.step({ gradients: gradients(3, ["a"]) });
    expect(optimizer.t("a")).toBe(3); // not half frozen
  });

  test("nothing comes between a save or a load and its end", async () => {
    const optimizer = await AdamW.create(await cpu({ threads: 1 }), { params: [param("a")] });
    await optimizer.step({ gradients: gradients(1, ["a"]) });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    const slow = new WritableStream<Uint8Array<ArrayBuffer>>({ write: (piece) => held.then(() => void pieces.push(piece)) });
    const saving = optimizer.save(slow);
    const busy = { code: "busy", message: expect.stringContaining("save() is under way: await it") };
    expect(await refusal(optimizer.step({ gradients: gradients(2, ["a"]) }))).toMatchObject(busy);
    expect(await refusal(optimizer.load(new Uint8Array()))).toMatchObject(busy);
    expect(await refusal(optimizer.addParams([param("b")]))).toMatchObject(busy);
    expect(() => optimizer.set({ lr: 1 })).toThrow("under way");
    expect(() => optimizer.upload("a", noise(lengths.a, 1))).toThrow("under way");
    expect(() => optimizer.freeze("a")).toThrow("under way");
    expect((await optimizer.download("a")).length).toBe(lengths.a);
    release();
    await saving;
    const expected = new Uint8Array(await (await optimizer.save()).arrayBuffer());
    expect(Buffer.compare(Buffer.concat(pieces), expected)).toBe(0);
    await optimizer.step({ gradients: gradients(2, ["a"]) });
  });

  test("a misspelled option is not one left out", async () => {
    const optimizer = await AdamW.create(await cpu({ threads: 1 }), { params: [param("a")] });
    for (const asked of [
      () => optimizer.save(null, { param: false } as never),
      () => optimizer.load(new Uint8Array(), { partiel: true } as never),
      () => optimizer.addParams([param("b")], { groups: 1 } as never),
    ])
      expect(await refusal(asked())).toMatchObject({ code: "unknown-setting", message: expect.stringContaining("did you mean") });
  });

  test("a sink that fails is told of it, and the optimizer goes on", async () => {
    const optimizer = await AdamW.create(await cpu({ threads: 1 }), { params: [param("a")] });
    const failing = new WritableStream({
      write() {
        throw new Error("the disk is full");
      },
    });
    expect(await refusal(optimizer.save(failing))).toMatchObject({
      code: "state-file",
      message: expect.stringContaining("the disk is full"),
    });
    await optimizer.step({ gradients: gradients(1, ["a"]) });
    optimizer.destroy();
    for (const asked of [optimizer.save(), optimizer.load(new Uint8Array()), optimizer.addParams([param("b")]), optimizer.paramsFinite()])
      expect((await refusal(asked)).code).toBe("destroyed");
  });

  test("destroyed in the middle of a load, it says so", async () => {
    const optimizer = await AdamW.create(await cpu({ threads: 1 }), { params: [param("a")] });
    const file = new Uint8Array(await (await optimizer.save()).arrayBuffer());
    async function* interrupted() {
      yield file.subarray(0, 20_000);
      optimizer.destroy();
      yield file.subarray(20_000);
    }
    expect((await refusal(optimizer.load(interrupted()))).code).toBe("destroyed");
  });
});
