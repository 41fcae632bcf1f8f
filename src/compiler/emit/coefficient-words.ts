// Coefficients are formulas of the host; where the spec does not name one, kernels call it by its formula in words.

import type { Op } from "../ir/ops.js";
import { printExpression } from "../ir/print.js";
import type { Ir, ValueId } from "../ir/value.js";
import { valueAt } from "./expressions.js";

const LONGEST = 40;
const smallNumbers: Readonly<Record<number, string>> = { 0: "zero", 1: "one", 2: "two", 3: "three" };
const between: Partial<Record<Op, string>> = {
  or: "or",
  and: "and",
  lt: "below",
  le: "up_to",
  eq: "is",
  add: "plus",
  sub: "minus",
  mul: "times",
  div: "over",
  pow: "pow",
};

/** The spec's own name for a host value, or its formula in words: `one_minus_beta1`. Null where that is too long for a name. */
export function wordsOf(ir: Ir, id: ValueId): string | null {
  const words = speak(ir, id);
  return words.length <= LONGEST ? words : null;
}

function speak(ir: Ir, id: ValueId): string {
  const value = valueAt(ir, id);
  if (value.name !== undefined) return value.name;
  if (value.kind === "select") return `${speak(ir, value.then)}_or_${speak(ir, value.otherwise)}`;
  if (value.kind === "literal" && value.value in smallNumbers) return smallNumbers[value.value]!;
  if (value.kind !== "apply") return printExpression(ir, id).replace(/[^\p{L}\p{N}_]+/gu, "_");
  const args = value.args.map((arg) => speak(ir, arg));
  const word = between[value.op];
  return word === undefined ? [value.op, ...args].join("_") : args.join(`_${word}_`);
}
