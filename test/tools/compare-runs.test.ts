import { expect, test } from "vitest";
import { type Tensor, tensorOf } from "../../src/runtime/state/safetensors.js";
import { compareRuns, leftOut } from "../../src/tools/compare-runs.js";
import { readRun, splitStep } from "../../src/tools/run-file.js";

const f32 = (...values: number[]) => tensorOf([values.length], Float32Array.from(values));
const f64 = (...values: number[]) => tensorOf([values.length], Float64Array.from(values));
const none = { tolerance: null, names: new Map<string, string>(), wide: false };

function compare(
  ours: Record<string, Tensor>,
  theirs: Record<string, Tensor>,
  initial: Record<string, number[]> = {},
  options: Partial<typeof none> | object = {},
) {
  const start = new Map(Object.entries(initial).map(([name, values]) => [name, Float32Array.from(values)]));
  return compareRuns(new Map(Object.entries(ours)), new Map(Object.entries(theirs)), start, { ...none, ...options });
}

test("the figures of a tensor over its steps", () => {
  const next = new Float32Array(new Int32Array([new Int32Array(new Float32Array([3]).buffer)[0]! + 3]).buffer)[0]!;
  const [row] = compare(
    { "param/1/w": f32(2, 1), "param/2/w": f32(next, 1.5) },
    { "param/1/w": f32(2, 1), "param/2/w": f32(3, 1) },
    { w: [1, 1] },
  );
  expect(row).toEqual({ name: "param/w", steps: 2, absolute: 0.5, relativeToMovement: 0.25, ulps: 4194304, firstDeviation: 2 });
});

test("ulps count numbers of the format, across zero too", () => {
  const tiny = 2 ** -149;
  expect(compare({ "param/1/w": f32(tiny) }, { "param/1/w": f32(-tiny) })[0]).toMatchObject({ ulps: 2 });
  expect(compare({ "param/1/w": f64(1 + 2 ** -52) }, { "param/1/w": f64(1) }, {}, { wide: true })[0]).toMatchObject({ ulps: 1 });
  expect(compare({ "param/1/w": f32(0) }, { "param/1/w": f32(-0) })[0]).toMatchObject({ ulps: 0, absolute: 0 });
});

test("NaN equals NaN and nothing else; an infinity equals itself", () => {
  const special = f32(Number.NaN, Infinity, -Infinity);
  expect(compare({ "param/1/w": special }, { "param/1/w": special })[0]).toMatchObject({ firstDeviation: null, absolute: 0 });
  for (const [a, b] of [
    [Number.NaN, 1],
    [1, Number.NaN],
    [Infinity, 1],
    [1, -Infinity],
    [Infinity, -Infinity],
  ] as const) {
    const [row] = compare({ "param/1/w": f32(a) }, { "param/1/w": f32(b) }, {}, { tolerance: { rtol: 1, atol: 1e30 } });
    expect(row).toMatchObject({ firstDeviation: 1, absolute: Infinity, ulps: Infinity });
  }
});

test("a tolerance admits what it says", () => {
  const at = (rtol: number, atol: number) =>
    compare({ "param/1/w": f32(10.5) }, { "param/1/w": f32(10) }, {}, { tolerance: { rtol, atol } })[0]!.firstDeviation;
  expect([at(0, 0.5), at(0.05, 0), at(0.02, 0.3), at(0.02, 0.2), at(0, 0.49)]).toEqual([null, null, null, 1, 1]);
});

test("states are compared where names agree or are mapped, at steps that both have", () => {
  const ours = { "param/1/a/w": f32(1), "state/1/a/w/m": f32(1), "state/1/@all/d": f32(2) };
  const theirs = {
    "param/1/a/w": f32(1),
    "param/2/a/w": f32(9),
    "state/1/a/w/exp_avg": f32(3),
    "state/1/a/w/other": f32(1),
    "state/1/@all/d": f32(2),
  };
  expect(compare(ours, theirs).map((row) => row.name)).toEqual(["param/a/w", "state/@all/d"]);
  expect(compare(ours, theirs, {}, { names: new Map([["exp_avg", "m"]]) }).map((row) => [row.name, row.absolute])).toContainEqual([
    "state/a/w/m",
    2,
  ]);
});

