// The WebGPU device: one compute pass and one submission a step, one dispatch for each sweep and bank, bind groups made once.
// The caller's GPUDevice gets no event handlers from us and is never destroyed by us.

import { CHUNK_WORDS } from "../../contract/manifest.js";
import type { ArithmeticProfile } from "../../numeric/float32.js";
import type { Device, Launch } from "../device.js";
import { DeviceLost } from "../errors.js";
import { createPipelineCache } from "./kernels.js";
import { allocateWebGpu, type BufferRange, type WebGpuMemory } from "./memory.js";

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly x: number;
  readonly y: number;
}

interface WebGpuLaunch extends Launch {
  readonly memory: WebGpuMemory;
  readonly list: readonly Dispatch[];
}

export interface WebGpuDeviceParts {
  readonly device: GPUDevice;
  readonly name: string;
  readonly profile: ArithmeticProfile;
  /** True where we made the GPUDevice and so end it. */
  readonly owned: boolean;
}

/** A GPUDevice together with what the optimizer needs to know of it. */
export interface WebGpuDevice extends Device<BufferRange> {
  readonly kind: "webgpu";
  /** For engines that share it: jax-js, tfjs, onnxruntime-web. */
  readonly gpuDevice: GPUDevice;
}

/** Wraps a GPUDevice. */
export function createWebGpuDevice({ device, name, profile, owned }: WebGpuDeviceParts): WebGpuDevice {
  const pipelines = createPipelineCache(device);
  const commands: GPUCommandBuffer[] = [];
  const dynamicOffsets = new Uint32Array(1);
  let lostReason: string | null = null;
  const lost = device.lost.then(({ message, reason }) => {
    lostReason = message || reason || "no reason given";
    return { reason: lostReason };
  });
  const checkLost = () => {
    if (lostReason !== null) throw new DeviceLost(lostReason);
  };

  return {
    kind: "webgpu",
    name,
    limits: { arenaBytes: device.limits.maxBufferSize, bindingBytes: bindingBytes(device), unified: false },
    profile,
    lost,
    gpuDevice: device,
    allocate(layout) {
      checkLost();
      return allocateWebGpu(device, layout, checkLost);
    },
    async bind(kernels, program, memory) {
      checkLost();
      const wgsl = await kernels.wgsl();
      const compiled = await Promise.all(program.sweeps.map((sweep) => pipelines.compile(wgsl, sweep)));
      const bound = memory as WebGpuMemory;
      await bound.ready;
      checkLost();
      const list = compiled.flatMap(({ pipeline, bindings }, index) => {
        const { reads, writes } = program.sweeps[index]!;
        const used = [reads.param || writes.param, reads.grad, reads.state || writes.state, true, true];
        return bankResources(bound).map(({ resources, chunks }): Dispatch => {
          const entries = resources.flatMap((resource, binding) => (used[binding] ? [{ binding, resource }] : []));
          const x = Math.min(chunks, device.limits.maxComputeWorkgroupsPerDimension);
          return { pipeline, group: device.createBindGroup({ layout: bindings, entries }), x, y: Math.ceil(chunks / x) };
        });
      });
      const launch: WebGpuLaunch = { dispatches: list.length, memory: bound, list };
      return launch;
    },
    submit(launch, page, rows) {
      checkLost();
      const { memory, list } = launch as WebGpuLaunch;
      dynamicOffsets[0] = page * memory.layout.pageBytes;
      device.queue.writeBuffer(memory.rows, dynamicOffsets[0], rows);
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      let current: GPUComputePipeline | null = null;
      for (const dispatch of list) {
        if (dispatch.pipeline !== current) pass.setPipeline((current = dispatch.pipeline));
        pass.setBindGroup(0, dispatch.group, dynamicOffsets, 0, 1);
        pass.dispatchWorkgroups(dispatch.x, dispatch.y);
      }
      pass.end();
      commands[0] = encoder.finish();
      device.queue.submit(commands);
    },
    async idle() {
      checkLost();
      await device.queue.onSubmittedWorkDone();
      checkLost();
    },
    destroy() {
      if (owned) device.destroy();
    },
  };
}

/** What one binding can hold, rounded to whole 256-byte blocks. */
function bindingBytes({ limits }: GPUDevice): number {
  return Math.floor(Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / 256) * 256;
}

/** For each bank: what stands at bindings 0 to 4, and its number of chunks. */
function bankResources({ arenas, layout, rows }: WebGpuMemory): { readonly resources: readonly BufferRange[]; readonly chunks: number }[] {
  return arenas.flatMap(({ param, grad, banks }) =>
    banks.map(({ layout: { first, elements, chunks: table }, state, chunks }) => {
      const range = { offset: first * 4, size: Math.ceil(elements / 4) * 16 };
      const resources = [
        { buffer: param, ...range },
        { buffer: grad, ...range },
        { buffer: state, offset: 0, size: state.size },
        { buffer: chunks, offset: 0, size: table.byteLength },
        { buffer: rows, offset: 0, size: layout.pageBytes },
      ];
      return { resources, chunks: table.length / CHUNK_WORDS };
    }),
  );
}
