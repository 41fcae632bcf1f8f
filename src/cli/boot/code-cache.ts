// V8's compiled code of our own chunks, kept between runs. It is executable, so it lies only in the user's cache folder, belongs
// to the user, is written by nobody else, and its hash is checked before use. Whatever is wrong with it, it is left alone or
// made again: a command never fails for its cache.

import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { makeFolders } from "../make-folders.js";

const HASH_BYTES = 32;
/** Folders of other versions of the bundle that are kept. */
const KEPT_FOLDERS = 3;

export interface CodeCache {
  read(chunk: string): Buffer | undefined;
  write(chunk: string, code: Buffer): void;
}

/** The cache of one bundle under this version of Node. */
export function openCodeCache(bundle: string): CodeCache {
  const base = codeCacheFolder();
  const folder = base === null ? null : join(base, `${bundle.slice(0, 16)}-${process.version}-${process.arch}`);
  let usable: boolean | null = null;
  return {
    read(chunk) {
      if (folder === null || !(usable ??= isOurs(base!) && isOurs(folder))) return undefined;
      return readChecked(join(folder, chunk));
    },
    write(chunk, code) {
      if (folder === null) return;
      try {
        makeFolders(folder, 0o700);
        if (!isOurs(base!) || !isOurs(folder)) return;
        const draft = join(folder, `${chunk}.${randomBytes(6).toString("hex")}`);
        writeFileSync(draft, Buffer.concat([hashOf(code), code]), { mode: 0o600, flag: "wx" });
        renameSync(draft, join(folder, chunk));
        prune(base!, folder);
      } catch {
        // No cache then.
      }
    },
  };
}

/** Where the caches of all versions lie; null where the user has no such place. */
export function codeCacheFolder(): string | null {
  try {
    const given = process.env.XDG_CACHE_HOME;
    const caches = given !== undefined && isAbsolute(given) ? given : join(homedir(), ".cache");
    return isAbsolute(caches) ? join(caches, "optspec", "code") : null;
  } catch {
    return null;
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

function readChecked(path: string): Buffer | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const found = fstatSync(file);
      if (!found.isFile() || (process.getuid !== undefined && (found.uid !== process.getuid() || (found.mode & 0o022) !== 0)))
        return undefined;
      const content = readFileSync(file);
      const code = content.subarray(HASH_BYTES);
      return hashOf(code).equals(content.subarray(0, HASH_BYTES)) ? code : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

function hashOf(code: Buffer): Buffer {
  return createHash("sha256").update(code).digest();
}

function prune(base: string, current: string): void {
  const others = readdirSync(base)
    .map((name) => join(base, name))
    .filter((path) => path !== current);
  const newestFirst = others.map((path) => ({ path, time: statSync(path).mtimeMs })).sort((a, b) => b.time - a.time);
  for (const { path } of newestFirst.slice(KEPT_FOLDERS)) rmSync(path, { recursive: true, force: true });
}
