// Trains in a worker, so that the page stays awake: jax-js computes the gradients in WebAssembly, the generated AdamWDL takes the steps on
// the chosen device. The page ends a run by ending the worker.

import { init } from "@jax-js/jax";
import { cpu } from "optspec/cpu";
import type { Device } from "optspec/runtime";
import { webgpu } from "optspec/webgpu";
import { AdamWDL } from "../../generated/adamwdl/adamwdl.js";
import { loadDigits } from "../digits/digits.js";
import { initialize, LAYERS } from "../digits/model.js";
import { seeded } from "../digits/random.js";
import { BATCH, CHECK_EVERY, CHECKED, HELD_OUT, learningRate, runLabel, SEED } from "../digits/recipe.js";
import { train } from "../digits/train.js";
import type { News, Order } from "./messages.js";

/** The page looks at most so often. */
const NEWS_EVERY_MS = 80;

/** The global scope of a worker, as far as it is needed here. */
const worker = globalThis as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(news: News): void;
};

async function run({ device: kind, steps, decay }: Order): Promise<void> {
  await init("wasm");
  const device: Device = kind === "cpu" ? await cpu() : await webgpu();
  const parameters = initialize(seeded(SEED));
  const digits = loadDigits(HELD_OUT);
  const settings = { params: parameters, nLayers: LAYERS, lr: learningRate(steps) };
  const create = async (layerwiseDecay: number) => ({
    label: runLabel(layerwiseDecay),
    trainer: await AdamWDL.create(device, { ...settings, layerwiseDecay }),
  });
  const runs = [await create(1), await create(decay)] as const;
  const numbers = parameters.reduce((sum, { data }) => sum + data.length, 0);
  worker.postMessage({ kind: "ready", device: device.name, numbers, table: runs[1].trainer.explain() });
  let told = 0;
  const fixed = { runs, parameters, digits, steps, batch: BATCH, seed: SEED, checkEvery: CHECK_EVERY, checked: CHECKED };
  await train({
    ...fixed,
    onStep(step, courses) {
      if (performance.now() - told < NEWS_EVERY_MS && step !== steps) return;
      told = performance.now();
      worker.postMessage({ kind: "step", step, courses });
    },
  });
}

worker.onmessage = ({ data }) => {
  run(data).catch((error: unknown) => {
    worker.postMessage({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  });
};
worker.postMessage({ kind: "awake" });
