// The smallest proof that a WebGPU really computes: doubles the numbers 0 to 999 in a buffer and reads them back.
// Free of imports, so that the same text runs in Node, in Deno and in a page.

export interface RoundTrip {
  readonly adapter: string;
  readonly limits: {
    readonly maxBufferSize: number;
    readonly maxStorageBufferBindingSize: number;
    readonly maxStorageBuffersPerShaderStage: number;
  };
  /** How many of the 1,000 results are right. */
  readonly right: number;
}

const DOUBLE = `
@group(0) @binding(0) var<storage, read_write> numbers: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&numbers)) { numbers[id.x] = numbers[id.x] * 2; }
}`;

/** Null where no adapter answers. */
export async function roundTrip(gpu: GPU): Promise<RoundTrip | null> {
  const adapter = await gpu.requestAdapter();
  if (adapter === null) return null;
  const device = await adapter.requestDevice();
  const usage = { storage: 128, copySource: 4, copyTarget: 8, mapRead: 1 };
  const numbers = device.createBuffer({ size: 4_000, usage: usage.storage | usage.copySource | usage.copyTarget });
  const result = device.createBuffer({ size: 4_000, usage: usage.mapRead | usage.copyTarget });
  device.queue.writeBuffer(
    numbers,
    0,
    Float32Array.from({ length: 1_000 }, (_, index) => index),
  );
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module: device.createShaderModule({ code: DOUBLE }) } });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: numbers } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(16);
  pass.end();
  encoder.copyBufferToBuffer(numbers, 0, result, 0, 4_000);
  device.queue.submit([encoder.finish()]);
  await result.mapAsync(1);
  const right = [...new Float32Array(result.getMappedRange())].filter((value, index) => value === index * 2).length;
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits;
  const { vendor, architecture, device: model, description } = adapter.info;
  device.destroy();
  return {
    adapter: [vendor, architecture, model, description].filter((word) => word !== "").join(" "),
    limits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
    right,
  };
}
