// The one printer of expressions, for every target: values become statements in the order of the body.
// A value gets a local when the spec names it, when it is used twice, or when an expression grows too long to read;
// all others are printed in place. Written order and parentheses are kept: nothing is reassociated.

import { argsOf } from "../ir/builder.js";
import { type DeviceOp, ops } from "../ir/ops.js";
import type { CellId, Ir, Value, ValueId } from "../ir/value.js";
import type { BodyNames } from "./body-names.js";
import { cancellingOperand } from "./cancellation.js";
import type { Computation } from "./computation.js";
import type { Dialect, Spell } from "./dialect.js";

export interface PrintedBody {
  /** Definitions of locals that stand before the elements, in order. */
  readonly head: readonly string[];
  /** Definitions of locals, in order. */
  readonly lines: readonly string[];
  /** The same for what is measured before, with the loads that it needs and the values themselves. */
  readonly measuring: { readonly loads: ReadonlySet<CellId>; readonly lines: readonly string[]; readonly values: readonly string[] };
  /** The locals that all of these define. */
  readonly locals: readonly string[];
  /** What each store of the body stores, in order. */
  readonly stored: readonly string[];
  /** What each partial reduction of the body reduces, in order. */
  readonly reduced: readonly string[];
}

/** Operations in one expression; more are split over locals. */
const LONGEST = 8;

interface Printed {
  readonly text: string;
  /** Operations inside the text; 0 for a name or a literal. */
  readonly size: number;
}

/** Prints what a body computes between its loads and its stores. */
export function printBody(ir: Ir, computation: Computation, names: BodyNames, dialect: Dialect): PrintedBody {
  const printed = new Map<ValueId, Printed>();
  const locals: string[] = [];
  const head: string[] = [];
  const body: string[] = [];
  const uses = countUses(ir, computation);
  const outlives = usedBehindHead(ir, computation);
  let lines = head;

  const define = (name: string, text: string): Printed => {
    locals.push(name);
    lines.push(dialect.define(name, text));
    return { text: dialect.read(name), size: 0 };
  };
  const operand = (id: ValueId): Printed => {
    const value = valueAt(ir, id);
    if (value.kind === "literal") return { text: dialect.literal(value.value), size: 0 };
    const loaded = loadedName(value, id, computation, names);
    if (loaded !== undefined) return { text: dialect.read(loaded), size: 0 };
    const done = printed.get(id);
    if (done === undefined) throw new Error(`bug: value ${id} is used in a kernel before it is computed`);
    return done;
  };
  const named = (id: ValueId): Printed => {
    const plain = operand(id);
    if (plain.size === 0) return plain;
    const local = define(names.fresh(), plain.text);
    printed.set(id, local);
    return local;
  };
  const print = (id: ValueId) => {
    const result = printValue(valueAt(ir, id), { ir, dialect, operand, named });
    const deserves = (uses.get(id) ?? 0) > 1 || result.size >= LONGEST || (lines === head && outlives.has(id));
    const name = names.values.get(id) ?? (deserves ? names.fresh() : undefined);
    printed.set(id, name === undefined ? result : define(name, result.text));
  };

  computation.head.forEach(print);
  const measuring = measure();
  lines = body;
  computation.body.forEach(print);
  const textOf = (id: ValueId) => operand(id).text;
  const printedLocals = [...new Set(locals)];
  return {
    head,
    lines: body,
    measuring,
    locals: printedLocals,
    stored: computation.stored.map(textOf),
    reduced: computation.reduced.map(textOf),
  };

  function measure(): PrintedBody["measuring"] {
    const needed = behind(ir, computation);
    const loads = new Set(computation.loads.filter(({ value }) => needed.has(value)).map(({ cell }) => cell));
    const own: string[] = [];
    lines = own;
    const order = computation.body.filter((id) => needed.has(id));
    order.forEach(print);
    const values = computation.measured.map((id) => operand(id).text);
    for (const id of order) printed.delete(id);
    return { loads, lines: own, values };
  }
}

/** What is measured, and all that it is computed from. */
function behind(ir: Ir, { measured, loads, reloaded }: Computation): ReadonlySet<ValueId> {
  const stops = new Set([...loads.map(({ value }) => value), ...reloaded.keys()]);
  const found = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (found.has(id)) return;
    found.add(id);
    if (!stops.has(id)) argsOf(valueAt(ir, id)).forEach(visit);
  };
  measured.forEach(visit);
  return found;
}

