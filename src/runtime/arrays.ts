// The one dtype so far, checked where a caller hands arrays in.

import { OptimizerError, type OptimizerErrorCode, show } from "./errors.js";

/** A Float32Array of any realm. */
export function isFloat32Array(value: unknown): value is Float32Array {
  if (value instanceof Float32Array) return true;
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Float32Array]";
}

/** Checks that `value` is a Float32Array of `length` elements; `what` names it in the message. */
export function checkFloat32Array(value: unknown, length: number, what: string, code: OptimizerErrorCode): asserts value is Float32Array {
  if (!isFloat32Array(value)) {
    const isNumbers = ArrayBuffer.isView(value) || Array.isArray(value);
    const kind = ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : show(value);
    const way = isNumbers ? "; convert it with new Float32Array(...)" : "";
    throw new OptimizerError(code, `${what} must be a Float32Array of ${length} elements, not ${kind}${way}`);
  }
  if (value.length !== length) {
    throw new OptimizerError(code, `${what} has ${value.length} elements where its shape has ${length}`);
  }
}
