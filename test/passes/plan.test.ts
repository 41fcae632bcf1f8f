import { describe, expect, test } from "vitest";
import { type Builder, createBuilder } from "../../src/compiler/ir/builder.js";
import type { CellId, ValueId } from "../../src/compiler/ir/value.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { makePlan } from "../../src/compiler/passes/make-plan.js";
import { placeProgram } from "../../src/compiler/passes/place-totals.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { printPlan } from "../../src/compiler/passes/print-plan.js";
import { adamW, assign, cell, choose, hyper, movingAverage, num, op, type Parts, rank, spec, state, t, when } from "./handmade.js";

const [grad, param, m, lr, beta1, beta2] = [cell("grad"), cell("param"), cell("m"), hyper("lr"), hyper("beta1"), hyper("beta2")];
const descend = (u: ReturnType<typeof op>) => assign("param", op("sub", param, op("mul", lr, u)));

const sgd: Parts = { body: [descend(grad)] };
const momentum: Parts = { states: [state("m")], body: [assign("m", op("add", op("mul", beta1, m), grad)), descend(m)] };
const lion: Parts = {
  states: [state("m")],
  body: [
    assign("param", op("sub", param, op("mul", lr, op("sign", movingAverage(m, beta1, grad))))),
    assign("m", movingAverage(m, beta2, grad)),
  ],
};

function planOf(parts: Parts): Plan {
  return makePlan(lower(spec(parts), {}), {});
}

/** Bytes per element as the sweeps' own loads and stores say, and as the plan says; they must agree. */
function bytesOf(plan: Plan, variant = 0): number {
  const program = plan.programs.find(({ entry }) => entry === "step")!;
  const bodies = program.phases.flatMap(({ sweeps }) => sweeps.map((sweep) => sweep.bodies[variant]!));
  const counted = bodies.reduce((sum, body) => sum + 4 * (body.loads.length + body.stores.length), 0);
  const { read, written } = program.variants[variant]!.bytes;
  expect(read + written).toBe(counted);
  return counted;
}

describe("bytes per f32 parameter", () => {
  test.each([
    ["plain SGD", planOf(sgd), 12],
    ["SGD with momentum", planOf(momentum), 20],
    ["Lion", planOf(lion), 20],
    ["AdamW", makePlan(lower(adamW(), {}), {}), 28],
    ["AdamW with amsgrad", makePlan(lower(adamW(), { amsgrad: "true" }), { amsgrad: "true" }), 36],
  ] as const)("%s: %#", (_, plan, bytes) => {
    expect(bytesOf(plan)).toBe(bytes);
    expect(plan.programs.flatMap(({ phases }) => phases)).toHaveLength(1);
  });
});

describe("plan.txt", () => {
  test("AdamW", () => {
    expect(printPlan(makePlan(lower(adamW(), {}), { amsgrad: "false" }))).toMatchInlineSnapshot(`
      "build amsgrad = false

      step: 1 variant, 1 sweep, rows of 12 floats

        variant 0
          states
            0  m
            4  v
          coefficients
            1  beta1
            2  1 - beta1
            3  beta2
            4  1 - beta2
            5  lr * weight_decay
            6  sqrt(1 - beta2^t)
            7  epsilon
            8  lr / (1 - beta1^t)
          sweep step
            load param, grad, m, v
            m' = [beta1] * m + [1 - beta1] * grad
            v' = [beta2] * v + [1 - beta2] * (grad * grad)
            param' = param - [lr * weight_decay] * param
            param'' = param' - [lr / (1 - beta1^t)] * (m' / (sqrt(v') / [sqrt(1 - beta2^t)] + [epsilon]))
            store param'', m', v'
          28 bytes per element: 16 read, 12 written
      "
    `);
  });

  test("variants, states that come and go, initial values", () => {
    const parts: Parts = {
      states: [state("m", param), state("big", 0, { when: op("le", num(2), rank) })],
      body: [
        assign("m", choose(op("eq", t, 1), grad, movingAverage(m, beta1, grad))),
        descend(m),
        when(op("le", num(2), rank), [assign("big", op("max", cell("big"), m))]),
      ],
    };
    expect(printPlan(planOf(parts))).toMatchInlineSnapshot(`
      "init: 2 variants, 1 sweep, rows of 4 floats

        variant 0 when rank >= 2
          states
            0  m
            4  big
          sweep init
            load param
            store m = param
          8 bytes per element: 4 read, 4 written

        variant 1 when not (rank >= 2)
          states
            0  m
          sweep init
            load param
            store m = param
          8 bytes per element: 4 read, 4 written

      step: 4 variants, 1 sweep, rows of 4 floats

        variant 0 when rank >= 2 and t == 1
          states
            0  m
            4  big
          coefficients
            1  lr
          sweep step
            load param, grad, big
            param' = param - [lr] * grad
            big' = max(big, grad)
            store param', m = grad, big'
          24 bytes per element: 12 read, 12 written

        variant 1 when rank >= 2 and t != 1
          states
            0  m
            4  big
          coefficients
            1  beta1
            2  1 - beta1
            3  lr
          sweep step
            load param, grad, m, big
            m' = [beta1] * m + [1 - beta1] * grad
            param' = param - [lr] * m'
            big' = max(big, m')
            store param', m', big'
          28 bytes per element: 16 read, 12 written

        variant 2 when not (rank >= 2) and t == 1
          states
            0  m
          coefficients
            1  lr
          sweep step
            load param, grad
            param' = param - [lr] * grad
            store param', m = grad
          16 bytes per element: 8 read, 8 written

        variant 3 when not (rank >= 2) and t != 1
          states
            0  m
          coefficients
            1  beta1
            2  1 - beta1
            3  lr
          sweep step
            load param, grad, m
            m' = [beta1] * m + [1 - beta1] * grad
            param' = param - [lr] * m'
            store param', m'
          20 bytes per element: 12 read, 8 written
      "
    `);
  });
});

