// One ES module out of a test's entry and what it imports from the project: what a bundler makes of a user's page.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = (path: string): string => fileURLToPath(new URL(`../../src/runtime/${path}`, import.meta.url));

/** The module at `entry` as text; its exports stay exports. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "silent",
    alias: {
      "optspec/runtime": source("index.ts"),
      "optspec/cpu": source("cpu/index.ts"),
      "optspec/webgpu": source("webgpu/index.ts"),
    },
  });
  return outputFiles[0]!.text;
}
