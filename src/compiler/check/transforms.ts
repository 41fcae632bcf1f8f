// A `transform` is a function with states of its own: each call in the text is an instance with its own states, inlined like a `fn`.
// An instance takes its name from what the call's value is bound to: `u = adam(..)` keeps `u.m` and `u.v`.

import { camelCase } from "../spelling.js";
import type { CallExpr, FunctionDecl, StateDecl } from "../syntax/ast.js";
import { closeOver } from "./closed.js";
import { type Context, type Env, type Local, placeOf } from "./context.js";
import { leavesOf } from "./model-places.js";
import { refuse } from "./names.js";
import type { TypedExpr } from "./spec.js";
import { apply } from "./typed.js";

/** Whether a transform may be called here; what it keeps is computed at every step, in the text of an optimizer. */
export function mayKeepStates(name: string, call: CallExpr, env: Env): boolean {
  if (env.place !== "body") {
    refuse(name, "a `transform`, which keeps states", "it belongs among the statements of the optimizer", call, env);
    return false;
  }
  if (!env.inFunction || env.own !== null) return true;
  env.ctx.reporter.report("transform-in-function", { name }, placeOf(call, env));
  return false;
}

/** The path of a new instance: the name that its value is bound to, if its states can have that, else with the transform's own. */
export function instanceOf(decl: FunctionDecl, env: Env): readonly string[] {
  const states = decl.body.filter((item): item is StateDecl => item.kind === "state").map((item) => item.name.name);
  const taken = new Set([...env.ctx.declared.keys(), ...env.ctx.states.keys()].map(camelCase));
  const isFree = (path: readonly string[]) => states.every((state) => !taken.has(camelCase([...path, state].join("."))));
  const { name } = decl.name;
  if (env.binding.length > 0 && isFree(env.binding)) return env.binding;
  for (let count = 1; ; count++) {
    const path = [...env.binding, count === 1 ? name : `${name}${count}`];
    if (isFree(path)) return path;
  }
}

/** The conditions around a call that are known when parameters are registered: its states exist where they hold. */
export function existsWhere(env: Env): TypedExpr | null {
  const known = env.facts.filter(({ condition }) => condition.stage === "build" || condition.stage === "setup");
  const terms = known.map(({ condition, holds }) => (holds ? condition : apply("not", [condition], condition.span)));
  if (terms.length === 0) return null;
  return closeOver(
    terms.reduce((all, term) => apply("and", [all, term], term.span)),
    env.ctx,
  );
}

/** Whether what was handed to a transform is a hyper, a shape or a number: then a state may start from it. */
export function isSteady(local: Local, ctx: Context): boolean {
  const leaves = local.sources.flatMap((source) => (source === null ? [] : [...leavesOf(source, ctx)]));
  return leaves.every((leaf) => {
    if (leaf.kind === "ambient") return leaf.ambient !== "t" && leaf.ambient !== "step";
    return leaf.kind === "literal" || leaf.kind === "hyper" || leaf.kind === "shape" || leaf.kind.startsWith("option");
  });
}
