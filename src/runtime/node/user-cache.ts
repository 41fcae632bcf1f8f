// Executable things kept between runs: only in the user's cache folder, which belongs to the user and admits nobody else, each with the
// hash of its content in front. Whatever is wrong with an entry, it counts as absent; nothing fails for its cache.

import { createHash, randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

const HASH_BYTES = 32;

export interface UserCache {
  read(key: string): Uint8Array<ArrayBuffer> | undefined;
  write(key: string, content: Uint8Array): void;
}

/** The cache of one kind of thing; keys are names of files. */
export function openUserCache(kind: string): UserCache {
  const folder = cacheFolder(kind);
  return {
    read(key) {
      return folder !== null && isOurs(folder) ? readChecked(join(folder, key)) : undefined;
    },
    write(key, content) {
      if (folder === null) return;
      try {
        for (const path of [dirname(dirname(folder)), dirname(folder), folder]) makeFolder(path);
        if (!isOurs(folder)) return;
        const draft = join(folder, `${key}.${randomBytes(6).toString("hex")}`);
        writeFileSync(draft, Buffer.concat([hashOf(content), content]), { mode: 0o600, flag: "wx" });
        renameSync(draft, join(folder, key));
      } catch {
        // No cache then.
      }
    },
  };
}

function cacheFolder(kind: string): string | null {
  try {
    const given = process.env.XDG_CACHE_HOME;
    const caches = given !== undefined && isAbsolute(given) ? given : join(homedir(), ".cache");
    return isAbsolute(caches) ? join(caches, "optspec", kind) : null;
  } catch {
    return null;
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

/** A real folder of this user's that nobody else may enter. Where a system has no owners, its user folders are private. */
function isOurs(folder: string): boolean {
  try {
    const found = lstatSync(folder);
    return found.isDirectory() && (process.getuid === undefined || (found.uid === process.getuid() && (found.mode & 0o077) === 0));
  } catch {
    return false;
  }
}

function readChecked(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const found = fstatSync(file);
      const isOwned = process.getuid === undefined || (found.uid === process.getuid() && (found.mode & 0o022) === 0);
      if (!found.isFile() || !isOwned) return undefined;
      const whole = readFileSync(file);
      const content = new Uint8Array(whole.subarray(HASH_BYTES));
      return hashOf(content).equals(whole.subarray(0, HASH_BYTES)) ? content : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

function hashOf(content: Uint8Array): Buffer {
  return createHash("sha256").update(content).digest();
}
