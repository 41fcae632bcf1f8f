// Locked tables: made for a spec and a list, and compared with what the spec says now.

import { resolve } from "node:path";
import { createExplainTable } from "../rules/explain.js";
import { diffLocks, lockTable } from "../rules/lock.js";
import type { Resolution } from "../rules/resolution.js";
import { CliError } from "./cli-error.js";
import type { Context } from "./context.js";
import { compileSubject, resolveSubject } from "./explain-resolve.js";
import { type LockEntry, lockPath, readLock, writeLockEntry } from "./lock-file.js";
import type { SetupArguments } from "./optimizer-arguments.js";
import { sha256 } from "./output/file-list.js";
import { loadParamList } from "./param-file.js";

/** A locked table that does not hold any more. */
export interface BrokenLock {
  readonly spec: string;
  readonly name: string;
  readonly params: string;
  readonly diff: readonly string[];
}

interface Locked extends SetupArguments {
  readonly spec: string;
  readonly params: string;
}

/** Locks a resolved table; says in a sentence what became of the lock. */
export function lock(context: Context, name: string, resolution: Resolution, given: Locked): string {
  const { cwd } = context;
  const at = { spec: lockPath(cwd, given.spec), params: lockPath(cwd, given.params) };
  const { set, allow, names } = given;
  const entry = { ...at, name, set, allow, names: names === null ? null : lockPath(cwd, names), ...summarize(resolution) };
  const before = writeLockEntry(cwd, entry);
  const what = `optspec.lock: ${name} over ${at.params}`;
  if (before === null) return `${what} is locked; optspec check fails when it changes`;
  if (before.sha256 === entry.sha256) return `${what} is locked as before`;
  return [`${what} is locked anew:`, ...changes(before, entry).map((line) => `  ${line}`)].join("\n");
}

function summarize(resolution: Resolution): Pick<LockEntry, "sha256" | "families"> {
  const { canonical, families } = lockTable(resolution, createExplainTable(resolution));
  return { sha256: sha256(canonical), families };
}

/** Resolves every locked table anew, of these specs or of all; null where nothing is locked. */
export async function checkLocks(context: Context, folder: string, specs: readonly string[] | null) {
  const entries = readLock(folder);
  if (entries === null) return null;
  const meant = entries.filter(
    (entry) => specs === null || specs.some((spec) => resolve(context.cwd, spec) === resolve(folder, entry.spec)),
  );
  const broken: BrokenLock[] = [];
  for (const entry of meant) {
    const diff = await changesOf({ ...context, cwd: folder }, entry);
    if (diff.length > 0) broken.push({ spec: entry.spec, name: entry.name, params: entry.params, diff });
  }
  return { held: meant.length - broken.length, broken };
}

async function changesOf(context: Context, entry: LockEntry): Promise<readonly string[]> {
  try {
    const { subject } = await compileSubject(context, entry.spec, entry.name);
    if (subject === null) return ["! the spec has errors"];
    const resolution = resolveSubject(context, subject, loadParamList(context.cwd, entry.params), entry);
    const errors = resolution.problems.filter(({ severity }) => severity === "error");
    if (errors.length > 0) return errors.map(({ message }) => `! ${message}`);
    const now = summarize(resolution);
    return now.sha256 === entry.sha256 ? [] : changes(entry, now);
  } catch (error) {
    if (error instanceof CliError) return [`! ${error.message}`];
    throw error;
  }
}

function changes(before: Pick<LockEntry, "families">, now: Pick<LockEntry, "families">): readonly string[] {
  const lines = diffLocks(before.families, now.families);
  return lines.length > 0 ? lines : ["~ numbers differ in digits that the lock does not show"];
}
