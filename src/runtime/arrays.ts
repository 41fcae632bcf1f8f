// Arrays as callers hand them in, checked: f32 numbers, or what is kept in 16 bits, as its bits.

import type { NumberFormat } from "../numeric/storage-formats.js";
import { OptimizerError, type OptimizerErrorCode, show } from "./errors.js";

/** Numbers in f32, or the bits of a 16-bit format. */
export type NumberArray = Float32Array | Uint16Array;

function isA(name: string, value: unknown): boolean {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === `[object ${name}]`;
}

/** A Float32Array of any realm. */
export function isFloat32Array(value: unknown): value is Float32Array {
  return value instanceof Float32Array || isA("Float32Array", value);
}

/** A Float32Array or, of a 16-bit format, a Uint16Array of any realm. */
export function isNumberArray(value: unknown): value is NumberArray {
  return isFloat32Array(value) || isA("Uint16Array", value) || isA("Float16Array", value);
}

/** Checks that `value` is a Float32Array of `length` elements; `what` names it in the message. */
export function checkFloat32Array(value: unknown, length: number, what: string, code: OptimizerErrorCode): asserts value is Float32Array {
  if (!isFloat32Array(value)) throw wrongKind(value, `a Float32Array of ${length} elements`, "Float32Array", what, code);
  checkLength(value, length, what, code);
}

/**
 * The numbers of something that is kept in a format: f32 numbers, or its own bits as a Uint16Array (of f16 also as a Float16Array, where there
 * are such). `what` names it in the message.
 */
export function readNumbers(value: unknown, format: NumberFormat, length: number, what: string, code: OptimizerErrorCode): NumberArray {
  if (format === "f32") {
    checkFloat32Array(value, length, what, code);
    return value;
  }
  const is16 = isA("Uint16Array", value) || (format === "f16" && isA("Float16Array", value));
  if (!isFloat32Array(value) && !is16)
    throw wrongKind(value, `a Float32Array of ${length} elements, or a Uint16Array of their ${format} bits`, "Float32Array", what, code);
  const view = value as Uint16Array;
  checkLength(view, length, what, code);
  return isA("Float16Array", value) ? new Uint16Array(view.buffer, view.byteOffset, view.length) : view;
}

function wrongKind(value: unknown, expected: string, name: string, what: string, code: OptimizerErrorCode): OptimizerError {
  const isNumbers = ArrayBuffer.isView(value) || Array.isArray(value);
  const kind = ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : show(value);
  const way = isNumbers ? `; convert it with new ${name}(...)` : "";
  return new OptimizerError(code, `${what} must be ${expected}, not ${kind}${way}`);
}

function checkLength(value: NumberArray, length: number, what: string, code: OptimizerErrorCode): void {
  if (value.length !== length) throw new OptimizerError(code, `${what} has ${value.length} elements where its shape has ${length}`);
}
