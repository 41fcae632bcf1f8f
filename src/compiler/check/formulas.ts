// Typed host expressions as formulas, which are data: a table without repetitions, arguments before their users.

import type { Formula, HostFact, HostValue } from "../../contract/host-formula.js";
import { isHostOp } from "./constants.js";
import type { Context } from "./context.js";
import type { TypedExpr, TypedStatement } from "./spec.js";

export interface Formulas {
  readonly table: readonly HostValue[];
  add(expr: TypedExpr): Formula;
}

/** What the locals of inlined functions stand for at a place. */
type Values = Map<number, Formula>;

/** An empty table for the formulas of one optimizer. */
export function createFormulas(ctx: Context): Formulas {
  const table: HostValue[] = [];
  const known = new Map<string, Formula>();

  function put(value: HostValue): Formula {
    const key = JSON.stringify(value);
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, table.length);
    return table.push(value) - 1;
  }

  function add(expr: TypedExpr, values: Values): Formula {
    switch (expr.kind) {
      case "literal":
        return put({ op: "literal", value: spelled(expr.value) });
      case "hyper":
        return put({ op: "hyper", hyper: expr.hyper, form: expr.form });
      case "ambient":
        return put({ op: "fact", fact: expr.ambient satisfies HostFact });
      case "shape":
        return put({ op: "shape", axis: expr.axis });
      case "local":
        return values.get(expr.local) ?? put(ruleLocal(expr.local, ctx));
      case "apply": {
        if (!isHostOp(expr.op)) throw new Error(`bug: ${expr.op} in a formula`);
        const args = expr.args.map((arg) => add(arg, values));
        return put({ op: "apply", fn: expr.op, args });
      }
      case "select":
        return put({ op: "select", args: [add(expr.condition, values), add(expr.then, values), add(expr.otherwise, values)] });
      case "block": {
        const inside = new Map(values);
        run(expr.statements, inside);
        return add(expr.result, inside);
      }
      case "cell":
      case "option":
      case "option-is":
      case "reduce":
        throw new Error(`bug: ${expr.kind} in a formula`);
      default:
        throw new Error(`bug: no formula for ${JSON.stringify(expr satisfies never)}`);
    }
  }

  function run(statements: readonly TypedStatement[], values: Values): void {
    for (const statement of statements) {
      switch (statement.kind) {
        case "define":
        case "assign-local":
          values.set(statement.local, add(statement.value, values));
          break;
        case "if": {
          const condition = add(statement.condition, values);
          const [then, otherwise] = [new Map(values), new Map(values)];
          run(statement.then, then);
          run(statement.otherwise, otherwise);
          for (const local of values.keys()) {
            const [a, b] = [then.get(local)!, otherwise.get(local)!];
            values.set(local, a === b ? a : put({ op: "select", args: [condition, a, b] }));
          }
          break;
        }
        case "assign-cell":
          throw new Error("bug: a store in a formula");
        default:
          throw new Error(`bug: statement ${JSON.stringify(statement satisfies never)}`);
      }
    }
  }

  return { table, add: (expr) => add(expr, new Map()) };
}

function ruleLocal(id: number, ctx: Context): HostValue {
  const rule = ctx.locals[id]?.rule;
  if (rule?.kind === "capture") return { op: "capture", capture: rule.text };
  if (rule?.kind === "error") return { op: "error", message: rule.text };
  if (rule?.kind === "order") return { op: "order", order: rule.text, form: "rank" };
  if (rule?.kind === "orderMax") return { op: "order", order: rule.text, form: "max" };
  if (rule?.kind === "index") return { op: "fact", fact: "index" };
  throw new Error(`bug: local ${id} in a formula`);
}

function spelled(value: number): number | "inf" | "-inf" | "nan" {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
