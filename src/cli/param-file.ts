// Reads a parameter list from disk: of a safetensors file its header only, of a gzip file its content, of a sharded model's index
// the headers of the files beside it.

import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { SafetensorsError } from "../runtime/state/safetensors-error.js";
import { headerBytes, PREFIX_BYTES } from "../runtime/state/safetensors-header.js";
import { isSafetensors, joinParamLists, type ParamList, ParamListError, type ParamSource, readParamList } from "../tools/param-list.js";
import { CliError, fileError } from "./cli-error.js";
import { refuseDevice } from "./read-file.js";

/** A list of names is text; this is room for a million of them. */
const MAX_LIST_BYTES = 256_000_000;

/** The parameter list of a file. */
export function loadParamList(cwd: string, file: string): ParamList {
  const path = resolve(cwd, file);
  const source = readSource(path, file);
  if (source.kind === "list") return source.list;
  const lists = source.files.map((shard) => {
    const part = readSource(resolve(dirname(path), shard), shard);
    if (part.kind !== "list") throw new CliError(`${shard}, named by ${file}, is an index itself`);
    return part.list;
  });
  return explained(file, () => joinParamLists(lists));
}

function readSource(path: string, shown: string): ParamSource {
  const { bytes, fileBytes } = readStart(path, shown);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return explained(shown, () => readParamList(bytes, fileBytes));
  let inflated: Uint8Array;
  try {
    inflated = gunzipSync(bytes, { maxOutputLength: MAX_LIST_BYTES });
  } catch (error) {
    throw new CliError(
      `${shown} is a damaged gzip file, or larger than ${MAX_LIST_BYTES} bytes: ${error instanceof Error ? error.message : ""}`,
      "unpack it and name the unpacked file",
    );
  }
  return explained(shown, () => readParamList(inflated));
}

/** The whole file, or of a safetensors file the header: models are larger than memory. */
function readStart(path: string, shown: string): { readonly bytes: Uint8Array; readonly fileBytes: number } {
  try {
    refuseDevice(path, shown);
    const file = openSync(path, "r");
    try {
      const fileBytes = fstatSync(file).size;
      const start = Buffer.alloc(PREFIX_BYTES + 1);
      const head = start.subarray(0, readSync(file, start, 0, start.length, 0));
      if (isSafetensors(head)) {
        const bytes = Buffer.alloc(PREFIX_BYTES + explained(shown, () => headerBytes(head, fileBytes)));
        return { bytes: bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0)), fileBytes };
      }
      if (fileBytes > MAX_LIST_BYTES)
        throw new CliError(
          `${shown} has ${fileBytes} bytes: too long for a parameter list`,
          "is it a safetensors file that lost its start?",
        );
      return { bytes: readFileSync(path), fileBytes };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw fileError(`cannot read ${shown}`, error, "check the path");
  }
}

function explained<T>(shown: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ParamListError || error instanceof SafetensorsError) throw new CliError(`${shown}: ${error.message}`, error.help);
    throw error;
  }
}
