// A new value for a state: it keeps no axis that the state does not keep, and nothing of the device flows into host state.

import { joinExtents, within } from "../ir/extent.js";
import type { Span } from "../source.js";
import type { Identifier } from "../syntax/ast.js";
import { type Env, placeOf, type StateInfo } from "./context.js";
import { intoModel } from "./model-places.js";
import { checkExists } from "./names.js";
import type { TypedExpr, TypedStatement } from "./spec.js";

/** `target <- value` for a declared state, under the conditions around it. */
export function assignState(target: Identifier, value: TypedExpr | null, span: Span, env: Env): TypedStatement | null {
  const state = env.ctx.states.get(target.name)!;
  state.writes++;
  checkExists(target.name, target, env);
  if (value === null) return null;
  const fitted = state.spec.home === "host" ? intoHost(target, state, value, env) : intoDevice(target, state, value, env);
  env.ctx.lastWrite.set(target.name, env.ctx.locals.length);
  return fitted === null ? null : { kind: "assign-cell", cell: target.name, value: fitted, span };
}

function intoHost(target: Identifier, state: StateInfo, value: TypedExpr, env: Env): TypedExpr | null {
  const { ctx } = env;
  const governing = env.facts.map((fact) => fact.condition);
  const late = [value, ...governing].find((expr) => expr.stage === "device");
  if (late !== undefined) {
    ctx.reporter.report("device-into-host", { name: target.name, governs: late !== value, of: late.extent }, placeOf(late, env), [
      { span: state.spec.span, text: "kept by the host" },
    ]);
    return null;
  }
  if (state.extentGiven) return intoDevice(target, state, value, env);
  const needed = [value, ...governing].map((expr) => expr.extent).reduce(joinExtents, state.spec.extent);
  if (!within(needed, state.spec.extent)) ctx.hostExtents.set(target.name, needed);
  return value;
}

function intoDevice(target: Identifier, state: StateInfo, value: TypedExpr, env: Env): TypedExpr | null {
  const { name, extent } = state.spec;
  for (const { condition } of env.facts) {
    if (within(condition.extent, extent)) continue;
    if (extent === "model" && intoModel(condition, target.span, env) === condition) continue;
    env.ctx.reporter.report("condition-too-wide", { name, extent, of: condition.extent }, placeOf(condition, env), [
      { span: target.span, text: `one number for ${extent === "model" ? "the model" : "each of its places"}` },
    ]);
    return null;
  }
  return fitExtent(name, extent, value, target.span, env);
}

/** The value for a place of this extent; null after an error. */
export function fitExtent(name: string, extent: StateInfo["spec"]["extent"], value: TypedExpr, place: Span, env: Env): TypedExpr | null {
  if (within(value.extent, extent)) return value;
  const fitted = extent === "model" ? intoModel(value, place, env) : null;
  if (fitted === null) env.ctx.reporter.report("extent-too-wide", { name, extent, of: value.extent }, placeOf(value, env));
  return fitted;
}
