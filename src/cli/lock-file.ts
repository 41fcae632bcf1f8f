// optspec.lock: tables of parameters that must not change unseen. `optspec explain --lock` writes an entry, `optspec check` enforces all.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import type { LockedFamily } from "../rules/lock.js";
import { isRecord, parseStrictJson } from "../runtime/state/strict-json.js";
import { CliError, fileError } from "./cli-error.js";
import type { SetupArguments } from "./optimizer-arguments.js";

export const LOCK_NAME = "optspec.lock";
const LOCK_VERSION = 1;

export interface LockEntry extends SetupArguments {
  /** Paths are relative to the lock, with `/`. */
  readonly spec: string;
  /** Of the optimizer or ruleset. */
  readonly name: string;
  readonly params: string;
  readonly sha256: string;
  readonly families: readonly LockedFamily[];
}

/** The entries of the lock in a folder; null where there is none. */
export function readLock(folder: string): readonly LockEntry[] | null {
  const path = resolve(folder, LOCK_NAME);
  if (!existsSync(path)) return null;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(`cannot read ${LOCK_NAME}`, error);
  }
  const parsed = parseStrictJson(text);
  const tables = parsed.ok && isRecord(parsed.value) && parsed.value.lockVersion === LOCK_VERSION ? parsed.value.tables : null;
  if (Array.isArray(tables) && tables.every(isEntry)) return tables;
  throw new CliError(`${LOCK_NAME} is damaged, or of another version of optspec`, "restore it, or delete it and lock the tables again");
}

/** Writes an entry in the place of the one for the same spec, name and list; answers what stood there. */
export function writeLockEntry(folder: string, entry: LockEntry): LockEntry | null {
  const entries = readLock(folder) ?? [];
  const key = ({ spec, name, params }: LockEntry) => JSON.stringify([spec, name, params]);
  const kept = entries.filter((other) => key(other) !== key(entry));
  const sorted = [...kept, entry].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  try {
    writeFileSync(resolve(folder, LOCK_NAME), printLock(sorted));
  } catch (error) {
    throw fileError(`cannot write ${LOCK_NAME}`, error);
  }
  return entries.find((other) => key(other) === key(entry)) ?? null;
}

/** A path as the lock names it. */
export function lockPath(folder: string, path: string): string {
  return relative(folder, resolve(folder, path)).split(sep).join("/");
}

/** One family a line, so that a change is a line of a diff. */
function printLock(entries: readonly LockEntry[]): string {
  const tables = entries.map(({ families, spec, name, params, set, names, allow, sha256 }) => {
    const head = JSON.stringify({ spec, name, params, set, names, allow, sha256 }, null, 2).slice(0, -2).replaceAll("\n", "\n    ");
    const lines = families.map((family) => `        ${JSON.stringify(family)}`);
    return `    ${head},\n      "families": [\n${lines.join(",\n")}\n      ]\n    }`;
  });
  const about = JSON.stringify("What rules decide; a change fails `optspec check`. Written by `optspec explain --lock`.");
  return `{\n  "about": ${about},\n  "lockVersion": ${LOCK_VERSION},\n  "tables": [\n${tables.join(",\n")}\n  ]\n}\n`;
}

function isEntry(entry: unknown): entry is LockEntry {
  if (!isRecord(entry)) return false;
  const { spec, name, params, set, names, allow, sha256, families } = entry;
  const texts = (list: unknown) => Array.isArray(list) && list.every((text) => typeof text === "string");
  return (
    [spec, name, params, sha256].every((text) => typeof text === "string") &&
    (names === null || typeof names === "string") &&
    texts(set) &&
    texts(allow) &&
    Array.isArray(families) &&
    families.every(isFamily)
  );
}

function isFamily(value: unknown): value is LockedFamily {
  if (!isRecord(value) || typeof value.family !== "string" || typeof value.tensors !== "number" || !isRecord(value.decided)) return false;
  return Object.values(value.decided).every(
    (list) => Array.isArray(list) && list.every((v) => typeof v === "number" || typeof v === "string"),
  );
}
