// Equal totals are one: the plan is that of a text which writes each of them once, and the bits are those of the IR in which nothing is merged.

import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { argsOf, type Builder, createBuilder } from "../../src/compiler/ir/builder.js";
import { copyValue, rebuild } from "../../src/compiler/ir/rebuild.js";
import type { Cell, Ir, Store, Value, ValueId, Variant } from "../../src/compiler/ir/value.js";
import { verifyIr } from "../../src/compiler/ir/verify.js";
import { expandMath } from "../../src/compiler/passes/expand-math.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { makePlan } from "../../src/compiler/passes/make-plan.js";
import { mergeTotals } from "../../src/compiler/passes/merge-totals.js";
import { printPlan } from "../../src/compiler/passes/print-plan.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import { specOf } from "../check/marked.js";
import { differences } from "../oracle/against-interpreter.js";
import { compileOne } from "../oracle/compile-one.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";

const textOf = (body: string) => `fn doubled(x) = x + x  fn added(x, y) = x + y\noptimizer Merged {\n  hyper lr = 0.1\n  ${body}\n}`;
const lowered = (text: string): Ir => lower(specOf(text), {});
const sitesOf = ({ programs }: Ir) =>
  new Set(programs.flatMap(({ variants }) => variants.flatMap(({ contributions }) => contributions.map(({ site }) => site)))).size;
const levelsOf = ({ values }: Ir) => values.flatMap((value) => (value.kind === "total" ? [value.level] : [])).sort();

interface Case {
  readonly text: string;
  /** The same with each total written once. */
  readonly once: string;
  readonly totals: { readonly written: number; readonly merged: number };
}

const merging: Readonly<Record<string, Case>> = {
  "a norm that is written twice": {
    text: "a = norm[model](grad)  b = norm[model](grad)  param <- param - lr * grad / (1 + a + b)",
    once: "a = norm[model](grad)  param <- param - lr * grad / (1 + a + a)",
    totals: { written: 2, merged: 1 },
  },
  "means of the same numbers": {
    text: "n = sum[model](numel)  a = mean[model](grad)  b = rms[model](param)  param <- param - lr * grad * a / (b + n)",
    once: `n = sum[model](numel)  a = sum[model](grad) / n  b = sqrt(sum[model](param^2) / n)
  param <- param - lr * grad * a / (b + n)`,
    totals: { written: 5, merged: 3 },
  },
  "totals of equal totals, and totals of these": {
    text: `a = sum[model](abs(grad))  b = sum[model](abs(grad))
  c = norm[model](param / (1 + a))  d = norm[model](param / (1 + b))
  e = max[model](grad * c)  f = max[model](grad * d)
  param <- param - lr * grad * e / (1 + f)`,
    once: `a = sum[model](abs(grad))
  c = norm[model](param / (1 + a))
  e = max[model](grad * c)
  param <- param - lr * grad * e / (1 + e)`,
    totals: { written: 6, merged: 3 },
  },
  "numbers of tensors that are reduced from equal totals": {
    text: `a = norm[model](grad)  b = norm[model](grad)
  c = sum[model](norm(param * a))  d = sum[model](norm(param * b))
  param <- param - lr * grad / (1 + c + d)`,
    once: "a = norm[model](grad)  c = sum[model](norm(param * a))  param <- param - lr * grad / (1 + c + c)",
    totals: { written: 4, merged: 2 },
  },
  "a choice between equal totals, by a number of a later sweep": {
    text: `a = sum[model](abs(grad))  b = sum[model](abs(grad))
  s = if sum[model](grad * a) > 0 then a else b
  param <- param - lr * norm[model](param / (1 + s)) * grad`,
    once: "a = sum[model](abs(grad))  param <- param - lr * norm[model](param / (1 + a)) * grad",
    totals: { written: 4, merged: 2 },
  },
  "contributions that are equal in every variant": {
    text: `x = if rank >= 2 then grad else 2 * grad
  a = max[model](abs(x))  b = max[model](abs(x))
  param <- param - lr * grad / (1 + a + b)`,
    once: `x = if rank >= 2 then grad else 2 * grad
  a = max[model](abs(x))
  param <- param - lr * grad / (1 + a + a)`,
    totals: { written: 2, merged: 1 },
  },
  "initial values": {
    text: "state c: model = added(norm[model](param), norm[model](param))  c <- 0.5 * c  param <- param - lr * c * grad",
    once: "state c: model = doubled(norm[model](param))  c <- 0.5 * c  param <- param - lr * c * grad",
    totals: { written: 2, merged: 1 },
  },
};

/** What looks alike and is not. */
const apart: Readonly<Record<string, string>> = {
  "other reducers": "param <- param - lr * grad * max[model](grad) / (1 + sum[model](grad))",
  "equal numbers in one variant of two": `a = sum[model](abs(grad))  b = sum[model](if rank >= 2 then abs(grad) else abs(param))
  param <- param - lr * grad / (1 + a + b)`,
  "tensors that one of them does not count": `a = sum[model](grad^2)  b = sum[model](if rank >= 2 then grad^2 else 0)
  param <- param - lr * grad / (1 + a + b)`,
  "a number for each element, and one for each tensor": `option by_element = true
  a = sum[model](if by_element then numel else grad)  b = sum[model](numel)
  param <- param - lr * grad / (a + b)`,
  "a total of what another one gives": "a = sum[model](grad)  b = sum[model](a * grad)  param <- param - lr * grad / (1 + a + b)",
  "the initial value of a state, and the same sum in a step": `state c: model = norm[model](param)
  c <- 0.5 * c + norm[model](param)
  param <- param - lr * c * grad`,
};

