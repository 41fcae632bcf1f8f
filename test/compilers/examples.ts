// The shipped specs, compiled as `optspec build` does.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Compilation, type CompiledOptimizer, compile } from "../../src/compiler/compile.js";
import type { OutputFile } from "../../src/compiler/emit/files.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
type Builds = Readonly<Record<string, readonly Readonly<Record<string, string | number | boolean>>[]>>;
const config = JSON.parse(readFileSync(`${root}optspec.config.json`, "utf8")) as { builds: Builds };

/** The builds of the project's own configuration. */
export const configuredBuilds: ReadonlyMap<string, readonly Readonly<Record<string, string>>[]> = new Map(
  Object.entries(config.builds).map(([name, builds]) => [
    name,
    builds.map((build) => Object.fromEntries(Object.entries(build).map(([option, word]) => [option, String(word)]))),
  ]),
);

export const exampleTexts = readdirSync(`${root}examples`)
  .filter((file) => file.endsWith(".opt"))
  .map((file) => ({ path: `examples/${file}`, text: readFileSync(`${root}examples/${file}`, "utf8") }));

/** Compiles a text that must have no errors. */
export async function compiled(text: string, path = "test.opt", builds = configuredBuilds): Promise<readonly CompiledOptimizer[]> {
  const { diagnostics, optimizers }: Compilation = await compile({ path, text }, { builds });
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return optimizers;
}

export async function compiledExamples(): Promise<readonly CompiledOptimizer[]> {
  return (await Promise.all(exampleTexts.map(({ path, text }) => compiled(text, path)))).flat();
}

/** Files whose path ends so, as text. */
export function textsOf(optimizers: readonly CompiledOptimizer[], ending: string): readonly { path: string; content: string }[] {
  return optimizers
    .flatMap(({ files }) => files)
    .filter(isText)
    .filter(({ path }) => path.endsWith(ending));
}

function isText(file: OutputFile): file is { path: string; content: string } {
  return typeof file.content === "string";
}