/** What holds a value that the body does not compute: a number of the memory of scalars, a coefficient, an element. */
function loadedName(value: Value, id: ValueId, { reloaded }: Computation, names: BodyNames): string | undefined {
  const scalar = names.scalars.get(id);
  if (scalar !== undefined) return scalar;
  // Before loads: a host state's number is a coefficient too.
  const coefficient = names.coefficients.get(id);
  if (coefficient !== undefined) return coefficient;
  const cell = reloaded.get(id) ?? (value.kind === "load" ? value.cell : undefined);
  return cell === undefined ? undefined : loadName(names, cell);
}

interface Surroundings {
  readonly ir: Ir;
  readonly dialect: Dialect;
  readonly operand: (id: ValueId) => Printed;
  /** The operand as a name: a spelling may repeat nothing else. */
  readonly named: (id: ValueId) => Printed;
}

function printValue(value: Value, { ir, dialect, operand, named }: Surroundings): Printed {
  switch (value.kind) {
    case "apply": {
      const op = deviceOp(value.op);
      const spell = dialect.ops[op] as Spell as (...operands: readonly string[]) => string;
      const args = value.args.map(repeatsOperands(spell, value.args.length) ? named : operand);
      const guarded = dialect.guard === null ? null : cancellingOperand(ir, value);
      const texts = args.map(({ text }, i) => (i === guarded && dialect.guard !== null ? dialect.guard(text) : text));
      return { text: spell(...texts), size: sizeOf(args) };
    }
    case "select": {
      const args = [value.condition, value.then, value.otherwise].map(operand) as [Printed, Printed, Printed];
      return { text: dialect.select(args[0].text, args[1].text, args[2].text), size: sizeOf(args) };
    }
    case "random": {
      const args = [value.seed, value.step].map(operand) as [Printed, Printed];
      return { text: dialect.random(args[0].text, args[1].text), size: sizeOf(args) };
    }
    case "literal":
    case "hyper":
    case "ambient":
    case "shape":
    case "load":
    case "reduce":
    case "total":
      throw new Error(`bug: a ${value.kind} stands in a body that should have loaded it`);
    default:
      return value satisfies never;
  }
}

function countUses(ir: Ir, { head, body, stored, reduced }: Computation): ReadonlyMap<ValueId, number> {
  const uses = new Map<ValueId, number>();
  const use = (id: ValueId) => uses.set(id, (uses.get(id) ?? 0) + 1);
  for (const id of [...head, ...body]) argsOf(valueAt(ir, id)).forEach(use);
  [...stored, ...reduced].forEach(use);
  return uses;
}

function usedBehindHead(ir: Ir, { body, stored, reduced }: Computation): ReadonlySet<ValueId> {
  return new Set([...body.flatMap((id) => argsOf(valueAt(ir, id))), ...stored, ...reduced]);
}

export function valueAt(ir: Ir, id: ValueId): Value {
  const value = ir.values[id];
  if (value === undefined) throw new Error(`bug: there is no value ${id}`);
  return value;
}

function loadName(names: BodyNames, cell: CellId): string {
  const name = names.loads.get(cell);
  if (name === undefined) throw new Error(`bug: cell ${cell} is used in a body that does not load it`);
  return name;
}

function deviceOp(op: keyof typeof ops): DeviceOp {
  if (!ops[op].device) throw new Error(`bug: the host function ${op} stands in a kernel`);
  return op as DeviceOp;
}

function sizeOf(args: readonly Printed[]): number {
  return args.reduce((sum, arg) => sum + arg.size, 1);
}

const repeating = new WeakMap<object, boolean>();

/** Whether a spelling prints an operand more than once: asked of the spelling itself, so that no table can disagree with it. */
function repeatsOperands(spell: (...operands: readonly string[]) => string, count: number): boolean {
  let repeats = repeating.get(spell);
  if (repeats === undefined) {
    const marks = Array.from({ length: count }, (_, i) => `\0${i}\0`);
    const text = spell(...marks);
    repeats = marks.some((mark) => text.split(mark).length > 2);
    repeating.set(spell, repeats);
  }
  return repeats;
}