describe("coefficients", () => {
  test("slot 0 is the variant's, a row is a multiple of four floats", () => {
    const { programs } = makePlan(lower(adamW(), {}), {});
    const slots = programs[0]!.phases[0]!.sweeps[0]!.bodies[0]!.coefficients.map(({ slot }) => slot);
    expect(slots).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(programs[0]!.rowWidth).toBe(12);
    expect(planOf({ body: [assign("param", op("neg", grad))] }).programs[0]!.rowWidth).toBe(4);
  });
});

/** The placement of hand-made stores, as reductions will need it: bytes per element, and the sweeps that move them. */
describe("stores among sweeps", () => {
  function setting() {
    const b = createBuilder();
    const make = (name: string, role: "param" | "grad" | "state" = "state") =>
      b.cell({ name, role, home: "device", extent: "elem", format: "f32", init: null, when: null });
    const [p, g, m, v] = [make("param", "param"), make("grad", "grad"), make("m"), make("v")] as const;
    const average = (c: CellId, x: ValueId) => b.apply("add", [b.apply("mul", [b.ambient("t"), b.load(c)]), x]);
    const square = (x: ValueId) => b.apply("mul", [x, x]);
    return { b, p, g, m, v, average, square };
  }
  /** `totals`: what the tensors give to each site. */
  function place(b: Builder, stores: readonly (readonly [CellId, ValueId])[], totals: readonly ValueId[] = []) {
    const contributions = totals.map((arg, site) => ({ site, by: "sum", from: "elem", arg }) as const);
    const deviceStores = stores.map(([cell, value]) => ({ cell, value }));
    const cells = b.cells.map((_, id) => id as CellId);
    const program = { entry: "step", variants: [{ when: [], cells, deviceStores, hostStores: [], contributions }] };
    const { bytes, sweeps } = placeProgram({ values: b.values, cells: b.cells, programs: [program] }, program).variants[0]!;
    const name = (cell: CellId) => b.cells[cell]!.name;
    return {
      bytes: bytes.read + bytes.written,
      sweeps: sweeps.map(
        ({ loads, stores }) =>
          `${loads.map((l) => `${l.version} ${name(l.cell)}`).join(" ")} -> ${stores.map((s) => name(s.cell)).join(" ")}`,
      ),
    };
  }

  test("a global clip before Adam: the gradient is read twice", () => {
    const { b, p, g, m, v, average, square } = setting();
    const clipped = b.apply("div", [b.load(g), b.apply("sqrt", [b.total(0, "sum", 1)])]);
    const [m1, v1] = [average(m, clipped), average(v, square(clipped))];
    const moved = b.apply("sub", [b.load(p), b.apply("div", [m1, b.apply("sqrt", [v1])])]);
    expect(
      place(
        b,
        [
          [m, m1],
          [v, v1],
          [p, moved],
        ],
        [square(b.load(g))],
      ),
    ).toEqual({
      bytes: 32,
      sweeps: ["old grad -> ", "old param old grad old m old v -> m v param"],
    });
  });

  test("Lamb: moments are stored early and loaded anew", () => {
    const { b, p, g, m, v, average, square } = setting();
    const clipped = b.apply("div", [b.load(g), b.total(0, "sum", 1)]);
    const [m1, v1] = [average(m, clipped), average(v, square(clipped))];
    const update = b.apply("div", [m1, b.apply("sqrt", [v1])]);
    const ratio = b.apply("div", [b.reduce("sum", "tensor", "elem", square(b.load(p))), b.reduce("sum", "tensor", "elem", square(update))]);
    const moved = b.apply("sub", [b.load(p), b.apply("mul", [ratio, update])]);
    expect(
      place(
        b,
        [
          [m, m1],
          [v, v1],
          [p, moved],
        ],
        [square(b.load(g))],
      ),
    ).toEqual({
      bytes: 44,
      sweeps: ["old param old grad -> ", "old grad old m old v -> m v", "old param new m new v -> param"],
    });
  });

  test("a cell is not stored while a later sweep needs its old value", () => {
    const { b, p, g, m, average } = setting();
    const m1 = average(m, b.load(g));
    const moved = b.apply("add", [b.apply("mul", [b.load(m), b.total(0, "sum", 1)]), b.load(p)]);
    expect(
      place(
        b,
        [
          [m, m1],
          [p, moved],
        ],
        [m1],
      ).sweeps,
    ).toEqual(["old grad old m -> ", "old param old grad old m -> m param"]);
  });
});
