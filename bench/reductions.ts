// Optimizers that reduce beside AdamW, which does not: bytes a parameter, launches a step, and the share that they reach of AdamW's
// bandwidth, on the CPU and on WebGPU; on the CPU with PyTorch's AdamW behind its clipping and with pytorch_optimizer's Lamb and Prodigy.

import { readFileSync } from "node:fs";
import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { compile } from "../src/compiler/compile.js";
import type { Device } from "../src/runtime/device.js";
import { createOptimizer } from "../src/runtime/index.js";
import { openDawn } from "../test/device/webgpu/dawn.js";
import { torchReducing } from "./peers/torch.js";
import { type Contestant, interleave, publish, type Timing } from "./rounds.js";

const TENSORS = 64;
/** Of all tensors together. */
const ELEMENTS = Number(process.env.OPTSPEC_BENCH_ELEMENTS ?? 16 * 2 ** 20);

const subjects = {
  AdamW: { file: "adamw", name: "AdamW", options: {} },
  "AdamW, clipped by the norm of all": { file: "adamw", name: "AdamW", options: { grad_clip: "global_norm" } },
  Lamb: { file: "lamb", name: "Lamb", options: { clipped: "false" } },
  "Lamb, clipped by the norm of all": { file: "lamb", name: "Lamb", options: {} },
  Prodigy: { file: "prodigy", name: "Prodigy", options: {} },
} as const;
type Title = keyof typeof subjects;

interface Measured extends Contestant {
  readonly title: Title;
  readonly bytes: number;
  readonly dispatches: number;
}

async function contestant(title: Title, device: Device): Promise<Measured> {
  const { file, name, options } = subjects[title];
  const text = readFileSync(new URL(`../examples/${file}.opt`, import.meta.url), "utf8");
  const { optimizers } = await compile({ path: `${file}.opt`, text }, { builds: new Map([[name, [options]]]), targets: [] });
  const { definition } = optimizers[0]!;
  const params = Array.from({ length: TENSORS }, (_, i) => ({ name: `p${i}`, shape: [ELEMENTS / TENSORS] }));
  const optimizer = await createOptimizer(definition, device, { params });
  for (const [i, { name: param, shape }] of params.entries()) {
    optimizer.upload(param, numbers(shape[0]!, i));
    optimizer.upload(param, numbers(shape[0]!, i + TENSORS), "grad");
  }
  const step = definition.manifest.builds[0]!.programs.find(({ entry }) => entry === "step")!;
  // The variant that does most is the one of parameters with weight decay.
  const bytes = Math.max(...step.bytesPerElement.map(({ read, written }) => read + written));
  return {
    title,
    name: `optspec ${title}`,
    bytes,
    dispatches: optimizer.dispatches,
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) {
        await optimizer.step();
        await optimizer.idle();
      }
      return (performance.now() - start) / 1e3 / steps;
    },
    close: () => optimizer.destroy(),
  };
}

function numbers(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 0.7 + seed) * 0.01);
}

const row = ({ name, bytes, dispatches }: Measured, time: Timing, adamw: number): string[] => {
  const rate = bytes / time.best;
  return [
    name,
    `${bytes}`,
    `${dispatches}`,
    (time.best * 1e3).toFixed(2),
    ((rate * ELEMENTS) / 1e9).toFixed(1),
    `${((100 * rate) / adamw).toFixed(0)} %`,
  ];
};

/** All contestants in interleaved rounds; `peers` are the same work in PyTorch. */
async function compare(device: Device, peers: readonly { readonly title: Title; readonly peer: Contestant }[], key: string): Promise<void> {
  const ours = await Promise.all((Object.keys(subjects) as Title[]).map((title) => contestant(title, device)));
  const all = [...ours, ...peers.map(({ peer }) => peer)];
  const times = await interleave(all, 5, () => 3);
  for (const { close } of all) close?.();
  const timeOf = (one: Contestant) => times[all.indexOf(one)]!;
  const adamw = ours[0]!.bytes / timeOf(ours[0]!).best;
  publish(key, {
    title: `Optimizers that reduce, ${(ELEMENTS / 1e6).toFixed(1)}M parameters in ${TENSORS} tensors, ${device.name}`,
    rows: [
      ["contestant", "bytes", "launches", "ms a step", "GB/s", "of AdamW's rate"],
      ...ours.map((one) => row(one, timeOf(one), adamw)),
      ...peers.map(({ peer }) => [peer.name, "", "", (timeOf(peer).best * 1e3).toFixed(2), "", ""]),
    ],
    claims: peers.map(({ title, peer }) => {
      const mine = timeOf(ours.find((one) => one.title === title)!);
      return { claim: `speed relative to ${peer.name}`, measured: timeOf(peer).best / mine.best, atLeast: 1 };
    }),
  });
}

const threads = 2;
const peers = [
  { title: "AdamW, clipped by the norm of all", peer: await torchReducing("clip", ELEMENTS, threads, TENSORS) },
  { title: "Lamb", peer: await torchReducing("lamb", ELEMENTS, threads, TENSORS) },
  { title: "Prodigy", peer: await torchReducing("prodigy", ELEMENTS, threads, TENSORS) },
] as const;
await compare((await cpu({ threads })) as Device, peers, "cpu-reductions");
const { gpu, why } = await openDawn();
if (why === undefined) await compare((await webgpu({ gpu })) as Device, [], "webgpu-reductions");
else console.log(`WebGPU is left out: ${why}`);
process.exit(0);
