// WGSL compiled once for each content: a shader module, a pipeline and a bind group layout for each sweep.
// Bindings of group 0: 0 param, 1 grad, 2 state, 3 chunk table, 4 page of rows (at a dynamic offset), 5 scalars, 6 table of tensors.
// What a sweep does not use is left out; a finish has no chunks.

import type { SweepInfo } from "../../contract/manifest.js";
import { compileError, inErrorScopes } from "./errors.js";
import { STAGE_COMPUTE } from "./flags.js";

export interface SweepPipeline {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroupLayout;
}

export interface PipelineCache {
  /** Rejects with the driver's own messages. */
  compile(wgsl: string, sweep: SweepInfo): Promise<SweepPipeline>;
}

export function createPipelineCache(device: GPUDevice): PipelineCache {
  const modules = new Map<string, Promise<GPUShaderModule>>();
  const pipelines = new Map<string, Promise<SweepPipeline>>();
  return {
    compile(wgsl, sweep) {
      const module = remember(modules, wgsl, () => compileModule(device, wgsl));
      return remember(pipelines, `${JSON.stringify(sweep)}\n${wgsl}`, async () => createPipeline(device, await module, sweep));
    },
  };
}

/** A failed attempt is not remembered. */
function remember<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  made.catch(() => cache.delete(key));
  return made;
}

async function compileModule(device: GPUDevice, code: string): Promise<GPUShaderModule> {
  const { result: module, error } = inErrorScopes(device, ["validation"], () => device.createShaderModule({ code }));
  const [refusal, { messages }] = await Promise.all([error, module.getCompilationInfo()]);
  const errors = messages.filter(({ type }) => type === "error");
  if (refusal !== null || errors.length > 0) throw compileError(errors, refusal);
  return module;
}

async function createPipeline(device: GPUDevice, module: GPUShaderModule, sweep: SweepInfo): Promise<SweepPipeline> {
  const bindings = device.createBindGroupLayout({ label: sweep.name, entries: layoutEntries(sweep) });
  const layout = device.createPipelineLayout({ bindGroupLayouts: [bindings] });
  try {
    const pipeline = await device.createComputePipelineAsync({
      label: sweep.name,
      layout,
      compute: { module, entryPoint: sweep.name },
    });
    return { pipeline, bindings };
  } catch (cause) {
    throw compileError([], cause);
  }
}

/** What a sweep or finish binds. */
export function layoutEntries({ kind, scalars, reads, writes }: SweepInfo): GPUBindGroupLayoutEntry[] {
  const entries: GPUBindGroupLayoutEntry[] = [];
  const add = (binding: number, type: GPUBufferBindingType, hasDynamicOffset = false) =>
    entries.push({ binding, visibility: STAGE_COMPUTE, buffer: { type, hasDynamicOffset } });
  if (reads.param || writes.param) add(0, "storage");
  if (reads.grad) add(1, "read-only-storage");
  if (reads.state || writes.state) add(2, "storage");
  if (kind !== "finish") add(3, "read-only-storage");
  add(4, "read-only-storage", true);
  if (scalars) {
    add(5, "storage");
    add(6, "read-only-storage");
  }
  return entries;
}
