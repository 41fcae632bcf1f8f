// Optimizers that reduce on the CUDA device without a GPU: NVRTC is real, the driver pretends. Launches and their operands, the memory of
// scalars, callers' memory, graphs.

import koffi from "koffi";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CHUNK_ELEMENTS } from "../../../src/contract/manifest.js";
import { cpu } from "../../../src/runtime/cpu/index.js";
import { openDriver } from "../../../src/runtime/cuda/driver.js";
import { cuda } from "../../../src/runtime/cuda/index.js";
import { createOptimizer } from "../../../src/runtime/index.js";
import { compileTogether } from "../../compilers/cuda-on-cpu.js";
import { nvrtcPath } from "../../compilers/cuda-toolchain.js";
import { differences, noise } from "../../oracle/against-interpreter.js";
import { compileOne } from "../../oracle/compile-one.js";
import { reductionSpecs } from "../../oracle/reduction-specs.js";
import { captureGraph, createStream } from "./graph.js";
import { allocateOnGpu, freeOnGpu, leftInDriver, playMachine, pretendCuda, pretendDriver, readOnGpu, whyNoPretence } from "./pretend.js";

const sizes = [CHUNK_ELEMENTS + 3, 5, 0, 1025, 2 * CHUNK_ELEMENTS];
const params = [...sizes.map((length, i) => ({ name: `p${i}`, shape: [length] })), { name: "frozen", shape: [4, 5] }];

beforeEach(() => playMachine({}));
afterEach(() => {
  expect(whyNoPretence === undefined ? leftInDriver() : 0).toBe(0);
});

const textOf = ({ definition }: Awaited<ReturnType<typeof compileOne>>) => Object.values(definition.kernels)[0]!.cuda!();

async function open(title: string) {
  const one = await compileOne(reductionSpecs[title]!);
  return { one, device: await pretendCuda(await textOf(one)) };
}

beforeAll(async () => {
  if (whyNoPretence !== undefined) return;
  const texts = await Promise.all(Object.values(reductionSpecs).map(async (text) => textOf(await compileOne(text))));
  compileTogether(texts, "-O0");
});

describe.skipIf(whyNoPretence !== undefined)("the interpreter's bits", () => {
  test.each(Object.keys(reductionSpecs))("%s", async (title) => {
    const { one, device } = await open(title);
    const present = (param: number, step: number) => step === 0 || (param + step) % 3 !== 0;
    expect(await differences(device, one, { params, steps: 3, seed: 21, present })).toEqual([]);
    device.destroy();
  });
});

describe.skipIf(whyNoPretence !== undefined)("memory", () => {
  const gradients = Object.fromEntries(sizes.map((length, i) => [`p${i}`, noise(length, 70 + i)]));
  const data = (i: number) => noise(sizes[i]!, 40 + i);
  const plain = sizes.map((length, i) => ({ name: `p${i}`, shape: [length], data: data(i) }));

  /** What the CPU computes after so many steps. */
  async function expected(steps: number): Promise<readonly Float32Array[]> {
    const { definition } = await compileOne(reductionSpecs.Lamb!);
    const optimizer = await createOptimizer(definition, await cpu({ threads: 1 }), { params: plain });
    for (let step = 0; step < steps; step++) await optimizer.step({ gradients });
    return Promise.all(plain.map(({ name }) => optimizer.download(name)));
  }

  test("of the caller's, at any alignment, gives the same bits; launches are sweeps and finishes", async () => {
    const { one, device } = await open("Lamb");
    const owned = sizes.map((_, i) => allocateOnGpu(Float32Array.of(...new Array<number>(i).fill(0), ...data(i))));
    const optimizer = await createOptimizer(one.definition, device, {
      params: sizes.map((length, i) =>
        // The second one is ours: tensors of both kinds, in another order in memory than in the list.
        i === 1 ? { name: `p${i}`, shape: [length], data: data(i) } : { name: `p${i}`, shape: [length], buffer: owned[i], offset: 4 * i },
      ) as never,
    });
    expect(optimizer.dispatches).toBe(5);
    for (let step = 0; step < 2; step++) await optimizer.step({ gradients });
    for (const [i, numbers] of (await expected(2)).entries()) {
      expect(await optimizer.download(`p${i}`)).toEqual(numbers);
      if (i !== 1) expect(readOnGpu(owned[i]!.pointer + BigInt(4 * i), sizes[i]!)).toEqual(numbers);
    }
    optimizer.destroy();
    for (const range of owned) freeOnGpu(range);
    device.destroy();
  });

  test("a captured step counts on the device: its sweeps and finishes read the page that is next", async () => {
    const { one, device: unused } = await open("Lamb");
    unused.destroy();
    const library = koffi.load(pretendDriver) as never;
    const driver = openDriver(koffi as never, library, 0);
    const { stream, destroy } = createStream(driver, library);
    const device = await cuda({ driver: pretendDriver, nvrtc: nvrtcPath, stream });
    const optimizer = await createOptimizer(one.definition, device, { params: plain });
    const graph = captureGraph(driver, library, stream, () => optimizer.capture(stream));
    for (let step = 0; step < 18; step++) {
      await optimizer.prepare({ gradients });
      graph.replay();
    }
    for (const [i, numbers] of (await expected(18)).entries()) expect(await optimizer.download(`p${i}`)).toEqual(numbers);
    optimizer.destroy();
    for (const end of [graph.destroy, destroy, driver.close]) end();
    device.destroy();
  });
});
