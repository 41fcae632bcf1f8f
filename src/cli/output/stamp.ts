// "Up to date" from hashes alone: the stamp records what the last build was made of. It holds for this compiler, these sources
// and builds, and this list of files; then every listed file must still have its hash.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isUnfinished, openWorkFolder, WORK_NAME } from "./commit.js";
import { look } from "./compare.js";
import { printFileList, readFileList, sha256 } from "./file-list.js";
import type { OutputFolder } from "./folder.js";

const STAMP_NAME = "stamp";

/** What a build is made of. */
export interface Ingredients {
  readonly generator: string;
  readonly builds: ReadonlyMap<string, readonly Readonly<Record<string, string>>[]>;
  /** All specs there are, or only those named. */
  readonly all: boolean;
  readonly sources: readonly { readonly shown: string; readonly text: string }[];
}

function stampOf(made: Ingredients, listText: string): string {
  const sources = made.sources.map(({ shown, text }) => [shown, sha256(text)]);
  return sha256(JSON.stringify([made.generator, [...made.builds], made.all, sources, sha256(listText)]));
}

/** Whether a build of these would change nothing; the sizes of the files that are there. */
export function upToDateFiles(folder: OutputFolder, made: Ingredients): ReadonlyMap<string, number> | null {
  const { list, text } = readFileList(folder);
  if (text === null || isUnfinished(folder) || text !== printFileList(list) || readStamp(folder) !== stampOf(made, text)) return null;
  const sizes = new Map<string, number>();
  for (const owned of list.values()) {
    for (const [path, hash] of owned.files) {
      const present = look(folder, path);
      if (present.kind !== "file" || sha256(present.bytes) !== hash) return null;
      sizes.set(path, present.bytes.length);
    }
  }
  return sizes;
}

function readStamp(folder: OutputFolder): string | null {
  try {
    return readFileSync(join(folder.absolute, WORK_NAME, STAMP_NAME), "utf8");
  } catch {
    return null;
  }
}

/** Records that the folder now holds the build of these. A stamp that cannot be written costs time only. */
export function writeStamp(folder: OutputFolder, made: Ingredients, listText: string): void {
  try {
    openWorkFolder(folder);
    writeFileSync(join(folder.absolute, WORK_NAME, STAMP_NAME), stampOf(made, listText));
  } catch {
    // The next build compiles again.
  }
}
