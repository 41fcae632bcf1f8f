// Every build of every shipped spec, compiled, as plain data.

import { readFileSync } from "node:fs";
import { compile } from "../../src/compiler/compile.js";
import type { Subject } from "./random-bits.js";
import { exampleText } from "./replay-case.js";

/** The specs in examples/, AdamWDL first. */
const shipped = ["adamwdl", "adamw", "sgd", "lion", "adam", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam"];

type Words = Readonly<Record<string, string | boolean>>;
const config = JSON.parse(readFileSync(new URL("../../optspec.config.json", import.meta.url), "utf8")) as {
  readonly builds: Readonly<Record<string, readonly Words[]>>;
};

export async function subjects(): Promise<readonly (Subject & { readonly name: string })[]> {
  const builds = new Map(
    Object.entries(config.builds).map(([name, list]) => [
      name,
      list.map((words) => Object.fromEntries(Object.entries(words).map(([k, v]) => [k, String(v)]))),
    ]),
  );
  const found: (Subject & { readonly name: string })[] = [];
  for (const file of shipped) {
    const { optimizers } = await compile({ path: `${file}.opt`, text: exampleText(file) }, { builds, targets: [] });
    for (const { name, definition, plans } of optimizers) {
      for (const [i, build] of definition.manifest.builds.entries()) {
        const kernels = definition.kernels[build.key]!;
        const manifest = { ...definition.manifest, builds: [build] };
        const [wgsl, wasm, cuda] = await Promise.all([kernels.wgsl(), kernels.wasm(), kernels.cuda!()]);
        found.push({ name: `${name} ${build.key}`, manifest, ir: plans[i]!.ir, wgsl, wasm, cuda });
      }
    }
  }
  return found;
}
