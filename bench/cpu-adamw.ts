// AdamW, f32, 16Mi parameters on the CPU: the generated WebAssembly against torch's fused kernel, tfjs, jax-js and a plain loop, one thread
// each, and on two threads against torch's fused kernel on two; all in one run.

import { cpu } from "optspec/cpu";
import { AdamW } from "../generated/adamw/adamw.js";
import { jaxWasm, plainLoop, tfjsWasm } from "./peers/javascript.js";
import { torchAdamW } from "./peers/torch.js";
import { type Contestant, interleave, pairedRatio, publish, type Timing } from "./rounds.js";

const ELEMENTS = 16 * 2 ** 20;
const BYTES = 28;

async function ours(threads: number): Promise<Contestant> {
  const optimizer = await AdamW.create(await cpu({ threads }), { params: [{ name: "p", shape: [ELEMENTS] }] });
  const { param, grad } = optimizer.tensor("p");
  for (let i = 0; i < ELEMENTS; i++) {
    param[i] = Math.sin(i);
    grad[i] = Math.cos(i * 1.7);
  }
  return {
    name: `optspec AdamW, WebAssembly, ${threads} thread${threads === 1 ? "" : "s"}`,
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) await optimizer.step();
      return (performance.now() - start) / 1e3 / steps;
    },
  };
}

const contestants = {
  ours: await ours(1),
  fused: await torchAdamW(ELEMENTS, 1, "fused"),
  foreach: await torchAdamW(ELEMENTS, 1, "foreach"),
  loop: await torchAdamW(ELEMENTS, 1, "loop"),
  plain: plainLoop(ELEMENTS),
  tfjs: await tfjsWasm(ELEMENTS),
  jax: await jaxWasm(ELEMENTS),
  ours2: await ours(2),
  fused2: await torchAdamW(ELEMENTS, 2, "fused"),
};
const list = await interleave(Object.values(contestants), 5, (c) => (/tfjs|jax/.test(c.name) ? 2 : 5));
for (const contestant of Object.values(contestants)) contestant.close?.();
const timings = Object.fromEntries(Object.keys(contestants).map((key, i) => [key, list[i]!])) as Record<keyof typeof contestants, Timing>;

const row = (t: Timing, mine: Timing) => [
  t.name,
  (t.best * 1e3).toFixed(1),
  ((ELEMENTS * BYTES) / t.best / 1e9).toFixed(1),
  `${(t.best / mine.best).toFixed(2)}x`,
];
const { ours2, fused2, ...alone } = timings;
publish("cpu-adamw", {
  title: "AdamW, f32, 16Mi parameters, one thread and two",
  rows: [
    ["contestant", "ms a step", "GB/s at 28 B", "ours is"],
    ...Object.values(alone).map((t) => row(t, alone.ours)),
    ...[ours2, fused2].map((t) => row(t, ours2)),
  ],
  claims: [
    { claim: "speed relative to torch's fused AdamW", measured: alone.fused.best / alone.ours.best, atLeast: 0.8 },
    { claim: "speed relative to tfjs wasm", measured: alone.tfjs.best / alone.ours.best, atLeast: 5 },
    { claim: "speed relative to jax-js wasm", measured: alone.jax.best / alone.ours.best, atLeast: 5 },
    { claim: "speed relative to torch's fused AdamW, two threads each", measured: fused2.best / ours2.best, atLeast: 0.8 },
    { claim: "the same, median of paired rounds", measured: pairedRatio(ours2, fused2), atLeast: 0.8 },
  ],
});
process.exit(0);
