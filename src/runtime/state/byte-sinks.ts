// Where a state is written: bytes in order, and then all of it counts (commit) or nothing (abort), as far as the place can do that.

import { OptimizerError, show } from "../errors.js";

export interface ByteSink {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  commit(): Promise<void>;
  abort(reason: unknown): Promise<void>;
}

/** A place that makes its own sinks and sources: `file(path)` of "optspec/node". */
export interface StateFile {
  openSink(): Promise<ByteSink>;
  openSource(): Promise<{
    readonly size: number;
    read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
    close(): Promise<void>;
  }>;
}

/** A WritableStream of bytes, by what is asked of one. */
export interface ByteStream {
  getWriter(): {
    readonly ready: Promise<unknown>;
    write(bytes: Uint8Array<ArrayBuffer>): Promise<unknown>;
    close(): Promise<unknown>;
    abort(reason?: unknown): Promise<unknown>;
  };
}

/** A FileSystemFileHandle (of a page's own file system, or picked by its user), by what is asked of one. */
export interface FileHandle {
  createWritable(): Promise<ByteStream>;
  getFile(): Promise<Blob>;
}

export type StateTarget = ByteStream | FileHandle | StateFile;

const has = <Key extends string>(value: unknown, key: Key): value is Readonly<Record<Key, unknown>> =>
  typeof value === "object" && value !== null && key in value && typeof (value as Readonly<Record<string, unknown>>)[key] === "function";

export const isStateFile = (value: unknown): value is StateFile => has(value, "openSink") && has(value, "openSource");
export const isFileHandle = (value: unknown): value is FileHandle => has(value, "createWritable") && has(value, "getFile");

/** Opens what the caller gave. Throws "invalid-data" for what cannot be written to. */
export async function openSink(target: StateTarget): Promise<ByteSink> {
  if (isStateFile(target)) return target.openSink();
  if (isFileHandle(target)) return streamSink(await target.createWritable());
  if (has(target, "getWriter")) return streamSink(target as unknown as ByteStream);
  const way =
    typeof target === "string"
      ? 'for a path, `save(file(path))` with `file` of "optspec/node"'
      : 'give nothing for a Blob, a WritableStream (of a Node stream: `Writable.toWeb(stream)`), a FileSystemFileHandle, or file(path) of "optspec/node"';
  throw new OptimizerError("invalid-data", `a state cannot be saved to ${show(target)}: ${way}`);
}

function streamSink(stream: ByteStream): ByteSink {
  const writer = stream.getWriter();
  return {
    async write(bytes) {
      await writer.ready;
      await writer.write(bytes);
    },
    commit: async () => void (await writer.close()),
    abort: async (reason) => void (await writer.abort(reason)),
  };
}

/** Bytes of a piece of a Blob. */
const BLOB_PIECE = 1 << 24;

/** Collects a Blob, which the platform may keep on disk. */
export function blobSink(): ByteSink & { blob(): Blob } {
  const pieces: Blob[] = [];
  let open: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const close = () => {
    if (bytes > 0) pieces.push(new Blob(open));
    open = [];
    bytes = 0;
  };
  return {
    async write(more) {
      open.push(more);
      bytes += more.length;
      if (bytes >= BLOB_PIECE) close();
    },
    async commit() {
      close();
    },
    async abort() {},
    blob: () => new Blob(pieces),
  };
}
