// Temporary folders, and what lies in them.

import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "optspec-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Every file below a folder with its text, except the working place of builds. */
export function contents(folder: string): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  const walk = (at: string, path: string) => {
    for (const name of readdirSync(at).sort()) {
      if (name === ".optspec") continue;
      const found = lstatSync(join(at, name));
      if (found.isDirectory()) walk(join(at, name), `${path}${name}/`);
      else files[path + name] = found.isSymbolicLink() ? "(link)" : readFileSync(join(at, name), "latin1");
    }
  };
  walk(folder, "");
  return files;
}
