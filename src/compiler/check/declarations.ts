// Declarations: hypers with their defaults and ranges, options with their words, states with extent, initial value and condition.

import { type Extent, joinExtents, stageIsBefore, within } from "../ir/extent.js";
import type { Expr, HyperDecl, IntervalSyntax, OptionDecl, StateDecl } from "../syntax/ast.js";
import { fitExtent } from "./assign-state.js";
import { closeOver } from "./closed.js";
import { constantOf } from "./constants.js";
import { type Env, inner, placeOf } from "./context.js";
import { checkTyped, notAvailable } from "./expressions.js";
import { extentOf } from "./reductions.js";
import type { Range, StateSpec, TypedExpr } from "./spec.js";
import { apply, literal } from "./typed.js";

export function checkHyper(decl: HyperDecl, env: Env): void {
  const { ctx } = env;
  const { name, type } = decl;
  const inDefault: Env = { ...inner(env), place: "default" };
  const checked = checkTyped(decl.value, type === "bool" ? "boolean" : "number", inDefault);
  const range = decl.interval === null ? null : checkRange(decl, decl.interval, inDefault);
  const value = checked === null ? null : constantOf(checked, ctx, "defaults");
  const good = checked !== null && (value === null || type === "bool" || checkDefault(decl, value, range, env));
  ctx.hypers.set(name.name, {
    name: name.name,
    doc: decl.doc,
    type,
    fixed: decl.fixed,
    value: good ? checked : literal(1, decl.value.span, type === "bool" ? "boolean" : "number"),
    range: range === "wrong" ? null : range,
    span: name.span,
    uses: 0,
  });
}

/** Whether the default is a value that the hyper may have; all else is reported. */
function checkDefault(decl: HyperDecl, value: number, range: Range | null | "wrong", env: Env): boolean {
  const { reporter, source } = env.ctx;
  const { name } = decl.name;
  const { span } = decl.value;
  if (decl.type === "int" && !Number.isInteger(value)) reporter.report("default-not-whole", { name, value }, span);
  else if (Number.isNaN(value) || (range === null && !Number.isFinite(value))) reporter.report("default-not-finite", { name, value }, span);
  else if (range === null || range === "wrong" || inRange(value, range)) return true;
  else {
    const at = decl.interval!.span;
    reporter.report("default-out-of-range", { name, value, interval: source.text.slice(at.from, at.to) }, span, [
      { span: at, text: "the range" },
    ]);
  }
  return false;
}

export function inRange(value: number, range: Range): boolean {
  const above = range.lowClosed ? value >= range.low : value > range.low;
  return above && (range.highClosed ? value <= range.high : value < range.high);
}

function checkRange(decl: HyperDecl, interval: IntervalSyntax, env: Env): Range | "wrong" {
  const { reporter } = env.ctx;
  const bound = (expr: Expr): number | null => {
    const checked = checkTyped(expr, "number", env);
    const value = checked === null ? null : constantOf(checked, env.ctx);
    if (checked !== null && value === null) reporter.report("range-not-constant", undefined, expr.span);
    return value;
  };
  const [low, high] = [bound(interval.low), bound(interval.high)];
  if (decl.type === "bool") {
    reporter.report("range-of-bool", { name: decl.name.name }, interval.span);
    return "wrong";
  }
  if (low === null || high === null) return "wrong";
  const { lowClosed, highClosed } = interval;
  const range = { low, high, lowClosed, highClosed };
  if (low < high || (low === high && lowClosed && highClosed)) return range;
  reporter.report("range-empty", { low, high }, interval.span);
  return "wrong";
}

