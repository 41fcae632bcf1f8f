// What a build would change in the output folder, and what stands in its way. Reads the disk, writes nothing.

import { lstatSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileError } from "../cli-error.js";
import { type FileList, LIST_NAME, type OwnedOptimizer, printFileList, readFileList, sha256 } from "./file-list.js";
import { locate, type OutputFolder } from "./folder.js";

/** The files of one optimizer; paths start with its folder. */
export interface BuiltOptimizer {
  readonly folder: string;
  readonly source: string;
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
}

export interface Change {
  readonly kind: "create" | "replace" | "remove";
  readonly path: string;
  /** Null where there is none: before a creation, after a removal. */
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

export interface Conflict {
  readonly path: string;
  readonly reason: "stranger" | "edited" | "link" | "not-a-file";
}

export interface Comparison {
  /** Without the list itself. */
  readonly changes: readonly Change[];
  readonly unchanged: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly conflicts: readonly Conflict[];
  readonly listText: string;
  readonly listChange: Change | null;
}

export interface Wanted {
  readonly built: readonly BuiltOptimizer[];
  /** The sources that were built, or null for all there are: what they no longer produce is removed. */
  readonly sources: readonly string[] | null;
}

/** Compares what is wanted with what lies in the folder. */
export function compareOutputs(folder: OutputFolder, wanted: Wanted): Comparison {
  const { list, text } = readFileList(folder);
  const after = nextList(list, wanted);
  const changes: Change[] = [];
  const unchanged: Comparison["unchanged"][number][] = [];
  const conflicts: Conflict[] = [];
  const consider = (path: string, next: Uint8Array | null) => {
    const present = look(folder, path);
    if (present.kind === "none") return void (next !== null && changes.push({ kind: "create", path, before: null, after: next }));
    if (present.kind !== "file") return void conflicts.push({ path, reason: present.kind });
    if (next !== null && Buffer.compare(present.bytes, next) === 0) return void unchanged.push({ path, bytes: next });
    const owned = hashIn(list, path);
    if (owned !== sha256(present.bytes)) conflicts.push({ path, reason: owned === null ? "stranger" : "edited" });
    changes.push({ kind: next === null ? "remove" : "replace", path, before: present.bytes, after: next });
  };
  for (const optimizer of wanted.built) for (const file of optimizer.files) consider(file.path, file.bytes);
  for (const owned of list.values()) for (const path of owned.files.keys()) if (hashIn(after, path) === null) consider(path, null);
  const listText = printFileList(after);
  const listChange = text === listText ? null : changeOfList(text, listText);
  return { changes, unchanged, conflicts, listText, listChange };
}

function changeOfList(before: string | null, after: string): Change {
  const bytes = (text: string) => new TextEncoder().encode(text);
  return {
    kind: before === null ? "create" : "replace",
    path: LIST_NAME,
    before: before === null ? null : bytes(before),
    after: bytes(after),
  };
}

/** The list after the build: what was built, and what other sources own. */
function nextList(list: FileList, wanted: Wanted): FileList {
  const next = new Map<string, OwnedOptimizer>();
  if (wanted.sources !== null) for (const [folder, owned] of list) if (!wanted.sources.includes(owned.source)) next.set(folder, owned);
  for (const { folder, source, files } of wanted.built)
    next.set(folder, { source, files: new Map(files.map((f) => [f.path, sha256(f.bytes)])) });
  return next;
}

function hashIn(list: FileList, path: string): string | null {
  return list.get(path.slice(0, path.indexOf("/")))?.files.get(path) ?? null;
}

type Present = { readonly kind: "none" | "link" | "not-a-file" } | { readonly kind: "file"; readonly bytes: Uint8Array };

/** What lies at an output's path. */
export function look(folder: OutputFolder, path: string): Present {
  const absolute = locate(folder, path);
  try {
    const found = lstatSync(absolute, { throwIfNoEntry: false });
    if (found === undefined) return { kind: "none" };
    if (found.isSymbolicLink()) return { kind: "link" };
    return found.isFile() ? { kind: "file", bytes: readFileSync(absolute) } : { kind: "not-a-file" };
  } catch (error) {
    throw fileError(`cannot read ${folder.shown}/${path}`, error, `move ${basename(absolute)} away or name another folder with --out`);
  }
}
