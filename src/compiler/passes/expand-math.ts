import type { Ir } from "../ir/value.js";

export function expandMath(ir: Ir): Ir {
  return ir;
}
