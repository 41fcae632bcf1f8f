// What functions of sweeps and of finishes have in common: how they read a coefficient and a number of the memory of scalars.
// Both stand in all four lanes.

import { TENSOR_FIELDS, TENSOR_HEADER } from "../../../contract/manifest.js";
import { printExpression } from "../../ir/print.js";
import type { Ir } from "../../ir/value.js";
import type { Coefficient, ScalarLoad, ScalarPlace } from "../../passes/plan.js";
import type { BodyNames } from "../body-names.js";
import { lineComment } from "../escape.js";

export const get = (name: string) => `(local.get $${name})`;
export const set = (name: string, value: string) => `(local.set $${name} ${value})`;

/** Of the table of tensors at `tensors`. */
export const headerWord = (field: (typeof TENSOR_HEADER)[number]) =>
  `(i32.load offset=${4 * TENSOR_HEADER.indexOf(field)} ${get("tensors")})`;

/** Of the record at an address. */
export const recordWord = (field: (typeof TENSOR_FIELDS)[number], record: string) =>
  `(i32.load offset=${4 * TENSOR_FIELDS.indexOf(field)} ${record})`;

/** The address of a number of the memory of scalars. */
export const number = (index: string) => `(i32.add ${get("scalars")} (i32.shl ${index} (i32.const 2)))`;

/** From the class's row. */
export function coefficientLine(ir: Ir, { slot, value }: Coefficient, names: BodyNames): string {
  const name = names.coefficients.get(value)!;
  const formula = printExpression(ir, value);
  const comment = formula === name ? "" : ` ${lineComment(";;", formula).join(" ")}`;
  return `${set(name, `(v128.load32_splat offset=${4 * slot} ${get("row")})`)}${comment}`;
}

/** From the memory of scalars. */
export function scalarLine({ value, place }: ScalarLoad, names: BodyNames): string {
  return set(names.scalars.get(value)!, `(v128.load32_splat ${scalarAddress(place)})`);
}

/** The immediate offset and the address of a number: the parameters `scalars` and `tensor_at` say where those of the model and of the tensor begin. */
export function scalarAddress({ of, slot }: ScalarPlace): string {
  return `offset=${4 * slot} ${get(of === "model" ? "scalars" : "tensor_at")}`;
}