describe("the plan of a text that writes each total once", () => {
  test.each(Object.entries(merging))("%s", (_, { text, once, totals }) => {
    const [written, wanted] = [lowered(textOf(text)), lowered(textOf(once))];
    expect(sitesOf(written)).toBe(totals.written);
    const plan = makePlan(written, {});
    expect(sitesOf(plan.ir)).toBe(totals.merged);
    expect(levelsOf(plan.ir)).toEqual(levelsOf(wanted));
    expect(printPlan(plan)).toBe(printPlan(makePlan(wanted, {})));
  });
});

test.each(Object.entries(apart))("%s: not merged", (_, text) => {
  const ir = expandMath(lowered(textOf(text)));
  expect(sitesOf(ir)).toBe(2);
  expect(mergeTotals(ir)).toBe(ir);
});

describe("on a device, the bits of the IR in which nothing is merged", async () => {
  const device = await cpu({ threads: 1 });
  afterAll(() => device.destroy());
  const shapes = { large: [3, 5000], leaf: [1024], scalar: [], empty: [0, 4], odd: [41, 25] };
  const params = Object.entries(shapes).map(([name, shape]) => ({ name, shape }));
  const texts = [...Object.entries(merging).map(([title, { text }]) => [title, text]), ...Object.entries(apart)] as [string, string][];
  test.each(texts)("%s", async (_, body) => {
    const text = textOf(body);
    const { definition, name } = await compileOne(text);
    const unmerged = { definition, name, plans: [{ ir: expandMath(lowered(text)) }] };
    const present = (param: number, step: number) => step === 0 || (param + step) % 3 !== 0;
    expect(await differences(device, unmerged, { params, steps: 3, seed: 5, present })).toEqual([]);
  });
});

describe("an IR with two of every total, either one read by chance", () => {
  test.each(Object.entries(reductionSpecs))("%s", (_, text) => {
    const ir = lowered(text);
    const plan = printPlan(
      makePlan(
        twice(ir, () => 0),
        {},
      ),
    );
    let most = 0;
    fc.assert(
      fc.property(fc.constantFrom(2, 20), fc.infiniteStream(fc.nat(19)), (oneOf, draws) => {
        // Where copies cross at every other argument, a chain of values soon hangs on one of them alone: they do so seldom too.
        const doubled = twice(ir, (copy) => (draws.next().value % oneOf === 0 ? other(copy) : copy));
        most = Math.max(most, sitesOf(doubled));
        verifyIr(doubled, { device: "any" });
        expect(printPlan(makePlan(doubled, {}))).toBe(plan);
      }),
      { numRuns: 60 },
    );
    if (sitesOf(ir) > 0) expect(most).toBeGreaterThan(sitesOf(ir));
  });
});

type Copy = 0 | 1;
const other = (copy: Copy): Copy => (copy === 0 ? 1 : 0);

/** Every value has two copies; each of them, and both summands of what is stored, take the copy that `choose` says of their arguments. */
function twice(ir: Ir, choose: (copy: Copy) => Copy): Ir {
  const builder = createBuilder();
  for (const cell of ir.cells) builder.cell(cell);
  const copies: (readonly [ValueId, ValueId])[] = [];
  const chosen = (id: ValueId, copy: Copy) => copies[id]![choose(copy)];
  for (const value of ir.values) {
    const copied = (copy: Copy) =>
      copyOf(
        builder,
        value,
        argsOf(value).map((id) => chosen(id, copy)),
        copy,
      );
    const made = [copied(0), copied(1)] as const;
    for (const id of made) if (value.name !== undefined) builder.name(id, value.name, value.span);
    copies.push(made);
  }
  const ofDevice = ({ cell, value }: Store): Store => ({ cell, value: builder.apply("add", [chosen(value, 0), chosen(value, 1)]) });
  const first = (id: ValueId) => copies[id]![0];
  const variantOf = (variant: Variant): Variant => ({
    when: variant.when.map(({ condition, is }) => ({ condition: first(condition), is })),
    cells: variant.cells,
    deviceStores: variant.deviceStores.map(ofDevice),
    hostStores: variant.hostStores.map(({ cell, value }) => ({ cell, value: first(value) })),
    contributions: variant.contributions.flatMap((given) =>
      ([0, 1] as const).map((copy) => ({ ...given, site: 2 * given.site + copy, arg: copies[given.arg]![copy] })),
    ),
  });
  const programs = ir.programs.map(({ entry, variants }) => ({ entry, variants: variants.map(variantOf) }));
  const cells = ir.cells.map(
    (cell): Cell => ({ ...cell, init: cell.init === null ? null : first(cell.init), when: cell.when === null ? null : first(cell.when) }),
  );
  return rebuild({ values: builder.values, cells, programs });
}

function copyOf(builder: Builder, value: Value, args: readonly ValueId[], copy: Copy): ValueId {
  if (value.kind === "total") return builder.total(2 * value.site + copy, value.by, value.level);
  return copyValue(value, args, builder, (cell) => cell);
}
