// A whole BERT-base step on WebGPU, 199 tensors with 199 different learning-rate ratios in one submit, against a hand-written flat
// vec4 AdamW kernel over as many elements on the same device: median of paired rounds. Runs on Dawn in Node.

import { webgpu } from "optspec/webgpu";
import { AdamW } from "../generated/adamw/adamw.js";
import { openDawn } from "../test/device/webgpu/dawn.js";
import { bertBase } from "../test/runtime/bert-base.js";
import { type Contestant, interleave, pairedRatio, publish } from "./rounds.js";

const HAND_WRITTEN = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> p: array<vec4f>;
@group(0) @binding(1) var<storage, read> g: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
struct Hypers { b1: f32, c1: f32, b2: f32, c2: f32, decay: f32, size: f32, root: f32, eps: f32 }
@group(0) @binding(4) var<uniform> h: Hypers;
@compute @workgroup_size(256) fn step(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) n: vec3u) {
  let i = id.y * n.x * 256 + id.x;
  if (i >= arrayLength(&p)) { return; }
  let gi = g[i];
  let mi = h.b1 * m[i] + h.c1 * gi;
  let vi = h.b2 * v[i] + h.c2 * (gi * gi);
  m[i] = mi;
  v[i] = vi;
  let pi = p[i] - h.decay * p[i];
  p[i] = pi - h.size * (mi / (sqrt(vi) + h.eps));
}`;

/** The peer: one dispatch over flat arrays, as somebody would write it who knows one model and one learning rate. */
async function handWritten(device: GPUDevice, elements: number): Promise<Contestant> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const arrays = ["p", "g", "m", "v"].map((label) => device.createBuffer({ label, size: elements * 4, usage }));
  const hypers = device.createBuffer({ size: 32, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  fillGradient(device, arrays[0]!, elements);
  fillGradient(device, arrays[1]!, elements);
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: HAND_WRITTEN }), entryPoint: "step" },
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [...arrays, hypers].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const workgroups = Math.ceil(elements / 4 / 256);
  const columns = Math.min(workgroups, 65_535);
  let t = 0;
  return {
    name: "hand-written flat vec4 kernel, one learning rate",
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) {
        t++;
        device.queue.writeBuffer(
          hypers,
          0,
          new Float32Array([
            0.9,
            0.1,
            0.999,
            0.001,
            1e-5,
            (1e-3 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t),
            0,
            1e-8 * Math.sqrt(1 - 0.999 ** t),
          ]),
        );
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(columns, Math.ceil(workgroups / columns));
        pass.end();
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
      }
      return (performance.now() - start) / 1e3 / steps;
    },
  };
}

function fillGradient(device: GPUDevice, buffer: GPUBuffer, elements: number, offset = 0): void {
  const block = new Float32Array(1 << 20).map((_, i) => Math.sin(i * 0.7) * 0.01);
  for (let first = 0; first < elements; first += block.length) {
    device.queue.writeBuffer(buffer, offset + first * 4, block, 0, Math.min(block.length, elements - first));
  }
}

const { gpu, why } = await openDawn();
if (why !== undefined) throw new Error(why);
const adapter = await gpu.requestAdapter();
if (adapter === null) throw new Error("no WebGPU adapter");
const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
const gpuDevice = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
const device = await webgpu({ device: gpuDevice });

const params = bertBase;
const elements = params.reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
const ratios = new Map(params.map((p, i) => [p.name, 1 - i / 400]));
const optimizer = await AdamW.create(device, { params, lrRatio: ({ name }) => ratios.get(name)! });
for (const p of params) {
  for (const part of ["param", "grad"] as const) {
    const { buffer, offset, size } = optimizer.tensor(p.name)[part];
    fillGradient(gpuDevice, buffer, (size ?? 0) / 4, offset);
  }
}
const ours: Contestant = {
  name: `optspec AdamW, ${params.length} tensors, ${new Set(ratios.values()).size} ratios, ${optimizer.dispatches} dispatch`,
  async round(steps) {
    const start = performance.now();
    for (let i = 0; i < steps; i++) {
      await optimizer.step();
      await optimizer.idle();
    }
    return (performance.now() - start) / 1e3 / steps;
  },
};
const peer = await handWritten(gpuDevice, elements);
const [mine, flat] = (await interleave([ours, peer], 9, () => 2)) as [
  Awaited<ReturnType<typeof interleave>>[0],
  Awaited<ReturnType<typeof interleave>>[0],
];
publish("webgpu-bert", {
  title: `BERT-base (${(elements / 1e6).toFixed(1)}M parameters) on ${device.name}`,
  rows: [
    ["contestant", "ms a step (median)", "GB/s at 28 B"],
    ...[mine, flat].map((t) => [t.name, (t.median * 1e3).toFixed(0), ((elements * 28) / t.median / 1e9).toFixed(2)]),
  ],
  claims: [{ claim: "our time over the hand-written kernel's, median of paired rounds", measured: pairedRatio(flat, mine), atMost: 1.1 }],
});
process.exit(0);
