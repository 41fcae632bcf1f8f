// The prelude, parsed once: its functions are looked up where the text has none of that name.

import { createReporter } from "../diagnostics/report.js";
import { prelude } from "../prelude/prelude.opt.js";
import type { FunctionDecl } from "../syntax/ast.js";
import { parse } from "../syntax/parse.js";
import type { FunctionInfo } from "./context.js";

let parsed: readonly FunctionDecl[] | null = null;

/** The members of the prelude by name. */
export function createLibrary(): Map<string, FunctionInfo> {
  parsed ??= parsePrelude();
  return new Map(parsed.map((decl) => [decl.name.name, { decl, home: "prelude", calls: 0 }]));
}

function parsePrelude(): FunctionDecl[] {
  const source = { path: "prelude.opt", text: prelude };
  const reporter = createReporter(source);
  const { declarations } = parse(source, reporter);
  const [problem] = reporter.diagnostics;
  if (problem !== undefined) throw new Error(`bug: the prelude does not parse: ${problem.message}`);
  return declarations.filter((decl): decl is FunctionDecl => decl.kind === "fn" || decl.kind === "transform");
}
