// Statements and expressions of a body become values. `current` says what a name means now: a cell's newest value, a local's value.
// A host condition that governs device work is a decision; one that governs host values alone is a lazy select;
// a device condition is a select per element. Host booleans never enter a kernel: they are decided.

import type { TypedExpr, TypedStatement } from "../check/spec.js";
import type { Builder } from "../ir/builder.js";
import type { CellId, Contribution, ValueId } from "../ir/value.js";
import { paramValue, type Storage } from "./storage.js";
import type { Decisions } from "./variants.js";

interface Surroundings {
  readonly builder: Builder;
  readonly options: Readonly<Record<string, string>>;
  /** Hypers that are one number for the whole model. */
  readonly globals: ReadonlySet<string>;
  /** By name; where a state is kept in one way or another, each has a cell, and at most one of them exists on a path. */
  readonly cells: ReadonlyMap<string, readonly CellId[]>;
  readonly storage: Storage;
  /** The cells that exist on this path. */
  readonly present: ReadonlySet<CellId>;
  readonly decisions: Decisions;
  /** The level of each total, by its site. */
  readonly siteLevels: ReadonlyMap<number, number>;
}

export interface Frame extends Surroundings {
  readonly current: Map<CellId, ValueId>;
  readonly locals: Map<number, ValueId>;
  /** By site. */
  readonly contributions: Map<number, Contribution>;
}

export function createBody(surroundings: Surroundings): Frame {
  const current = new Map([...surroundings.present].map((cell) => [cell, valueAtStart(surroundings, cell)]));
  return { ...surroundings, current, locals: new Map(), contributions: new Map() };
}

/** What a cell means when a call begins. */
export function valueAtStart({ builder, storage, present }: Surroundings, cell: CellId): ValueId {
  if (builder.cells[cell]!.role !== "param") return builder.load(cell);
  return paramValue(storage, builder, { param: cell, beside: masterAmong(builder, present) });
}

/** The master of a parameter among cells; null: there is none. */
export function masterAmong(builder: Builder, cells: Iterable<CellId>): CellId | null {
  return [...cells].find((cell) => builder.cells[cell]!.master !== undefined) ?? null;
}

export function lowerStatements(frame: Frame, statements: readonly TypedStatement[]): void {
  for (const statement of statements) lowerStatement(frame, statement);
}

function lowerStatement(frame: Frame, statement: TypedStatement): void {
  const { builder } = frame;
  switch (statement.kind) {
    case "define":
    case "assign-local": {
      const value = lowerExpression(frame, statement.value);
      if (statement.kind === "define") builder.name(value, statement.name, statement.span);
      frame.locals.set(statement.local, value);
      return;
    }
    case "assign-cell": {
      const value = lowerExpression(frame, statement.value);
      builder.name(value, statement.cell, statement.span);
      frame.current.set(presentCell(frame, statement.cell), value);
      return;
    }
    case "if":
      lowerIf(frame, statement);
      return;
    default:
      throw new Error(`bug: unknown statement ${statement satisfies never}`);
  }
}

function lowerIf(frame: Frame, statement: Extract<TypedStatement, { kind: "if" }>): void {
  const { builder } = frame;
  const condition = lowerExpression(frame, statement.condition);
  const branches = [...statement.then, ...statement.otherwise];
  const truth = truthOf(
    frame,
    condition,
    branches.some((s) => touchesDevice(frame, s)),
  );
  if (truth !== null) {
    lowerStatements(frame, truth ? statement.then : statement.otherwise);
    return;
  }
  const then = copyOf(frame);
  const otherwise = copyOf(frame);
  lowerStatements(then, statement.then);
  lowerStatements(otherwise, statement.otherwise);
  merge(frame, condition, frame.current, then.current, otherwise.current);
  for (const [cell, value] of frame.current) builder.name(value, builder.cells[cell]!.name);
  merge(frame, condition, frame.locals, then.locals, otherwise.locals);
}

function copyOf(frame: Frame): Frame {
  return { ...frame, current: new Map(frame.current), locals: new Map(frame.locals) };
}

/** Names that were known before the branches mean the value of the side taken. */
function merge<K>(frame: Frame, condition: ValueId, base: Map<K, ValueId>, then: Map<K, ValueId>, otherwise: Map<K, ValueId>): void {
  for (const [key, before] of base) {
    const sides = [then.get(key)!, otherwise.get(key)!] as const;
    if (sides[0] === before && sides[1] === before) continue;
    base.set(key, select(frame, condition, ...sides));
  }
}

/** The truth of a condition on this path, decided now if it governs device work; null where it stays open. */
function truthOf({ builder, decisions }: Frame, condition: ValueId, governsDevice: boolean): boolean | null {
  const value = builder.value(condition);
  if (value.stage === "device") return null;
  if (value.kind === "literal") return value.value === 1;
  return governsDevice ? decisions.decide(condition) : decisions.known(condition);
}

function touchesDevice(frame: Frame, statement: TypedStatement): boolean {
  switch (statement.kind) {
    case "define":
    case "assign-local":
      return statement.value.stage === "device";
    case "assign-cell": {
      const [cell] = frame.cells.get(statement.cell) ?? [];
      return cell !== undefined && frame.builder.cells[cell]!.home === "device";
    }
    case "if":
      return statement.condition.stage === "device" || [...statement.then, ...statement.otherwise].some((s) => touchesDevice(frame, s));
    default:
      throw new Error(`bug: unknown statement ${statement satisfies never}`);
  }
}

