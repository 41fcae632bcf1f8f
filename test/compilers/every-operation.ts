// A plan with every operation that a kernel may hold, one state for each: what its kernels compute is compared with `numeric/float32`.

import { createBuilder } from "../../src/compiler/ir/builder.js";
import { type DeviceOp, ops } from "../../src/compiler/ir/ops.js";
import type { Cell, CellId, Ir, Store } from "../../src/compiler/ir/value.js";
import { makePlan } from "../../src/compiler/passes/make-plan.js";
import type { Plan } from "../../src/compiler/passes/plan.js";

export const deviceOps = (Object.keys(ops) as (keyof typeof ops)[]).filter((op): op is DeviceOp => ops[op].device);

/** The operations' results are states named after them; x is the parameter, y the gradient. Truths are stored as 1 and 0. */
export function planEveryOperation(options: { readonly also?: readonly number[]; readonly names?: readonly string[] } = {}): Plan {
  const builder = createBuilder();
  const cell = (name: string, role: Cell["role"]): CellId =>
    builder.cell({ name, role, home: "device", extent: "elem", format: "f32", init: null, when: null });
  const x = builder.load(cell("param", "param"));
  const y = builder.load(cell("grad", "grad"));
  const stores: Store[] = [];
  const store = (name: string, value: Store["value"]) => stores.push({ cell: cell(name, "state"), value });
  const truth = builder.apply("lt", [x, y]);
  const other = builder.apply("le", [builder.apply("abs", [x]), builder.literal(1)]);
  for (const op of deviceOps) {
    const { args, result } = ops[op];
    const operands = args[0] === "boolean" ? [truth, other] : [x, y];
    const value = builder.apply(op, operands.slice(0, args.length));
    store(`${op}_`, result === "boolean" ? builder.select(value, builder.literal(1), builder.literal(0)) : value);
  }
  store("select_", builder.select(truth, x, builder.apply("neg", [y])));
  for (const [i, number] of (options.also ?? []).entries())
    store(`literal${i}`, builder.select(truth, builder.literal(number), builder.literal(number)));
  for (const name of options.names ?? []) {
    const value = builder.apply("mul", [builder.apply("add", [x, builder.hyper(hyper(name))]), builder.literal(stores.length)]);
    builder.name(value, name);
    store(name, value);
  }
  const variant = { when: [], cells: builder.cells.map((_, id) => id as CellId), deviceStores: stores, hostStores: [], contributions: [] };
  const ir: Ir = { values: builder.values, cells: builder.cells, programs: [{ entry: "step", variants: [variant] }] };
  return makePlan(ir, {});
}

const hyper = (name: string) => ({ hyper: name, form: "value", stage: "step", extent: "tensor", type: "number" }) as const;

const bits = (word: number) => new Float32Array(new Uint32Array([word]).buffer)[0]!;

/** Zeros, subnormals, the edges of normal numbers, ties, infinities and NaNs of both signs and kinds. */
export const specialNumbers: readonly number[] = [
  ...[0, 1, 0.5, 1.5, 2.5, 3.75, 0.1, 1e-30, 1e30, 16_777_216, 8_388_609.5],
  ...[0x0000_0001, 0x007f_ffff, 0x0080_0000, 0x3f7f_ffff, 0x3f80_0001, 0x3f80_8000, 0x3f81_8000, 0x7f7f_ffff, 0x7f80_0000].map(bits),
].flatMap((x) => [Math.fround(x), Math.fround(-x)]);
/** Quiet and signalling NaNs, as words: JavaScript may quiet them on the way. */
export const nanWords: readonly number[] = [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xff80_0001, 0x7fff_ffff, 0xffff_ffff];
