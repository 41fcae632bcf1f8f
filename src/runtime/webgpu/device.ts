// The WebGPU device: one compute pass and one submission a step. The caller's GPUDevice gets no event handlers from us and is never
// destroyed by us. Where buffers are the caller's, the driver is asked whether it took the submission: it runs all of one or nothing.

import type { ArithmeticProfile } from "../../numeric/float32.js";
import type { Device } from "../device.js";
import { DeviceLost, OptimizerError, show } from "../errors.js";
import { readCallerBuffer } from "./caller-buffer.js";
import { createPageChooser } from "./choose-page.js";
import { inErrorScopes } from "./errors.js";
import { createPipelineCache } from "./kernels.js";
import { createLaunch, encodeIntoPass, encodeLaunch, probeOwnArenas, type WebGpuLaunch } from "./launch.js";
import { allocateWebGpu, type BufferRange, type WebGpuMemory } from "./memory.js";
import { checkParamUsage } from "./own-arena.js";

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
  let lostReason: string | null = null;
  const lost = device.lost.then(({ message, reason }) => {
    lostReason = message || reason || "no reason given";
    return { reason: lostReason };
  });
  const checkLost = () => {
    if (lostReason !== null) throw new DeviceLost(lostReason);
  };

  function writeRows({ memory }: WebGpuLaunch, page: number, rows: Float32Array<ArrayBuffer>): void {
    memory.check();
    device.queue.writeBuffer(memory.rows, page * memory.layout.pageBytes, rows);
  }

  return {
    kind: "webgpu",
    name,
    limits: { arenaBytes: device.limits.maxBufferSize, bindingBytes: bindingBytes(device), unified: false },
    profile,
    lost,
    lazyRows: true,
    gpuDevice: device,
    allocate(layout) {
      checkLost();
      return allocateWebGpu(device, layout, checkLost);
    },
    adopt({ buffer, offset, filled }, elements, format, label) {
      const given = offset === undefined ? buffer : { buffer, offset };
      const caller = readCallerBuffer(given, { elements, format, label }, "invalid-parameter");
      checkParamUsage(device, caller, format, filled);
      return caller;
    },
    async bind(kernels, program, memory, pageFrom) {
      checkLost();
      const wgsl = await kernels.wgsl();
      const compiled = await Promise.all(program.sweeps.map((sweep) => pipelines.compile(wgsl, sweep)));
      const bound = memory as WebGpuMemory;
      await bound.ready;
      checkLost();
      const chooser = pageFrom === undefined ? null : await createPageChooser(device, bound, pageFrom);
      checkLost();
      const launch = createLaunch(device, program, compiled, bound, chooser);
      const refusal = bound.arenas.some(({ own }) => own !== null) ? await probeOwnArenas(device, launch) : null;
      checkLost();
      if (refusal !== null) throw refused("invalid-parameter", "the parameters' buffers", refusal);
      return launch;
    },
    submit(launch, page, rows) {
      const bound = launch as WebGpuLaunch;
      writeRows(bound, page, rows);
      const run = () => {
        const encoder = device.createCommandEncoder();
        encodeLaunch(bound, page, encoder);
        commands[0] = encoder.finish();
        device.queue.submit(commands);
      };
      if (!usesCallers(bound)) return run();
      return inErrorScopes(device, ["validation"], run).error.then((refusal) => {
        checkLost();
        if (refusal !== null) throw refused("refused", "the step, of which nothing was done", refusal);
      });
    },
    encode(launch, page, rows, target) {
      const bound = launch as WebGpuLaunch;
      const pass = readTarget(target);
      if ("dispatchWorkgroups" in pass) encodeIntoPass(bound, page, pass);
      else encodeLaunch(bound, page, pass);
      writeRows(bound, page, rows);
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

/** Whether the next submission touches buffers of the caller's. */
function usesCallers({ memory: { arenas, gradients } }: WebGpuLaunch): boolean {
  return gradients.copies.length > 0 || arenas.some(({ own }) => own !== null);
}

function readTarget(target: unknown): GPUCommandEncoder | GPUComputePassEncoder {
  const found = typeof target === "object" && target !== null ? (target as GPUCommandEncoder | GPUComputePassEncoder) : null;
  if (found !== null && ("dispatchWorkgroups" in found || "beginComputePass" in found)) return found;
  throw new OptimizerError("encode", `encode() takes a GPUCommandEncoder or a GPUComputePassEncoder, not ${show(target)}`);
}

function refused(code: "invalid-parameter" | "refused", what: string, { message }: GPUError): OptimizerError {
  const why = "Is a buffer destroyed, mapped, or of another GPUDevice?";
  return new OptimizerError(code, `the WebGPU driver refuses ${what}: ${message.trim()}. ${why}`);
}
