// A program for a process of its own: an entry beside this file, with what it imports, in one file.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const source = (path: string) => join(here, "../../src/runtime", path);

/** Writes it into a folder; its path. */
export async function bundleProgram(entry: string, folder: string): Promise<string> {
  const outfile = join(folder, entry.replace(/\.ts$/, ".mjs"));
  await build({
    entryPoints: [join(here, entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    alias: { "optspec/runtime": source("index.ts"), "optspec/cpu": source("cpu/index.ts"), "optspec/node": source("node/index.ts") },
  });
  return outfile;
}
