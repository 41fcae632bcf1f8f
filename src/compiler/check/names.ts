// What a name means: locals, then states and hypers, then options, then ambient names; and where it may be used.

import { nearest } from "../../nearest-names.js";
import type { Extent, Stage } from "../ir/extent.js";
import type { HyperForm } from "../ir/value.js";
import type { Expr, Identifier } from "../syntax/ast.js";
import { isBuiltin } from "./builtins.js";
import { implies } from "./conditions.js";
import { bindLocal, type Env, findLocal, inner, inRules, type Local, localNames, type Place, placeOf } from "./context.js";
import type { TypedExpr } from "./spec.js";
import { isSteady } from "./transforms.js";
import { apply, type Checked, literal } from "./typed.js";

type NameExpr = Extract<Expr, { kind: "name" }>;

/** Every name that exists without being declared; a hyper, state or option cannot have it. */
const ambientNames = [
  "param",
  "grad",
  "t",
  "first",
  "rank",
  "numel",
  "rows",
  "cols",
  "shape",
  "machine_epsilon",
  "inf",
  "true",
  "false",
] as const;
type AmbientName = (typeof ambientNames)[number];

export function isAmbient(name: string): name is AmbientName {
  return (ambientNames as readonly string[]).includes(name);
}

const placeNames: Readonly<Record<Place, string>> = {
  body: "here",
  default: "in the default of a hyper",
  schedule: "in a schedule",
  initial: "in an initial value",
  when: "in a condition of a declaration",
  ruleValue: "in a rule",
  ruleCondition: "in the condition of a rule",
  orderValue: "in an order",
  orderCondition: "in the condition of an order",
};

/** Reports that a name which exists may not be used at this place. */
export function refuse(name: string, what: string, help: string, node: { readonly span: Identifier["span"] }, env: Env): null {
  env.ctx.reporter.report(
    "not-visible-here",
    { name, what, where: env.inFunction ? `inside a \`${env.own === null ? "fn" : "transform"}\`` : placeNames[env.place], help },
    placeOf(node, env),
  );
  return null;
}

/** The value of a bare name. */
export function checkName(node: NameExpr, env: Env): Checked {
  const { ctx } = env;
  const { name } = node;
  const local = findLocal(env.scope, name);
  if (local !== null) return useLocal(local, node, env);
  if (env.own?.has(name)) return readState(node, "current", env);
  if (ctx.refused.has(name)) return null;
  if (ctx.orders.has(name)) return readOrder(node, "order", env);
  if (ctx.states.has(name)) return readState(node, "current", env);
  if (ctx.hypers.has(name)) return readHyper(node, "value", env);
  if (ctx.options.has(name)) return readOption(node, env);
  if (name === "k" && env.place === "schedule" && !env.inFunction) return optimizerSteps(node.span);
  const declared = ctx.declared.get(name);
  if (declared !== undefined) {
    ctx.early.add(name);
    ctx.reporter.report("used-before-declaration", { name, what: declared.what }, placeOf(node, env), [
      { span: declared.span, text: "declared here" },
    ]);
    return null;
  }
  if (isAmbient(name)) return readAmbient(name, node, env);
  if (name === "index" && env.place === "ruleValue") return readIndex(node, env);
  reportUnknown(node, env);
  return null;
}

/** `k` of a schedule: the steps that the optimizer has completed. */
export function optimizerSteps(span: Identifier["span"]): TypedExpr {
  const step: TypedExpr = { kind: "ambient", ambient: "step", type: "number", extent: "model", stage: "step", span };
  return apply("sub", [step, literal(1, span)], span);
}

function reportUnknown(node: NameExpr, env: Env): void {
  const { ctx } = env;
  const { name } = node;
  if (name === "index" && inRules(env.place)) {
    refuse(name, "the position in the list", "`index` may stand on the right of `=>` in a rule", node, env);
  } else if (isBuiltin(name) || ctx.functions.has(name)) {
    ctx.reporter.report("function-as-value", { name }, placeOf(node, env));
  } else {
    const states = env.place === "body" && !env.inFunction ? ctx.states.keys() : [];
    const known = [...localNames(env.scope), ...states, ...ctx.hypers.keys(), ...ctx.options.keys(), ...ambientNames];
    ctx.reporter.report("unknown-name", { name, nearest: nearest(name, known) }, placeOf(node, env));
  }
}

