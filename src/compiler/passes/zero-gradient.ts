// What a gradient of zeros changes. An optimizer is exact under lazy rows where it provably changes nothing: then rows without a gradient
// may be left alone. Arithmetic is symbolic: what is not proved to be zero, or to be the value itself, counts as changed.

import type { Op } from "../ir/ops.js";
import type { Ir, Value, ValueId, Variant } from "../ir/value.js";

/** Zero (of either sign), equal to a value of the IR with its true arguments, or unknown. */
type Known = { readonly kind: "zero" } | { readonly kind: "same"; readonly as: ValueId };

const zero: Known = { kind: "zero" };

/** Names of the cells, in order, that a step with a gradient of zeros may change. Numbers are taken to be finite. */
export function changedByZeroGradient(ir: Ir, { deviceStores }: Variant): readonly string[] {
  const known = new Map<ValueId, Known>();
  function look(id: ValueId): Known {
    const found = known.get(id);
    if (found !== undefined) return found;
    const result = simplify(ir, ir.values[id]!, id, look);
    known.set(id, result);
    return result;
  }
  return deviceStores
    .filter(({ cell, value }) => {
      const stored = look(value);
      if (stored.kind === "zero") return true;
      const as = ir.values[stored.as]!;
      return as.kind !== "load" || as.cell !== cell;
    })
    .map(({ cell }) => ir.cells[cell]!.name);
}

function simplify(ir: Ir, value: Value, id: ValueId, look: (id: ValueId) => Known): Known {
  if (value.kind === "load" && ir.cells[value.cell]!.role === "grad") return zero;
  if (value.kind === "literal") return value.value === 0 ? zero : { kind: "same", as: id };
  if (value.kind === "select") {
    const [then, otherwise] = [look(value.then), look(value.otherwise)];
    return equal(then, otherwise) ? then : { kind: "same", as: id };
  }
  if (value.kind !== "apply") return { kind: "same", as: id };
  return laws[value.op]?.(value.args.map(look)) ?? { kind: "same", as: id };
}

function equal(a: Known, b: Known): boolean {
  return a.kind === "zero" ? b.kind === "zero" : b.kind === "same" && a.as === b.as;
}

type Law = (args: readonly Known[]) => Known | null;

const ofZero: Law = ([x]) => (x!.kind === "zero" ? zero : null);

/** Null: nothing is known of the result. */
const laws: Partial<Record<Op, Law>> = {
  add: ([x, y]) => (x!.kind === "zero" ? y! : y!.kind === "zero" ? x! : null),
  sub: ([x, y]) => (y!.kind === "zero" ? x! : null),
  mul: ([x, y]) => (x!.kind === "zero" || y!.kind === "zero" ? zero : null),
  div: ofZero,
  neg: ofZero,
  abs: ofZero,
  sqrt: ofZero,
  sign: ofZero,
  floor: ofZero,
  ceil: ofZero,
  bf16: ofZero,
  min: ([x, y]) => (equal(x!, y!) ? x! : null),
  max: ([x, y]) => (equal(x!, y!) ? x! : null),
};
