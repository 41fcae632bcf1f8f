// A program bound to a memory: one dispatch for each sweep and bank, all in one pass. Bind groups are made once; where a kernel reads a
// gradient in the caller's buffer, once for each buffer, and kept no longer than that buffer.

import { CHUNK_WORDS, type ProgramInfo } from "../../contract/manifest.js";
import type { Launch } from "../device.js";
import { OptimizerError } from "../errors.js";
import { inErrorScopes } from "./errors.js";
import { STAGE_COMPUTE } from "./flags.js";
import type { SweepPipeline } from "./kernels.js";
import type { BufferRange, WebGpuArena, WebGpuBank, WebGpuMemory } from "./memory.js";
import type { OwnArena } from "./own-arena.js";

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly x: number;
  readonly y: number;
  /** What the kernel binds now; null: its one tensor takes no part in this step. */
  readonly group: () => GPUBindGroup | null;
}

export interface WebGpuLaunch extends Launch {
  readonly memory: WebGpuMemory;
  readonly list: readonly Dispatch[];
  /** Own arenas whose kernels work on a staging copy. */
  readonly staged: readonly OwnArena[];
}

/** Binds a program's sweeps, compiled in their order, to all banks. */
export function createLaunch(
  device: GPUDevice,
  program: ProgramInfo,
  compiled: readonly SweepPipeline[],
  memory: WebGpuMemory,
): WebGpuLaunch {
  const most = device.limits.maxComputeWorkgroupsPerDimension;
  const list = compiled.flatMap(({ pipeline, bindings }, index) => {
    const { reads, writes } = program.sweeps[index]!;
    const used = [reads.param || writes.param, reads.grad, reads.state || writes.state, true, true];
    return memory.arenas.flatMap((arena) =>
      arena.banks.map((bank): Dispatch => {
        const makeGroup = (grad: BufferRange) => {
          const resources = bankResources(arena, bank, grad, memory);
          const entries = resources.flatMap((resource, binding) => (used[binding] ? [{ binding, resource }] : []));
          return device.createBindGroup({ layout: bindings, entries });
        };
        const chunks = bank.layout.chunks.length / CHUNK_WORDS;
        const x = Math.min(chunks, most);
        const group = arena.own !== null && reads.grad ? groupByGradient(arena.own, makeGroup) : fixedGroup(arena, makeGroup);
        return { pipeline, x, y: Math.ceil(chunks / x), group };
      }),
    );
  });
  const staged = memory.arenas.flatMap(({ own }) => (own?.staged ? [own] : []));
  return { dispatches: list.length, memory, list, staged };
}

function fixedGroup({ grad, param }: WebGpuArena, makeGroup: (grad: BufferRange) => GPUBindGroup): () => GPUBindGroup {
  const group = makeGroup(grad === null ? param : { buffer: grad, offset: 0, size: param.size }); // unread where it is null
  return () => group;
}

/** One group for each gradient buffer, for its last offset. */
function groupByGradient(own: OwnArena, makeGroup: (grad: BufferRange) => GPUBindGroup): () => GPUBindGroup | null {
  const groups = new WeakMap<GPUBuffer, { readonly offset: number; readonly group: GPUBindGroup }>();
  return () => {
    if (own.gradient === null) return null;
    const { buffer, offset } = own.gradient;
    const known = groups.get(buffer);
    if (known?.offset === offset) return known.group;
    const group = makeGroup(own.gradient);
    groups.set(buffer, { offset, group });
    return group;
  };
}

/** What stands at bindings 0 to 4 for a bank. */
function bankResources(
  { param }: WebGpuArena,
  { layout, state, chunks }: WebGpuBank,
  grad: BufferRange,
  { rows, layout: { pageBytes } }: WebGpuMemory,
): readonly BufferRange[] {
  const first = layout.first * 4;
  const size = Math.ceil(layout.elements / 4) * 16;
  return [
    { buffer: param.buffer, offset: param.offset + first, size },
    { buffer: grad.buffer, offset: grad.offset + first, size },
    { buffer: state, offset: 0, size: state.size },
    { buffer: chunks, offset: 0, size: layout.chunks.byteLength },
    { buffer: rows, offset: 0, size: pageBytes },
  ];
}

const dynamicOffsets = new Uint32Array(1);

/** Encodes a launch that reads a page of rows: copies in, one pass, copies out. */
export function encodeLaunch(launch: WebGpuLaunch, page: number, encoder: GPUCommandEncoder): void {
  const { memory, staged } = launch;
  copyIn(launch, encoder);
  const pass = encoder.beginComputePass();
  encodePass(launch, page, pass);
  pass.end();
  for (const { caller, bound } of staged) encoder.copyBufferToBuffer(bound.buffer, 0, caller.buffer, caller.offset, caller.size);
  memory.gradients.begin();
}

/** Encodes a launch into a pass. Throws "encode" where something has to be copied, which a pass cannot do. */
export function encodeIntoPass(launch: WebGpuLaunch, page: number, pass: GPUComputePassEncoder): void {
  const { memory, staged } = launch;
  const what = staged[0]?.caller.label ?? memory.gradients.copies[0]?.from.label;
  if (what !== undefined) {
    throw new OptimizerError(
      "encode",
      `${what} is copied to be worked on, which a compute pass cannot do: encode into the GPUCommandEncoder`,
    );
  }
  encodePass(launch, page, pass);
}

/** Resolves to what the driver says of the caller's buffers, or null: whether they are this device's and alive. Works on none of them. */
export function probeOwnArenas(device: GPUDevice, { staged, memory }: WebGpuLaunch): Promise<GPUError | null> {
  return inErrorScopes(device, ["validation"], () => {
    const entry = { binding: 0, visibility: STAGE_COMPUTE, buffer: { type: "storage" } } as const;
    const layout = device.createBindGroupLayout({ entries: [entry] });
    const encoder = device.createCommandEncoder();
    for (const { caller, bound } of staged) copyParam(encoder, caller, bound);
    const pass = encoder.beginComputePass();
    for (const { own } of memory.arenas) {
      if (own === null || own.staged || own.caller.size === 0) continue;
      const { buffer, offset } = own.caller;
      pass.setBindGroup(0, device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer, offset, size: 16 } }] }));
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  }).error;
}

function encodePass({ list, memory }: WebGpuLaunch, page: number, pass: GPUComputePassEncoder): void {
  let current: GPUComputePipeline | null = null;
  dynamicOffsets[0] = page * memory.layout.pageBytes;
  for (const { pipeline, group, x, y } of list) {
    const bound = group();
    if (bound === null) continue;
    if (pipeline !== current) pass.setPipeline((current = pipeline));
    pass.setBindGroup(0, bound, dynamicOffsets, 0, 1);
    pass.dispatchWorkgroups(x, y);
  }
}

function copyIn({ memory, staged }: WebGpuLaunch, encoder: GPUCommandEncoder): void {
  for (const { caller, bound } of staged) copyParam(encoder, caller, bound);
  for (const { from, to, at } of memory.gradients.copies) encoder.copyBufferToBuffer(from.buffer, from.offset, to, at, from.size);
}

function copyParam(encoder: GPUCommandEncoder, from: BufferRange, to: BufferRange): void {
  encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, from.size);
}
