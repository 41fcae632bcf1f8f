// What functions of sweeps and of finishes have in common in CUDA.

import { printExpression } from "../../ir/print.js";
import type { Ir } from "../../ir/value.js";
import type { Coefficient } from "../../passes/plan.js";
import type { BodyNames } from "../body-names.js";
import { lineComment } from "../escape.js";
import { cudaDeclarations, roundingDeclarations } from "./dialect.js";
import { formatDeclarations } from "./formats.js";
import { scalarDeclarations } from "./scalars.js";

/** Functions and structs that no local may hide. */
export const declaredNames = Object.keys({ ...cudaDeclarations, ...roundingDeclarations, ...formatDeclarations, ...scalarDeclarations });

/** From the class's row. */
export function coefficientLine(ir: Ir, { slot, value }: Coefficient, names: BodyNames): string {
  const name = names.coefficients.get(value);
  const formula = printExpression(ir, value);
  return `const float ${name} = row[${slot}];${formula === name ? "" : ` ${lineComment("//", formula).join(" ")}`}`;
}
