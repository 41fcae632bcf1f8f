// Finds spec files: plain paths, and patterns with `*`, `?` (inside one folder) and `**` (any folders).

import { readdirSync, statSync } from "node:fs";
import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { CliError, fileError } from "./cli-error.js";

/** What is compiled where neither the command line nor a config names files. */
export const DEFAULT_SPECS = ["*.opt", "examples/*.opt"] as const;

const skipped = new Set(["node_modules", ".git", ".optspec"]);

export interface SpecFile {
  readonly absolute: string;
  /** Relative to the root with forward slashes: what messages and generated files say. */
  readonly shown: string;
}

/** A file as its messages and outputs name it: never absolute. */
function specFile(root: string, path: string): SpecFile {
  const absolute = resolve(root, path);
  const shown = relative(root, absolute);
  return { absolute, shown: (isAbsolute(shown) ? basename(absolute) : shown).split(sep).join("/") };
}

/** The files of these paths, as given on the command line; each must exist. */
export function namedSpecs(root: string, cwd: string, paths: readonly string[]): readonly SpecFile[] {
  return unique(
    paths.map((path) => {
      const absolute = resolve(cwd, path);
      try {
        if (statSync(absolute).isDirectory()) throw new CliError(`${path} is a folder`, `name the files: ${join(path, "*.opt")}`);
      } catch (error) {
        if (error instanceof CliError) throw error;
        throw fileError(`cannot read ${path}`, error, "check the path");
      }
      return specFile(root, absolute);
    }),
  );
}

/** The files that patterns find below the root, sorted. */
export function findSpecs(root: string, patterns: readonly string[]): readonly SpecFile[] {
  const found = patterns.flatMap((pattern) =>
    expand(
      root,
      pattern.split("/").filter((part) => part !== "" && part !== "."),
    ),
  );
  return unique(found.map((path) => specFile(root, path)));
}

function unique(files: readonly SpecFile[]): readonly SpecFile[] {
  return [...new Map(files.map((file) => [file.absolute, file])).values()].sort((a, b) => (a.shown < b.shown ? -1 : 1));
}

function expand(folder: string, parts: readonly string[]): readonly string[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  if (part === "..") return expand(resolve(folder, ".."), rest);
  const matches = segmentPattern(part);
  const below = list(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && skipped.has(entry.name)) return [];
    if (part === "**") return entry.isDirectory() ? expand(path, parts) : [];
    if (!matches.test(entry.name)) return [];
    if (rest.length === 0) return entry.isDirectory() ? [] : [path];
    return entry.isDirectory() ? expand(path, rest) : [];
  });
  return part === "**" ? [...expand(folder, rest), ...below] : below;
}

function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function segmentPattern(part: string): RegExp {
  const source = part
    .replace(/[\\^$.+()[\]{}|]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "su");
}
