// The oracle: runs an IR as it stands, with no plan and no runtime, in f32 under a device's profile or in f64 throughout.
// In f32 a host value is rounded once where it meets a device value; in f64 nothing is rounded, and `exp` and the like are
// the library's. A parameter without a gradient is not touched: its states and its `t` stay, and reductions over the model leave it out.

import { type ArithmeticProfile, ieee } from "../../numeric/float32.js";
import { lowerHalf, upperHalf } from "../../numeric/rounding.js";
import { type Arithmetic, createArray, type FloatArray, type Piece, roundTo } from "./interpret-body.js";
import { createHost } from "./interpret-host.js";
import { createProgramRun, type Participant } from "./interpret-program.js";
import type { CellId, HyperForm, Ir, ValueId } from "./value.js";

export interface InterpretedParam {
  readonly name: string;
  readonly shape: readonly number[];
  /** Initial elements, of a master too; zeros if left out. */
  readonly data?: ArrayLike<number>;
}

export interface InterpreterOptions {
  readonly arithmetic: "f32" | "f64";
  /** For f32; IEEE 754 if left out. */
  readonly profile?: ArithmeticProfile;
  readonly params: readonly InterpretedParam[];
  /** Parameters that take no part: initial values of the model leave them out. */
  readonly frozen?: ReadonlySet<string>;
  /** `step`: steps completed before this one, from 0. Booleans are 0 and 1. */
  readonly hyper: (param: number, name: string, form: HyperForm, step: number) => number;
}

export interface Interpreter {
  /** Steps completed. */
  readonly steps: number;
  /**
   * Where an IR may skip steps, one without any gradient is skipped too. `pieces`: of parameters that only these elements are worked on of;
   * reductions fold them as adjacent pairs, each from its own first element on.
   */
  step(gradients: ReadonlyMap<string, ArrayLike<number>>, pieces?: ReadonlyMap<string, readonly Piece[]>): void;
  /** The live elements of a parameter. */
  param(name: string): FloatArray;
  /** The live elements of a state, the one number of a host state, or null where the parameter has no such state. */
  state(name: string, state: string): FloatArray | null;
  t(name: string): number;
  /** Goes on after this many steps of a saved run, whose parameters and states have been written into the live arrays. */
  resume(steps: number, t: (name: string) => number): void;
}

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly length: number;
  /** Elements, or the one number, of device cells; those of extent model share one array among tensors. */
  readonly arrays: Map<CellId, FloatArray>;
  readonly tensor: number;
  /** Numbers of host cells; a cell of extent model shares one array among tensors. */
  readonly host: Map<CellId, Float64Array>;
  t: number;
}

/** Starts an IR. In f32 it must be expanded (`expandMath`). Throws where a parameter or gradient does not fit. */
export function createInterpreter(ir: Ir, options: InterpreterOptions): Interpreter {
  const arithmetic: Arithmetic = options.arithmetic === "f64" ? { kind: "f64" } : { kind: "f32", profile: options.profile ?? ieee };
  const tensors = options.params.map((param, index) => createTensor(ir, param, index, arithmetic));
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const modelNumel = tensors.reduce((sum, { length }) => sum + length, 0);
  const runProgram = createProgramRun(ir, arithmetic);
  let steps = 0;

  const hostOf = (tensor: Tensor) =>
    createHost(ir, {
      shape: tensor.shape,
      t: tensor.t,
      step: steps + 1,
      modelNumel,
      hyper: (name, form) => options.hyper(tensors.indexOf(tensor), name, form, steps),
      hostState: (cell) => tensor.host.get(cell)![0]!,
    });

  const participant = (tensor: Tensor, pieces: readonly Piece[] = [{ first: 0, length: tensor.length }]): Participant => ({
    ...tensor,
    pieces,
    hostValue: hostOf(tensor),
  });

  function tensorOf(name: string): Tensor {
    const tensor = byName.get(name);
    if (tensor === undefined) throw new Error(`there is no parameter "${name}"`);
    return tensor;
  }

  const taken = ir.cells.findIndex(({ scaler }) => scaler === "taken") as CellId;
  /** Takes back what the host keeps where the device has not taken the step; true where that is so. */
  function remember(active: readonly Tensor[]): () => boolean {
    const count = tensors[0]?.arrays.get(taken)?.[0];
    const numbers = active.map(({ host }) => [...host.values()].map((array) => [array, array[0]!] as const));
    return () => {
      if (tensors[0]?.arrays.get(taken)?.[0] !== count) return false;
      for (const tensor of active) tensor.t--;
      for (const [array, before] of numbers.flat()) array[0] = before;
      return true;
    };
  }

  register(ir, tensors, arithmetic, hostOf);
  const init = ir.programs.find(({ entry }) => entry === "init");
  const isFrozen = ({ name }: Tensor) => options.frozen?.has(name) === true;
  if (init !== undefined) {
    runProgram(
      init,
      tensors.map((tensor) => (isFrozen(tensor) ? null : participant(tensor))),
    );
  }
  const step = ir.programs.find(({ entry }) => entry === "step")!;

  return {
    get steps() {
      return steps;
    },
    step(gradients, pieces) {
      for (const [name, data] of gradients)
        tensorOf(name).arrays.set(
          cellOf(ir, "grad"),
          kept(ir, "grad", elements(name, "gradient", data, tensorOf(name).length, arithmetic), arithmetic),
        );
      const active = tensors.filter(({ name }) => gradients.has(name));
      const takeBack = taken === -1 ? null : remember(active);
      for (const tensor of active) tensor.t++;
      runProgram(
        step,
        tensors.map((tensor) => (gradients.has(tensor.name) ? participant(tensor, pieces?.get(tensor.name)) : null)),
      );
      if (takeBack?.() !== true) steps++;
    },
    param: (name) => tensorOf(name).arrays.get(cellOf(ir, "param"))!,
    state(name, state) {
      const tensor = tensorOf(name);
      for (const [cell, { role, name: found }] of ir.cells.entries()) {
        if (role !== "state" || found !== state) continue;
        const numbers = tensor.arrays.get(cell as CellId) ?? tensor.host.get(cell as CellId);
        if (numbers !== undefined) return numbers;
      }
      return null;
    },
    t: (name) => tensorOf(name).t,
    resume(completed, t) {
      steps = completed;
      for (const tensor of tensors) tensor.t = t(tensor.name);
    },
  };
}

