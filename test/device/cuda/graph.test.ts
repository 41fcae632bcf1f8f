// A captured step, replayed: the device's own count chooses the page of coefficients, and equal bits come out.

import koffi from "koffi";
import { afterEach, describe, expect, test } from "vitest";
import { cpu } from "../../../src/runtime/cpu/index.js";
import { openDriver } from "../../../src/runtime/cuda/driver.js";
import { type CudaDevice, cuda } from "../../../src/runtime/cuda/index.js";
import { createOptimizer, type Optimizer } from "../../../src/runtime/index.js";
import { nvrtcPath } from "../../compilers/cuda-toolchain.js";
import { randomBits } from "../../oracle/random-bits.js";
import { subjects } from "../../oracle/subjects.js";
import { captureGraph, createStream } from "./graph.js";
import { leftInDriver, playMachine, pretendCuda, pretendDriver, whyNoPretence } from "./pretend.js";

const all = await subjects();
const { manifest, wgsl, wasm, cuda: text } = all.find(({ name }) => name === "AdamWDL base")!;
const definition = {
  manifest,
  kernels: { [manifest.builds[0]!.key]: { wgsl: async () => wgsl, wasm: async () => wasm, cuda: async () => text } },
};
const LENGTHS = { "embeddings.w": 77, "encoder.layers.0.w": 5_001, "encoder.layers.1.w": 40_000, head: 3 };
const params = Object.entries(LENGTHS).map(([name, length], i) => ({ name, shape: [length], data: tame(length, i + 1) }));
/** Bias correction and the schedule give every step other coefficients. */
const settings = { params, nLayers: 2, lr: (step: number) => 0.01 / (1 + step), layerwiseDecay: 0.7 };
const gradientsAt = (step: number) => Object.fromEntries(params.map(({ name, shape }, i) => [name, tame(shape[0]!, 100 * (step + 1) + i)]));

function tame(length: number, seed: number): Float32Array<ArrayBuffer> {
  return randomBits(length, seed).map((x) => (Math.abs(x) < 10 ? x : 0.5));
}

async function bitsOf(optimizer: Optimizer): Promise<string> {
  const arrays = await Promise.all(
    params.flatMap(({ name }) => ["param", "moment1", "moment2"].map((what) => optimizer.download(name, what as "param"))),
  );
  return arrays.map((array) => Buffer.from(array.buffer).toString("base64")).join(" ");
}

/** What the CPU computes after so many steps. */
async function expected(steps: number): Promise<string> {
  const optimizer = await createOptimizer(definition, await cpu({ threads: 1 }), settings);
  for (let step = 0; step < steps; step++) await optimizer.step({ gradients: gradientsAt(step) });
  return bitsOf(optimizer);
}

describe.skipIf(whyNoPretence !== undefined)("a captured step", () => {
  afterEach(() => expect(leftInDriver()).toBe(0));

  async function open() {
    playMachine({});
    (await pretendCuda(text)).destroy();
    const library = koffi.load(pretendDriver) as never;
    const driver = openDriver(koffi as never, library, 0);
    const { stream, destroy } = createStream(driver, library);
    const device = await cuda({ driver: pretendDriver, nvrtc: nvrtcPath, stream });
    const optimizer = await createOptimizer(definition, device, settings);
    const graph = captureGraph(driver, library, stream, () => optimizer.capture(stream));
    return { optimizer, graph, close: () => close(device, optimizer, [graph.destroy, destroy, driver.close]) };
  }

  function close(device: CudaDevice, optimizer: Optimizer, ends: readonly (() => void)[]): void {
    optimizer.destroy();
    for (const end of ends) end();
    device.destroy();
  }

  test("replayed 40 times, a prepare before each, equals 40 steps: the ring goes round", async () => {
    const { optimizer, graph, close } = await open();
    for (let step = 0; step < 40; step++) {
      await optimizer.prepare({ gradients: gradientsAt(step) });
      graph.replay();
    }
    expect(optimizer.steps).toBe(40);
    expect(await bitsOf(optimizer)).toBe(await expected(40));
    close();
  });

  test("after plain steps, and before others", async () => {
    const { optimizer, graph, close } = await open();
    for (let step = 0; step < 12; step++) {
      if (step % 4 === 0) await optimizer.step({ gradients: gradientsAt(step) });
      else {
        await optimizer.prepare({ gradients: gradientsAt(step) });
        graph.replay();
      }
    }
    expect(await bitsOf(optimizer)).toBe(await expected(12));
    close();
  });

  test("with 16 steps prepared ahead: nothing is left to the host while they run", async () => {
    const { optimizer, graph, close } = await open();
    const gradients = gradientsAt(0);
    await optimizer.step({ gradients });
    for (let step = 1; step < 17; step++) await optimizer.prepare();
    for (let step = 1; step < 17; step++) graph.replay();
    const plain = await createOptimizer(definition, await cpu({ threads: 1 }), settings);
    for (let step = 0; step < 17; step++) await plain.step({ gradients });
    expect(await bitsOf(optimizer)).toBe(await bitsOf(plain));
    close();
  });

  test("is refused where there are no graphs, and without a stream", async () => {
    const plain = await createOptimizer(definition, await cpu({ threads: 1 }), settings);
    expect(() => plain.capture(1n)).toThrow("the cpu device has no graphs: use step()");
    await expect(plain.prepare()).rejects.toMatchObject({ code: "encode" });
    const { optimizer, close } = await open();
    expect(() => optimizer.capture(5 as never)).toThrow("capture takes a CUstream as a bigint, not 5");
    expect(optimizer.steps).toBe(0);
    close();
  });
});
