// Skipped steps on the CUDA device without a GPU: NVRTC is real, the driver pretends. Plain steps and replays of a graph read the page of
// as many steps as the device took.

import { readFileSync } from "node:fs";
import koffi from "koffi";
import { afterEach, describe, expect, test } from "vitest";
import { cpu } from "../../../src/runtime/cpu/index.js";
import { openDriver } from "../../../src/runtime/cuda/driver.js";
import { cuda } from "../../../src/runtime/cuda/index.js";
import { nvrtcPath } from "../../compilers/cuda-toolchain.js";
import { compileOne } from "../../oracle/compile-one.js";
import { differencesOf, gradientsAt, openPair, type ScaleSettings } from "../../oracle/skipping-run.js";
import { captureGraph, createStream } from "./graph.js";
import { leftInDriver, playMachine, pretendCuda, pretendDriver, whyNoPretence } from "./pretend.js";

const nadam = await compileOne(readFileSync(new URL("../../../examples/nadam.opt", import.meta.url), "utf8"), [{ non_finite: "skip" }]);
const scale: ScaleSettings = { init: 256, growthFactor: 2, backoffFactor: 0.5, growthInterval: 2 };
/** Every step has coefficients of its own. */
const settings = { lossScale: scale, lr: (step: number) => 0.01 / (1 + step) };
const isSkipped = (step: number) => [0, 1, 5, 9, 10, 11, 17, 30].includes(step);

async function open() {
  playMachine({});
  (await pretendCuda(await Object.values(nadam.definition.kernels)[0]!.cuda!())).destroy();
  const library = koffi.load(pretendDriver) as never;
  const driver = openDriver(koffi as never, library, 0);
  const { stream, destroy } = createStream(driver, library);
  const device = await cuda({ driver: pretendDriver, nvrtc: nvrtcPath, stream });
  const pair = await openPair(device, nadam, settings, scale);
  const graph = captureGraph(driver, library, stream, () => pair.optimizer.capture(stream));
  const close = () => {
    pair.optimizer.destroy();
    graph.destroy();
    destroy();
    driver.close();
    device.destroy();
  };
  return { pair, graph, close };
}

describe.skipIf(whyNoPretence !== undefined)("steps that may be skipped", () => {
  afterEach(() => expect(leftInDriver()).toBe(0));

  test("replayed and plain by turns equal the interpreter, in bits, counts and scale", async () => {
    const { pair, graph, close } = await open();
    for (let step = 0; step < 40; step++) {
      const gradients = gradientsAt(step, isSkipped(step), 16);
      if (step % 8 === 3) await pair.optimizer.step({ gradients });
      else {
        await pair.optimizer.prepare({ gradients });
        graph.replay();
      }
      pair.interpreter.step(new Map(Object.entries(gradients)));
    }
    expect(await differencesOf(pair)).toEqual([]);
    expect(pair.optimizer.steps).toBe(32);
    close();
  });

  test("15 are prepared ahead and no more; those that are skipped leave their pages to the next", async () => {
    const { pair, graph, close } = await open();
    const { optimizer, interpreter } = pair;
    for (let step = 0; step < 3; step++) {
      const gradients = gradientsAt(step, step === 1, 16);
      await optimizer.step({ gradients });
      interpreter.step(new Map(Object.entries(gradients)));
    }
    await optimizer.idle();
    for (let step = 0; step < 15; step++) await optimizer.prepare();
    await expect(optimizer.prepare()).rejects.toThrow(/15 steps were encoded or prepared/);
    await expect(optimizer.save()).rejects.toThrow(/15 steps were encoded or prepared/);
    for (let step = 3; step < 18; step++) {
      const gradients = gradientsAt(step, isSkipped(step), 16);
      for (const [name, data] of Object.entries(gradients)) optimizer.upload(name, data, "grad");
      graph.replay();
      interpreter.step(new Map(Object.entries(gradients)));
    }
    expect(await differencesOf(pair)).toEqual([]);
    close();
  });

  test("a run saved after skipped steps goes on on the CPU with the same bits", async () => {
    const { pair, graph, close } = await open();
    const onCpu = await openPair(await cpu({ threads: 1 }), nadam, settings, scale);
    const { optimizer } = pair;
    for (let step = 0; step < 7; step++) {
      const gradients = gradientsAt(step, isSkipped(step), 16);
      await optimizer.prepare({ gradients });
      graph.replay();
      pair.interpreter.step(new Map(Object.entries(gradients)));
    }
    await onCpu.optimizer.load(await optimizer.save());
    for (let step = 7; step < 20; step++) {
      const gradients = gradientsAt(step, isSkipped(step), 16);
      await onCpu.optimizer.step({ gradients });
      pair.interpreter.step(new Map(Object.entries(gradients)));
    }
    expect(await differencesOf({ ...pair, optimizer: onCpu.optimizer })).toEqual([]);
    close();
  });
});
