// Limits of what is compiled, so that no later stage has to refuse: states, variants, coefficients; and what enters a kernel:
// a host value that f32 cannot hold there is an error at its place.

import type { Identifier } from "../syntax/ast.js";
import { constantOf } from "./constants.js";
import { type Context, definitionOf } from "./context.js";
import { createKeys } from "./keys.js";
import type { TypedExpr, TypedStatement } from "./spec.js";
import { childrenOf } from "./typed.js";
import { countVariants, type Limited } from "./variant-count.js";

/** Deepest nesting of an expression, inlined functions included. */
export const LARGEST_EXPRESSION = 200;
/** Nodes of one optimizer, inlined functions counted at every call. */
export const LARGEST_OPTIMIZER = 50_000;
const MOST_STATES = 32;
export const MOST_VARIANTS = 64;
/** Slots of a coefficient row beside the variant's number. */
const MOST_COEFFICIENTS = 254;

const SMALLEST_NORMAL = 2 ** -126;

export function checkLimits(limited: Limited, ctx: Context, name: Identifier): void {
  const { reporter } = ctx;
  const { body } = limited;
  if (ctx.states.size > MOST_STATES) reporter.report("too-many-states", { count: ctx.states.size, most: MOST_STATES }, name.span);
  const keyOf = createKeys(ctx);
  const coefficients = new Set<number>();
  const seen = new Set<TypedExpr>();
  for (const entering of enteringValues(body, ctx)) {
    checkEntering(entering, ctx, seen);
    if (entering.expr.stage !== "build") coefficients.add(keyOf(entering.expr));
  }
  if (coefficients.size > MOST_COEFFICIENTS) {
    reporter.report("too-many-coefficients", { count: coefficients.size, most: MOST_COEFFICIENTS }, name.span);
  }
  if (countVariants(limited, ctx, keyOf) > MOST_VARIANTS) reporter.report("too-many-variants", { most: MOST_VARIANTS }, name.span);
}

interface Entering {
  readonly expr: TypedExpr;
  /** A whole initial value is filled in by the host: it may be infinite. */
  readonly initial: boolean;
}

/** Host values where they meet a device value, are stored on the device, or fill a state. */
function* enteringValues(body: readonly TypedStatement[], ctx: Context): Generator<Entering> {
  const seen = new Set<TypedExpr>();
  yield* enteringStatements(body, ctx, seen);
  for (const { spec } of ctx.states.values()) {
    if (spec.home === "host") continue;
    if (spec.value.stage === "device") yield* enteringExpr(spec.value, ctx, seen);
    else yield { expr: spec.value, initial: true };
  }
}

function* enteringStatements(statements: readonly TypedStatement[], ctx: Context, seen: Set<TypedExpr>): Generator<Entering> {
  for (const statement of statements) {
    if (statement.kind === "if") {
      yield* enteringExpr(statement.condition, ctx, seen);
      yield* enteringStatements([...statement.then, ...statement.otherwise], ctx, seen);
      continue;
    }
    yield* enteringExpr(statement.value, ctx, seen);
    const stored = statement.kind === "assign-cell" && ctx.states.get(statement.cell)?.spec.home !== "host";
    if (stored && statement.value.stage !== "device") yield { expr: statement.value, initial: false };
  }
}

function* enteringExpr(expr: TypedExpr, ctx: Context, seen: Set<TypedExpr>): Generator<Entering> {
  if (seen.has(expr)) return;
  seen.add(expr);
  if (expr.kind === "block") yield* enteringStatements(expr.statements, ctx, seen);
  for (const child of childrenOf(expr)) {
    const governs = expr.kind === "select" && child === expr.condition;
    if (expr.stage === "device" && child.stage !== "device" && child.type === "number" && !governs) yield { expr: child, initial: false };
    yield* enteringExpr(child, ctx, seen);
  }
}

/** Looks at every value that may arrive: both sides of a choice that the host makes. What defaults make infinite may be guarded. */
function checkEntering({ expr, initial }: Entering, ctx: Context, seen: Set<TypedExpr>): void {
  if (seen.has(expr)) return;
  seen.add(expr);
  const value = expr.kind === "local" ? null : constantOf(expr, ctx, "defaults");
  if (value === null) {
    for (const part of choicesOf(expr, ctx)) checkEntering({ expr: part, initial }, ctx, seen);
    return;
  }
  const becomes = initial && Math.abs(value) === Number.POSITIVE_INFINITY ? null : lossInF32(value);
  const fromHypers = expr.kind !== "hyper" && constantOf(expr, ctx) === null;
  if (fromHypers && !Number.isFinite(value)) return;
  if (becomes !== null) ctx.reporter.report("not-in-f32", { value, becomes }, expr.span);
}

/** What becomes of a number that f32 cannot hold, or that not every device keeps. */
function lossInF32(value: number): "infinite" | "no number" | "infinity" | "zero" | "subnormal" | null {
  const rounded = Math.fround(value);
  if (Number.isNaN(value)) return "no number";
  if (!Number.isFinite(value)) return "infinite";
  if (!Number.isFinite(rounded)) return "infinity";
  if (value === 0 || Math.abs(rounded) >= SMALLEST_NORMAL) return null;
  return rounded === 0 ? "zero" : "subnormal";
}

function choicesOf(expr: TypedExpr, ctx: Context): readonly TypedExpr[] {
  if (expr.kind === "select") return [expr.then, expr.otherwise];
  if (expr.kind === "block") return [expr.result];
  const definition = expr.kind === "local" ? definitionOf(ctx, expr.local) : null;
  return definition === null ? [] : [definition];
}
