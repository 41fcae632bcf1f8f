// One build at a time in an output folder. The lock names its process; a lock whose process is gone is taken over.

import { readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError, fileError, systemCode } from "../cli-error.js";
import type { OutputFolder } from "./folder.js";

const PATIENCE_MS = 10_000;

/** Runs an action while this process alone holds the folder. */
export async function whileLocked<T>(folder: OutputFolder, work: string, action: () => T): Promise<T> {
  const lock = join(work, "lock");
  const deadline = Date.now() + PATIENCE_MS;
  while (!acquire(folder, lock)) {
    if (isAbandoned(lock)) release(lock);
    else if (Date.now() > deadline)
      throw new CliError(
        `another build is at work in ${folder.shown}`,
        `wait for it; if there is none, delete ${folder.shown}/.optspec/lock`,
      );
    else await new Promise((resolve) => setTimeout(resolve, 20));
  }
  try {
    return action();
  } finally {
    release(lock);
  }
}

function acquire(folder: OutputFolder, lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw fileError(`cannot write into the output folder ${folder.shown}`, error, "make it writable, or name another folder with --out");
  }
}

/** A lock without a number was cut off while it was written, unless that is happening just now. */
function isAbandoned(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? !isAlive(pid) : Date.now() - statSync(lock).mtimeMs > 2_000;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}

function release(lock: string): void {
  try {
    unlinkSync(lock);
  } catch {
    // Somebody else has taken it away.
  }
}
