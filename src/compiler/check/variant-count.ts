// How many variants a body can have: one for each way through the conditions that the host decides and that govern device work.
// Builds are not told apart, so the count is never too small.

import type { Context } from "./context.js";
import type { KeyOf } from "./keys.js";
import type { StoreSpec, TypedExpr, TypedStatement } from "./spec.js";
import { childrenOf } from "./typed.js";

/** Conditions decided so far on one way, as "+key" and "-key". */
type Path = ReadonlySet<string>;

/** Stops counting here: more is too many in any case. */
const ENOUGH = 128;

/** What of a spec makes variants. */
export interface Limited {
  readonly body: readonly TypedStatement[];
  readonly storage: readonly StoreSpec[];
}

/** The number of variants, or a number that is no smaller. */
export function countVariants({ body, storage }: Limited, ctx: Context, keyOf: KeyOf): number {
  let paths: readonly Path[] = [new Set<string>()];

  const isHostDecision = (condition: TypedExpr) => condition.stage === "setup" || condition.stage === "step";

  /** Paths on which a condition is so, those that had not decided it with that decision. */
  function decide(condition: TypedExpr, from: readonly Path[], holds: boolean): Path[] {
    if (condition.kind === "apply" && condition.op === "not") return decide(condition.args[0]!, from, !holds);
    const key = keyOf(condition);
    const [here, there] = holds ? [`+${key}`, `-${key}`] : [`-${key}`, `+${key}`];
    return from.filter((path) => !path.has(there)).map((path) => (path.has(here) ? path : new Set([...path, here])));
  }

  /** A truth that the host knows never enters a kernel: it is decided. */
  function settle(condition: TypedExpr): void {
    if (isHostDecision(condition)) paths = distinct([...decide(condition, paths, true), ...decide(condition, paths, false)]);
  }

  function branch(condition: TypedExpr, then: () => void, otherwise: () => void, governs: boolean): void {
    visit(condition);
    const before = paths;
    const decides = governs && isHostDecision(condition);
    if (decides) paths = decide(condition, before, true);
    then();
    const after = paths;
    paths = decides ? decide(condition, before, false) : before;
    otherwise();
    paths = decides || condition.stage === "build" ? distinct([...after, ...paths]) : distinct([...crossed(after, paths)]);
  }

  function visit(expr: TypedExpr): void {
    if (paths.length > ENOUGH) return;
    if (expr.kind === "select") {
      const governs = expr.then.stage === "device" || expr.otherwise.stage === "device";
      branch(
        expr.condition,
        () => visit(expr.then),
        () => visit(expr.otherwise),
        governs,
      );
      if (expr.stage === "device" && expr.type === "boolean") [expr.then, expr.otherwise].forEach(settle);
      return;
    }
    if (expr.kind === "block") run(expr.statements);
    for (const child of childrenOf(expr)) visit(child);
    if (expr.kind === "apply" && expr.stage === "device") for (const arg of expr.args) if (arg.type === "boolean") settle(arg);
  }

  function run(statements: readonly TypedStatement[]): void {
    for (const statement of statements) {
      if (paths.length > ENOUGH) return;
      if (statement.kind !== "if") {
        visit(statement.value);
        continue;
      }
      const governs = [...statement.then, ...statement.otherwise].some((inside) => touchesDevice(inside, ctx));
      branch(
        statement.condition,
        () => run(statement.then),
        () => run(statement.otherwise),
        governs,
      );
    }
  }

  for (const { spec } of ctx.states.values()) {
    if (spec.when !== null && spec.home === "device") settle(spec.when);
  }
  for (const { when } of storage) if (when !== null) settle(when);
  run(body);
  return paths.length;
}

/** Both sides of a select per element are computed on one way: their decisions come together. */
function* crossed(a: readonly Path[], b: readonly Path[]): Generator<Path> {
  if (a === b) {
    yield* a;
    return;
  }
  for (const one of a) {
    for (const other of b) {
      const opposite = (key: string) => (key.startsWith("+") ? `-${key.slice(1)}` : `+${key.slice(1)}`);
      if (![...other].some((key) => one.has(opposite(key)))) yield new Set([...one, ...other]);
    }
  }
}

function distinct(paths: readonly Path[]): Path[] {
  return [...new Map(paths.map((path) => [[...path].sort().join(" "), path])).values()];
}

function touchesDevice(statement: TypedStatement, ctx: Context): boolean {
  switch (statement.kind) {
    case "define":
    case "assign-local":
      return statement.value.stage === "device";
    case "assign-cell":
      return ctx.states.get(statement.cell)?.spec.home !== "host";
    case "if":
      return (
        statement.condition.stage === "device" || [...statement.then, ...statement.otherwise].some((inside) => touchesDevice(inside, ctx))
      );
    default:
      throw new Error(`bug: statement ${JSON.stringify(statement satisfies never)}`);
  }
}
