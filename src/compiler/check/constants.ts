// Values that are known while checking: literals and what is computed from them, with the defaults of hypers where asked for.

import type { HostOp } from "../../contract/host-formula.js";
import { applyHostOp } from "../../formula/evaluate.js";
import { type Context, definitionOf } from "./context.js";
import type { TypedExpr } from "./spec.js";

/** The value of an expression of literals; booleans are 0 and 1. Null where it is not known. */
export function constantOf(expr: TypedExpr, ctx: Context, hypers: "unknown" | "defaults" = "unknown"): number | null {
  const known = new Map<TypedExpr, number | null>();
  const evaluate = (e: TypedExpr): number | null => {
    const before = known.get(e);
    if (before !== undefined) return before;
    const value = compute(e);
    known.set(e, value);
    return value;
  };
  const compute = (e: TypedExpr): number | null => {
    switch (e.kind) {
      case "literal":
        return e.value;
      case "hyper": {
        const hyper = ctx.hypers.get(e.hyper);
        if (hypers === "unknown" || hyper === undefined || e.form === "ratio") return null;
        return evaluate(hyper.value);
      }
      case "local": {
        const definition = definitionOf(ctx, e.local);
        return definition === null ? null : evaluate(definition);
      }
      case "block":
        return evaluate(e.result);
      case "apply": {
        const args = e.args.map(evaluate);
        if (args.some((arg) => arg === null) || !isHostOp(e.op)) return null;
        return applyHostOp(e.op, args[0]!, args[1] ?? 0);
      }
      case "select": {
        const condition = evaluate(e.condition);
        return condition === null ? null : evaluate(condition !== 0 ? e.then : e.otherwise);
      }
      case "option":
      case "option-is":
      case "ambient":
      case "shape":
      case "cell":
      case "reduce":
        return null;
      default:
        throw new Error(`bug: no value for ${JSON.stringify(e satisfies never)}`);
    }
  };
  return evaluate(expr);
}

/** True for operations that a host formula may hold. */
export function isHostOp(op: string): op is HostOp {
  return op !== "exp2i" && op !== "exponent" && op !== "mantissa";
}
