// State files on a disk. A file is written beside the one that it will replace, brought to the disk, and renamed over it, so that at any
// moment, whatever is killed, the name holds the old file or all of the new one.

import { randomBytes } from "node:crypto";
import { constants, type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OptimizerError, quote } from "../errors.js";
import type { ByteSink, StateFile } from "../state/byte-sinks.js";

/** A file by its path, for `save` and `load`. A link is followed: what it leads to is replaced. */
export function file(path: string): StateFile {
  if (typeof path !== "string" || path === "" || path.includes("\0"))
    throw new OptimizerError("invalid-data", "file() takes a path: a text that is not empty and has no zero character");
  const absolute = resolve(path);
  return {
    openSink: () => told(`cannot save to ${quote(path)}`, () => openSink(absolute)),
    openSource: () => told(`cannot load ${quote(path)}`, () => openSource(absolute)),
  };
}

/** Says of what the system refuses which file it was about. */
async function told<T>(lead: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof OptimizerError) throw cause;
    throw new OptimizerError("state-file", `${lead}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

async function openSource(path: string) {
  // A pipe would be waited for.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new OptimizerError("state-file", `${quote(path)} is no file`);
    return {
      size: found.size,
      async read(from: number, to: number) {
        const bytes = new Uint8Array(to - from);
        let at = 0;
        while (at < bytes.length) {
          const { bytesRead } = await handle.read(bytes, at, bytes.length - at, from + at);
          if (bytesRead === 0) break;
          at += bytesRead;
        }
        return bytes.subarray(0, at);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openSink(given: string): Promise<ByteSink> {
  const before = await existing(given);
  const path = before?.path ?? given;
  // In the same folder, because only within a file system a rename is one step; a name of its own, because several may save at once.
  const draft = join(dirname(path), `.${basename(path).slice(0, 50)}.${randomBytes(6).toString("hex")}.partial`);
  const handle = await open(draft, "wx", 0o666);
  try {
    if (before !== null) await handle.chmod(before.mode);
  } catch {
    // Some file systems have no modes.
  }
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
    },
    async commit() {
      await handle.sync();
      await handle.close();
      await rename(draft, path);
      await syncFolder(dirname(path));
    },
    async abort() {
      await handle.close().catch(() => {}); // it may be closed already
      await rm(draft, { force: true });
    },
  };
}

/** What a save would replace, where the path leads. */
async function existing(path: string): Promise<{ readonly path: string; readonly mode: number } | null> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new OptimizerError("state-file", `${quote(path)} is there and is no file: give the path of a file`);
    return { path: await realpath(path), mode: found.mode & 0o777 };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** Brings the new name to the disk too. */
async function syncFolder(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, constants.O_RDONLY);
    await handle.sync();
  } catch (error) {
    // Windows opens no folders; there a rename is on the disk when it returns.
    if (process.platform !== "win32") throw error;
  } finally {
    await handle?.close();
  }
}
