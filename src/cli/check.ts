// optspec check: writes nothing; says whether a build would change anything, and what, and whether locked tables still hold.

import { type BuildOptions, type BuildPlan, compileSources, ingredientsOf, planBuild } from "./build-plan.js";
import type { Context, Outcome } from "./context.js";
import { isUnfinished } from "./output/commit.js";
import { type Change, compareOutputs } from "./output/compare.js";
import { upToDateFiles } from "./output/stamp.js";
import { shortDiff } from "./short-diff.js";
import { visibleLines } from "./visible-lines.js";

const states = { create: "missing", replace: "stale", remove: "orphaned" } as const satisfies Record<Change["kind"], string>;

/** Runs `optspec check`: the outputs of a build, and the tables of optspec.lock. */
export async function check(context: Context, options: BuildOptions): Promise<Outcome> {
  const plan = await planBuild(context, options);
  const outputs = await checkOutputs(context, plan);
  const { checkLocks } = await import("./locks.js");
  const locks = await checkLocks(context, plan.config.root, plan.all ? null : options.files);
  if (locks === null) return outputs;
  const { held, broken } = locks;
  const text = broken.flatMap(({ name, params, diff }) => [`changed   ${name} over ${params}`, ...diff.map((line) => `          ${line}`)]);
  const summary =
    broken.length === 0
      ? `${held} locked ${held === 1 ? "table holds" : "tables hold"}`
      : `${broken.length} of ${held + broken.length} locked tables changed; where it is meant, lock them anew: optspec explain SPEC --params LIST --lock`;
  return {
    ...outputs,
    exitCode: broken.length > 0 ? 1 : outputs.exitCode,
    text: [outputs.text, text.map(visibleLines).join("\n")].filter((part) => part !== "").join("\n"),
    summary: `${outputs.summary}\n${summary}`,
    json: { ...outputs.json, locks: { held, broken } },
  };
}

async function checkOutputs(context: Context, plan: BuildPlan): Promise<Outcome> {
  const made = ingredientsOf(context, plan);
  const present = made === null ? null : upToDateFiles(plan.folder, made);
  if (present !== null) return clean([], present.size);
  const { diagnostics, built } = await compileSources(plan);
  if (diagnostics.some((d) => d.severity === "error"))
    return { exitCode: 1, diagnostics, text: "", summary: "the specs have errors", json: { files: [] } };
  const found = compareOutputs(plan.folder, { built, sources: plan.all ? null : plan.sources.map((s) => s.path) });
  const unfinished = isUnfinished(plan.folder);
  const changes = found.listChange === null ? found.changes : [...found.changes, found.listChange];
  if (changes.length === 0 && found.conflicts.length === 0 && !unfinished) return clean(diagnostics, found.unchanged.length);
  const blocked = found.conflicts.filter((conflict) => !changes.some((change) => change.path === conflict.path));
  const files = [
    ...changes.map((change) => ({
      path: change.path,
      state: states[change.kind],
      diff: change.kind === "replace" ? shortDiff(change.before!, change.after!) : [],
    })),
    ...blocked.map((conflict) => ({
      path: conflict.path,
      state: "stale" as const,
      diff: [`! ${conflict.reason === "link" ? "is a symbolic link" : "is not a file"}`],
    })),
  ];
  const text = files.flatMap((file) => [
    `${file.state.padEnd(8)}  ${plan.folder.shown}/${file.path}`,
    ...file.diff.map((line) => `          ${visibleLines(line)}`),
  ]);
  const summary = `${files.length} of the outputs ${unfinished ? "(an interrupted build) " : ""}are not what the specs give; run: optspec build`;
  return { exitCode: 1, diagnostics, text: text.join("\n"), summary, json: { out: plan.folder.shown, files, unfinished } };
}

function clean(diagnostics: Outcome["diagnostics"], count: number): Outcome {
  return { exitCode: 0, diagnostics, text: "", summary: `${count} files are up to date`, json: { files: [], unfinished: false } };
}
