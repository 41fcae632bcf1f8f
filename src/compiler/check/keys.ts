// Numbers for expressions: equal text of the computation, equal number, wherever it stands. Locals are seen through.

import { type Context, definitionOf } from "./context.js";
import type { TypedExpr } from "./spec.js";

export type KeyOf = (expr: TypedExpr) => number;

/** The numbers hold as long as no local is given a further value. */
export function createKeys(ctx: Context): KeyOf {
  const numbers = new Map<string, number>();
  const known = new Map<TypedExpr, number>();

  function number(text: string): number {
    const id = numbers.get(text) ?? numbers.size;
    numbers.set(text, id);
    return id;
  }

  function keyOf(expr: TypedExpr): number {
    const before = known.get(expr);
    if (before !== undefined) return before;
    const key = fresh(expr);
    known.set(expr, key);
    return key;
  }

  function fresh(expr: TypedExpr): number {
    switch (expr.kind) {
      case "literal":
        return number(`literal ${Object.is(expr.value, -0) ? "-0" : expr.value}`);
      case "hyper":
        return number(`hyper ${expr.hyper} ${expr.form}`);
      case "option":
        return number(`option ${expr.option}`);
      case "option-is":
        return number(`option ${expr.option} is ${expr.word}`);
      case "ambient":
        return number(`ambient ${expr.ambient}`);
      case "shape":
        return number(`shape ${expr.axis}`);
      case "cell":
        return number(`cell ${expr.cell} ${expr.version}`);
      case "local": {
        const definition = definitionOf(ctx, expr.local);
        return definition === null ? number(`local ${expr.local}`) : keyOf(definition);
      }
      case "apply":
        return number(`${expr.op} ${expr.args.map(keyOf).join(" ")}`);
      case "select":
        return number(`select ${keyOf(expr.condition)} ${keyOf(expr.then)} ${keyOf(expr.otherwise)}`);
      case "reduce":
        return number(`reduce ${expr.by} ${expr.to} ${keyOf(expr.arg)}`);
      case "block":
        return keyOf(expr.result);
      default:
        throw new Error(`bug: no key for ${JSON.stringify(expr satisfies never)}`);
    }
  }

  return keyOf;
}
