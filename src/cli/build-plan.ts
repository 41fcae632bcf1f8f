// What `build` and `check` share: which files are compiled with which builds, and what comes out, with the clashes between files.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { SourceText } from "../compiler/source.js";
import { CliError } from "./cli-error.js";
import { type Config, loadConfig } from "./config.js";
import type { Context } from "./context.js";
import type { BuiltOptimizer } from "./output/compare.js";
import { readFileList } from "./output/file-list.js";
import { type OutputFolder, openOutputFolder } from "./output/folder.js";
import type { Ingredients } from "./output/stamp.js";
import { readSpec } from "./sources.js";
import { findSpecs, namedSpecs } from "./spec-files.js";

export interface BuildOptions {
  /** Empty: the config's, or the default. */
  readonly files: readonly string[];
  readonly out: string | null;
  readonly config: string | null;
}

export interface BuildPlan {
  readonly config: Config;
  readonly folder: OutputFolder;
  readonly sources: readonly SourceText[];
  /** Whether these are all specs there are: then outputs of no spec are orphans. */
  readonly all: boolean;
}

/** Finds and reads everything that a build is made of; compiles nothing. */
export async function planBuild(context: Context, options: BuildOptions): Promise<BuildPlan> {
  const config = await loadConfig(context, options.config);
  const all = options.files.length === 0;
  const files = all ? findSpecs(config.root, config.specs) : namedSpecs(config.root, context.cwd, options.files);
  if (files.length === 0)
    throw new CliError(
      `no specs found: ${config.specs.join(", ")}`,
      config.file === null ? "name files, or begin with: optspec init" : `correct "specs" in ${config.file}`,
    );
  const folder = options.out === null ? openOutputFolder(config.root, config.out, false) : openOutputFolder(context.cwd, options.out, true);
  return { config, folder, sources: files.map(readSpec), all };
}

/** What the stamp is made of, or null where the compiler is not a fixed one. */
export function ingredientsOf(context: Context, plan: BuildPlan): Ingredients | null {
  if (context.generator === null) return null;
  const sources = plan.sources.map((source) => ({ shown: source.path, text: source.text }));
  return { generator: context.generator, builds: plan.config.builds, all: plan.all, sources };
}

export interface Compiled {
  readonly diagnostics: readonly Diagnostic[];
  readonly built: readonly BuiltOptimizer[];
}

/** Compiles the sources. With errors nothing is built. */
export async function compileSources(plan: BuildPlan): Promise<Compiled> {
  const { compile } = await import("../compiler/compile.js");
  const results = await Promise.all(plan.sources.map((source) => compile(source, { builds: plan.config.builds })));
  const optimizers = results.flatMap((result, i) =>
    [...result.optimizers, ...result.rulesets].map((built) => ({ ...built, source: plan.sources[i]! })),
  );
  const diagnostics = results.flatMap((result) => result.diagnostics);
  const clashes = findClashes(optimizers);
  const failed = [...diagnostics, ...clashes].some((d) => d.severity === "error");
  if (!failed)
    checkConfigNames(
      plan,
      optimizers.map((o) => o.name),
    );
  const encoder = new TextEncoder();
  const built = optimizers.map(({ folder, source, files }) => ({
    folder,
    source: source.path,
    files: files.map(({ path, content }) => ({ path, bytes: typeof content === "string" ? encoder.encode(content) : content })),
  }));
  if (!failed) checkOwners(plan, built);
  return { diagnostics: [...diagnostics, ...clashes], built: failed ? [] : built };
}

type Named = { readonly name: string; readonly folder: string; readonly span: Diagnostic["span"]; readonly source: SourceText };

/** Optimizers of different files that would share a folder: equal names, or names that differ only in case or spelling. */
function findClashes(optimizers: readonly Named[]): readonly Diagnostic[] {
  const first = new Map<string, Named>();
  return optimizers.flatMap((optimizer): Diagnostic[] => {
    const key = optimizer.folder.toLowerCase();
    const other = first.get(key);
    if (other === undefined) first.set(key, optimizer);
    if (other === undefined) return [];
    const same = other.name === optimizer.name;
    return [
      {
        code: "optimizer-twice",
        severity: "error",
        message: same
          ? `two specs are called ${optimizer.name}: here and in ${other.source.path}`
          : `${optimizer.name} and ${other.name} of ${other.source.path} would be written into one folder`,
        source: optimizer.source,
        span: optimizer.span,
        caption: same ? "the same name" : `also becomes "${key}"`,
        help: "rename one of them, or build them into different folders with --out",
      },
    ];
  });
}

function checkConfigNames(plan: BuildPlan, names: readonly string[]): void {
  if (!plan.all) return;
  for (const name of plan.config.builds.keys())
    if (!names.includes(name))
      throw new CliError(
        `${plan.config.file}: "builds" names ${JSON.stringify(name)}, which no spec defines`,
        `the optimizers are ${names.join(", ")}`,
      );
}

/** A folder built from another spec that still exists is not taken over in silence. */
function checkOwners(plan: BuildPlan, built: readonly BuiltOptimizer[]): void {
  if (plan.all) return;
  const { list } = readFileList(plan.folder);
  for (const { folder, source } of built) {
    const owner = list.get(folder)?.source ?? source;
    if (owner !== source && existsSync(resolve(plan.config.root, owner)))
      throw new CliError(
        `${plan.folder.shown}/${folder} was built from ${owner}, not from ${source}`,
        "rename one of the two optimizers, or build into another folder with --out",
      );
  }
}
