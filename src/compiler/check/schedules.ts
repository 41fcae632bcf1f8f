// The `schedule` clause: what multiplies a hyper, in terms of `k`, the optimizer's completed steps, and of hypers as they were given.
// Pieces become one lazy select: each begins where the one before ended, the first at 1, and the last value stays.

import { nearest } from "../../nearest-names.js";
import type { Expr, ScheduleDecl, SchedulePiece } from "../syntax/ast.js";
import { constantOf } from "./constants.js";
import type { Env } from "./context.js";
import { checkTyped } from "./expressions.js";
import { inlineLibrary } from "./functions.js";
import { intoModel } from "./model-places.js";
import { optimizerSteps } from "./names.js";
import type { ScheduleSpec, TypedExpr } from "./spec.js";
import { apply, literal, select } from "./typed.js";

const shapes = ["linear", "cosine", "exponential", "sqrt"] as const;
type Shape = (typeof shapes)[number];

/** Checks a schedule; null after an error. */
export function checkSchedule(decl: ScheduleDecl, env: Env): ScheduleSpec | null {
  const { ctx } = env;
  const { name, span } = decl.name;
  const hyper = ctx.hypers.get(name);
  if (hyper === undefined) {
    if (!ctx.refused.has(name)) ctx.reporter.report("schedule-of-no-hyper", { name, nearest: nearest(name, ctx.hypers.keys()) }, span);
    return null;
  }
  if (hyper.fixed || hyper.type === "bool") {
    ctx.reporter.report("schedule-of-fixed", { name, type: hyper.type }, span);
    return null;
  }
  const within: Env = { ...env, scope: { parent: null, names: new Map() }, place: "schedule" };
  const { uses } = hyper;
  const value = "kind" in decl.body ? checkTyped(decl.body, "number", within) : checkPieces(decl.body, within);
  if (hyper.uses > uses) {
    ctx.reporter.report("schedule-of-itself", { name }, span);
    return null;
  }
  if (value === null) return null;
  const fitted = intoModel(value, span, env);
  if (fitted === null) throw new Error(`bug: the schedule of ${name} differs between parameters`);
  return { hyper: name, value: fitted, span: decl.span };
}

/** A piece with its value at `k` and what it ends with. */
interface Segment {
  readonly end: TypedExpr;
  readonly during: TypedExpr;
  readonly after: TypedExpr;
}

function checkPieces(pieces: readonly SchedulePiece[], env: Env): TypedExpr | null {
  const [first] = pieces;
  if (first === undefined) return null; // the parser has said why
  const { span } = first;
  const segments: Segment[] = [];
  let start: TypedExpr | null = literal(0, span);
  let value: TypedExpr = literal(1, span);
  for (const piece of pieces) {
    const steps: TypedExpr | null = checkSteps(piece.steps, env);
    const segment: Segment | null = steps && start && checkPiece(piece, { start, steps, value }, env);
    start = segment?.end ?? null;
    if (segment === null) continue;
    segments.push(segment);
    value = segment.after;
  }
  if (segments.length < pieces.length) return null;
  const k = optimizerSteps(span);
  return segments.reduceRight((rest, { end, during }) => select(apply("lt", [k, end], span), during, rest, span), value);
}

/** Where a piece begins, how long it is, and the value before it. */
interface Before {
  readonly start: TypedExpr;
  readonly steps: TypedExpr;
  readonly value: TypedExpr;
}

function checkPiece(piece: SchedulePiece, { start, steps, value }: Before, env: Env): Segment | null {
  const { span } = piece;
  const end = sum(start, steps, env);
  if (piece.kind === "hold") return { end, during: value, after: value };
  const from = piece.from === null ? value : checkTyped(piece.from, "number", env);
  const to = checkTyped(piece.to, "number", env);
  const shape = shapes.find((word) => word === piece.shape.name);
  if (shape === undefined) {
    env.ctx.reporter.report("unknown-ramp", { name: piece.shape.name, known: shapes }, piece.shape.span);
    return null;
  }
  if (from === null || to === null) return null;
  if (shape === "exponential" && [from, to].some((bound) => (constantOf(bound, env.ctx) ?? 1) <= 0)) {
    env.ctx.reporter.report("exponential-to-zero", undefined, span);
    return null;
  }
  const part = apply("div", [apply("sub", [optimizerSteps(span), start], span), steps], span);
  const during = ramp(shape, from, to, part, env);
  return during && { end, during, after: to };
}

/** From one value to another; `part` goes from 0 to 1. */
function ramp(shape: Shape, from: TypedExpr, to: TypedExpr, part: TypedExpr, env: Env): TypedExpr | null {
  const { span } = part;
  if (shape === "exponential") return apply("mul", [from, apply("pow", [apply("div", [to, from], span), part], span)], span);
  const way =
    shape === "linear" ? part : shape === "sqrt" ? apply("sqrt", [part], span) : inlineLibrary("half_wave", [part], { span }, env);
  return way && apply("add", [from, apply("mul", [apply("sub", [to, from], span), way], span)], span);
}

/** Two numbers of steps together; of constants, a constant. */
function sum(a: TypedExpr, b: TypedExpr, { ctx }: Env): TypedExpr {
  const [x, y] = [constantOf(a, ctx), constantOf(b, ctx)];
  return x === null || y === null ? apply("add", [a, b], b.span) : literal(x + y, b.span);
}

/** The steps of a piece: where they are known, a whole number above 0. */
function checkSteps(expr: Expr, env: Env): TypedExpr | null {
  const steps = checkTyped(expr, "number", env);
  if (steps === null) return null;
  const value = constantOf(steps, env.ctx);
  if (value === null || (Number.isSafeInteger(value) && value > 0)) return steps;
  env.ctx.reporter.report("schedule-steps", { value }, expr.span);
  return null;
}
