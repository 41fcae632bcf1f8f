// What differs between targets inside an expression: how an operation, a literal, a name is spelled.
// Values are vectors of four f32 (or of four truth values); spellings never contract, reassociate or approximate.
// A missing spelling does not compile. How a sweep is entered, loads and stores is the frame's business.

import type { DeviceOp, ops } from "../ir/ops.js";

type Operands<O extends DeviceOp> = (typeof ops)[O]["args"] extends readonly [unknown, unknown] ? [a: string, b: string] : [x: string];

/** Spells an operation on operands that are already printed. */
export type Spell<O extends DeviceOp = DeviceOp> = (...operands: Operands<O>) => string;

export type Spellings = { readonly [O in DeviceOp]: Spell<O> };

export interface Dialect {
  readonly ops: Spellings;
  /** 16 random bits of each element, from two whole numbers of the host: see `numeric/random16.ts`. */
  readonly random: (seed: string, step: string) => string;
  readonly select: (condition: string, then: string, otherwise: string) => string;
  /** The number rounded to f32, in all four lanes. */
  readonly literal: (value: number) => string;
  /** A local that holds a value. */
  readonly read: (name: string) => string;
  readonly define: (name: string, value: string) => string;
  /** Keeps the target's compiler from cancelling an operand against its neighbour; null where none does. */
  readonly guard: ((operand: string) => string) | null;
}
