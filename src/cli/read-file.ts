// Reads the files that people name. A device is none: it may never end.

import { readFileSync, statSync } from "node:fs";
import { CliError, fileError } from "./cli-error.js";

/** The bytes of a file; `shown` is what messages call it. */
export function readNamedFile(path: string, shown: string): Uint8Array {
  try {
    refuseDevice(path, shown);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw fileError(`cannot read ${shown}`, error, "check the path");
  }
}

/** The text of a file, without the mark that some editors put in front. */
export function readNamedText(path: string, shown: string): string {
  return new TextDecoder().decode(readNamedFile(path, shown));
}

/** Throws where a path leads to a device. */
export function refuseDevice(path: string, shown: string): void {
  const found = statSync(path);
  if (found.isCharacterDevice() || found.isBlockDevice()) throw new CliError(`${shown} is a device, not a file`, "check the path");
}
