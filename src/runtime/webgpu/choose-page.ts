// Which page of rows a step reads, where the device's own count says it: one small dispatch copies that page behind the ring, and the
// kernels after it read the copy. So they are the same kernels, and the host needs not know what became of the steps before.

import { ROW_PAGES } from "../../contract/manifest.js";
import { compileError, inErrorScopes } from "./errors.js";
import { STAGE_COMPUTE } from "./flags.js";
import type { WebGpuMemory } from "./memory.js";

const INVOCATIONS = 64;

export interface PageChooser {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: number;
}

/** The page whose copy kernels read. */
export const CHOSEN_PAGE = ROW_PAGES;

/** Compiles and binds the copy for a memory; the number of the page stands at `pageFrom` of the memory of scalars. */
export async function createPageChooser(device: GPUDevice, memory: WebGpuMemory, pageFrom: number): Promise<PageChooser> {
  const { rows, scalarBuffers, layout } = memory;
  if (scalarBuffers === null) throw new Error("bug: a page is chosen by a number that nothing keeps");
  const { result: module, error } = inErrorScopes(device, ["validation"], () =>
    device.createShaderModule({ code: chooserText(memory, pageFrom) }),
  );
  const refusal = await error;
  if (refusal !== null) throw compileError([], refusal);
  const entry = (binding: number, type: GPUBufferBindingType) => ({ binding, visibility: STAGE_COMPUTE, buffer: { type } });
  const bindings = device.createBindGroupLayout({ entries: [entry(0, "storage"), entry(1, "read-only-storage")] });
  const pipeline = await device.createComputePipelineAsync({
    label: "choose_page",
    layout: device.createPipelineLayout({ bindGroupLayouts: [bindings] }),
    compute: { module, entryPoint: "choose_page" },
  });
  const group = device.createBindGroup({
    layout: bindings,
    entries: [
      { binding: 0, resource: { buffer: rows } },
      { binding: 1, resource: { buffer: scalarBuffers.numbers } },
    ],
  });
  const most = device.limits.maxComputeWorkgroupsPerDimension;
  return { pipeline, group, workgroups: Math.min(most, Math.ceil(layout.pageBytes / 4 / INVOCATIONS)) };
}

function chooserText({ layout: { pageBytes } }: WebGpuMemory, pageFrom: number): string {
  const words = pageBytes / 4;
  return `@group(0) @binding(0) var<storage, read_write> rows: array<u32>;
@group(0) @binding(1) var<storage, read> scalars: array<f32>;
@compute @workgroup_size(${INVOCATIONS})
fn choose_page(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let page = u32(scalars[${pageFrom}u]) % ${ROW_PAGES}u;
  for (var i = id.x; i < ${words}u; i += workgroups.x * ${INVOCATIONS}u) {
    rows[${CHOSEN_PAGE * words}u + i] = rows[page * ${words}u + i];
  }
}
`;
}
