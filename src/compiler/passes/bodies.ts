// What a sweep, or a finish, computes between its loads and its stores: the values behind its roots that it cannot have from memory.

import { argsOf } from "../ir/builder.js";
import type { Ir, Value, ValueId } from "../ir/value.js";
import type { Coefficient, ScalarBody, ScalarLoad, ScalarPlace, ScalarStore } from "./plan.js";

/** Numbers the host values that enter the kernels of one variant, from slot 1, in the order in which bodies meet them. */
export interface CoefficientSlots {
  /** In the order of slots. */
  readonly values: readonly ValueId[];
  enter(values: Iterable<ValueId>): readonly Coefficient[];
}

export function createCoefficientSlots(ir: Ir): CoefficientSlots {
  const slots = new Map<ValueId, number>();
  return {
    get values() {
      return [...slots.keys()];
    },
    enter(values) {
      const entering = [...new Set(values)].filter((id) => isCoefficient(ir.values[id]!));
      return entering.map((value): Coefficient => {
        const slot = slots.get(value) ?? slots.size + 1;
        slots.set(value, slot);
        return { slot, value };
      });
    },
  };
}

function isCoefficient({ kind, stage }: Value): boolean {
  return kind !== "literal" && stage !== "device";
}

export interface Computed {
  /** Those of the values given as loaded that are needed. */
  readonly loaded: ReadonlySet<ValueId>;
  readonly scalars: readonly ScalarLoad[];
  readonly coefficients: readonly Coefficient[];
  /** Smaller than an element. */
  readonly head: readonly ValueId[];
  readonly body: readonly ValueId[];
}

export interface ComputeOptions {
  readonly coefficients: CoefficientSlots;
  /** Element values that are loaded. */
  readonly loaded: ReadonlySet<ValueId>;
  /** Where a number smaller than an element stands in memory, or null where it has to be computed. */
  readonly placeOf: (id: ValueId) => ScalarPlace | null;
}

/** The device values behind `roots`, arguments first, and what enters them. */
export function compute(ir: Ir, roots: readonly ValueId[], { coefficients, loaded, placeOf }: ComputeOptions): Computed {
  const computed = new Set<ValueId>();
  const needed = new Set<ValueId>();
  const scalars = new Map<ValueId, ScalarPlace>();
  function visit(id: ValueId): void {
    const value = ir.values[id]!;
    if (loaded.has(id)) needed.add(id);
    if (value.stage !== "device" || loaded.has(id) || computed.has(id) || scalars.has(id)) return;
    const place = value.extent === "elem" ? null : placeOf(id);
    if (place !== null) {
      scalars.set(id, place);
      return;
    }
    if (value.kind === "load" || value.kind === "reduce" || value.kind === "total")
      throw new Error(`bug: a ${value.kind} is needed where it stands nowhere`);
    computed.add(id);
    argsOf(value).forEach(visit);
  }
  roots.forEach(visit);
  const order = [...computed].sort((a, b) => a - b);
  const isElement = (id: ValueId) => ir.values[id]!.extent === "elem";
  return {
    loaded: needed,
    scalars: [...scalars].sort(([a], [b]) => a - b).map(([value, place]) => ({ value, place })),
    coefficients: coefficients.enter([...order.flatMap((id) => argsOf(ir.values[id]!)), ...roots]),
    head: order.filter((id) => !isElement(id)),
    body: order.filter(isElement),
  };
}

/** The body of one tensor, or of the model; null where it has nothing to store. */
export function scalarBody(ir: Ir, stores: readonly ScalarStore[], options: ComputeOptions): ScalarBody | null {
  if (stores.length === 0) return null;
  const { scalars, coefficients, head, body } = compute(
    ir,
    stores.map(({ value }) => value),
    options,
  );
  if (body.length > 0) throw new Error("bug: a finish computes elements");
  return { scalars, coefficients, body: head, stores };
}
