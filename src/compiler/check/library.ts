// The prelude: its functions are looked up where the text has none of that name. Each is parsed when it is first called.

import { createReporter } from "../diagnostics/report.js";
import { prelude } from "../prelude/prelude.opt.js";
import type { FunctionDecl } from "../syntax/ast.js";
import { parse } from "../syntax/parse.js";
import type { FunctionInfo } from "./context.js";

/** The texts of the members by name; each begins a line. */
const texts: ReadonlyMap<string, string> = new Map(
  prelude.split(/^(?=fn |transform )/m).flatMap((text) => {
    const name = /^(?:fn|transform) (\w+)/.exec(text)?.[1];
    return name === undefined ? [] : [[name, text] as const];
  }),
);
const parsed = new Map<string, FunctionDecl>();

/** The members of the prelude by name. */
export function createLibrary(): Map<string, FunctionInfo> {
  return new Map([...texts.keys()].map((name) => [name, member(name)]));
}

function member(name: string): FunctionInfo {
  return {
    get decl() {
      const decl = parsed.get(name) ?? parseMember(name);
      parsed.set(name, decl);
      return decl;
    },
    home: "prelude",
    calls: 0,
  };
}

function parseMember(name: string): FunctionDecl {
  const source = { path: "prelude.opt", text: texts.get(name)! };
  const reporter = createReporter(source);
  const [decl] = parse(source, reporter).declarations;
  const [problem] = reporter.diagnostics;
  if (problem !== undefined) throw new Error(`bug: ${name} of the prelude does not parse: ${problem.message}`);
  if (decl?.kind !== "fn" && decl?.kind !== "transform") throw new Error(`bug: ${name} of the prelude is no function`);
  return decl;
}
