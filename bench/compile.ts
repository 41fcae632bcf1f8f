// How long compiling takes: in one warm process, per build and for all targets; and `optspec build` from the shell, as whole processes
// on otherwise idle cores: the very first time, with a warm code cache, and when everything is up to date.

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "../src/compiler/compile.js";
import { median, publish } from "./rounds.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const ROUNDS = 5;

async function warm(): Promise<{ msPerBuild: number; builds: number }> {
  const words = ["base", "ratio", "double", "corrected"];
  const builds = new Map([["AdamWDL", words.map((decay) => ({ decay }))]]);
  const text = readFileSync(join(root, "examples/adamwdl.opt"), "utf8");
  const once = async (): Promise<number> => {
    const start = performance.now();
    const result = await compile({ path: "adamwdl.opt", text }, { builds });
    if (result.diagnostics.some((d) => d.severity === "error")) throw new Error("the example does not compile");
    return performance.now() - start;
  };
  for (let i = 0; i < 10; i++) await once();
  const times: number[] = [];
  for (let i = 0; i < 20; i++) times.push(await once());
  return { msPerBuild: median(times) / words.length, builds: words.length };
}

/** Wall time of one `optspec build` of examples/adamwdl.opt as a user runs it, in milliseconds. */
function shell(folder: string, cache: string): number {
  const start = performance.now();
  execFileSync(process.execPath, [join(root, "dist/cli/optspec.cjs"), "build", "adamwdl.opt"], {
    cwd: folder,
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: "ignore",
  });
  return performance.now() - start;
}

const inProcess = await warm();
const figures = { first: [] as number[], cached: [] as number[], current: [] as number[], node: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  const cache = mkdtempSync(join(tmpdir(), "optspec-cache-"));
  const folder = mkdtempSync(join(tmpdir(), "optspec-build-"));
  const fresh = (): void => {
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(root, "examples/adamwdl.opt"), join(folder, "adamwdl.opt"));
  };
  fresh();
  figures.first.push(shell(folder, cache));
  fresh();
  shell(folder, cache);
  fresh();
  figures.cached.push(shell(folder, cache));
  figures.current.push(shell(folder, cache));
  const start = performance.now();
  execFileSync(process.execPath, ["-e", "0"]);
  figures.node.push(performance.now() - start);
  for (const path of [cache, folder]) rmSync(path, { recursive: true, force: true });
}
const ms = (values: readonly number[]): string => `${median(values).toFixed(0)} (best ${Math.min(...values).toFixed(0)})`;
publish("compile", {
  title: "Compiling AdamWDL for all targets",
  rows: [
    ["what", "ms, median of five"],
    [`one warm process, per build (${inProcess.builds} builds)`, inProcess.msPerBuild.toFixed(1)],
    ["optspec build, the very first time", ms(figures.first)],
    ["optspec build, code cache warm", ms(figures.cached)],
    ["optspec build, up to date", ms(figures.current)],
    ["node -e 0, for comparison", ms(figures.node)],
  ],
  claims: [
    { claim: "warm compile per build, ms", measured: inProcess.msPerBuild, atMost: 30 },
    { claim: "optspec build the very first time, ms", measured: median(figures.first), atMost: 700 },
    { claim: "optspec build with a warm code cache, ms", measured: median(figures.cached), atMost: 400 },
    { claim: "optspec build when up to date, ms", measured: median(figures.current), atMost: 200 },
  ],
});
