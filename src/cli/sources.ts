// The specs of a command: found, read and decoded.

import type { SourceText } from "../compiler/source.js";
import { CliError } from "./cli-error.js";
import { readNamedFile } from "./read-file.js";
import type { SpecFile } from "./spec-files.js";

/** Far above any optimizer, far below what would stall the parser. */
const MAX_SPEC_BYTES = 1_000_000;

/** Reads a spec as UTF-8. */
export function readSpec(file: SpecFile): SourceText {
  const bytes = readNamedFile(file.absolute, file.shown);
  if (bytes.length > MAX_SPEC_BYTES)
    throw new CliError(`${file.shown} has ${bytes.length} bytes: too long for a spec`, "is it another file?");
  try {
    return { path: file.shown, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    throw new CliError(`${file.shown} is not UTF-8 text`, "save it as UTF-8");
  }
}
