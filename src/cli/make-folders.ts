// Node's recursive mkdir never returns where a folder's parent exists but admits no folders, as in /proc (it asks again and again).

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** Makes a folder and those above it that are missing. Throws the file system's error. */
export function makeFolders(path: string, mode = 0o777): void {
  if (make(path, mode)) return;
  makeFolders(dirname(path), mode);
  mkdirSync(path, { mode });
}

/** False where the folder above is missing. */
function make(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOENT" && dirname(path) !== path) return false;
    if (code === "EEXIST") return true;
    throw error;
  }
}
