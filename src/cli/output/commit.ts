// Writes a build into its folder: all or nothing. New files are staged beside their places, then a journal is put there in one
// rename, the point of no return; then every file is renamed. A process killed before that point changed nothing; killed
// after it, the next build finds the journal and finishes. `.optspec/` holds all this and hides itself from version control.

import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isRecord, parseStrictJson } from "../../runtime/state/strict-json.js";
import { CliError, fileError } from "../cli-error.js";
import { makeFolders } from "../make-folders.js";
import { type Change, type Comparison, look } from "./compare.js";
import { sha256 } from "./file-list.js";
import { isOutputPath, locate, type OutputFolder } from "./folder.js";

export const WORK_NAME = ".optspec";
const JOURNAL_NAME = "journal.json";
const STAGING_NAME = "staging";

/** One file's step from what it was to what it becomes; null: no file. `staged` names the new content in the staging folder. */
interface Step {
  readonly path: string;
  readonly staged: string | null;
  readonly was: string | null;
  readonly is: string | null;
}

/** The folder's own working place, made if missing. */
export function openWorkFolder(folder: OutputFolder): string {
  const work = join(folder.absolute, WORK_NAME);
  try {
    makeFolders(folder.absolute);
    if (lstatSync(work, { throwIfNoEntry: false }) === undefined) mkdirSync(work);
    if (!lstatSync(work).isDirectory()) throw new CliError(`${folder.shown}/${WORK_NAME} is not a folder`, "remove it");
    const ignore = join(work, ".gitignore");
    if (!existsSync(ignore)) writeFileSync(ignore, "*\n");
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw fileError(`cannot write into the output folder ${folder.shown}`, error, "make it writable, or name another folder with --out");
  }
  return work;
}

/** Makes the changes, all or none. The folder must be locked, and hold no journal. */
export function commitChanges(folder: OutputFolder, work: string, comparison: Comparison): void {
  // The list comes last: until it is there, the old list speaks for the old files.
  const changes = comparison.listChange === null ? comparison.changes : [...comparison.changes, comparison.listChange];
  if (changes.length === 0) return;
  const staging = join(work, STAGING_NAME);
  try {
    for (const change of changes) checkWritable(folder, change.path);
    rmSync(staging, { recursive: true, force: true });
    mkdirSync(staging);
    const steps = changes.map((change, index) => stage(staging, change, String(index)));
    const draft = join(staging, JOURNAL_NAME);
    writeFileSync(draft, JSON.stringify({ steps }));
    renameSync(draft, join(work, JOURNAL_NAME));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw fileError(
      `cannot write into the output folder ${folder.shown}; nothing was changed`,
      error,
      "make room or make it writable, or name another folder with --out",
    );
  }
  finish(folder, work, false);
}

function stage(staging: string, change: Change, name: string): Step {
  const hash = (bytes: Uint8Array | null) => (bytes === null ? null : sha256(bytes));
  if (change.after !== null) writeFileSync(join(staging, name), change.after);
  return { path: change.path, staged: change.after === null ? null : name, was: hash(change.before), is: hash(change.after) };
}

/** The nearest folder that exists must admit new names. */
function checkWritable(folder: OutputFolder, path: string): void {
  let parent = dirname(locate(folder, path));
  while (!existsSync(parent)) parent = dirname(parent);
  accessSync(parent, constants.W_OK | constants.X_OK);
}

/** Whether a build was interrupted after its point of no return. */
export function isUnfinished(folder: OutputFolder): boolean {
  return existsSync(join(folder.absolute, WORK_NAME, JOURNAL_NAME));
}

/** Finishes what an interrupted build began, and clears what a build that never began has left. The folder must be locked. */
export function recover(folder: OutputFolder, work: string, force: boolean): void {
  if (isUnfinished(folder)) finish(folder, work, force);
  else rmSync(join(work, STAGING_NAME), { recursive: true, force: true });
}

function finish(folder: OutputFolder, work: string, force: boolean): void {
  const journal = join(work, JOURNAL_NAME);
  const staging = join(work, STAGING_NAME);
  const steps = readJournal(folder, journal);
  try {
    for (const step of steps) if (isDue(folder, staging, step, force)) take(folder, staging, step);
    unlinkSync(journal);
    rmSync(staging, { recursive: true, force: true });
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw fileError(
      `writing into the output folder ${folder.shown} stopped half-way`,
      error,
      "remove the obstacle and build again: the build will be finished then",
    );
  }
}

function readJournal(folder: OutputFolder, journal: string): readonly Step[] {
  const parsed = parseStrictJson(readFileSync(journal, "utf8"));
  const steps: unknown = parsed.ok && isRecord(parsed.value) ? parsed.value.steps : null;
  if (!Array.isArray(steps) || !steps.every(isStep))
    throw new CliError(
      `${folder.shown}/${WORK_NAME}/${JOURNAL_NAME} is damaged`,
      `delete the folder ${folder.shown}/${WORK_NAME} and build again`,
    );
  return steps;
}

function isStep(value: unknown): value is Step {
  const text = (v: unknown) => v === null || typeof v === "string";
  if (!isRecord(value) || !text(value.was) || !text(value.is)) return false;
  const plain = value.staged === null || (typeof value.staged === "string" && /^\d+$/.test(value.staged));
  return plain && typeof value.path === "string" && isOutputPath(value.path);
}

/** False where the step was taken already. Somebody else's change in between is never overwritten unless forced. */
function isDue(folder: OutputFolder, staging: string, step: Step, force: boolean): boolean {
  const present = look(folder, step.path);
  const hash = present.kind === "file" ? sha256(present.bytes) : null;
  if (present.kind === "none" || present.kind === "file") {
    if (hash === step.is) return false;
    if (hash === step.was || force) {
      if (step.staged === null || sha256(readFileSync(join(staging, step.staged))) === step.is) return true;
      throw new CliError(
        `${folder.shown}/${WORK_NAME}/${STAGING_NAME} is damaged`,
        `delete the folder ${folder.shown}/${WORK_NAME} and build again`,
      );
    }
  }
  throw new CliError(
    `an interrupted build of ${folder.shown} cannot be finished: ${step.path} was changed since`,
    "build with --force to overwrite it, or delete the folder .optspec in the output folder",
  );
}

function take(folder: OutputFolder, staging: string, step: Step): void {
  const target = locate(folder, step.path);
  if (step.staged !== null) {
    makeFolders(dirname(target));
    renameSync(join(staging, step.staged), target);
    return;
  }
  unlinkSync(target);
  removeEmpty(folder, dirname(target));
}

function removeEmpty(folder: OutputFolder, from: string): void {
  for (let at = from; at !== folder.absolute; at = dirname(at)) {
    try {
      rmdirSync(at);
    } catch {
      return;
    }
  }
}
