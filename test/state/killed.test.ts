// Kill -9 at any moment of a save leaves the old file or the new one, whole.

import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../src/runtime/state/safetensors.js";
import { bundleProgram } from "./bundle-program.js";

const KILLS = 50;
/** Kills come when this many more saves have begun than there are savers, at most, and up to so many milliseconds after that. */
const MOST_FINISHED = 5;
const LATEST = 10;
/** Saves under way in each killed process. */
const SAVERS = 4;

const folder = mkdtempSync(join(tmpdir(), "optspec-killed-"));
let program = "";
const old = join(folder, "old.safetensors");

beforeAll(async () => {
  program = await bundleProgram("saver.entry.ts", folder);
  expect(spawnSync(process.execPath, [program, "1", old], { stdio: "inherit" }).status).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts saving into every file, over the old one there, and kills some time after so many saves have been finished. */
async function saveAndKill(files: readonly string[], finished: number, milliseconds: number): Promise<void> {
  for (const file of files) copyFileSync(old, file);
  const child = spawn(process.execPath, [program, "2", ...files], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let begun = 0;
  child.stdout.on("data", (dots: Buffer) => {
    begun += dots.length;
    if (begun >= files.length + finished) setTimeout(() => child.kill("SIGKILL"), milliseconds);
  });
  await ended;
  expect(child.signalCode).toBe("SIGKILL");
}

/** The one generation that all of a file is of. */
function generationOf(path: string): number {
  const { tensors, metadata } = readSafetensors(readFileSync(path));
  const generation = (JSON.parse(metadata.get("hypers")!) as { readonly lr: number }).lr;
  expect([...tensors.keys()].sort()).toEqual(["param/w", "state.m/w", "state.v/w", "t/w"]);
  const [expected] = new Uint32Array(Float32Array.of(generation).buffer);
  for (const [name, { bytes, shape }] of tensors) {
    if (name === "t/w") continue;
    const words = new Uint32Array(new Uint8Array(bytes).buffer);
    expect([name, words.length, words.every((word) => word === expected)]).toEqual([name, shape[0], true]);
  }
  return generation;
}

test(`of ${KILLS * SAVERS} saves that are killed, each leaves a whole file`, async () => {
  let drafts = 0;
  const generations = new Set<number>();
  async function kill(index: number): Promise<void> {
    const own = join(folder, String(index));
    mkdirSync(own);
    const files = Array.from({ length: SAVERS }, (_, saver) => join(own, `${saver}.safetensors`));
    await saveAndKill(files, index % MOST_FINISHED, (index / KILLS) * LATEST);
    for (const file of files) generations.add(generationOf(file));
    drafts += readdirSync(own).length - files.length;
    rmSync(own, { recursive: true });
  }
  for (let index = 0; index < KILLS; index += 2) await Promise.all([kill(index), kill(index + 1)]);
  // Kills did come in the middle of saves, and at different ones.
  expect(drafts).toBeGreaterThan(KILLS / 2);
  expect(generations.size).toBeGreaterThan(1);
});
