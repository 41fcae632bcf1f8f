// States smaller than an element where parameters are added in the middle of a run: one number for each parameter, one for the whole model.

import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { describe, expect, test } from "vitest";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer, type Optimizer, type OptimizerTypes } from "../../src/runtime/index.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { noise } from "../oracle/against-interpreter.js";
import { compileOne } from "../oracle/compile-one.js";

const { gpu, why } = await openDawn();
const { definition } = await compileOne(`optimizer Kept {
  hyper lr = 0.1
  state m = 0
  state start: tensor = norm(param)
  state total: model = 1
  state level: model = norm[model](param)
  start <- 0.5 * start + norm(grad)
  total <- total + sum[model](abs(grad))
  level <- 0.75 * level + max[model](start)
  m <- 0.9 * m + grad / (1 + start)
  param <- param - lr * m * level / total
}`);

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}
type AnyOptimizer = Optimizer<unknown, AnyTypes>;

const sizes = { a: 1500, b: 3, c: 16_389 };
const params = Object.entries(sizes).map(([name, length], i) => ({ name, shape: [length], data: noise(length, i + 1) }));
const gradients = (step: number, list = params) =>
  Object.fromEntries(list.map(({ name, shape }, i) => [name, noise(shape[0]!, 100 * (step + 1) + i)]));
const open = (device: Device<unknown>, list = params): Promise<AnyOptimizer> =>
  createOptimizer<unknown, AnyTypes>(definition, device, { params: list });

/** Everything that a step depends on. */
async function everything(optimizer: AnyOptimizer, names: readonly string[]) {
  const states = names.flatMap((name) => ["param", "m", "start"].map((what) => [name, what] as const));
  return {
    arrays: await Promise.all(states.map(([name, what]) => optimizer.download(name, what))),
    model: [await optimizer.state("total"), await optimizer.state("level")],
  };
}
const names = params.map(({ name }) => name);

const targets = { "the CPU": () => cpu({ threads: 1 }), WebGPU: () => webgpu({ gpu, limits: "default" }) } as const;
const available = Object.entries(targets).filter(([name]) => name !== "WebGPU" || why === undefined);

describe.each(available)("on %s", (_, make) => {
  test("initial values of an added parameter see what all others hold", async () => {
    const { definition } = await compileOne(`optimizer Relative {
      hyper lr = 0.1
      state share: tensor = norm(param) / norm[model](param)
      share <- share * 1
      param <- param - lr * grad * share
    }`);
    const optimizer = await createOptimizer<unknown, AnyTypes>(definition, await make(), {
      params: [{ name: "a", shape: [1], data: Float32Array.of(1) }],
    });
    await optimizer.step({ gradients: { a: Float32Array.of(-20) } }); // a is 3 then
    await optimizer.addParams([{ name: "b", shape: [1], data: Float32Array.of(4) }]);
    expect(await optimizer.download("b", "share")).toEqual(Float32Array.of(0.8));
    expect(await optimizer.download("a", "share")).toEqual(Float32Array.of(1));
    expect(await optimizer.download("a")).toEqual(Float32Array.of(3));
    optimizer.destroy();
  });

  test("adding a parameter keeps them; the new one starts from its own", async () => {
    const device = await make();
    const optimizer = await open(device);
    await optimizer.step({ gradients: gradients(0) });
    const before = await everything(optimizer, names);
    const added = { name: "d", shape: [2], data: Float32Array.of(3, 4) };
    await optimizer.addParams([added]);
    expect(await everything(optimizer, names)).toEqual(before);
    expect(await optimizer.download("d", "start")).toEqual(Float32Array.of(5));
    await optimizer.step({ gradients: gradients(1, [...params, added]) });
    device.destroy();
  });
});
