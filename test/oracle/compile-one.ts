// A spec's text, compiled for a test.

import { type CompiledOptimizer, compile } from "../../src/compiler/compile.js";

/** One optimizer with the builds asked for, by the words of their options. */
export async function compileOne(text: string, builds: readonly Readonly<Record<string, string>>[] = [{}]): Promise<CompiledOptimizer> {
  const name = /optimizer (\w+)/.exec(text)![1]!;
  const { diagnostics, optimizers } = await compile({ path: "test.opt", text }, { targets: [], builds: new Map([[name, builds]]) });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"));
  return optimizers[0]!;
}
