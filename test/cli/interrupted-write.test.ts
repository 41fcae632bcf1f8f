// A process may die at any call that changes the disk. Here it dies at each of them in turn: every call from the nth on fails, as
// for a process that is no more; then the next build looks at what is left.

import type * as Fs from "node:fs";
import { expect, test, vi } from "vitest";
import { contents, temporaryFolder } from "./folder.js";

const death = vi.hoisted(() => ({ callsLeft: Number.POSITIVE_INFINITY }));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  const changing = ["mkdirSync", "renameSync", "rmdirSync", "rmSync", "unlinkSync", "writeFileSync"] as const;
  const mortal = Object.fromEntries(
    changing.map((name) => [
      name,
      (...args: never[]) => {
        if (death.callsLeft-- <= 0) throw new Error("killed");
        return (fs[name] as (...given: never[]) => unknown)(...args);
      },
    ]),
  );
  return { ...fs, ...mortal };
});

const { commitChanges, isUnfinished, openWorkFolder, recover } = await import("../../src/cli/output/commit.js");
const { compareOutputs } = await import("../../src/cli/output/compare.js");
const { openOutputFolder } = await import("../../src/cli/output/folder.js");
const { whileLocked } = await import("../../src/cli/output/lock.js");

type Files = Readonly<Record<string, string>>;

function wanted(files: Files) {
  const list = Object.entries(files).map(([path, text]) => ({ path, bytes: new TextEncoder().encode(text) }));
  return { built: [{ folder: "a", source: "a.opt", files: list }], sources: null };
}

async function write(out: string, files: Files): Promise<void> {
  const folder = openOutputFolder(out, "generated", false);
  const work = openWorkFolder(folder);
  await whileLocked(folder, work, () => {
    recover(folder, work, false);
    const comparison = compareOutputs(folder, wanted(files));
    expect(comparison.conflicts).toEqual([]);
    commitChanges(folder, work, comparison);
  });
}

const before: Files = { "a/kept": "same", "a/changed": "old", "a/deep/removed": "gone" };
const after: Files = { "a/kept": "same", "a/changed": "new", "a/added/x": "x", "a/added/y": "y" };

test("whatever call a build dies at, its outputs are the old ones, or the next build finds them and makes them the new ones", async () => {
  const outcomes = new Set<string>();
  let calls = 0;
  for (let alive = false; !alive; calls++) {
    const root = temporaryFolder();
    const generated = `${root}/generated`;
    death.callsLeft = Number.POSITIVE_INFINITY;
    await write(root, before);
    const old = contents(generated);
    death.callsLeft = calls;
    alive = await write(root, after).then(
      () => true,
      (error: Error) => {
        expect(error.message).toBe("killed");
        return false;
      },
    );
    death.callsLeft = Number.POSITIVE_INFINITY;
    const unfinished = isUnfinished(openOutputFolder(root, "generated", false));
    const left = contents(generated);
    const now = left["a/changed"] === "new" && left["a/added/y"] === "y" && left["a/deep/removed"] === undefined ? "new" : "mixed";
    const state = JSON.stringify(left) === JSON.stringify(old) ? "old" : now;
    outcomes.add(`${state}${unfinished ? ", journal" : ""}`);
    if (state === "mixed") expect(unfinished).toBe(true);
    // The lock of the dead process names this living one: a real one's would name none.
    const { rmSync } = await vi.importActual<typeof Fs>("node:fs");
    rmSync(`${generated}/.optspec/lock`, { force: true });
    await write(root, after);
    const { "optspec-files.json": list, ...files } = contents(generated);
    expect(files).toEqual(after);
    expect(Object.keys(JSON.parse(list!).optimizers.a.files).sort()).toEqual(Object.keys(after).sort());
    expect(isUnfinished(openOutputFolder(root, "generated", false))).toBe(false);
  }
  expect(calls).toBeGreaterThan(15);
  expect(outcomes).toEqual(new Set(["old", "old, journal", "mixed, journal", "new, journal", "new"]));
});

test("a next build of something else first finishes the dead one, and removes what it left", async () => {
  const root = temporaryFolder();
  await write(root, before);
  for (let calls = 3; calls < 20; calls++) {
    death.callsLeft = calls;
    await write(root, after).catch(() => {});
    death.callsLeft = Number.POSITIVE_INFINITY;
    const { rmSync } = await vi.importActual<typeof Fs>("node:fs");
    rmSync(`${root}/generated/.optspec/lock`, { force: true });
    await write(root, before);
    const { "optspec-files.json": _, ...files } = contents(`${root}/generated`);
    expect(files).toEqual(before);
  }
});
