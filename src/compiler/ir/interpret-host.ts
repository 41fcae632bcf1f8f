// The interpreter's host: values before stage device, in f64, for one parameter at one step. Evaluated on demand,
// so that what a select, `and` or `or` does not take is never computed.

import { float64Operations, isHostOperation } from "./fold.js";
import type { CellId, HyperForm, Ir, Value, ValueId } from "./value.js";

export interface HostFacts {
  readonly shape: readonly number[];
  readonly t: number;
  readonly step: number;
  readonly modelNumel: number;
  hyper(name: string, form: HyperForm): number;
  hostState(cell: CellId): number;
}

/** Looks values up for one parameter at one step; booleans are 0 and 1. */
export function createHost(ir: Ir, facts: HostFacts): (id: ValueId) => number {
  const known = new Map<ValueId, number>();
  const evaluate = (id: ValueId): number => {
    const found = known.get(id);
    if (found !== undefined) return found;
    const result = compute(ir.values[id]!, facts, evaluate);
    known.set(id, result);
    return result;
  };
  return evaluate;
}

function compute(value: Value, facts: HostFacts, evaluate: (id: ValueId) => number): number {
  switch (value.kind) {
    case "literal":
      return value.value;
    case "hyper":
      return facts.hyper(value.hyper, value.form);
    case "ambient":
      return ambient(value.ambient, facts);
    case "shape":
      return facts.shape[value.axis] ?? Number.NaN;
    case "load":
      return facts.hostState(value.cell);
    case "select":
      return evaluate(evaluate(value.condition) !== 0 ? value.then : value.otherwise);
    case "apply":
      return applyOperation(value, evaluate);
    case "reduce":
    case "total":
    case "random":
      throw new Error("bug: the device computes this");
    default:
      throw new Error(`bug: unknown value ${value satisfies never}`);
  }
}

function applyOperation({ op, args }: Extract<Value, { kind: "apply" }>, evaluate: (id: ValueId) => number): number {
  if (!isHostOperation(op)) throw new Error(`bug: the host has no "${op}"`);
  const x = evaluate(args[0]!);
  if ((op === "and" && x === 0) || (op === "or" && x !== 0)) return x;
  return float64Operations[op](x, args[1] === undefined ? 0 : evaluate(args[1]));
}

function ambient(name: Extract<Value, { kind: "ambient" }>["ambient"], { t, step, shape, modelNumel }: HostFacts): number {
  switch (name) {
    case "t":
      return t;
    case "step":
      return step;
    case "rank":
      return shape.length;
    case "numel":
      return shape.reduce((product, length) => product * length, 1);
    case "rows":
      return shape.at(-2) ?? Number.NaN;
    case "cols":
      return shape.length < 2 ? Number.NaN : shape.at(-1)!;
    case "modelNumel":
      return modelNumel;
    default:
      throw new Error(`bug: unknown fact ${name satisfies never}`);
  }
}
