// The ways of a caller with buffers of their own, as targets of a replay: parameters in buffers of the caller's (whole, at aligned
// and at unaligned places of a larger buffer), gradients in another buffer every step, steps encoded two to a command buffer.

import type { WebGpuDevice } from "optspec/webgpu";
import type { OptimizerDefinition } from "../../src/contract/manifest.js";
import { createOptimizer, type ParamSpec } from "../../src/runtime/index.js";
import type { BufferRange } from "../../src/runtime/webgpu/index.js";
import type { ReplayTarget } from "../../src/tools/replay.js";
import type { ReplaySettings } from "../../src/tools/replay-targets.js";

const STORAGE_AND_COPIES = 0x80 | 0x4 | 0x8;
/** What stands around a parameter in a buffer that is not its alone. */
const GUARD = 12345.678;
const GUARDS = 64;

export type CallerWay = "step" | "encode";

interface Placed {
  readonly spec: ParamSpec;
  readonly buffer: GPUBuffer;
  /** The whole buffer as it was made. */
  readonly made: Float32Array;
  readonly first: number;
}

/** First elements inside a larger buffer: the whole buffer, an aligned offset, an offset that no binding may have. */
const firsts = [0, 64, 3] as const;

function placeParam(device: GPUDevice, { data, ...param }: ParamSpec, index: number): Placed {
  const count = param.shape.reduce((product, size) => product * size, 1);
  const first = firsts[index % firsts.length]!;
  const made = new Float32Array(first + count + (first === 0 ? 0 : GUARDS)).fill(GUARD);
  made.fill(0, first, first + count);
  if (data !== undefined) made.set(data, first);
  const buffer = bufferOf(device, made);
  return { spec: { ...param, buffer, offset: first * 4 }, buffer, made, first };
}

/** A buffer of the caller's with these numbers. */
export function bufferOf(device: GPUDevice, numbers: Float32Array, usage = STORAGE_AND_COPIES): GPUBuffer {
  const buffer = device.createBuffer({ size: Math.max(4, numbers.byteLength), usage, mappedAtCreation: true });
  new Float32Array(buffer.getMappedRange()).set(numbers);
  buffer.unmap();
  return buffer;
}

/** What stands in a buffer of the caller's. */
export async function contents(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const staging = device.createBuffer({ size: buffer.size, usage: 0x1 | 0x8 });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  const numbers = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return numbers;
}

/** Parameters are read from the caller's buffers themselves; what stands beside them is compared too. */
export async function callerTarget(
  definition: OptimizerDefinition,
  device: WebGpuDevice,
  given: ReplaySettings,
  way: CallerWay,
): Promise<ReplayTarget> {
  const gpu = device.gpuDevice;
  const placed = given.params.map((param, index) => placeParam(gpu, param, index));
  const optimizer = await createOptimizer<BufferRange>(definition, device, { ...given, params: placed.map(({ spec }) => spec) });
  const { states } = definition.manifest.builds[0]!;
  const keys = new Map(states.map(({ name, key }) => [name, key]));
  const places = new Map(placed.map((place) => [place.spec.name, place]));
  let gradients: GPUBuffer[] = [];
  let encoder: GPUCommandEncoder | null = null;
  let encoded = 0;
  let names = "";

  async function flush(): Promise<void> {
    if (encoder !== null) gpu.queue.submit([encoder.finish()]);
    encoder = null;
    encoded = 0;
    await optimizer.idle();
    for (const buffer of gradients) buffer.destroy();
    gradients = [];
  }

  return {
    states: states.map(({ name, extent }) => ({ name, extent })),
    async step(arrays) {
      const now = [...arrays.keys()].join();
      if (encoded === 2 || now !== names) await flush();
      names = now;
      const found = new Map([...arrays].map(([name, numbers], index) => [name, gradientOf(gpu, numbers, index, gradients)]));
      if (way === "step") return optimizer.step({ gradients: found });
      encoder ??= gpu.createCommandEncoder();
      optimizer.encode(encoder, { gradients: found });
      encoded++;
    },
    async read(param, state) {
      await flush();
      if (state !== null) {
        const values = await optimizer.download(param, keys.get(state)!);
        return values.length === 0 ? null : values;
      }
      const { spec, buffer, made, first } = places.get(param)!;
      const numbers = await contents(gpu, buffer);
      const count = spec.shape.reduce((product, size) => product * size, 1);
      for (let i = 0; i < made.length; i++) {
        if ((i < first || i >= first + count) && numbers[i] !== made[i]) throw new Error(`element ${i} beside ${param} was overwritten`);
      }
      return numbers.slice(first, first + count) as Float32Array<ArrayBuffer>;
    },
    destroy() {
      optimizer.destroy();
      for (const { buffer } of placed) buffer.destroy();
      for (const buffer of gradients) buffer.destroy();
    },
  };
}

/** A new buffer; every third gradient stands in a larger one at a place that no binding may have. */
function gradientOf(
  device: GPUDevice,
  numbers: Float32Array,
  index: number,
  made: GPUBuffer[],
): GPUBuffer | { buffer: GPUBuffer; offset: number } {
  const offset = index % 3 === 2 ? 20 : 0;
  const padded = new Float32Array(offset / 4 + numbers.length);
  padded.set(numbers, offset / 4);
  const buffer = bufferOf(device, padded);
  made.push(buffer);
  return offset === 0 ? buffer : { buffer, offset };
}
