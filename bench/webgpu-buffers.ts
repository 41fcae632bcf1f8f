// What a tensor costs on WebGPU by where it lives: many small ones in the optimizer's memory, in the caller's buffers in place, and in
// buffers that have to be copied. One pass and one submission each; the median of interleaved rounds. Runs on Dawn in Node.

import { webgpu } from "optspec/webgpu";
import { AdamW } from "../generated/adamw/adamw.js";
import { openDawn } from "../test/device/webgpu/dawn.js";
import { type Contestant, interleave, publish, type Timing } from "./rounds.js";

const TENSORS = 400;
const ELEMENTS = 1024;

const { gpu, why } = await openDawn();
if (why !== undefined) throw new Error(why);
const device = await webgpu({ gpu });
const { gpuDevice } = device;
const ALL = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
const names = Array.from({ length: TENSORS }, (_, i) => `p${i}`);
const bufferOf = (elements: number) => gpuDevice.createBuffer({ size: elements * 4, usage: ALL });

interface Way {
  readonly name: string;
  readonly elements: number;
  /** Parameters in buffers of the caller's. */
  readonly own: boolean;
  /** Gradients: in the optimizer's memory, in buffers that stay, in new buffers every step. */
  readonly gradients: "arena" | "same" | "new";
}

async function contestant({ name, elements, own, gradients }: Way): Promise<Contestant> {
  const params = names.map((param) => ({ name: param, shape: [elements], ...(own && { buffer: bufferOf(elements) }) }));
  const optimizer = await AdamW.create(device, { params });
  const makeBuffers = () => names.map((param) => [param, bufferOf(elements)] as const);
  const kept = gradients === "same" ? makeBuffers() : [];
  return {
    name: `${name} (${optimizer.dispatches} dispatches)`,
    async round(steps) {
      const made = Array.from({ length: gradients === "new" ? steps : 0 }, makeBuffers);
      const start = performance.now();
      for (let i = 0; i < steps; i++) {
        await optimizer.step(gradients === "arena" ? {} : { gradients: Object.fromEntries(made[i] ?? kept) });
        await optimizer.idle();
      }
      const seconds = (performance.now() - start) / 1e3 / steps;
      for (const [, buffer] of made.flat()) buffer.destroy();
      return seconds;
    },
  };
}

const ways: readonly Way[] = [
  { name: "optimizer's memory", elements: ELEMENTS, own: false, gradients: "arena" },
  { name: "optimizer's memory, gradients copied from buffers", elements: ELEMENTS, own: false, gradients: "same" },
  { name: "own buffers in place", elements: ELEMENTS, own: true, gradients: "same" },
  { name: "own buffers in place, new gradient buffers every step", elements: ELEMENTS, own: true, gradients: "new" },
  { name: "own buffers of 1,023 elements, copied", elements: ELEMENTS - 1, own: true, gradients: "same" },
];
const timings = await interleave(await Promise.all(ways.map(contestant)), 7, () => 5);
const perTensor = ({ median }: Timing) => (median * 1e6) / TENSORS;
publish("webgpu-buffers", {
  title: `${TENSORS} tensors of ${ELEMENTS} elements, AdamW, on ${device.name}`,
  rows: [
    ["where", "ms a step (median)", "us a tensor"],
    ...timings.map((timing) => [timing.name, (timing.median * 1e3).toFixed(2), perTensor(timing).toFixed(1)]),
  ],
  claims: [
    {
      claim: "new gradient buffers every step over the same ones, own buffers in place",
      measured: timings[3]!.median / timings[2]!.median,
      atMost: 2,
    },
  ],
});
process.exit(0);
