// WebGPU on Dawn for thousands of kernels on a driver in software: what is compiled and what it computes is the same, it is ready in a fifth
// of the time.

import { type WebGpuDevice, webgpu } from "optspec/webgpu";
import { openDawn } from "../device/webgpu/dawn.js";

/**
 * Clears the memory of workgroups by a loop in the kernel, and not by the driver's extension, which SwiftShader unrolls into a store for
 * each number.
 */
async function startDawn(): Promise<GPU> {
  await openDawn(); // names the driver
  const { create } = await import("webgpu");
  return create(["disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension"]);
}

/** One in a process: an instance lives as long as somebody holds it. */
let dawn: Promise<GPU> | undefined;

export async function openSoftwareGpu(): Promise<WebGpuDevice> {
  const device = await webgpu({ gpu: await (dawn ??= startDawn()) });
  const { gpuDevice } = device;
  // Node asks Dawn without a pause whether a pipeline is ready that another thread compiles, and takes a core for it.
  gpuDevice.createComputePipelineAsync = async (descriptor) => {
    for (const filter of ["validation", "internal"] as const) gpuDevice.pushErrorScope(filter);
    const pipeline = gpuDevice.createComputePipeline(descriptor);
    const errors = await Promise.all([gpuDevice.popErrorScope(), gpuDevice.popErrorScope()]);
    for (const error of errors) if (error !== null) throw new Error(error.message);
    return pipeline;
  };
  return device;
}
