// Whether what governs a place implies that a state exists there. Only what is known at set-up takes part; a condition known later may
// be either way.

import { stageIsBefore } from "../ir/extent.js";
import { type Context, definitionOf, type Fact } from "./context.js";
import { createKeys } from "./keys.js";
import type { TypedExpr } from "./spec.js";
import { combine, compareRank, constantTerm, follows, type Term, variableTerm } from "./truth-table.js";

/** Conditions of more parts are taken as a whole. */
const MOST_PARTS = 1000;

/** True where `when` holds under every assignment that agrees with the facts. */
export function implies(facts: readonly Fact[], when: TypedExpr, ctx: Context): boolean {
  const compile = createCompiler(ctx);
  const goal = compile(when);
  return (
    follows(
      facts.map(({ condition, holds }) => ({ term: compile(condition), holds })),
      goal,
    ) === true
  );
}

/** Compiles conditions over variables of equal names. */
function createCompiler(ctx: Context): (condition: TypedExpr) => Term {
  const keyOf = createKeys(ctx);
  let unknowns = 0;
  let parts = 0;

  const atom = (name: string, expr: TypedExpr) => variableTerm(stageIsBefore(expr.stage, "step") ? name : `unknown ${unknowns++}`, [0, 1]);

  const compare = (expr: Extract<TypedExpr, { kind: "apply" }>, op: "lt" | "le" | "eq"): Term => {
    const [a, b] = [expr.args[0]!, expr.args[1]!];
    const [x, y] = [plain(a, ctx), plain(b, ctx)];
    const holds = comparisons[op];
    if (isRank(x) && y.kind === "literal") return compareRank(y.value, (rank) => holds(rank, y.value));
    if (x.kind === "literal" && isRank(y)) return compareRank(x.value, (rank) => holds(x.value, rank));
    if (op === "eq") return atom(`eq ${[keyOf(a), keyOf(b)].sort().join(" ")}`, expr);
    // Of numbers, one of a <= b and b < a holds; where either may be no number, neither may.
    if (op === "le" && isNumber(x) && isNumber(y)) return combine([atom(`lt ${keyOf(b)} ${keyOf(a)}`, expr)], (greater) => 1 - greater!);
    return atom(`${op} ${keyOf(a)} ${keyOf(b)}`, expr);
  };

  const boolean = (expr: TypedExpr): Term => {
    if (parts++ > MOST_PARTS) return atom(`is ${keyOf(expr)}`, expr);
    switch (expr.kind) {
      case "literal":
        return constantTerm(expr.value);
      case "option-is": {
        const words = ctx.options.get(expr.option)?.words ?? [];
        const chosen = variableTerm(`option ${expr.option}`, [...words.keys()]);
        return combine([chosen], (word) => Number(words[word!] === expr.word));
      }
      case "local": {
        const definition = definitionOf(ctx, expr.local);
        return definition === null ? atom(`is ${keyOf(expr)}`, expr) : boolean(definition);
      }
      case "block":
        return boolean(expr.result);
      case "select":
        return combine([expr.condition, expr.then, expr.otherwise].map(boolean), (c, a, b) => (c !== 0 ? a! : b!));
      case "apply": {
        if (expr.op === "lt" || expr.op === "le" || expr.op === "eq") return compare(expr, expr.op);
        if (expr.op !== "and" && expr.op !== "or" && expr.op !== "not") return atom(`is ${keyOf(expr)}`, expr);
        return combine(expr.args.map(boolean), connectives[expr.op]);
      }
      default:
        return atom(`is ${keyOf(expr)}`, expr);
    }
  };

  return (condition) => {
    parts = 0;
    return boolean(condition);
  };
}

export const comparisons = {
  lt: (a: number, b: number) => a < b,
  le: (a: number, b: number) => a <= b,
  eq: (a: number, b: number) => a === b,
} as const;

export const connectives = {
  and: (a = 0, b = 0) => a * b,
  or: (a = 0, b = 0) => Math.max(a, b),
  not: (a = 0) => 1 - a,
} as const;

/** The expression that names stand for. */
function plain(expr: TypedExpr, ctx: Context): TypedExpr {
  const definition = expr.kind === "local" ? definitionOf(ctx, expr.local) : null;
  return definition === null ? expr : plain(definition, ctx);
}

const isRank = (expr: TypedExpr) => expr.kind === "ambient" && expr.ambient === "rank";

/** Certainly no NaN: the columns of a vector, for example, are none. */
function isNumber(expr: TypedExpr): boolean {
  if (expr.kind === "literal") return !Number.isNaN(expr.value);
  return expr.kind === "hyper" || (expr.kind === "ambient" && expr.ambient !== "rows" && expr.ambient !== "cols");
}
