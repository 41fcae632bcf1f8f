// What the compiler tries on every optimizer: a gradient of zeros at step 1, in f32, must leave finite numbers.

import { createInterpreter } from "./interpret.js";
import type { Cell, Ir } from "./value.js";

/**
 * The first state or `param` with a number that one step with zero gradients and the default hypers makes infinite or NaN; null: all is well.
 * What a state starts from may be infinite and stay so. `ir` is expanded.
 */
export function selfTest(ir: Ir, defaults: Readonly<Record<string, number>>): string | null {
  const shapes = readsAxes(ir) ? [[4, 4]] : [[4, 4], [8]];
  const params = shapes.map((shape, i) => ({ name: `p${i}`, shape, data: sample(shape) }));
  const interpreter = createInterpreter(ir, {
    arithmetic: "f32",
    params,
    hyper: (_, name, form) => (form === "ratio" ? 1 : defaults[name]!),
  });
  const numbersOf = (name: string, { role, name: cell }: Cell) =>
    role === "param" ? interpreter.param(name) : interpreter.state(name, cell);
  const places = params.flatMap(({ name }) => ir.cells.map((cell) => ({ name, cell, before: numbersOf(name, cell)?.slice() })));
  interpreter.step(new Map(params.map(({ name, data }) => [name, new Float32Array(data.length)])));
  const isSpoilt = (x: number, before: number | undefined) => !Number.isFinite(x) && x !== before;
  const found = places.find(({ name, cell, before }) => numbersOf(name, cell)?.some((x, i) => isSpoilt(x, before?.[i])));
  return found?.cell.name ?? null;
}

/** Then a vector may be no parameter that the text was written for. */
function readsAxes(ir: Ir): boolean {
  return ir.values.some(
    (value) => value.kind === "shape" || (value.kind === "ambient" && (value.ambient === "rows" || value.ambient === "cols")),
  );
}

/** Zeros and numbers of both signs. */
function sample(shape: readonly number[]): Float32Array {
  const length = shape.reduce((product, axis) => product * axis, 1);
  return Float32Array.from({ length }, (_, i) => (i - 4) / 8);
}
