// Whether what governs a place implies that a state exists there: a truth table over options, ranks and comparisons.
// Only what is known at set-up takes part; a condition known later may be either way.

import { stageIsBefore } from "../ir/extent.js";
import { type Context, definitionOf, type Fact } from "./context.js";
import { createKeys } from "./keys.js";
import type { TypedExpr } from "./spec.js";

/** Larger tables are not tried. */
const MOST_ROWS = 1 << 14;
const RANKS = 9;
/** Conditions of more parts are taken as a whole. */
const MOST_PARTS = 1000;

type Row = ReadonlyMap<string, number>;
/** A condition compiled to a function of a row; the variables it reads are gathered on the way. */
type Term = (row: Row) => number;

/** True where `when` holds under every assignment that agrees with the facts. */
export function implies(facts: readonly Fact[], when: TypedExpr, ctx: Context): boolean {
  const compile = createCompiler(ctx);
  const goal = compile(when);
  const relevant = connected(
    facts.map(({ condition, holds }) => ({ holds, ...compile(condition) })),
    goal.variables,
  );
  const variables = [...new Map([goal, ...relevant].flatMap(({ variables }) => [...variables]))];
  let rows = 1;
  for (const [, size] of variables) rows *= size;
  if (rows > MOST_ROWS) return false;
  const row = new Map<string, number>();
  for (let index = 0; index < rows; index++) {
    let rest = index;
    for (const [name, size] of variables) {
      row.set(name, rest % size);
      rest = Math.floor(rest / size);
    }
    if (relevant.every(({ holds, term }) => (term(row) !== 0) === holds) && goal.term(row) === 0) return false;
  }
  return true;
}

interface Compiled {
  readonly term: Term;
  /** Name and number of values. */
  readonly variables: ReadonlyMap<string, number>;
}

/** Facts that share a variable with the goal, directly or through each other. */
function connected<T extends Compiled>(facts: readonly T[], goal: ReadonlyMap<string, number>): T[] {
  const names = new Set(goal.keys());
  const taken = new Set<T>();
  for (let grew = true; grew; ) {
    grew = false;
    for (const fact of facts) {
      if (taken.has(fact) || ![...fact.variables.keys()].some((name) => names.has(name))) continue;
      taken.add(fact);
      for (const name of fact.variables.keys()) names.add(name);
      grew = true;
    }
  }
  return [...taken];
}

/** Compiles conditions over variables of equal names. */
function createCompiler(ctx: Context): (condition: TypedExpr) => Compiled {
  const keyOf = createKeys(ctx);
  let unknowns = 0;
  let parts = 0;
  let variables = new Map<string, number>();

  const variable = (name: string, size: number): Term => {
    variables.set(name, size);
    return (row) => row.get(name)!;
  };
  const atom = (name: string, expr: TypedExpr): Term => variable(stageIsBefore(expr.stage, "step") ? name : `unknown ${unknowns++}`, 2);

  const numeric = (expr: TypedExpr): Term | null => {
    if (expr.kind === "literal") return () => expr.value;
    if (expr.kind === "ambient" && expr.ambient === "rank") return variable("rank", RANKS);
    if (expr.kind === "local") {
      const definition = definitionOf(ctx, expr.local);
      return definition === null ? null : numeric(definition);
    }
    return null;
  };

  const compare = (expr: Extract<TypedExpr, { kind: "apply" }>): Term => {
    const [a, b] = [expr.args[0]!, expr.args[1]!];
    const [x, y] = [numeric(a), numeric(b)];
    if (x !== null && y !== null) {
      if (expr.op === "eq") return (row) => Number(x(row) === y(row));
      return expr.op === "lt" ? (row) => Number(x(row) < y(row)) : (row) => Number(x(row) <= y(row));
    }
    if (expr.op === "eq") return atom(`eq ${[keyOf(a), keyOf(b)].sort().join(" ")}`, expr);
    if (expr.op === "lt") return atom(`lt ${keyOf(a)} ${keyOf(b)}`, expr);
    const greater = atom(`lt ${keyOf(b)} ${keyOf(a)}`, expr);
    return (row) => 1 - greater(row);
  };

  const boolean = (expr: TypedExpr): Term => {
    if (parts++ > MOST_PARTS) return atom(`is ${keyOf(expr)}`, expr);
    switch (expr.kind) {
      case "literal":
        return () => expr.value;
      case "option-is": {
        const words = ctx.options.get(expr.option)?.words ?? [];
        const chosen = variable(`option ${expr.option}`, words.length);
        return (row) => Number(words[chosen(row)] === expr.word);
      }
      case "local": {
        const definition = definitionOf(ctx, expr.local);
        return definition === null ? atom(`is ${keyOf(expr)}`, expr) : boolean(definition);
      }
      case "block":
        return boolean(expr.result);
      case "select": {
        const [c, a, b] = [boolean(expr.condition), boolean(expr.then), boolean(expr.otherwise)];
        return (row) => (c(row) !== 0 ? a(row) : b(row));
      }
      case "apply": {
        if (expr.op === "lt" || expr.op === "le" || expr.op === "eq") return compare(expr);
        const args = expr.op === "and" || expr.op === "or" || expr.op === "not" ? expr.args.map(boolean) : [];
        const [a, b = a] = args;
        if (a === undefined || b === undefined) return atom(`is ${keyOf(expr)}`, expr);
        if (expr.op === "not") return (row) => 1 - a(row);
        return expr.op === "and" ? (row) => a(row) * b(row) : (row) => Math.max(a(row), b(row));
      }
      default:
        return atom(`is ${keyOf(expr)}`, expr);
    }
  };

  return (condition) => {
    variables = new Map();
    parts = 0;
    return { term: boolean(condition), variables };
  };
}