/** The position of a parameter in the caller's list: fragile, so it earns a hint. */
function readIndex(node: NameExpr, env: Env): TypedExpr {
  const span = placeOf(node, env);
  env.ctx.reporter.report("index-in-rule", undefined, span);
  const local = bindLocal(inner(env), "index", node.span, null, { rule: { kind: "index", text: "index" } });
  return { kind: "local", local: local.id, type: "number", extent: "tensor", stage: "setup", span };
}

/** A parameter's rank in an order, or the greatest rank of the model. */
export function readOrder(node: Identifier, form: "order" | "orderMax", env: Env): Checked {
  const order = env.ctx.orders.get(node.name)!;
  order.uses++;
  if (!inRules(env.place)) return refuse(node.name, "an order", "orders are there for rules", node, env);
  if (env.place === "orderValue" || env.place === "orderCondition")
    return refuse(node.name, "an order", "parameters are ranked by captures, shapes and hypers", node, env);
  const local = bindLocal(inner(env), node.name, node.span, null, { rule: { kind: form, text: node.name } });
  const extent = form === "order" ? "tensor" : "model";
  return { kind: "local", local: local.id, type: "number", extent, stage: "setup", span: placeOf(node, env) };
}

function useLocal(local: Local, node: NameExpr, env: Env): Checked {
  local.uses++;
  const { name, type, extent, stage, id } = local;
  if (local.rule?.kind === "word") {
    env.ctx.reporter.report("word-capture-as-number", { name }, placeOf(node, env));
    return null;
  }
  if (local.rule?.kind === "unbound") {
    env.ctx.reporter.report("capture-not-bound", { name }, placeOf(node, env));
    return null;
  }
  if (type === null || local.sources.includes(null)) return null;
  // The locals of a `fn` called here come from what is allowed here.
  const late = (stage === "step" || stage === "device") && (env.own === null || !isSteady(local, env.ctx));
  if (env.place === "initial" && late && (!env.inFunction || env.own !== null)) {
    return refuse(name, "computed at every step", "an initial value is computed once, when a parameter is registered", node, env);
  }
  return { kind: "local", local: id, type, extent, stage, span: placeOf(node, env) };
}

/** A state's value now, or `old`: at the start of this call. */
export function readState(node: Identifier, version: "current" | "old", env: Env): Checked {
  const own = env.own?.get(node.name);
  const name = own ?? node.name;
  const state = env.ctx.states.get(name)!;
  state.reads++;
  if (env.place === "schedule") return refuse(name, "a state", "a schedule is a function of `k` and of hypers", node, env);
  if (env.inFunction && own === undefined) return refuse(name, "a state", "hand it in as an argument", node, env);
  if (env.place === "initial") return refuse(name, "a state", "write the value that it starts from", node, env);
  if (env.place !== "body") return refuse(name, "a state", "states change at every step; this is decided before", node, env);
  checkExists(name, node, env);
  const { home, extent } = state.spec;
  return {
    kind: "cell",
    cell: name,
    version,
    type: "number",
    extent,
    stage: home === "host" ? "step" : "device",
    span: placeOf(node, env),
  };
}

/** A state with a `when` may be used where the conditions around imply it. */
export function checkExists(name: string, node: { readonly span: Identifier["span"] }, env: Env): void {
  const {
    when,
    spec: { span },
  } = env.ctx.states.get(name)!;
  if (when === null || implies(env.facts, when, env.ctx)) return;
  const condition = env.ctx.source.text.slice(when.span.from, when.span.to);
  env.ctx.reporter.report("state-may-not-exist", { name, condition }, placeOf(node, env), [
    { span, text: "exists only under this condition" },
  ]);
}

