// The output folder: where it really lies, and that nothing in it is reached through a link that leads elsewhere.

import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { CliError, fileError, systemCode } from "../cli-error.js";

export interface OutputFolder {
  readonly absolute: string;
  /** As messages name it. */
  readonly shown: string;
}

/** Whether `path` is `folder` or below it; both absolute. */
function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!isAbsolute(way) && way !== ".." && !way.startsWith(`..${sep}`));
}

/** The real path of the nearest ancestor that exists, with the missing rest appended. */
function realPath(path: string): string {
  for (let at = path, rest = ""; ; rest = join(relative(dirname(at), at), rest), at = dirname(at)) {
    try {
      return join(realpathSync(at), rest);
    } catch (error) {
      if (systemCode(error) !== "ENOENT" || lstatSync(at, { throwIfNoEntry: false }) !== undefined)
        throw fileError(`cannot use the folder ${path}`, error, "name another output folder with --out");
    }
  }
}

/**
 * The output folder, checked: a folder or nothing yet; and where it is written as a place inside the root, really there.
 * `chosen`: named on the command line, and so allowed to lie outside the root.
 */
export function openOutputFolder(root: string, out: string, chosen: boolean): OutputFolder {
  const absolute = resolve(root, out);
  const inside = isInside(root, absolute);
  if (!inside && !chosen)
    throw new CliError(`the config's "out" leads outside its own folder: ${out}`, "name that folder on the command line with --out");
  const real = realPath(absolute);
  if (inside && !isInside(realpathSync(root), real))
    throw new CliError(`${out} is a symbolic link that leads outside, to ${real}`, "remove the link, or name the real folder with --out");
  if (real === realpathSync(root))
    throw new CliError(`the output folder is the project itself: ${out}`, "name a folder of its own with --out");
  const found = lstatSync(real, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory())
    throw new CliError(`the output folder ${out} is not a folder but a file`, "move that file away, or name another folder with --out");
  return { absolute: real, shown: out.split(sep).join("/").replace(/\/+$/, "") };
}

const segment = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** Whether this is a path that the compiler gives to a file, relative and with forward slashes. */
export function isOutputPath(path: string): boolean {
  return path.split("/").every((part) => segment.test(part) && !part.endsWith("."));
}

/** The absolute path of an output, after a check that no link on the way leads out of the folder. */
export function locate(folder: OutputFolder, path: string): string {
  if (!isOutputPath(path))
    throw new CliError(
      `${folder.shown}: ${JSON.stringify(path)} is no path of an output`,
      "restore optspec-files.json from version control",
    );
  const absolute = join(folder.absolute, path);
  const parent = dirname(absolute);
  if (existsSync(parent) || lstatSync(parent, { throwIfNoEntry: false }) !== undefined) {
    if (!isInside(folder.absolute, realPath(parent)))
      throw new CliError(`${folder.shown}/${dirname(path)} is a symbolic link that leads outside the output folder`, "remove the link");
  }
  return absolute;
}
