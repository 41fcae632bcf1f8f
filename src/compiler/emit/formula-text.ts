// Host formulas as people write them, for comments and doc texts; and as words, for the names of coefficients.

import type { Op } from "../ir/ops.js";
import type { Ir, Value, ValueId } from "../ir/value.js";
import { valueAt } from "./expressions.js";

/** Binding strength, weakest first: choice, or, and, comparison, sum, product, sign, power, atom. */
type Strength = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
interface Text {
  readonly text: string;
  readonly strength: Strength;
}

const infix: Partial<Record<Op, readonly [sign: string, strength: Strength, word: string]>> = {
  or: [" or ", 1, "or"],
  and: [" and ", 2, "and"],
  lt: [" < ", 3, "below"],
  le: [" <= ", 3, "up_to"],
  eq: [" == ", 3, "is"],
  add: [" + ", 4, "plus"],
  sub: [" - ", 4, "minus"],
  mul: [" * ", 5, "times"],
  div: [" / ", 5, "over"],
  pow: ["^", 7, "pow"],
};

/** The formula of a host value, in the language's own notation. */
export function formulaText(ir: Ir, id: ValueId): string {
  return printFormula(ir, id).text;
}

function printFormula(ir: Ir, id: ValueId): Text {
  const value = valueAt(ir, id);
  const at = (arg: ValueId, least: Strength): string => {
    const inner = printFormula(ir, arg);
    return inner.strength < least ? `(${inner.text})` : inner.text;
  };
  if (value.kind === "select") {
    return { text: `if ${at(value.condition, 1)} then ${at(value.then, 1)} else ${at(value.otherwise, 0)}`, strength: 0 };
  }
  if (value.kind !== "apply") return { text: leafText(ir, value), strength: value.kind === "literal" && value.value < 0 ? 6 : 8 };
  const operator = infix[value.op];
  const [a, b] = value.args;
  if (operator !== undefined && a !== undefined && b !== undefined) {
    const [sign, strength] = operator;
    const tighter = (strength + 1) as Strength;
    const rightAssociative = value.op === "pow";
    return { text: at(a, rightAssociative ? tighter : strength) + sign + at(b, rightAssociative ? strength : tighter), strength };
  }
  if (value.op === "neg" && a !== undefined) return { text: `-${at(a, 7)}`, strength: 6 };
  if (value.op === "not" && a !== undefined) return { text: `not ${at(a, 3)}`, strength: 2 };
  return { text: `${value.op}(${value.args.map((arg) => at(arg, 0)).join(", ")})`, strength: 8 };
}

function leafText(ir: Ir, value: Exclude<Value, { kind: "apply" | "select" }>): string {
  switch (value.kind) {
    case "literal":
      return value.type === "boolean" ? String(value.value !== 0) : numberText(value.value);
    case "hyper":
      return value.form === "value" ? value.hyper : `${value.hyper}.${value.form}`;
    case "ambient":
      return value.ambient === "modelNumel" ? "numel[model]" : value.ambient;
    case "shape":
      return `shape[${value.axis}]`;
    case "load":
      return ir.cells[value.cell]?.name ?? `cell${value.cell}`;
    case "reduce":
      return `${value.by}[${value.to}](...)`;
    default:
      return value satisfies never;
  }
}

/** A number as the language writes it. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

const LONGEST_NAME = 40;
const smallNumbers: Readonly<Record<number, string>> = { 0: "zero", 1: "one", 2: "two", 3: "three" };

/** A name for a host value: the spec's own, or its formula in words where that is short; null where it is not. */
export function wordsOf(ir: Ir, id: ValueId): string | null {
  const words = speak(ir, id);
  return words.length <= LONGEST_NAME ? words : null;
}

function speak(ir: Ir, id: ValueId): string {
  const value = valueAt(ir, id);
  if (value.name !== undefined) return value.name;
  if (value.kind === "select") return `${speak(ir, value.then)}_or_${speak(ir, value.otherwise)}`;
  if (value.kind !== "apply") {
    const small = value.kind === "literal" ? smallNumbers[value.value] : undefined;
    return small ?? leafText(ir, value).replace(/[^\p{L}\p{N}_]+/gu, "_");
  }
  const word = infix[value.op]?.[2];
  const args = value.args.map((arg) => speak(ir, arg));
  return word === undefined ? [value.op, ...args].join("_") : args.join(`_${word}_`);
}
