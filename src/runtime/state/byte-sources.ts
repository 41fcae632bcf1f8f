// Where a state is read from: a place that knows its size and answers for any range, or a stream, which is read once and forwards.

import { OptimizerError, show } from "../errors.js";
import { type FileHandle, isFileHandle, isStateFile, type StateFile } from "./byte-sinks.js";

export interface ByteSource {
  /** Null: a stream, whose end shows when it is reached. */
  readonly size: number | null;
  /** Exactly these bytes; of a stream, none that stand before those already read. Rejects with "state-file" where they are not there. */
  read(from: number, to: number): Promise<Uint8Array>;
  /** Rejects with "state-file" where a stream holds more than `end` bytes. */
  checkEnd(end: number): Promise<void>;
  close(): Promise<void>;
}

export type StateSource = Blob | ArrayBuffer | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | FileHandle | StateFile;

/** Opens what the caller gave. Throws "invalid-data" for what holds no bytes. */
export async function openSource(source: StateSource): Promise<ByteSource> {
  if (isStateFile(source)) {
    const opened = await source.openSource();
    return ranges(
      opened.size,
      (from, to) => opened.read(from, to),
      () => opened.close(),
    );
  }
  if (isFileHandle(source)) return blobSource(await source.getFile());
  if (source instanceof Blob) return blobSource(source);
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) {
    const bytes = ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
    return ranges(bytes.length, async (from, to) => bytes.subarray(from, to));
  }
  if (typeof source === "object" && source !== null) {
    if ("getReader" in source) return streamSource(readerPieces(source));
    if (Symbol.asyncIterator in source) return streamSource(source[Symbol.asyncIterator]());
  }
  const way =
    typeof source === "string"
      ? 'for a path, `load(file(path))` with `file` of "optspec/node"'
      : 'give a Blob, bytes, a ReadableStream, a FileSystemFileHandle, or file(path) of "optspec/node"';
  throw new OptimizerError("invalid-data", `a state cannot be loaded from ${show(source)}: ${way}`);
}

const blobSource = (blob: Blob) => ranges(blob.size, async (from, to) => new Uint8Array(await blob.slice(from, to).arrayBuffer()));

function cutOff(at: number): OptimizerError {
  return new OptimizerError(
    "state-file",
    `the file ends at byte ${at}, before all that its header names: it is cut off, or still being written`,
  );
}

function ranges(
  size: number,
  read: (from: number, to: number) => Promise<Uint8Array>,
  close: () => Promise<void> = async () => {},
): ByteSource {
  return {
    size,
    async read(from, to) {
      const bytes = await read(from, to);
      if (bytes.length !== to - from) throw cutOff(from + bytes.length);
      return bytes;
    },
    async checkEnd() {}, // `size` was checked against the header
    close,
  };
}

type Pieces = AsyncIterator<Uint8Array, unknown, undefined>;

/** Not every ReadableStream can be iterated. */
function readerPieces(stream: ReadableStream<Uint8Array>): Pieces {
  const reader = stream.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? { done, value: undefined } : { done: false, value };
    },
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

function streamSource(pieces: Pieces): ByteSource {
  let piece = new Uint8Array(0) as Uint8Array;
  /** Place of the first byte of `piece` in the stream. */
  let start = 0;
  let ended = false;

  async function next(): Promise<boolean> {
    if (ended) return false;
    const { done, value } = await pieces.next();
    ended = done === true;
    if (done) return false;
    if (!(ArrayBuffer.isView(value) && value.BYTES_PER_ELEMENT === 1))
      throw new OptimizerError("invalid-data", `the stream gives ${show(value)}, not bytes`);
    start += piece.length;
    piece = value;
    return true;
  }

  return {
    size: null,
    async read(from, to) {
      if (from < start) throw new Error(`bug: byte ${from} of a stream that stands at ${start}`);
      const bytes = new Uint8Array(to - from);
      for (let at = from; at < to; ) {
        if (at < start + piece.length) {
          const part = piece.subarray(at - start, to - start);
          bytes.set(part, at - from);
          at += part.length;
        } else if (!(await next())) throw cutOff(start + piece.length);
      }
      return bytes;
    },
    async checkEnd(end) {
      while (start + piece.length <= end) if (!(await next())) return;
      throw new OptimizerError("state-file", `the stream goes on after byte ${end}, where the data that its header names end`);
    },
    async close() {
      if (!ended) await pieces.return?.();
    },
  };
}
