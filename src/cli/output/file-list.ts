// optspec-files.json: the list of the files that are ours, with their hashes, kept beside them and committed with them. By it a
// build knows a file of its own from a stranger's and from one that was edited, and `check` knows orphans.

import { createHash } from "node:crypto";
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord, parseStrictJson } from "../../runtime/state/strict-json.js";
import { CliError, fileError } from "../cli-error.js";
import { isOutputPath, type OutputFolder } from "./folder.js";

export const LIST_NAME = "optspec-files.json";
const LIST_VERSION = 1;

export interface OwnedOptimizer {
  /** The spec it was built from, relative to the root. */
  readonly source: string;
  /** SHA-256 by path inside the output folder. */
  readonly files: ReadonlyMap<string, string>;
}

/** By optimizer folder. */
export type FileList = ReadonlyMap<string, OwnedOptimizer>;

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The list's text: the same for the same files. */
export function printFileList(list: FileList): string {
  const sorted = <V>(map: ReadonlyMap<string, V>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  const optimizers = sorted(list).map(([folder, owned]) => [
    folder,
    { source: owned.source, files: Object.fromEntries(sorted(owned.files)) },
  ]);
  const about = "Files that optspec wrote here, by SHA-256. Keep this list with them.";
  return `${JSON.stringify({ about, listVersion: LIST_VERSION, optimizers: Object.fromEntries(optimizers) }, null, 2)}\n`;
}

/** The list as it lies in the folder, with its text; empty where there is none. */
export function readFileList(folder: OutputFolder): { readonly list: FileList; readonly text: string | null } {
  const path = join(folder.absolute, LIST_NAME);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { list: new Map(), text: null };
  if (!found.isFile()) throw new CliError(`${folder.shown}/${LIST_NAME} is not a plain file`, "remove it");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(`cannot read ${folder.shown}/${LIST_NAME}`, error);
  }
  return { list: parseFileList(text, `${folder.shown}/${LIST_NAME}`), text };
}

function parseFileList(text: string, shown: string): FileList {
  const parsed = parseStrictJson(text);
  const value = parsed.ok ? parsed.value : null;
  const damaged = () =>
    new CliError(
      `${shown} is damaged`,
      "restore it from version control; or delete it, and build with --force to take over the files it listed",
    );
  if (!isRecord(value)) throw damaged();
  if (value.listVersion !== LIST_VERSION)
    throw new CliError(`${shown} was written by another version of optspec`, "use that version, or delete the folder and build again");
  if (!isRecord(value.optimizers)) throw damaged();
  return new Map(
    Object.entries(value.optimizers).map(([folder, owned]) => {
      if (!isRecord(owned) || typeof owned.source !== "string" || !isRecord(owned.files)) throw damaged();
      const files = Object.entries(owned.files).map(([path, hash]): [string, string] => {
        if (typeof hash !== "string" || !isOutputPath(path) || !path.startsWith(`${folder}/`)) throw damaged();
        return [path, hash];
      });
      return [folder, { source: owned.source, files: new Map(files) }];
    }),
  );
}