export function checkOption(decl: OptionDecl, env: Env): void {
  const { ctx } = env;
  const { name } = decl.name;
  const { text } = decl.value;
  const words = decl.words?.map((word) => word.text) ?? ["true", "false"];
  const isNumber = (word: string) => /^[\d.]/.test(word);
  const same = (a: string, b: string) => a === b || (isNumber(a) && isNumber(b) && Number(a) === Number(b));
  for (const [index, word] of (decl.words ?? []).entries()) {
    const before = words.findIndex((other) => same(other, word.text));
    if (before < index) ctx.reporter.report("duplicate-word", { name, word: word.text }, word.span);
  }
  const value = words.find((word) => same(word, text));
  if (value === undefined && decl.words === null) ctx.reporter.report("option-without-words", { name, word: text }, decl.value.span);
  else if (value === undefined) ctx.reporter.report("option-default", { name, word: text, words }, decl.value.span);
  const kind = decl.words === null ? "boolean" : words.every(isNumber) ? "numbers" : "words";
  ctx.options.set(name, { name, doc: decl.doc, kind, words, value: value ?? words[0]!, span: decl.name.span, uses: 0 });
}

const deviceExtents: readonly Extent[] = ["elem", "tensor", "model"];

/** How a state is kept: its full name, and what else must hold where it exists. */
interface Kept {
  readonly name: string;
  readonly exists: TypedExpr | null;
}

/** A state of the optimizer, or, as an instance keeps it, of a transform. */
export function checkState(decl: StateDecl, env: Env, { name, exists }: Kept = { name: decl.name.name, exists: null }): void {
  const { ctx } = env;
  const span = placeOf(decl.name, env);
  const given = decl.extent === null ? null : extentOf(decl.extent, env);
  const extent = given ?? (decl.host ? (ctx.hostExtents.get(name) ?? "model") : "elem");
  if (decl.host && given !== null && given !== "model" && given !== "tensor") {
    ctx.reporter.report("host-state-extent", { name, extent: given }, placeOf(decl.extent!, env));
  } else if (!decl.host && given !== null && !deviceExtents.includes(given)) {
    notAvailable(`a state of extent \`${given}\``, decl.extent!, env);
  }
  const when = decl.when === null ? null : checkWhen(decl.when, env);
  const value = checkInitial(decl, name, extent, env);
  if (decl.ring !== null) {
    checkTyped(decl.ring, "number", env);
    notAvailable("a ring of the last values", decl.ring, env);
    ctx.refused.set(decl.name.name, span);
    return;
  }
  const both = when !== null && exists !== null ? apply("and", [exists, when], span) : (exists ?? when);
  const spec: StateSpec = {
    name,
    doc: decl.doc,
    home: decl.host ? "host" : "device",
    extent,
    value: value ?? { ...literal(0, placeOf(decl.value, env)), stage: "setup" },
    when: both,
    span,
  };
  ctx.states.set(name, { spec, when, extentGiven: given !== null, ofLibrary: env.at !== null, reads: 0, writes: 0 });
}

/** A condition of a declaration; null where it is wrong, which is reported. */
export function checkWhen(condition: Expr, env: Env): TypedExpr | null {
  const checked = checkTyped(condition, "boolean", { ...env, place: "when" });
  if (checked === null) return null;
  if (stageIsBefore(checked.stage, "step")) return closed(checked, condition, env);
  env.ctx.reporter.report("when-not-setup", { stage: checked.stage }, placeOf(condition, env));
  return null;
}

function checkInitial(decl: StateDecl, name: string, extent: Extent, env: Env): TypedExpr | null {
  const { ctx } = env;
  const isInferred = decl.host && decl.extent === null;
  const value = checkTyped(decl.value, "number", { ...env, place: "initial" });
  if (value === null) return null;
  if (decl.host && value.stage === "device") {
    ctx.reporter.report("device-into-host", { name, governs: false, of: value.extent }, placeOf(decl.value, env));
    return null;
  }
  if (isInferred && !within(value.extent, extent)) ctx.hostExtents.set(name, joinExtents(value.extent, extent));
  const fitted = isInferred ? value : fitExtent(name, extent, value, placeOf(decl.name, env), env);
  return fitted && closed(fitted, decl.value, env);
}

function closed(value: TypedExpr, syntax: Expr, env: Env): TypedExpr | null {
  const whole = closeOver(value, env.ctx);
  if (whole === null) env.ctx.reporter.report("declaration-of-changed", undefined, placeOf(syntax, env));
  return whole;
}
