// AdamW in every layout of its memory, 16Mi parameters on the CPU: bytes moved, and the share that they are of the bandwidth with which as
// many threads copy memory in the same run. A copy is counted as 8 bytes a number, though most machines also read what it overwrites: an
// update in place may have more than all of it. torch's fused AdamW on bfloat16 and f32 tensors, in the same rounds.

import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { cpu } from "optspec/cpu";
import { compile } from "../src/compiler/compile.js";
import type { Device } from "../src/runtime/device.js";
import { createOptimizer } from "../src/runtime/index.js";
import { torchAdamW } from "./peers/torch.js";
import { type Contestant, interleave, pairedRatio, publish, type Timing } from "./rounds.js";

const ELEMENTS = Number(process.env.OPTSPEC_BENCH_ELEMENTS ?? 16 * 2 ** 20);
const ROUNDS = 5;
const STEPS = 4;

interface Layout {
  readonly title: string;
  readonly options: Readonly<Record<string, string>>;
  /** Formats of the moments; f32 where nothing is said. */
  readonly moments?: readonly [m: string, v: string];
}

const both = (dtype: string) => ({ param_dtype: dtype, grad_dtype: dtype });
const eightBits = ["q8(signed, block 256)", "q8(unsigned, block 256)"] as const;
const layouts: readonly Layout[] = [
  { title: "f32", options: {} },
  { title: "bf16 p, g", options: both("bf16") },
  { title: "bf16 p, g, master", options: { ...both("bf16"), master: "f32" } },
  { title: "bf16 p, g, m, v", options: both("bf16"), moments: ["bf16", "bf16"] },
  { title: "bf16 p, g, m, v, at random", options: { ...both("bf16"), rounding: "stochastic" }, moments: ["bf16", "bf16"] },
  { title: "bf16 p, g, remainder", options: { ...both("bf16"), master: "remainder" } },
  { title: "bf16 p, g, m, v, remainder", options: { ...both("bf16"), master: "remainder" }, moments: ["bf16", "bf16"] },
  { title: "bf16 p, g, 8-bit m, v", options: both("bf16"), moments: eightBits },
  { title: "f16 p, g", options: both("f16") },
  { title: "f16 p, g, master", options: { ...both("f16"), master: "f32" } },
  { title: "f16 p, g, m, v", options: both("f16"), moments: ["f16", "f16"] },
  { title: "f16 p, g, 8-bit m, v", options: both("f16"), moments: eightBits },
];

interface Measured extends Contestant {
  readonly bytes: number;
  readonly dispatches: number | null;
}

const adamw = readFileSync(new URL("../examples/adamw.opt", import.meta.url), "utf8");

async function contestant({ title, options, moments }: Layout, device: Device<unknown>): Promise<Measured> {
  const text = moments === undefined ? adamw : adamw.replace(/\}\s*$/, `store { m: ${moments[0]}\n v: ${moments[1]} }\n}\n`);
  const { optimizers } = await compile({ path: "adamw.opt", text }, { builds: new Map([["AdamW", [options]]]), targets: [] });
  const { definition } = optimizers[0]!;
  const build = definition.manifest.builds[0]!;
  const { bytesPerElement } = build.programs.find(({ entry }) => entry === "step")!;
  const optimizer = await createOptimizer(definition, device, { params: [{ name: "p", shape: [ELEMENTS] }] });
  const numbers = new Float32Array(ELEMENTS);
  for (const what of ["param", "grad"] as const) {
    for (let i = 0; i < ELEMENTS; i++) numbers[i] = Math.sin(i * (what === "param" ? 0.7 : 1.7)) * 0.01;
    optimizer.upload("p", numbers, what);
  }
  return {
    name: title,
    bytes: Math.max(...bytesPerElement.map(({ read, written }) => read + written)),
    dispatches: optimizer.dispatches,
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) await optimizer.step();
      return (performance.now() - start) / 1e3 / steps;
    },
    close: () => optimizer.destroy(),
  };
}

const copyText = `
const { parentPort, workerData } = require("node:worker_threads");
const [from, to] = [new Float32Array(workerData).fill(1), new Float32Array(workerData)];
parentPort.on("message", (times) => { for (let i = 0; i < times; i++) to.set(from); parentPort.postMessage(0); });
`;

/** Each of so many threads copies its part of as many f32 numbers as there are parameters. */
function copying(threads: number): Measured {
  const workers = Array.from({ length: threads }, () => new Worker(copyText, { eval: true, workerData: ELEMENTS / threads }));
  return {
    name: "memory copied",
    bytes: 8,
    dispatches: null,
    async round(steps) {
      const start = performance.now();
      await Promise.all(
        workers.map((worker) => {
          const done = new Promise<void>((resolve) => worker.once("message", () => resolve()));
          worker.postMessage(steps);
          return done;
        }),
      );
      return (performance.now() - start) / 1e3 / steps;
    },
    close: () => {
      for (const worker of workers) void worker.terminate();
    },
  };
}

async function torch(threads: number, dtype: "float32" | "bfloat16", bytes: number): Promise<Measured> {
  return { ...(await torchAdamW(ELEMENTS, threads, "fused", 1, dtype)), bytes, dispatches: null };
}

interface Group {
  readonly threads: number;
  readonly contestants: readonly Measured[];
  readonly timings: readonly Timing[];
}

async function measure(threads: number): Promise<Group> {
  const device = await cpu({ threads });
  const contestants = [copying(threads)];
  for (const layout of layouts) contestants.push(await contestant(layout, device));
  contestants.push(await torch(threads, "float32", 28), await torch(threads, "bfloat16", 14));
  const timings = await interleave(contestants, ROUNDS, () => STEPS);
  for (const { close } of contestants) close?.();
  device.destroy();
  return { threads, contestants, timings };
}

const groups = [await measure(1), await measure(2)];
const rowsOf = ({ threads, contestants, timings }: Group) => {
  const rate = (i: number) => (ELEMENTS * contestants[i]!.bytes) / timings[i]!.best / 1e9;
  return contestants.map(({ name, bytes, dispatches }, i) => [
    `${name}, ${threads}`,
    bytes.toFixed(2),
    dispatches === null ? "" : String(dispatches),
    (timings[i]!.best * 1e3).toFixed(1),
    rate(i).toFixed(1),
    (rate(i) / rate(0)).toFixed(2),
  ]);
};
const claimsOf = ({ threads, contestants, timings }: Group) => {
  const at = (name: string | RegExp) => timings[contestants.findIndex((one) => one.name.match(name))]!;
  const inBfloat16 = timings[contestants.findIndex(({ name }) => name === "bf16 p, g, m, v")]!;
  return [
    {
      claim: `speed relative to torch's fused AdamW on bf16, ${threads} threads`,
      measured: pairedRatio(inBfloat16, at(/torch.*bfloat16/)),
      atLeast: 0.8,
    },
    { claim: `speed of bf16 p, g, m, v relative to f32, ${threads} threads`, measured: pairedRatio(inBfloat16, at("f32")), atLeast: 1 },
  ];
};
publish("cpu-layouts", {
  title: "AdamW by layout, 16Mi parameters, one thread and two",
  rows: [["layout, threads", "B a parameter", "calls a step", "ms a step", "GB/s", "of a copy"], ...groups.flatMap(rowsOf)],
  claims: groups.flatMap(claimsOf),
});
process.exit(0);