test("the float64 run of a gold is compared only with a float64 replay", () => {
  const gold = { "param/1/w": f32(1), "param64/1/w": f64(2) };
  expect(compare({ "param/1/w": f32(1) }, gold)[0]).toMatchObject({ absolute: 0 });
  expect(compare({ "param/1/w": f64(1) }, gold, {}, { wide: true })).toMatchObject([{ absolute: 1 }]);
});

test("a gold that cannot be compared is an error, never an agreement", () => {
  expect(() => compare({ "param/1/w": f32(1) }, {})).toThrow(/no step/);
  expect(() => compare({ "param/1/w": f32(1) }, { "param/2/w": f32(1) })).toThrow(/no step/);
  expect(() => compare({ "param/1/w": f32(1) }, { "param/1/v": f32(1) })).toThrow(/which the replay has not/);
  expect(() => compare({ "param/1/w": f32(1) }, { "param/1/w": f32(1, 2) })).toThrow(/shape/);
});

test("names of steps", () => {
  expect(splitStep("grad/12/a/b", "grad")).toEqual({ step: 12, rest: "a/b" });
  for (const key of ["grad/0/w", "grad/01/w", "grad/-1/w", "grad/1", "grad/1/", "grad//w", "gradient/1/w"])
    expect(splitStep(key, "grad"), key).toBeNull();
});

test("a run that cannot be replayed says why", () => {
  const run = (entries: Record<string, Tensor>) => () => readRun(new Map(Object.entries(entries)));
  expect(run({})).toThrow(/no init/);
  expect(run({ "init/w": f32(1) })).toThrow(/no grad/);
  expect(run({ "init/w": f32(1), "grad/2/w": f32(1) })).toThrow(/no gradients at step 1/);
  expect(run({ "init/w": f32(1), "grad/1/v": f32(1) })).toThrow(/no init\/v/);
  expect(run({ "init/w": f32(1), "grad/1/w": f32(1, 2) })).toThrow(/shape/);
  expect(run({ "init/w": f64(1), "grad/1/w": f32(1) })).toThrow(/F64/);
  expect(() =>
    readRun(
      new Map([
        ["init/w", f32(1)],
        ["grad/1/w", f64(1)],
      ]),
    ).gradients(1),
  ).toThrow(/F64/);
  expect(
    readRun(
      new Map([
        ["init/w", f32(1)],
        ["init/v", f32(1)],
        ["grad/1/w", f32(1)],
      ]),
    ).complete,
  ).toBe(false);
});

test("an optimizer that does not move is outside the default tolerance, however small the steps", () => {
  const start = new Float32Array([0.3, -0.2]);
  const gold = new Map([["param/1/w", tensorOf([2], Float32Array.of(0.30002, -0.20002))]]);
  const ours = new Map([["param/1/w", tensorOf([2], start.slice())]]);
  const options = { tolerance: null, names: new Map<string, string>(), wide: false };
  const [row] = compareRuns(ours, gold, new Map([["w", start]]), options);
  expect(row).toMatchObject({ firstDeviation: 1 });
});

test("what is left out is named", () => {
  const one = tensorOf([1], Float32Array.of(1));
  const ours = new Map([
    ["param/1/w", one],
    ["param/1/b", one],
    ["state/1/w/m", one],
  ]);
  const theirs = new Map([
    ["param/1/w", one],
    ["state/1/w/exp_avg", one],
    ["state/1/w/exp_avg_sq", one],
  ]);
  expect(leftOut(ours, theirs, new Map([["exp_avg", "m"]]))).toEqual({ states: ["exp_avg_sq"], params: ["b"] });
});
