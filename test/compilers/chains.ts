// Short chains of arithmetic that algebra would simplify and that binary32 does not: a driver's compiler must leave them alone.

import { type Builder, createBuilder } from "../../src/compiler/ir/builder.js";
import type { DeviceOp } from "../../src/compiler/ir/ops.js";
import type { Cell, CellId, Ir, Value, ValueId } from "../../src/compiler/ir/value.js";
import { makePlan } from "../../src/compiler/passes/make-plan.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { type ArithmeticProfile, float32Operations } from "../../src/numeric/float32.js";
import type { TensorRun } from "./tensor-run.js";

type Chain = (x: ValueId, y: ValueId, z: ValueId, build: Notation) => ValueId;
type Notation = Readonly<Record<"add" | "sub" | "mul" | "div", (a: ValueId | string, b: ValueId | string) => ValueId>>;

const chains: Readonly<Record<string, Chain>> = {
  "x / 3": (x, _y, _z, { div }) => div(x, "3"),
  "x * 0": (x, _y, _z, { mul }) => mul(x, "0"),
  "x * 1": (x, _y, _z, { mul }) => mul(x, "1"),
  "x + 0": (x, _y, _z, { add }) => add(x, "0"),
  "0 - x": (x, _y, _z, { sub }) => sub("0", x),
  "0 / x": (x, _y, _z, { div }) => div("0", x),
  "(x + 0.1) - 0.3": (x, _y, _z, { add, sub }) => sub(add(x, "0.1"), "0.3"),
  "(x * 0.1) * 0.3": (x, _y, _z, { mul }) => mul(mul(x, "0.1"), "0.3"),
  "(x / 0.1) * 0.3": (x, _y, _z, { div, mul }) => mul(div(x, "0.1"), "0.3"),
  "2 * (x * 0.5)": (x, _y, _z, { mul }) => mul("2", mul(x, "0.5")),
  "x - x": (x, _y, _z, { sub }) => sub(x, x),
  "x / x": (x, _y, _z, { div }) => div(x, x),
  "(x - y) + y": (x, y, _z, { add, sub }) => add(sub(x, y), y),
  "(x + y) - y": (x, y, _z, { add, sub }) => sub(add(x, y), y),
  "x - (x - y)": (x, y, _z, { sub }) => sub(x, sub(x, y)),
  "x + (y - x)": (x, y, _z, { add, sub }) => add(x, sub(y, x)),
  "(x * y) / x": (x, y, _z, { div, mul }) => div(mul(x, y), x),
  "(x / y) * y": (x, y, _z, { div, mul }) => mul(div(x, y), y),
  "x * y + x * z": (x, y, z, { add, mul }) => add(mul(x, y), mul(x, z)),
  "x * y - z * y": (x, y, z, { mul, sub }) => sub(mul(x, y), mul(z, y)),
  "x + z * (y - x)": (x, y, z, { add, mul, sub }) => add(x, mul(z, sub(y, x))),
  "x - 0.01 * x": (x, _y, _z, { mul, sub }) => sub(x, mul("0.01", x)),
};

const names = Object.keys(chains);

/** The chains' results are states in the order of the table; x is the parameter, y the gradient, z the first state. */
export function planChains(): Plan {
  const builder = createBuilder();
  const cell = (name: string, role: Cell["role"]): CellId =>
    builder.cell({ name, role, home: "device", extent: "elem", format: "f32", init: null, when: null });
  const [x, y, z] = [cell("param", "param"), cell("grad", "grad"), cell("z", "state")].map((id) => builder.load(id)) as [
    ValueId,
    ValueId,
    ValueId,
  ];
  const stores = names.map((name, i) => ({ cell: cell(`s${i}`, "state"), value: chains[name]!(x, y, z, notation(builder)) }));
  const variant = { when: [], cells: builder.cells.map((_, id) => id as CellId), deviceStores: stores, hostStores: [], contributions: [] };
  const ir: Ir = { values: builder.values, cells: builder.cells, programs: [{ entry: "step", variants: [variant] }] };
  return makePlan(ir, {});
}

function notation(builder: Builder): Notation {
  const id = (operand: ValueId | string) => (typeof operand === "string" ? builder.literal(Number(operand)) : operand);
  const apply = (op: DeviceOp) => (a: ValueId | string, b: ValueId | string) => builder.apply(op, [id(a), id(b)]);
  return { add: apply("add"), sub: apply("sub"), mul: apply("mul"), div: apply("div") };
}

const LENGTH = 8_192;

/** Numbers near each other, numbers of any size, and the special ones; the same every time. */
export function chainInput(): TensorRun {
  const numbers = (seed: number): Uint32Array<ArrayBuffer> => {
    let state = seed;
    const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
    const special = [0, -0, Infinity, -Infinity, Number.NaN, 1, -1, 1e-40, 3e38];
    const floats = Float32Array.from({ length: LENGTH }, (_, i) => {
      const word = next();
      if (i % 4 === 0) return (word / 2 ** 32 - 0.5) * 4;
      if (i % 4 === 1) return (word / 2 ** 32 - 0.5) * 1e-3;
      if (i % 4 === 2) return new Float32Array(new Uint32Array([word]).buffer)[0]!;
      return special[(word >>> 8) % special.length]!;
    });
    return new Uint32Array(floats.buffer);
  };
  const state = new Uint32Array(LENGTH * (names.length + 1));
  state.set(numbers(3));
  return { param: numbers(1), grad: numbers(2), state };
}

/** How many results of each chain differ in their bits from binary32's; any NaN equals any NaN. Chains without a difference are absent. */
export function chainMismatches(
  plan: Plan,
  run: TensorRun,
  state: Uint32Array<ArrayBuffer>,
  profile: ArithmeticProfile,
): Record<string, number> {
  const operations = float32Operations(profile);
  const floats = (bits: Uint32Array<ArrayBuffer>) => new Float32Array(bits.buffer);
  const inputs = { param: floats(run.param), grad: floats(run.grad), state: floats(run.state) };
  const results = floats(state);
  const evaluate = (id: ValueId, i: number): number => {
    const value: Value = plan.ir.values[id]!;
    if (value.kind === "literal") return Math.fround(value.value);
    if (value.kind === "load") return inputs[plan.ir.cells[value.cell]!.role as "param"][i]!;
    if (value.kind !== "apply") throw new Error(`a chain has no ${value.kind}`);
    const [a, b] = value.args.map((arg) => evaluate(arg, i)) as [number, number];
    return operations[value.op as DeviceOp](a, b);
  };
  const { stores } = plan.programs[0]!.phases[0]!.sweeps[0]!.bodies[0]!;
  const counts = names.map((name, slot): [string, number] => {
    const wrong = Array.from({ length: LENGTH }, (_, i) => !Object.is(evaluate(stores[slot]!.value, i), results[(slot + 1) * LENGTH + i]!));
    return [name, wrong.filter(Boolean).length];
  });
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
