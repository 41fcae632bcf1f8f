// Runs a command line in a folder, in this process, and says what came out.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { main } from "../../src/cli/main.js";

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly talk: string;
}

/** `optspec ARGS` in a folder; `generator` names the compiler, so that "up to date" is known from hashes. */
export async function optspec(cwd: string, args: readonly string[], generator: string | null = null): Promise<Ran> {
  const said = { out: "", talk: "" };
  const exitCode = await main(
    args,
    {
      cwd,
      out: (text) => void (said.out += text),
      talk: (text) => void (said.talk += text),
      color: false,
      width: 100,
      interactive: false,
      generator,
      importModule: (specifier) => import(specifier),
    },
    "0.0.0",
  );
  return { exitCode, ...said };
}

/** Writes files into a folder, making the folders on the way. */
export function put(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** A spec of one line. */
export function sgd(name = "Sgd", body = "param <- param - lr * grad"): string {
  return `optimizer ${name} {\n  hyper lr = 0.1 in [0, inf)\n  ${body}\n}\n`;
}
