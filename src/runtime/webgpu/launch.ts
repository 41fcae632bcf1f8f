// A program bound to a memory: one dispatch for each sweep and bank and one for each finish, all in one pass. Bind groups are made once; where a kernel reads a
// gradient in the caller's buffer, once for each buffer, and kept no longer than that buffer.

import { CHUNK_WORDS, type ProgramInfo, type SweepInfo } from "../../contract/manifest.js";
import { formatBytes, type NumberFormat } from "../../numeric/storage-formats.js";
import type { Launch, MemoryFormats } from "../device.js";
import { OptimizerError } from "../errors.js";
import { CHOSEN_PAGE, type PageChooser } from "./choose-page.js";
import { inErrorScopes } from "./errors.js";
import { STAGE_COMPUTE } from "./flags.js";
import { type Grid, gridOf } from "./grid.js";
import { layoutEntries, type SweepPipeline } from "./kernels.js";
import type { BufferRange, WebGpuArena, WebGpuBank, WebGpuMemory } from "./memory.js";
import type { OwnArena } from "./own-arena.js";

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly grid: () => Grid;
  /** What the kernel binds now; null: its one tensor takes no part in this step. */
  readonly group: () => GPUBindGroup | null;
}

const ONE: Grid = { x: 1, y: 1 };

export interface WebGpuLaunch extends Launch {
  readonly memory: WebGpuMemory;
  readonly list: readonly Dispatch[];
  /** Own arenas whose kernels work on a staging copy. */
  readonly staged: readonly OwnArena[];
  /** Null: kernels read the page that a submission names. */
  readonly chooser: PageChooser | null;
}

/** Binds a program's sweeps, compiled in their order, to all banks. */
export function createLaunch(
  device: GPUDevice,
  program: ProgramInfo,
  compiled: readonly SweepPipeline[],
  memory: WebGpuMemory,
  chooser: PageChooser | null,
): WebGpuLaunch {
  const most = device.limits.maxComputeWorkgroupsPerDimension;
  const list = compiled.flatMap(({ pipeline, bindings }, index) => {
    const sweep = program.sweeps[index]!;
    const makeGroup = (resources: Resources) => device.createBindGroup({ layout: bindings, entries: entriesFor(sweep, resources) });
    if (sweep.kind === "finish") {
      const group = makeGroup(sharedResources(memory));
      return [{ pipeline, grid: () => ONE, group: () => group }];
    }
    return memory.arenas.flatMap((arena) =>
      arena.banks.map((bank): Dispatch => {
        const groupFor = (grad: BufferRange) =>
          makeGroup({ ...bankResources(arena, bank, grad, memory.layout.formats), ...sharedResources(memory) });
        const group = arena.own !== null && sweep.reads.grad ? groupByGradient(arena.own, groupFor) : fixedGroup(arena, groupFor);
        return { pipeline, grid: gridFor(bank, most), group };
      }),
    );
  });
  const staged = memory.arenas.flatMap(({ own }) => (own?.staged ? [own] : []));
  return { dispatches: list.length + (chooser === null ? 0 : 1), memory, list, staged, chooser };
}

/** A workgroup for each chunk, and for each run of single rows that there is now. */
function gridFor(bank: WebGpuBank, most: number): () => Grid {
  const { chunks, rowChunks } = bank.layout;
  const all = gridOf(chunks.length / CHUNK_WORDS, most);
  return rowChunks === null ? () => all : () => gridOf(bank.whole + rowChunks.used, most);
}

function fixedGroup({ grad, param }: WebGpuArena, makeGroup: (grad: BufferRange) => GPUBindGroup): () => GPUBindGroup {
  const group = makeGroup(grad === null ? param : { buffer: grad, offset: 0, size: grad.size }); // unread where it is null
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

/** What stands at each binding. */
type Resources = Readonly<Record<number, BufferRange>>;

/** The bindings of a sweep or finish, among all that are there. */
function entriesFor(sweep: SweepInfo, resources: Resources): GPUBindGroupEntry[] {
  return layoutEntries(sweep).map(({ binding }) => ({ binding, resource: resources[binding]! }));
}

function bankResources(
  { param }: WebGpuArena,
  { layout, state, chunks }: WebGpuBank,
  grad: BufferRange,
  formats: MemoryFormats,
): Resources {
  const part = ({ buffer, offset }: BufferRange, format: NumberFormat): BufferRange => {
    const bytes = formatBytes[format];
    return { buffer, offset: offset + layout.first * bytes, size: Math.ceil(layout.elements / 4) * 4 * bytes };
  };
  return {
    0: part(param, formats.param),
    1: part(grad, formats.grad),
    2: { buffer: state, offset: 0, size: state.size },
    3: { buffer: chunks, offset: 0, size: layout.rowChunks === null ? layout.chunks.byteLength : chunks.size },
  };
}

function sharedResources({ rows, scalarBuffers, layout: { pageBytes, scalars } }: WebGpuMemory): Resources {
  const page = { 4: { buffer: rows, offset: 0, size: pageBytes } };
  if (scalarBuffers === null || scalars === undefined) return page;
  const { numbers, tensors } = scalarBuffers;
  return {
    ...page,
    5: { buffer: numbers, offset: 0, size: numbers.size },
    6: { buffer: tensors, offset: 0, size: scalars.table.byteLength },
  };
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
      const { buffer, offset, size } = own.caller;
      pass.setBindGroup(
        0,
        device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer, offset, size: Math.min(16, size) } }] }),
      );
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  }).error;
}

function encodePass({ list, memory, chooser }: WebGpuLaunch, page: number, pass: GPUComputePassEncoder): void {
  let current: GPUComputePipeline | null = null;
  dynamicOffsets[0] = (chooser === null ? page : CHOSEN_PAGE) * memory.layout.pageBytes;
  if (chooser !== null) {
    pass.setPipeline(chooser.pipeline);
    pass.setBindGroup(0, chooser.group);
    pass.dispatchWorkgroups(chooser.workgroups);
  }
  for (const { pipeline, group, grid } of list) {
    const bound = group();
    const { x, y } = grid();
    if (bound === null || x === 0) continue;
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
