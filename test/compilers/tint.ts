// What Tint, Dawn's WGSL compiler, says of a shader.

/** Errors and warnings, as "line: message". */
export async function tintErrors(gpu: GPU, code: string): Promise<string[]> {
  const device = await tintDevice(gpu);
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  return messages.map(({ lineNum, message, type }) => `${type} ${lineNum}: ${message}`);
}

const devices = new WeakMap<GPU, Promise<GPUDevice>>();

function tintDevice(gpu: GPU): Promise<GPUDevice> {
  const device = devices.get(gpu) ?? openDevice(gpu);
  devices.set(gpu, device);
  return device;
}

/** Errors of a shader are read from its compilation info, not from the console. */
async function openDevice(gpu: GPU): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  device.addEventListener("uncapturederror", (event) => event.preventDefault());
  return device;
}
