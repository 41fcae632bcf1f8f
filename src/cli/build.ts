// optspec build: compiles specs and writes what comes out, all or nothing.

import { type BuildOptions, type BuildPlan, compileSources, ingredientsOf, planBuild } from "./build-plan.js";
import { CliError } from "./cli-error.js";
import type { Context, Outcome } from "./context.js";
import { commitChanges, isUnfinished, openWorkFolder, recover } from "./output/commit.js";
import { type Comparison, type Conflict, compareOutputs, type Wanted } from "./output/compare.js";
import { whileLocked } from "./output/lock.js";
import { upToDateFiles, writeStamp } from "./output/stamp.js";

interface WrittenFile {
  readonly path: string;
  readonly action: "written" | "removed" | "unchanged";
  readonly bytes: number;
}

/** Runs `optspec build`. */
export async function build(context: Context, options: BuildOptions & { readonly force: boolean }): Promise<Outcome> {
  const started = performance.now();
  const plan = await planBuild(context, options);
  const made = ingredientsOf(context, plan);
  const present = made === null ? null : upToDateFiles(plan.folder, made);
  if (present !== null) {
    const files = [...present].map(([path, bytes]): WrittenFile => ({ path, action: "unchanged", bytes }));
    return outcomeOf(plan, [], files, started);
  }
  const { diagnostics, built } = await compileSources(plan);
  if (diagnostics.some((d) => d.severity === "error")) return failed(diagnostics);
  const wanted = { built, sources: plan.all ? null : plan.sources.map((s) => s.path) };
  const comparison = await write(plan, wanted, options.force);
  if (made !== null && diagnostics.length === 0) writeStamp(plan.folder, made, comparison.listText);
  return outcomeOf(plan, diagnostics, filesOf(comparison), started);
}

/** Brings the folder to what is wanted. Where nothing is to do, nothing is touched. */
async function write(plan: BuildPlan, wanted: Wanted, force: boolean): Promise<Comparison> {
  if (!isUnfinished(plan.folder)) {
    const comparison = compareOutputs(plan.folder, wanted);
    refuse(plan, comparison, force);
    if (comparison.changes.length === 0 && comparison.listChange === null) return comparison;
  }
  const work = openWorkFolder(plan.folder);
  return whileLocked(plan.folder, work, () => {
    recover(plan.folder, work, force);
    const comparison = compareOutputs(plan.folder, wanted);
    refuse(plan, comparison, force);
    commitChanges(plan.folder, work, comparison);
    return comparison;
  });
}

function failed(diagnostics: Outcome["diagnostics"]): Outcome {
  const errors = diagnostics.filter((d) => d.severity === "error").length;
  return {
    exitCode: 1,
    diagnostics,
    text: "",
    summary: `${errors} ${errors === 1 ? "error" : "errors"}; nothing was written`,
    json: { files: [] },
  };
}

const reasons = {
  stranger: "is there already and was not written by optspec",
  edited: "was edited since optspec wrote it",
  link: "is a symbolic link",
  "not-a-file": "is not a file",
} as const satisfies Record<Conflict["reason"], string>;

/** Stops where a file that is not ours stands in the way. Links and folders are never overwritten. */
function refuse(plan: BuildPlan, { conflicts }: Comparison, force: boolean): void {
  const standing = conflicts.filter((c) => !force || c.reason === "link" || c.reason === "not-a-file");
  if (standing.length === 0) return;
  const lines = standing.map((c) => `  ${plan.folder.shown}/${c.path} ${reasons[c.reason]}`);
  const help = standing.some((c) => c.reason === "stranger" || c.reason === "edited")
    ? "move it away, name another folder with --out, or overwrite it with --force"
    : "move it away, or name another folder with --out";
  throw new CliError(`nothing was written, because of files that are not optspec's to overwrite:\n${lines.join("\n")}`, help, 1);
}

function filesOf(comparison: Comparison): readonly WrittenFile[] {
  const changed = comparison.changes.map(
    ({ path, after }): WrittenFile => ({ path, action: after === null ? "removed" : "written", bytes: after?.length ?? 0 }),
  );
  const unchanged = comparison.unchanged.map(({ path, bytes }): WrittenFile => ({ path, action: "unchanged", bytes: bytes.length }));
  return [...changed, ...unchanged].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function outcomeOf(plan: BuildPlan, diagnostics: Outcome["diagnostics"], files: readonly WrittenFile[], started: number): Outcome {
  const milliseconds = Math.round(performance.now() - started);
  const moved = files.filter((file) => file.action !== "unchanged");
  const shown = moved.map((file) => `${plan.folder.shown}/${file.path}  ${file.action === "removed" ? "removed" : sizeOf(file.bytes)}`);
  const unchanged = files.length - moved.length;
  const summary =
    moved.length === 0
      ? `up to date: ${unchanged} files, ${milliseconds} ms`
      : `${moved.length} files changed, ${unchanged} unchanged, ${milliseconds} ms`;
  return { exitCode: 0, diagnostics, text: alignRight(shown), summary, json: { out: plan.folder.shown, files, milliseconds } };
}

function sizeOf(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}

/** Two columns, the second one flush right. */
function alignRight(lines: readonly string[]): string {
  const rows = lines.map((line) => line.split("  ") as [string, string]);
  const left = Math.max(0, ...rows.map(([path]) => path.length));
  const right = Math.max(0, ...rows.map(([, size]) => size.length));
  return rows.map(([path, size]) => `${path.padEnd(left)}  ${size.padStart(right)}`).join("\n");
}
