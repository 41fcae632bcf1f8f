// Host values of an IR as a formula table for the manifest: arguments first, only what is asked for, each value once.

import type { Formula, FormulaTable, HostOp, HostValue } from "../../contract/host-formula.js";
import { isHostOperation } from "../ir/fold.js";
import type { Op } from "../ir/ops.js";
import type { Cell, Value, ValueId } from "../ir/value.js";

export interface FormulaTableBuilder {
  readonly table: FormulaTable;
  /** The formula of a host value; the values behind it enter the table before it. */
  formula(id: ValueId): Formula;
}

export function createFormulaTable(values: readonly Value[], cells: readonly Cell[]): FormulaTableBuilder {
  const table: HostValue[] = [];
  const known = new Map<ValueId, Formula>();

  function formula(id: ValueId): Formula {
    const before = known.get(id);
    if (before !== undefined) return before;
    const value = values[id];
    if (value === undefined || value.stage === "device") throw new Error(`bug: value ${id} is not the host's`);
    const entry = hostValue(value);
    known.set(id, table.push(entry) - 1);
    return table.length - 1;
  }

  function hostValue(value: Value): HostValue {
    switch (value.kind) {
      case "literal":
        return { op: "literal", value: literal(value.value) };
      case "hyper":
        return { op: "hyper", hyper: value.hyper, form: value.form };
      case "ambient":
        return { op: "fact", fact: value.ambient };
      case "shape":
        return { op: "shape", axis: value.axis };
      case "load":
        return { op: "hostState", state: cells[value.cell]!.name };
      case "apply":
        return { op: "apply", fn: hostOp(value.op), args: value.args.map(formula) };
      case "select":
        return { op: "select", args: [formula(value.condition), formula(value.then), formula(value.otherwise)] };
      case "reduce":
      case "total":
      case "random":
        throw new Error("bug: a reduction or a random number is not the host's");
      default:
        return value satisfies never;
    }
  }

  return { table, formula };
}

function literal(value: number): number | "inf" | "-inf" | "nan" {
  if (Number.isNaN(value)) return "nan";
  if (Number.isFinite(value)) return value;
  return value > 0 ? "inf" : "-inf";
}

function hostOp(op: Op): HostOp {
  if (!isHostOperation(op)) throw new Error(`bug: ${op} is a kernel's operation`);
  return op;
}

/** What a table reads besides `t` and `step`: facts of the parameter, and hypers in their forms (`lr`, `lr.base`). Sorted. */
export function factsOf(table: FormulaTable): readonly string[] {
  const facts = new Set<string>();
  for (const value of table) {
    if (value.op === "fact" && value.fact !== "t" && value.fact !== "step") facts.add(value.fact);
    if (value.op === "shape") facts.add(`shape[${value.axis}]`);
    if (value.op === "hyper") facts.add(value.form === "value" ? value.hyper : `${value.hyper}.${value.form}`);
  }
  return [...facts].sort();
}
