// The interpreter's kernels: device values operation by operation over blocks of elements. A block loads everything, computes, then
// hands on its results. Every value has a register; an f32 register rounds what is put into it.

import { roundToBfloat16 } from "../../numeric/bfloat16.js";
import { dequantize, quantize } from "../../numeric/eight-bit.js";
import { roundToFloat16 } from "../../numeric/float16.js";
import { type ArithmeticProfile, float32Operations, ieee } from "../../numeric/float32.js";
import { random16, randomKey } from "../../numeric/random16.js";
import { LEAF } from "../../numeric/reduction-tree.js";
import type { StorageFormat } from "../../numeric/storage-formats.js";
import { argsOf } from "./builder.js";
import { float64Operations } from "./fold.js";
import type { Op } from "./ops.js";
import type { CellId, Ir, ValueId } from "./value.js";

export type FloatArray = Float32Array | Float64Array;

export type Arithmetic = { readonly kind: "f32"; readonly profile: ArithmeticProfile } | { readonly kind: "f64" };

/** Work on the elements of one tensor. `scalar` is asked for numbers smaller than an element, in the format of the arithmetic. */
export interface ElementWork {
  /** The numbers that the elements' work reads: those of the host, and of the device where smaller than an element. */
  readonly scalars: readonly ValueId[];
  /** Computes block by block; `use` gets the roots' registers, the first element of the block, how many elements it has, and its piece. */
  run(tensor: ElementSource, use: (registers: readonly FloatArray[], first: number, n: number, piece: number) => void): void;
}

/** A range of a tensor's elements. */
export interface Piece {
  readonly first: number;
  readonly length: number;
}

export interface ElementSource {
  readonly arrays: ReadonlyMap<CellId, FloatArray>;
  /** The elements that are worked on, in ascending order: all of them in one piece, or some, each reduced from its own first one on. */
  readonly pieces: readonly Piece[];
  /** Its number in the list of tensors. */
  readonly tensor: number;
  scalar(id: ValueId): number;
}

/** A leaf of the tree of reductions is a block. */
const BLOCK = LEAF;

type Loop = (out: FloatArray, x: FloatArray, y: FloatArray, n: number) => void;

/** Compiles what computes some values of extent elem, or of less, which then are repeated. */
export function compileElements(ir: Ir, roots: readonly ValueId[], arithmetic: Arithmetic): ElementWork {
  const registers = new Map<ValueId, FloatArray>();
  const uniforms: { readonly id: ValueId; readonly register: FloatArray }[] = [];
  const loads: { readonly cell: CellId; readonly register: FloatArray }[] = [];
  const randoms: { readonly seed: FloatArray; readonly step: FloatArray; readonly register: FloatArray }[] = [];
  const work: ((n: number) => void)[] = [];

  function registerOf(id: ValueId): FloatArray {
    const found = registers.get(id);
    if (found !== undefined) return found;
    const register = createArray(arithmetic, BLOCK);
    registers.set(id, register);
    const value = ir.values[id]!;
    if (value.stage !== "device" || value.extent !== "elem") uniforms.push({ id, register });
    else if (value.kind === "load") loads.push({ cell: value.cell, register });
    else if (value.kind === "random") randoms.push({ seed: registerOf(value.seed), step: registerOf(value.step), register });
    else work.push(instruction(ir, id, register, argsOf(value).map(registerOf), arithmetic));
    return register;
  }

  const results = roots.map(registerOf);
  return {
    scalars: uniforms.map(({ id }) => id),
    run({ arrays, pieces, tensor, scalar }, use) {
      for (const { id, register } of uniforms) register.fill(scalar(id));
      const keys = randoms.map(({ seed, step }) => randomKey(seed[0]!, step[0]!, tensor));
      for (const [index, piece] of pieces.entries()) {
        const end = piece.first + piece.length;
        for (let first = piece.first; first < end; first += BLOCK) {
          const n = Math.min(BLOCK, end - first);
          for (const { cell, register } of loads) register.set(arrays.get(cell)!.subarray(first, first + n));
          for (const [i, { register }] of randoms.entries()) for (let e = 0; e < n; e++) register[e] = random16(keys[i]!, first + e);
          for (const run of work) run(n);
          use(results, first, n, index);
        }
      }
    },
  };
}

/** Zeros in the arithmetic's own format. */
export function createArray(arithmetic: Arithmetic, length: number): FloatArray {
  return arithmetic.kind === "f32" ? new Float32Array(length) : new Float64Array(length);
}

function instruction(ir: Ir, id: ValueId, out: FloatArray, args: readonly FloatArray[], arithmetic: Arithmetic): (n: number) => void {
  const value = ir.values[id]!;
  const [x, y, z] = args;
  if (value.kind === "select") return (n) => selectLoop(out, x!, y!, z!, n);
  if (value.kind !== "apply") throw new Error(`bug: the interpreter has no "${value.kind}" of elements yet`);
  const loop = loopOf(value.op, arithmetic);
  return (n) => loop(out, x!, y ?? x!, n);
}

/** An operation on numbers in the format of the arithmetic. */
export function operationOf(op: Op, arithmetic: Arithmetic): (x: number, y: number) => number {
  const operations =
    arithmetic.kind === "f64" ? { ...float32Operations(ieee), ...float64Operations } : float32Operations(arithmetic.profile);
  const operation = (operations as Partial<Record<Op, (x: number, y: number) => number>>)[op];
  if (operation === undefined) throw new Error(`bug: no "${op}" in ${arithmetic.kind}; in f32 it is expanded before`);
  return operation;
}

function loopOf(op: Op, arithmetic: Arithmetic): Loop {
  const rounds = arithmetic.kind === "f64" || arithmetic.profile.subnormals === "keep";
  const plain = rounds ? plainLoops[op] : undefined;
  if (plain !== undefined) return plain;
  const operation = operationOf(op, arithmetic);
  return (out, x, y, n) => {
    for (let i = 0; i < n; i++) out[i] = operation(x[i]!, y[i]!);
  };
}

/** What is one f64 operation, rounded by the register it goes to: exact in f64, and correctly rounded in f32. */
const plainLoops: Partial<Record<Op, Loop>> = {
  add(out, x, y, n) {
    for (let i = 0; i < n; i++) out[i] = x[i]! + y[i]!;
  },
  sub(out, x, y, n) {
    for (let i = 0; i < n; i++) out[i] = x[i]! - y[i]!;
  },
  mul(out, x, y, n) {
    for (let i = 0; i < n; i++) out[i] = x[i]! * y[i]!;
  },
  div(out, x, y, n) {
    for (let i = 0; i < n; i++) out[i] = x[i]! / y[i]!;
  },
  sqrt(out, x, _, n) {
    for (let i = 0; i < n; i++) out[i] = Math.sqrt(x[i]!);
  },
};

/** Numbers as a cell keeps them, from the beginning of a block on: nearest, ties to even. */
export function roundTo(format: StorageFormat, numbers: FloatArray, arithmetic: Arithmetic): FloatArray {
  if (format === "f32" || format === "i16") return numbers;
  if (format === "f16") return numbers.map(roundToFloat16);
  if (format === "bf16") return numbers.map(roundToBfloat16);
  const scaling = float32Operations(arithmetic.kind === "f32" ? arithmetic.profile : ieee);
  const { codes, scales } = quantize(format, numbers, scaling);
  return dequantize(format, codes, scales, scaling);
}

function selectLoop(out: FloatArray, condition: FloatArray, then: FloatArray, otherwise: FloatArray, n: number): void {
  for (let i = 0; i < n; i++) out[i] = condition[i] !== 0 ? then[i]! : otherwise[i]!;
}
