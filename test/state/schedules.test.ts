// Schedules that keep state are saved with the optimizer, groups and their hypers too.

import { cpu } from "optspec/cpu";
import { multiplicativeDecay, reduceOnPlateau } from "optspec/schedules";
import { expect, test } from "vitest";
import { AdamW } from "../../generated/adamw/adamw.js";
import { readSafetensors, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { noise } from "../runtime/adamw-reference.js";

const names = ["a", "b", "c"];
const params = names.map((name, i) => ({ name, shape: [30], data: noise(30, i) }));
const gradients = (step: number, given = names) => Object.fromEntries(given.map((name, i) => [name, noise(30, 10 * step + i)]));
const metrics = [1, 0.9, 0.95, 0.97, 0.96, 0.99, 1.2, 1.3, 1.1, 1.4];

async function create() {
  const plateau = reduceOnPlateau({ learningRate: 0.1, factor: 0.5, patience: 1 });
  // Adds up to no closed form: without its product so far it would have to be multiplied anew.
  const product = multiplicativeDecay({ learningRate: 0.05, lrLambda: (k) => 0.9 + 0.01 * (k % 3) });
  const groups = [
    { params: ["a"], lr: 0.5 },
    { params: ["b"], lr: { absolute: product }, weightDecay: 0.25 },
    { params: ["c"], beta1: 0.8 },
  ];
  return { optimizer: await AdamW.create(await cpu({ threads: 1 }), { params, lr: plateau, groups }), plateau, product };
}

type Run = Awaited<ReturnType<typeof create>>;

async function run({ optimizer, plateau }: Run, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) {
    if (step === 2) optimizer.set({ weightDecay: 0.125 }, { group: 1 });
    await optimizer.step({ gradients: gradients(step) });
    plateau.step(metrics[step]!);
  }
}

const bytesOf = async ({ optimizer }: Run) => new Uint8Array(await (await optimizer.save()).arrayBuffer());

test("a run with ReduceOnPlateau, MultiplicativeDecay and groups goes on as without stopping", async () => {
  const whole = await create();
  await run(whole, 0, 10);
  expect(whole.plateau.state()).not.toEqual((await create()).plateau.state());
  const first = await create();
  await run(first, 0, 5);
  const file = await bytesOf(first);
  const { metadata } = readSafetensors(file);
  expect([...metadata.keys()].filter((key) => key.startsWith("schedule/")).sort()).toEqual(["schedule/groups[1].lr", "schedule/lr"]);
  expect(JSON.parse(metadata.get("schedule/lr")!)).toEqual(first.plateau.state());
  const second = await create();
  await second.optimizer.load(file);
  await run(second, 5, 10);
  expect(Buffer.compare(await bytesOf(second), await bytesOf(whole))).toBe(0);
  expect(second.plateau.state()).toEqual(whole.plateau.state());
});

test("a schedule's state that is refused, or a load that breaks off, leaves every schedule as it was", async () => {
  const saved = await create();
  await run(saved, 0, 5);
  const file = await bytesOf(saved);
  const other = await create();
  await run(other, 0, 1);
  const before = [other.plateau.state(), other.product.state(), await bytesOf(other)];
  for (const key of ["schedule/lr", "schedule/groups[1].lr"]) {
    const { tensors, metadata } = readSafetensors(file);
    const bad = writeSafetensors(tensors, new Map(metadata).set(key, '{"step":"many"}'));
    await expect(other.optimizer.load(bad)).rejects.toMatchObject({ code: "state-mismatch", message: expect.stringContaining(key) });
    expect([other.plateau.state(), other.product.state(), await bytesOf(other)]).toEqual(before);
  }
  async function* short() {
    yield file.slice(0, -8);
  }
  await expect(other.optimizer.load(short())).rejects.toMatchObject({ code: "state-file" });
  expect([other.plateau.state(), other.product.state()]).toEqual(before.slice(0, 2));
  const plain = await AdamW.create(await cpu({ threads: 1 }), { params });
  await expect(plain.load(file)).rejects.toMatchObject({ code: "state-mismatch", message: expect.stringMatching(/"groups\[0\]\.lr"/) });
});

test("added parameters join a group or make one; hypers that were set and schedules go on", async () => {
  const [grown, reference] = [await create(), await create()];
  for (const one of [grown, reference]) await run(one, 0, 4);
  await expect(grown.optimizer.addParams([{ name: "d", shape: [30] }])).rejects.toMatchObject({
    message: expect.stringContaining("a number from 0 to 2"),
  });
  await expect(grown.optimizer.addParams([{ name: "d", shape: [30] }], { group: 3 })).rejects.toMatchObject({ code: "invalid-setting" });
  await grown.optimizer.addParams([{ name: "d", shape: [30], data: noise(30, 1) }], { group: 1 });
  await grown.optimizer.addParams([{ name: "e", shape: [30], data: noise(30, 1) }], { group: { lr: 2, beta1: 0.5 } });
  for (let step = 4; step < 8; step++) {
    for (const { plateau } of [grown, reference]) plateau.step(metrics[step]!);
    await grown.optimizer.step({ gradients: gradients(step, [...names, "d", "e"]) });
    await reference.optimizer.step({ gradients: gradients(step) });
  }
  for (const name of names) {
    for (const what of ["param", "m", "v"] as const)
      expect(await grown.optimizer.download(name, what)).toEqual(await reference.optimizer.download(name, what));
  }
  const rows = grown.optimizer.explain().params.map(({ name, hypers }) => [name, hypers.weight_decay?.value, hypers.lr?.value]);
  const { lr } = grown.optimizer.hypers;
  expect(rows.filter(([name]) => ["b", "d"].includes(name as string)).map(([, decay]) => decay)).toEqual([0.125, 0.125]);
  expect(rows.find(([name]) => name === "e")![2]).toBeCloseTo(2 * lr, 12);
});
