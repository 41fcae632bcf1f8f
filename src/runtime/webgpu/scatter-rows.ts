// Rows of a gradient, brought to their places by a small kernel of its own: one upload of all of them instead of one for each. Numbers are
// moved as words, so that no driver changes a bit of them.

import type { KeptRows } from "../row-gradient.js";
import { gridOf } from "./grid.js";

const WORKGROUP = 256;
/** A binding starts at a multiple of so many bytes everywhere. */
const ALIGNMENT = 256;
const WORD_BYTES = 4;
/** Words before the places of rows: words of a row, words of all. */
const HEADER = 2;

const text = `
@group(0) @binding(0) var<storage, read_write> grads: array<u32>;
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<u32>;

@compute @workgroup_size(${WORKGROUP})
fn scatter(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let k = id.x + id.y * workgroups.x * ${WORKGROUP}u;
  if (k >= places[1]) { return; }
  grads[places[${HEADER}u + k / places[0]] + k % places[0]] = values[k];
}
`;

export interface RowScatter {
  /** Writes rows into a buffer where a tensor's gradient begins at this byte. */
  write(buffer: GPUBuffer, offset: number, gradient: KeptRows): void;
}

/** Where buffers for uploads come from, and where those go that have become too small. */
export interface UploadBuffers {
  create(label: string, bytes: number): GPUBuffer;
  drop(buffer: GPUBuffer): void;
}

/** Compiles its kernel when it is first used. */
export function createRowScatter(device: GPUDevice, buffers: UploadBuffers): RowScatter {
  const { queue, limits } = device;
  const most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / WORD_BYTES;
  let made: GPUComputePipeline | null = null;
  const staged: Record<"places" | "values", GPUBuffer | null> = { places: null, values: null };

  function pipeline(): GPUComputePipeline {
    made ??= device.createComputePipeline({
      label: "optspec rows",
      layout: "auto",
      compute: { module: device.createShaderModule({ code: text }), entryPoint: "scatter" },
    });
    return made;
  }

  function upload(what: "places" | "values", data: Uint8Array | Uint32Array): GPUBuffer {
    const before = staged[what];
    let buffer = before;
    if (buffer === null || buffer.size < data.byteLength) {
      buffer = buffers.create(`optspec ${what} of rows`, Math.min(2 * data.byteLength, WORD_BYTES * most));
      if (before !== null) buffers.drop(before);
    }
    staged[what] = buffer;
    queue.writeBuffer(buffer, 0, data.buffer, data.byteOffset, data.byteLength);
    return buffer;
  }

  /** Rows [from, to) of the list, all within what one binding takes from `start` on. */
  function writePart(buffer: GPUBuffer, offset: number, { rows, rowBytes, bytes }: KeptRows, from: number, to: number): void {
    const rowWords = rowBytes / WORD_BYTES;
    const total = (to - from) * rowWords;
    const start = startOf(offset + rows[from]! * rowBytes);
    const places = new Uint32Array(HEADER + to - from);
    places.set([rowWords, total]);
    for (let i = from; i < to; i++) places[HEADER + i - from] = (offset + rows[i]! * rowBytes - start) / WORD_BYTES;
    const size = Math.min(buffer.size - start, WORD_BYTES * most);
    const resources = [
      { buffer, offset: start, size },
      { buffer: upload("places", places) },
      { buffer: upload("values", bytes.subarray(from * rowBytes, to * rowBytes)) },
    ];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline());
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline().getBindGroupLayout(0), entries }));
    const { x, y } = gridOf(Math.ceil(total / WORKGROUP), limits.maxComputeWorkgroupsPerDimension);
    pass.dispatchWorkgroups(x, y);
    pass.end();
    queue.submit([encoder.finish()]);
  }

  return {
    write(buffer, offset, gradient) {
      const { rows, rowBytes, bytes } = gradient;
      if (rowBytes === 0) return;
      const rowWords = rowBytes / WORD_BYTES;
      for (let from = 0; from < rows.length; ) {
        const first = startOf(offset + rows[from]! * rowBytes);
        const end = (row: number) => (offset + (row + 1) * rowBytes - first) / WORD_BYTES;
        let to = from;
        while (to < rows.length && end(rows[to]!) <= most && HEADER + to + 1 - from <= most && (to + 1 - from) * rowWords <= most) to++;
        if (to > from) writePart(buffer, offset, gradient, from, to);
        else {
          // One row is more than a binding takes.
          to = from + 1;
          const row = bytes.subarray(from * rowBytes, to * rowBytes);
          queue.writeBuffer(buffer, offset + rows[from]! * rowBytes, row.buffer, row.byteOffset, row.byteLength);
        }
        from = to;
      }
    },
  };
}

/** The last byte up to one where a binding can start. */
function startOf(byte: number): number {
  return Math.floor(byte / ALIGNMENT) * ALIGNMENT;
}