/** -1 where no program touches the cell: then nothing looks there. */
function cellOf(ir: Ir, role: "param" | "grad"): CellId {
  return ir.cells.findIndex((cell) => cell.role === role) as CellId;
}

function createTensor(ir: Ir, { name, shape, data }: InterpretedParam, tensor: number, arithmetic: Arithmetic): Tensor {
  const length = shape.reduce((product, axis) => product * axis, 1);
  const start = createArray(arithmetic, length);
  if (data !== undefined) start.set(elements(name, "initial value", data, length, arithmetic));
  const arrays = new Map<CellId, FloatArray>();
  for (const [cell, { master }] of ir.cells.entries()) {
    if (master !== undefined) arrays.set(cell as CellId, master === "master" ? start : start.map(lowerHalf));
  }
  const isSplit = ir.cells.some(({ master }) => master === "remainder");
  arrays.set(cellOf(ir, "param"), isSplit ? start.map(upperHalf) : kept(ir, "param", start, arithmetic));
  return { name, shape, length, tensor, arrays, host: new Map(), t: 0 };
}

/** Numbers as a parameter or gradient keeps them. */
function kept(ir: Ir, role: "param" | "grad", numbers: FloatArray, arithmetic: Arithmetic): FloatArray {
  return roundTo(ir.cells[cellOf(ir, role)]?.format ?? "f32", numbers, arithmetic);
}

/** The caller's own array where it has the right format, else a copy in it. */
function elements(name: string, what: string, data: ArrayLike<number>, length: number, arithmetic: Arithmetic): FloatArray {
  if (data.length !== length) throw new Error(`the ${what} of "${name}" has ${data.length} elements, not ${length}`);
  if (arithmetic.kind === "f32") return data instanceof Float32Array ? data : Float32Array.from(data);
  return data instanceof Float64Array ? data : Float64Array.from(data);
}

/** Gives every tensor its states at their initial values. */
function register(ir: Ir, tensors: readonly Tensor[], arithmetic: Arithmetic, hostOf: (tensor: Tensor) => (id: ValueId) => number): void {
  const sharedArrays = new Map<CellId, FloatArray>();
  const sharedHost = new Map<CellId, Float64Array>();
  for (const tensor of tensors) {
    const host = hostOf(tensor);
    ir.cells.forEach(({ role, home, extent, init, when, master, format }, index) => {
      const cell = index as CellId;
      if (role !== "state" || master !== undefined || (when !== null && host(when) === 0)) return;
      const start = init === null ? 0 : host(init);
      if (home === "host") tensor.host.set(cell, (extent === "model" ? sharedHost.get(cell) : null) ?? new Float64Array([start]));
      else {
        const made = roundTo(format, createArray(arithmetic, extent === "elem" ? tensor.length : 1).fill(start), arithmetic);
        tensor.arrays.set(cell, (extent === "model" ? sharedArrays.get(cell) : null) ?? made);
      }
      if (extent !== "model") return;
      if (home === "host") sharedHost.set(cell, tensor.host.get(cell)!);
      else sharedArrays.set(cell, tensor.arrays.get(cell)!);
    });
  }
}
