// Short names for building device values, so that `elementary.ts` reads like the mathematics.

import type { Builder } from "../ir/builder.js";
import type { Op } from "../ir/ops.js";
import type { ValueId } from "../ir/value.js";

type Unary = (x: ValueId) => ValueId;
type Binary = (x: ValueId, y: ValueId) => ValueId;

export interface Notation {
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  readonly min: Binary;
  readonly max: Binary;
  readonly lt: Binary;
  readonly eq: Binary;
  readonly and: Binary;
  readonly or: Binary;
  readonly not: Unary;
  readonly neg: Unary;
  readonly abs: Unary;
  readonly sqrt: Unary;
  readonly floor: Unary;
  readonly bf16: Unary;
  readonly isfinite: Unary;
  readonly exp2i: Unary;
  readonly exponent: Unary;
  readonly mantissa: Unary;
  number(value: number): ValueId;
  select(condition: ValueId, then: ValueId, otherwise: ValueId): ValueId;
  /** By Horner's rule, from the highest power down to the constant. */
  polynomial(x: ValueId, coefficients: readonly number[]): ValueId;
}

export function createNotation(builder: Builder): Notation {
  const unary =
    (op: Op): Unary =>
    (x) =>
      builder.apply(op, [x]);
  const binary =
    (op: Op): Binary =>
    (x, y) =>
      builder.apply(op, [x, y]);
  const [add, mul] = [binary("add"), binary("mul")];
  const number = (value: number) => builder.literal(value);
  return {
    add,
    sub: binary("sub"),
    mul,
    div: binary("div"),
    min: binary("min"),
    max: binary("max"),
    lt: binary("lt"),
    eq: binary("eq"),
    and: binary("and"),
    or: binary("or"),
    not: unary("not"),
    neg: unary("neg"),
    abs: unary("abs"),
    sqrt: unary("sqrt"),
    floor: unary("floor"),
    bf16: unary("bf16"),
    isfinite: unary("isfinite"),
    exp2i: unary("exp2i"),
    exponent: unary("exponent"),
    mantissa: unary("mantissa"),
    number,
    select: builder.select,
    polynomial: (x, [first, ...rest]) => rest.reduce<ValueId>((sum, c) => add(mul(sum, x), number(c)), number(first!)),
  };
}