/** A hyper's value, or one of its forms. Defaults and initial values are computed at registration. */
export function readHyper(node: Identifier, form: HyperForm, env: Env): TypedExpr {
  const hyper = env.ctx.hypers.get(node.name)!;
  hyper.uses++;
  const atSetup = hyper.fixed || env.place === "default" || env.place === "initial";
  const type = form === "value" && hyper.type === "bool" ? "boolean" : "number";
  // A schedule is part of how hypers get their values: it reads what was given.
  const read = env.place === "schedule" ? "peak" : form;
  return {
    kind: "hyper",
    hyper: node.name,
    form: read,
    type,
    extent: "tensor",
    stage: atSetup ? "setup" : "step",
    span: placeOf(node, env),
  };
}

function readOption(node: NameExpr, env: Env): Checked {
  const option = env.ctx.options.get(node.name)!;
  option.uses++;
  if (!optionAllowed(node, env)) return null;
  const typed = { extent: "model", stage: "build", span: placeOf(node, env) } as const;
  if (option.kind === "numbers") return { kind: "option", option: node.name, type: "number", ...typed };
  if (option.kind === "boolean") return { kind: "option-is", option: node.name, word: "true", type: "boolean", ...typed };
  env.ctx.reporter.report("option-as-value", { name: node.name, words: option.words }, placeOf(node, env));
  return null;
}

/** Options are open where hypers get their defaults and where rules are decided. */
export function optionAllowed(node: Identifier, env: Env): boolean {
  if (env.place === "default" || env.place === "schedule") {
    refuse(node.name, "an option", "all builds share it: let the caller give this hyper, or choose where it is used", node, env);
    return false;
  }
  if (inRules(env.place)) {
    env.ctx.reporter.report("not-available-yet", { what: "an option in a rule", instead: "a `fixed hyper`" }, placeOf(node, env));
    return false;
  }
  return true;
}

function readAmbient(name: AmbientName, node: NameExpr, env: Env): Checked {
  const span = placeOf(node, env);
  const fact = (ambient: "t" | "rank" | "numel" | "rows" | "cols", extent: Extent, stage: Stage): Checked => {
    if (env.place === "default") return refuse(name, "a fact of one parameter", "a default is one value for all parameters", node, env);
    if (env.place === "schedule")
      return refuse(
        name,
        "a fact of one parameter",
        "a schedule is one multiplier for all parameters: `k` counts the completed steps",
        node,
        env,
      );
    return { kind: "ambient", ambient, type: "number", extent, stage, span };
  };
  switch (name) {
    case "machine_epsilon":
      return literal(2 ** -23, span);
    case "inf":
      return literal(Number.POSITIVE_INFINITY, span);
    case "true":
    case "false":
      return literal(name === "true" ? 1 : 0, span, "boolean");
    case "t":
    case "first": {
      if (env.place === "initial")
        return refuse(name, "the step count", "no step has been taken when initial values are computed", node, env);
      if (inRules(env.place) && env.place !== "ruleValue") return refuse(name, "the step count", "arms are decided at set-up", node, env);
      const t = fact("t", "tensor", "step");
      return name === "t" || t === null ? t : apply("eq", [t, literal(1, span)], span);
    }
    case "rank":
    case "numel":
    case "rows":
    case "cols":
      return fact(name, "tensor", "setup");
    case "shape":
      env.ctx.reporter.report("shape-without-axis", undefined, span);
      return null;
    case "param":
    case "grad":
      if (inRules(env.place) || env.place === "default" || env.place === "schedule")
        return refuse(name, "numbers on the device", "it is decided from names, shapes and hypers", node, env);
      if (name === "grad" && env.place === "initial") return refuse(name, "the gradient", "there is none before the first step", node, env);
      return { kind: "cell", cell: name, version: "current", type: "number", extent: "elem", stage: "device", span };
    default:
      throw new Error(`bug: ambient name ${name satisfies never}`);
  }
}
