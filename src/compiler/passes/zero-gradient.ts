// What a gradient of zeros changes. An optimizer is exact under lazy rows where it provably changes nothing: then rows without a gradient
// may be left alone. Arithmetic is symbolic: what is not proved to be zero, or to be the value itself, counts as changed.

import type { Op } from "../ir/ops.js";
import type { CellId, Ir, Value, ValueId, Variant } from "../ir/value.js";

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
      return stored.kind === "zero" || !isKept(ir, cell, stored.as);
    })
    .map(({ cell }) => ir.cells[cell]!.name);
}

/** Whether a value is what a cell holds already; a parameter always is the rounding of its master. */
function isKept({ cells, values }: Ir, cell: CellId, id: ValueId): boolean {
  const value = values[id]!;
  if (value.kind !== "load") return false;
  return value.cell === cell || (cells[cell]!.role === "param" && cells[value.cell]!.master === "master");
}

function simplify(ir: Ir, value: Value, id: ValueId, look: (id: ValueId) => Known): Known {
  if (value.kind === "load" && ir.cells[value.cell]!.role === "grad") return zero;
  if (value.kind === "literal") return value.value === 0 ? zero : { kind: "same", as: id };
  if (value.kind === "select") {
    const [then, otherwise] = [look(value.then), look(value.otherwise)];
    return equal(then, otherwise) ? then : { kind: "same", as: id };
  }
  if (value.kind !== "apply") return { kind: "same", as: id };
  if (value.op === "upper_half" || value.op === "lower_half") {
    const joined = look(value.args[0]!);
    const whole = joined.kind === "same" ? ir.values[joined.as]! : null;
    if (whole?.kind === "apply" && whole.op === "join_halves") return look(whole.args[value.op === "upper_half" ? 0 : 1]!);
    return { kind: "same", as: id };
  }
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
  // What is there already lies on no way between two neighbours.
  bf16_random: ([x]) => x!,
  f16_random: ([x]) => x!,
  min: ([x, y]) => (equal(x!, y!) ? x! : null),
  max: ([x, y]) => (equal(x!, y!) ? x! : null),
};
