// From the tree to Specs. All errors of a user's text end here: what a Spec holds can be lowered without asking again.

import type { Reporter } from "../diagnostics/report.js";
import type { Extent } from "../ir/extent.js";
import type { Ast, FunctionDecl, OptimizerDecl } from "../syntax/ast.js";
import { checkOptimizerNames } from "./collisions.js";
import { checkUncalled } from "./functions.js";
import { checkOptimizer, createContext, type FileScope, topOf } from "./optimizer.js";
import { createCheckReporter } from "./report-once.js";
import type { Spec } from "./spec.js";

/** Checks a file; gives back the Specs of the optimizers without errors, and none if the file did not parse. */
export function check(ast: Ast, reporter: Reporter): readonly Spec[] {
  const optimizers = ast.declarations.filter((decl): decl is OptimizerDecl => decl.kind === "optimizer");
  const functions = ast.declarations.filter((decl): decl is FunctionDecl => decl.kind === "fn" || decl.kind === "transform");
  const damaged = reporter.hasErrors;
  checkFile(ast, optimizers, reporter);
  const specs: Spec[] = [];
  const called = new Set<string>();
  for (const decl of optimizers) {
    const checked = checkInferred(decl, { ast, functions, damaged }, reporter);
    if (checked.spec !== null && !damaged) specs.push(checked.spec);
    for (const name of checked.called) called.add(name);
  }
  checkUncalledFunctions(ast, functions, called, reporter);
  return specs;
}

/** What concerns the file as a whole. */
function checkFile(ast: Ast, optimizers: readonly OptimizerDecl[], reporter: Reporter): void {
  for (const decl of ast.declarations) {
    if (decl.kind === "ruleset" || decl.kind === "transform") {
      reporter.report("not-available-yet", { what: `\`${decl.kind}\`` }, decl.name.span);
    }
  }
  checkOptimizerNames(optimizers, (name, other) => {
    reporter.report("optimizers-collide", { name: name.name, other: other.name }, name.span, [{ span: other.span, text: "the other one" }]);
  });
}

/** Repeats the check until the extents of host states stand: they only grow. */
function checkInferred(decl: OptimizerDecl, text: Pick<FileScope, "ast" | "functions" | "damaged">, reporter: Reporter) {
  let hostExtents = new Map<string, Extent>();
  for (;;) {
    const file: FileScope = { ...text, hostExtents: new Map(hostExtents), reporter: createCheckReporter() };
    const checked = checkOptimizer(decl, file);
    if ([...file.hostExtents].every(([name, extent]) => hostExtents.get(name) === extent)) {
      file.reporter.flush(reporter);
      return checked;
    }
    hostExtents = file.hostExtents;
  }
}

/** Functions that no optimizer calls, with every name that some optimizer declares taken as known. */
function checkUncalledFunctions(ast: Ast, functions: readonly FunctionDecl[], called: ReadonlySet<string>, reporter: Reporter): void {
  const file: FileScope = { ast, functions, damaged: false, hostExtents: new Map(), reporter: createCheckReporter() };
  const ctx = createContext(file);
  for (const decl of ast.declarations) {
    for (const item of decl.kind === "fn" || decl.kind === "transform" ? [] : decl.body) {
      if ("name" in item) ctx.refused.set(item.name.name, item.name.span);
    }
  }
  for (const info of ctx.functions.values()) {
    if (info.home === "file" && !called.has(info.decl.name.name)) checkUncalled(info, topOf(ctx));
  }
  file.reporter.flush(reporter);
}
