// Writes a state: the header, then tensor after tensor in pieces, so that a state of any size takes a few pieces of memory.

import { OptimizerError, quote } from "../errors.js";
import { type ByteSink, blobSink, openSink, type StateTarget } from "./byte-sinks.js";
import { dtypes } from "./dtype.js";
import type { StateEntry, StateHolder } from "./holder.js";
import { encodeMetadata } from "./metadata.js";
import { planSafetensors } from "./safetensors.js";

/** Bytes of a piece. A whole number of elements of every dtype. */
export const PIECE_BYTES = 1 << 22;

export interface SaveOptions {
  /** False leaves the parameters themselves out. Default: true. */
  readonly params?: boolean;
}

/** Writes to where the caller said: all of it, or nothing that counts. */
export async function saveState(holder: StateHolder, target: StateTarget, options: SaveOptions): Promise<void> {
  await holder.settle();
  await writeState(holder, await openSink(target), options);
}

/** The same into a Blob. */
export async function saveBlob(holder: StateHolder, options: SaveOptions): Promise<Blob> {
  await holder.settle();
  const sink = blobSink();
  await writeState(holder, sink, options);
  return sink.blob();
}

async function writeState(holder: StateHolder, sink: ByteSink, { params = true }: SaveOptions): Promise<void> {
  try {
    const entries = new Map(holder.entries.filter(({ role }) => params || role === "state").map((entry) => [entry.key, entry]));
    const shapes = [...entries.values()].map(({ key, dtype, shape }) => ({ name: key, dtype, shape }));
    const { start, tensors } = planSafetensors(shapes, encodeMetadata(holder.values()));
    const output = collect(sink);
    await output.write(start);
    for (const { name, from, to } of tensors) {
      const entry = entries.get(name)!;
      if (entry.place === "host") await output.write(numberBytes(entry.dtype, entry.get()));
      else await writePieces(entry, to - from, output.write);
    }
    await output.flush();
    await sink.commit();
  } catch (error) {
    await sink.abort(error).catch(() => {}); // what went wrong first is what is told
    if (error instanceof OptimizerError) throw error;
    throw new OptimizerError("state-file", `the state could not be written: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

type Write = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

async function writePieces(entry: Extract<StateEntry, { place: "device" }>, bytes: number, write: Write): Promise<void> {
  const width = dtypes[entry.dtype].bytes;
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, bytes - at);
    const piece = await entry.read(at / width, length / width);
    if (piece.length !== length) throw new Error(`bug: ${quote(entry.key)} gives ${piece.length} bytes for ${length}`);
    await write(piece);
  }
}

/** Joins small writes, of which a model has hundreds, to pieces. */
function collect(sink: ByteSink): { readonly write: Write; flush(): Promise<void> } {
  let open: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  async function flush(): Promise<void> {
    const joined = open.length === 1 ? open[0]! : new Uint8Array(bytes);
    if (open.length > 1) {
      let at = 0;
      for (const part of open) {
        joined.set(part, at);
        at += part.length;
      }
    }
    open = [];
    bytes = 0;
    if (joined.length > 0) await sink.write(joined);
  }
  return {
    flush,
    async write(part) {
      if (bytes + part.length > PIECE_BYTES) await flush();
      open.push(part);
      bytes += part.length;
    },
  };
}

function numberBytes(dtype: "I64" | "F64", value: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(8));
  if (dtype === "I64") view.setBigInt64(0, BigInt(value), true);
  else view.setFloat64(0, value, true);
  return new Uint8Array(view.buffer);
}