export function lowerExpression(given: Frame, expr: TypedExpr): ValueId {
  // What is known at set-up is one value wherever it stands, also in declarations, whatever has been decided on the way. What a
  // function computes besides may govern device work, and is decided.
  const frame = expr.stage === "setup" ? { ...given, decisions: { ...given.decisions, known: () => null } } : given;
  const { builder, options } = frame;
  switch (expr.kind) {
    case "literal":
      return builder.literal(expr.value, expr.type);
    case "hyper":
      return builder.hyper(frame.globals.has(expr.hyper) ? { ...expr, extent: "model" } : expr);
    case "option":
      return builder.literal(Number(options[expr.option]));
    case "option-is":
      return builder.literal(Number(options[expr.option] === expr.word), "boolean");
    case "ambient":
      return builder.ambient(expr.ambient);
    case "shape":
      return builder.shape(expr.axis);
    case "cell": {
      const cell = presentCell(frame, expr.cell);
      return expr.version === "old" ? valueAtStart(frame, cell) : frame.current.get(cell)!;
    }
    case "local": {
      const value = frame.locals.get(expr.local);
      if (value === undefined) throw new Error(`bug: local ${expr.local} has no value`);
      return value;
    }
    case "apply":
      return apply(
        frame,
        expr.op,
        expr.args.map((arg) => lowerExpression(frame, arg)),
      );
    case "select": {
      const condition = lowerExpression(frame, expr.condition);
      const governsDevice = expr.then.stage === "device" || expr.otherwise.stage === "device";
      const truth = truthOf(frame, condition, governsDevice);
      if (truth !== null) return lowerExpression(frame, truth ? expr.then : expr.otherwise);
      // A block inside has locals of its own, but may store.
      const then = { ...frame, current: new Map(frame.current) };
      const otherwise = { ...frame, current: new Map(frame.current) };
      const sides = [lowerExpression(then, expr.then), lowerExpression(otherwise, expr.otherwise)] as const;
      merge(frame, condition, frame.current, then.current, otherwise.current);
      return select(frame, condition, ...sides);
    }
    case "reduce":
      return reduce(frame, expr);
    case "block":
      lowerStatements(frame, expr.statements);
      return lowerExpression(frame, expr.result);
    default:
      throw new Error(`bug: unknown expression ${expr satisfies never}`);
  }
}

function reduce(frame: Frame, { by, to, arg, site }: Extract<TypedExpr, { kind: "reduce" }>): ValueId {
  const { builder, contributions, siteLevels } = frame;
  const value = lowerExpression(frame, arg);
  if (to !== "model") return builder.reduce(by, to, arg.extent, value);
  contributions.set(site, { site, by, from: arg.extent, arg: value });
  return builder.total(site, by, siteLevels.get(site) ?? 1);
}

function presentCell(frame: Frame, name: string): CellId {
  const cell = frame.cells.get(name)?.find((candidate) => frame.present.has(candidate));
  if (cell === undefined) throw new Error(`bug: "${name}" does not exist here`);
  return cell;
}

function apply(frame: Frame, op: Extract<TypedExpr, { kind: "apply" }>["op"], args: readonly ValueId[]): ValueId {
  const { builder } = frame;
  if (!args.some((arg) => builder.value(arg).stage === "device")) return builder.apply(op, args);
  const exponent = op === "pow" ? builder.value(args[1]!) : null;
  if (exponent?.kind === "literal" && Number.isInteger(exponent.value) && Math.abs(exponent.value) <= 2 ** 31)
    return integerPower(builder, args[0]!, exponent.value);
  return builder.apply(
    op,
    args.map((arg) => deviceOperand(frame, arg)),
  );
}

function select(frame: Frame, condition: ValueId, then: ValueId, otherwise: ValueId): ValueId {
  const stages = [condition, then, otherwise].map((id) => frame.builder.value(id).stage);
  if (!stages.includes("device")) return frame.builder.select(condition, then, otherwise);
  return frame.builder.select(deviceOperand(frame, condition), deviceOperand(frame, then), deviceOperand(frame, otherwise));
}

/** A number of the host enters a kernel as a coefficient, a boolean as the decision for this path. */
function deviceOperand(frame: Frame, id: ValueId): ValueId {
  const { type, stage } = frame.builder.value(id);
  if (type === "number" || stage === "device") return id;
  return frame.builder.literal(Number(frame.decisions.decide(id)), "boolean");
}

/** Square and multiply from the lowest bit: x^3 is x * (x * x), x^-n is 1 / x^n, as `numeric/integer-power.ts` does on the host. */
function integerPower(builder: Builder, x: ValueId, n: number): ValueId {
  if (n < 0) return builder.apply("div", [builder.literal(1), integerPower(builder, x, -n)]);
  let result: ValueId | null = null;
  let square = x;
  for (let rest = n; rest > 0; ) {
    if (rest % 2 === 1) result = result === null ? square : builder.apply("mul", [result, square]);
    rest = Math.floor(rest / 2);
    if (rest > 0) square = builder.apply("mul", [square, square]);
  }
  return result ?? builder.literal(1);
}
