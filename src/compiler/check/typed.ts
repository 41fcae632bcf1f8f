// Makes typed expressions. An operation joins the extents of its arguments and takes their latest stage.

import { type Extent, joinExtents, laterStage, type Stage } from "../ir/extent.js";
import { type Op, ops, type ValueType } from "../ir/ops.js";
import type { Span } from "../source.js";
import type { TypedExpr } from "./spec.js";

/** Null stands where an error has been reported; whatever uses it says nothing more. */
export type Checked = TypedExpr | null;

/** Two extents joined and the later of two stages. */
export function joined(exprs: readonly { readonly extent: Extent; readonly stage: Stage }[]): { extent: Extent; stage: Stage } {
  let extent: Extent = "model";
  let stage: Stage = "build";
  for (const expr of exprs) {
    extent = joinExtents(extent, expr.extent);
    stage = laterStage(stage, expr.stage);
  }
  return { extent, stage };
}

export function literal(value: number, span: Span, type: ValueType = "number"): TypedExpr {
  return { kind: "literal", value, type, span, extent: "model", stage: "build" };
}

export function apply(op: Op, args: readonly TypedExpr[], span: Span): TypedExpr {
  return { kind: "apply", op, args, span, type: ops[op].result, ...joined(args) };
}

export function select(condition: TypedExpr, then: TypedExpr, otherwise: TypedExpr, span: Span): TypedExpr {
  return { kind: "select", condition, then, otherwise, span, type: then.type, ...joined([condition, then, otherwise]) };
}

/** True where every expression is there. */
export function allThere(exprs: readonly Checked[]): exprs is readonly TypedExpr[] {
  return exprs.every((expr) => expr !== null);
}

/** The expressions right below this one; a block's statements count through the locals that its result reads. */
export function childrenOf(expr: TypedExpr): readonly TypedExpr[] {
  switch (expr.kind) {
    case "apply":
      return expr.args;
    case "select":
      return [expr.condition, expr.then, expr.otherwise];
    case "reduce":
      return [expr.arg];
    case "block":
      return [expr.result];
    default:
      return [];
  }
}
