// AdamW, f32, 16Mi parameters on the CPU: the generated WebAssembly against torch's fused kernel, tfjs, jax-js and a plain loop,
// one thread each, in one run.

import { cpu } from "optspec/cpu";
import { AdamW } from "../generated/adamw/adamw.js";
import { jaxWasm, plainLoop, tfjsWasm } from "./peers/javascript.js";
import { torchAdamW } from "./peers/torch.js";
import { type Contestant, interleave, publish } from "./rounds.js";

const ELEMENTS = 16 * 2 ** 20;
const BYTES = 28;

async function ours(): Promise<Contestant> {
  const optimizer = await AdamW.create(await cpu(), { params: [{ name: "p", shape: [ELEMENTS] }] });
  const { param, grad } = optimizer.tensor("p");
  for (let i = 0; i < ELEMENTS; i++) {
    param[i] = Math.sin(i);
    grad[i] = Math.cos(i * 1.7);
  }
  return {
    name: "optspec AdamW, WebAssembly",
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) await optimizer.step();
      return (performance.now() - start) / 1e3 / steps;
    },
  };
}

const contestants = [
  await ours(),
  await torchAdamW(ELEMENTS, 1, "fused"),
  await torchAdamW(ELEMENTS, 1, "foreach"),
  await torchAdamW(ELEMENTS, 1, "loop"),
  plainLoop(ELEMENTS),
  await tfjsWasm(ELEMENTS),
  await jaxWasm(ELEMENTS),
];
const timings = await interleave(contestants, 5, (c) => (/tfjs|jax/.test(c.name) ? 2 : 5));
for (const contestant of contestants) contestant.close?.();
const [mine, fused, , , , tfjs, jax] = timings as [
  (typeof timings)[0],
  (typeof timings)[0],
  unknown,
  unknown,
  unknown,
  (typeof timings)[0],
  (typeof timings)[0],
];
publish("cpu-adamw", {
  title: "AdamW, f32, 16Mi parameters, one thread",
  rows: [
    ["contestant", "ms a step", "GB/s at 28 B", "ours is"],
    ...timings.map((t) => [
      t.name,
      (t.best * 1e3).toFixed(1),
      ((ELEMENTS * BYTES) / t.best / 1e9).toFixed(1),
      `${(t.best / mine.best).toFixed(2)}x`,
    ]),
  ],
  claims: [
    { claim: "speed relative to torch's fused AdamW", measured: fused.best / mine.best, atLeast: 0.8 },
    { claim: "speed relative to tfjs wasm", measured: tfjs.best / mine.best, atLeast: 5 },
    { claim: "speed relative to jax-js wasm", measured: jax.best / mine.best, atLeast: 5 },
  ],
});
process.exit(0);
