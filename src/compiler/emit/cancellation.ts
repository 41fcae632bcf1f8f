// Where a driver's compiler may take arithmetic for algebra: `(x - y) + y` for `x`, `(x * y) / x` for `y`, `x * y + x * z` for `x * (y + z)`.
// WGSL has no word against it, and SPIRV-Tools and Mesa do it. A dialect that needs to guards the operand that is found here.

import type { Op } from "../ir/ops.js";
import type { Ir, Value, ValueId } from "../ir/value.js";

const kinds: Partial<Record<Op, "sum" | "product">> = { add: "sum", sub: "sum", mul: "product", div: "product" };

type Operation = Extract<Value, { kind: "apply" }>;

/** The operand of an operation that its neighbour could be cancelled against, or null. */
export function cancellingOperand(ir: Ir, value: Operation): 0 | 1 | null {
  const kind = kinds[value.op];
  const [a, b] = value.args;
  if (kind === undefined || a === undefined || b === undefined) return null;
  const [left, right] = [arithmetic(ir, a), arithmetic(ir, b)];
  if (a === b && (value.op === "sub" || value.op === "div")) return 0;
  if (left !== null && kinds[left.op] === kind && left.args.includes(b)) return 0;
  if (right !== null && kinds[right.op] === kind && right.args.includes(a)) return 1;
  if (kind === "sum" && left !== null && right !== null && isFactored(left, right)) return 0;
  return null;
}

function isFactored(left: Operation, right: Operation): boolean {
  return kinds[left.op] === "product" && kinds[right.op] === "product" && left.args.some((arg) => right.args.includes(arg));
}

function arithmetic(ir: Ir, id: ValueId): Operation | null {
  const value = ir.values[id];
  return value?.kind === "apply" && kinds[value.op] !== undefined ? value : null;
}
