// A state of any size takes a few pieces of memory to save and to load: measured, in a process of its own.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundleProgram } from "./bundle-program.js";

const ELEMENTS = 25_000_000;
/** Megabytes, of pieces of 4 and what waits for the garbage collector: a fifth of the file. */
const BOUND = 60;

const folder = mkdtempSync(join(tmpdir(), "optspec-memory-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(`saving and loading ${(ELEMENTS * 12) / 1e6} MB takes less than ${BOUND} MB more`, async () => {
  const program = await bundleProgram("memory.entry.ts", folder);
  const path = join(folder, "state.safetensors");
  const { stdout, stderr } = spawnSync(process.execPath, [program, path, String(ELEMENTS)], { encoding: "utf8" });
  expect(stderr).toBe("");
  const { report } = JSON.parse(stdout) as { readonly report: Readonly<Record<string, number>> };
  expect(statSync(path).size).toBeGreaterThan(ELEMENTS * 12);
  expect(Object.keys(report)).toHaveLength(4);
  for (const [what, megabytes] of Object.entries(report)) expect([what, megabytes, megabytes < BOUND]).toEqual([what, megabytes, true]);
});
