// From the tree to Specs. All errors of a user's text end here: what a Spec holds can be lowered without asking again.

import type { Reporter } from "../diagnostics/report.js";
import type { Extent } from "../ir/extent.js";
import type { Ast, FunctionDecl, OptimizerDecl, RulesetDecl } from "../syntax/ast.js";
import { checkBuiltNames } from "./collisions.js";
import { checkUncalled } from "./functions.js";
import { checkOptimizer, createContext, type FileScope, topOf } from "./optimizer.js";
import { createCheckReporter } from "./report-once.js";
import { checkRuleset } from "./ruleset.js";
import type { RulesetSpec, Spec } from "./spec.js";

export interface CheckedFile {
  readonly specs: readonly Spec[];
  readonly rulesets: readonly RulesetSpec[];
}

/** Checks a file; gives back the optimizers and rulesets without errors, and none if the file did not parse. */
export function check(ast: Ast, reporter: Reporter): CheckedFile {
  const optimizers = ast.declarations.filter((decl): decl is OptimizerDecl => decl.kind === "optimizer");
  const functions = ast.declarations.filter((decl): decl is FunctionDecl => decl.kind === "fn" || decl.kind === "transform");
  const damaged = reporter.hasErrors;
  const told = new Set<string>();
  checkFile(ast, reporter);
  const specs: Spec[] = [];
  const called = new Set<string>();
  const { rulesets, broken } = checkRulesets({ ast, functions, damaged }, called, reporter, told);
  for (const decl of optimizers) {
    const checked = checkInferred(decl, { ast, functions, damaged, brokenRulesets: broken }, reporter, told);
    if (checked.spec !== null && !damaged) specs.push(checked.spec);
    for (const name of checked.called) called.add(name);
  }
  checkUncalledFunctions(ast, functions, called, reporter, told);
  return { specs, rulesets: damaged ? [] : rulesets };
}

type Text = Pick<FileScope, "ast" | "functions" | "damaged">;

function checkRulesets(text: Text, called: Set<string>, reporter: Reporter, told: Set<string>) {
  const rulesets: RulesetSpec[] = [];
  const broken = new Set<RulesetDecl>();
  for (const decl of text.ast.declarations) {
    if (decl.kind !== "ruleset") continue;
    const file: FileScope = { ...text, brokenRulesets: broken, hostExtents: new Map(), reporter: createCheckReporter(text.damaged) };
    const checked = checkRuleset(decl, file);
    file.reporter.flush(reporter, told);
    if (checked.spec === null) broken.add(decl);
    else rulesets.push(checked.spec);
    for (const name of checked.called) called.add(name);
  }
  return { rulesets, broken };
}

/** What concerns the file as a whole. */
function checkFile(ast: Ast, reporter: Reporter): void {
  const built = ast.declarations.filter(
    (decl): decl is OptimizerDecl | RulesetDecl => decl.kind === "optimizer" || decl.kind === "ruleset",
  );
  if (built.length === 0 && !reporter.hasErrors) reporter.report("nothing-to-build", undefined, { from: 0, to: 0 });
  checkBuiltNames(built, (name, other) => {
    reporter.report("optimizers-collide", { name: name.name, other: other.name }, name.span, [{ span: other.span, text: "the other one" }]);
  });
}

/** Repeats the check until the extents of host states stand: they only grow. */
function checkInferred(decl: OptimizerDecl, text: Text & Pick<FileScope, "brokenRulesets">, reporter: Reporter, told: Set<string>) {
  let hostExtents = new Map<string, Extent>();
  for (;;) {
    const file: FileScope = { ...text, hostExtents: new Map(hostExtents), reporter: createCheckReporter(text.damaged) };
    const checked = checkOptimizer(decl, file);
    if ([...file.hostExtents].every(([name, extent]) => hostExtents.get(name) === extent)) {
      file.reporter.flush(reporter, told);
      return checked;
    }
    hostExtents = file.hostExtents;
  }
}

/** Functions that no optimizer calls, with every name that some optimizer declares taken as known. */
function checkUncalledFunctions(
  ast: Ast,
  functions: readonly FunctionDecl[],
  called: ReadonlySet<string>,
  reporter: Reporter,
  told: Set<string>,
): void {
  const file: FileScope = {
    ast,
    functions,
    damaged: false,
    brokenRulesets: new Set(),
    hostExtents: new Map(),
    reporter: createCheckReporter(),
  };
  const ctx = createContext(file);
  for (const decl of ast.declarations) {
    for (const item of decl.kind === "fn" || decl.kind === "transform" ? [] : decl.body) {
      if ("name" in item) ctx.refused.set(item.name.name, item.name.span);
    }
  }
  for (const info of ctx.functions.values()) {
    if (info.home === "file" && !called.has(info.decl.name.name)) checkUncalled(info, topOf(ctx));
  }
  file.reporter.flush(reporter, told);
}
