// The interpreter's kernels: the device values of one variant, operation by operation over blocks of elements. A block loads
// everything, computes, then stores everything. Every value has a register; an f32 register rounds what is put into it.

import { type ArithmeticProfile, float32Operations } from "../../numeric/float32.js";
import { argsOf } from "./builder.js";
import { float64Operations } from "./fold.js";
import type { Op } from "./ops.js";
import type { CellId, Ir, Store, ValueId } from "./value.js";

export type FloatArray = Float32Array | Float64Array;

export type Arithmetic = { readonly kind: "f32"; readonly profile: ArithmeticProfile } | { readonly kind: "f64" };

/** Runs the stores over all elements of one tensor. */
export type Body = (arrays: ReadonlyMap<CellId, FloatArray>, host: (id: ValueId) => number, length: number) => void;

const BLOCK = 1024;

type Loop = (out: FloatArray, x: FloatArray, y: FloatArray, n: number) => void;

/** Compiles the device stores of a variant once. */
export function compileBody(ir: Ir, stores: readonly Store[], arithmetic: Arithmetic): Body {
  const registers = new Map<ValueId, FloatArray>();
  const uniforms: { readonly id: ValueId; readonly register: FloatArray }[] = [];
  const loads: { readonly cell: CellId; readonly register: FloatArray }[] = [];
  const work: ((n: number) => void)[] = [];

  function registerOf(id: ValueId): FloatArray {
    const found = registers.get(id);
    if (found !== undefined) return found;
    const register = createArray(arithmetic, BLOCK);
    registers.set(id, register);
    const value = ir.values[id]!;
    if (value.stage !== "device") uniforms.push({ id, register });
    else if (value.kind === "load") loads.push({ cell: value.cell, register });
    else if (value.extent !== "elem") throw new Error("bug: the interpreter has no device numbers smaller than an element yet");
    else work.push(instruction(ir, id, register, argsOf(value).map(registerOf), arithmetic));
    return register;
  }

  const results = stores.map(({ cell, value }) => ({ cell, register: registerOf(value) }));
  return (arrays, host, length) => {
    for (const { id, register } of uniforms) register.fill(host(id));
    for (let first = 0; first < length; first += BLOCK) {
      const n = Math.min(BLOCK, length - first);
      for (const { cell, register } of loads) register.set(arrays.get(cell)!.subarray(first, first + n));
      for (const run of work) run(n);
      for (const { cell, register } of results) arrays.get(cell)!.set(register.subarray(0, n), first);
    }
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

function loopOf(op: Op, arithmetic: Arithmetic): Loop {
  const rounds = arithmetic.kind === "f64" || arithmetic.profile.subnormals === "keep";
  const plain = rounds ? plainLoops[op] : undefined;
  if (plain !== undefined) return plain;
  const operations = arithmetic.kind === "f64" ? float64Operations : float32Operations(arithmetic.profile);
  const operation = (operations as Partial<Record<Op, (x: number, y: number) => number>>)[op];
  if (operation === undefined) throw new Error(`bug: no "${op}" in ${arithmetic.kind}; in f32 it is expanded before`);
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

function selectLoop(out: FloatArray, condition: FloatArray, then: FloatArray, otherwise: FloatArray, n: number): void {
  for (let i = 0; i < n; i++) out[i] = condition[i] !== 0 ? then[i]! : otherwise[i]!;
}
