// WebGPU wherever it is: a browser, Deno, or Node with a GPU object handed in (`create([])` of the npm package "webgpu").

import type { ArithmeticProfile } from "../../numeric/float32.js";
import { OptimizerError } from "../errors.js";
import { createWebGpuDevice, type WebGpuDevice } from "./device.js";
import { probeProfile } from "./profile.js";

export type { WebGpuDevice } from "./device.js";
export type { BufferRange } from "./memory.js";

export interface WebGpuOptions {
  /** A device of yours: taken with the limits it has, never destroyed, given no handlers. */
  readonly device?: GPUDevice;
  /** An adapter of yours: a device is requested from it. */
  readonly adapter?: GPUAdapter;
  /** Where `navigator.gpu` does not exist, as in Node. Keep a reference to it as long as the device is used. */
  readonly gpu?: GPU;
  /** Buffer sizes to ask for: all that the adapter has (the default), or the ones that WebGPU promises everywhere. */
  readonly limits?: "adapter" | "default";
  /** The device's arithmetic where it is known; otherwise one tiny kernel finds it out. */
  readonly profile?: ArithmeticProfile;
}

/** Opens a WebGPU device. Rejects with "no-device" where there is none. */
export async function webgpu(options: WebGpuOptions = {}): Promise<WebGpuDevice> {
  const device = options.device ?? (await requestDevice(options));
  const profile = options.profile ?? (await probeProfile(device));
  return createWebGpuDevice({
    device,
    name: describe(device.adapterInfo ?? options.adapter?.info),
    profile,
    owned: options.device === undefined,
  });
}

async function requestDevice(options: WebGpuOptions): Promise<GPUDevice> {
  const adapter = options.adapter ?? (await requestAdapter(options.gpu));
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const requiredLimits = options.limits === "default" ? {} : { maxBufferSize, maxStorageBufferBindingSize };
  try {
    return await adapter.requestDevice({ label: "optspec", requiredLimits });
  } catch (cause) {
    throw new OptimizerError("no-device", `the WebGPU adapter gives no device: ${String(cause)}`, { cause });
  }
}

async function requestAdapter(given: GPU | undefined): Promise<GPUAdapter> {
  const gpu = given ?? (globalThis.navigator as Navigator | undefined)?.gpu;
  if (gpu === undefined) {
    const ways = 'In Node pass webgpu({ gpu: create([]) }) with create from the npm package "webgpu", or train on cpu()';
    throw new OptimizerError("no-device", `there is no WebGPU here (navigator.gpu is missing). ${ways}`);
  }
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter !== null) return adapter;
  throw new OptimizerError("no-device", "WebGPU finds no adapter: a graphics driver is missing or blocked. Update it, or train on cpu()");
}

/** A name for people: what the adapter says of itself. */
function describe(info: GPUAdapterInfo | undefined): string {
  const words = [info?.vendor, info?.architecture, info?.device, info?.description].filter((word) => word);
  return words.length > 0 ? [...new Set(words)].join(" ") : "WebGPU adapter";
}
