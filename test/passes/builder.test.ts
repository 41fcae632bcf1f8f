import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../src/compiler/ir/builder.js";
import { createHost } from "../../src/compiler/ir/interpret-host.js";
import type { CellId, ValueId } from "../../src/compiler/ir/value.js";

/** An expression of numbers or of truths over the variables x and y, with its meaning in JavaScript. */
type Tree =
  | { readonly is: "number"; readonly value: number }
  | { readonly is: "variable"; readonly name: "x" | "y" }
  | { readonly is: "binary"; readonly op: keyof typeof binary; readonly left: Tree; readonly right: Tree }
  | { readonly is: "unary"; readonly op: keyof typeof unary; readonly arg: Tree }
  | { readonly is: "if"; readonly condition: Truth; readonly left: Tree; readonly right: Tree };
type Truth =
  | { readonly is: "truth"; readonly value: boolean }
  | { readonly is: "compare"; readonly op: keyof typeof compare; readonly left: Tree; readonly right: Tree }
  | { readonly is: "logic"; readonly op: keyof typeof logic; readonly left: Truth; readonly right: Truth }
  | { readonly is: "not"; readonly arg: Truth }
  | { readonly is: "if"; readonly condition: Truth; readonly left: Truth; readonly right: Truth };

const binary = {
  add: (x: number, y: number) => x + y,
  sub: (x: number, y: number) => x - y,
  mul: (x: number, y: number) => x * y,
  div: (x: number, y: number) => x / y,
  min: Math.min as (x: number, y: number) => number,
  max: Math.max as (x: number, y: number) => number,
};
const unary = { neg: (x: number) => -x, abs: Math.abs, sqrt: Math.sqrt, sign: Math.sign, floor: Math.floor, exp: Math.exp };
const compare = { lt: (x: number, y: number) => x < y, le: (x: number, y: number) => x <= y, eq: (x: number, y: number) => x === y };
const logic = { and: (x: boolean, y: boolean) => x && y, or: (x: boolean, y: boolean) => x || y };
const keys = <K extends string>(table: Record<K, unknown>) => fc.constantFrom(...(Object.keys(table) as K[]));

const number = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1, -1, Infinity, NaN));
const trees = fc.letrec<{ tree: Tree; truth: Truth }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ is: fc.constant("number" as const), value: number }),
    fc.record({ is: fc.constant("variable" as const), name: fc.constantFrom("x" as const, "y" as const) }),
    fc.record({ is: fc.constant("binary" as const), op: keys(binary), left: tie("tree"), right: tie("tree") }),
    fc.record({ is: fc.constant("unary" as const), op: keys(unary), arg: tie("tree") }),
    fc.record({ is: fc.constant("if" as const), condition: tie("truth"), left: tie("tree"), right: tie("tree") }),
  ),
  truth: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ is: fc.constant("truth" as const), value: fc.boolean() }),
    fc.record({ is: fc.constant("compare" as const), op: keys(compare), left: tie("tree"), right: tie("tree") }),
    fc.record({ is: fc.constant("logic" as const), op: keys(logic), left: tie("truth"), right: tie("truth") }),
    fc.record({ is: fc.constant("not" as const), arg: tie("truth") }),
    fc.record({ is: fc.constant("if" as const), condition: tie("truth"), left: tie("truth"), right: tie("truth") }),
  ),
}));

type Variables = Readonly<Record<"x" | "y", number>>;

function meaning(tree: Tree, variables: Variables): number {
  if (tree.is === "number") return tree.value;
  if (tree.is === "variable") return variables[tree.name];
  if (tree.is === "unary") return unary[tree.op](meaning(tree.arg, variables));
  const [left, right] = [meaning(tree.left, variables), meaning(tree.right, variables)];
  return tree.is === "if" ? (truth(tree.condition, variables) ? left : right) : binary[tree.op](left, right);
}

function truth(tree: Truth, variables: Variables): boolean {
  switch (tree.is) {
    case "truth":
      return tree.value;
    case "compare":
      return compare[tree.op](meaning(tree.left, variables), meaning(tree.right, variables));
    case "logic":
      return logic[tree.op](truth(tree.left, variables), truth(tree.right, variables));
    case "not":
      return !truth(tree.arg, variables);
    case "if":
      return truth(tree.condition, variables) ? truth(tree.left, variables) : truth(tree.right, variables);
    default:
      throw new Error(tree satisfies never);
  }
}

type Builder = ReturnType<typeof createBuilder>;

function build(builder: Builder, tree: Tree | Truth, variable: (name: "x" | "y") => ValueId): ValueId {
  const of = (child: Tree | Truth) => build(builder, child, variable);
  switch (tree.is) {
    case "number":
      return builder.literal(tree.value);
    case "truth":
      return builder.literal(Number(tree.value), "boolean");
    case "variable":
      return variable(tree.name);
    case "unary":
      return builder.apply(tree.op, [of(tree.arg)]);
    case "not":
      return builder.apply("not", [of(tree.arg)]);
    case "if":
      return builder.select(of(tree.condition), of(tree.left), of(tree.right));
    default:
      return builder.apply(tree.op, [of(tree.left), of(tree.right)]);
  }
}

const facts = { shape: [], t: 1, step: 1, modelNumel: 0, hostState: (_: CellId) => 0 };

describe("folding keeps the meaning", () => {
  test("with variables that the host looks up", () => {
    fc.assert(
      fc.property(trees.tree, number, number, (tree, x, y) => {
        const builder = createBuilder();
        const id = build(builder, tree, (hyper) =>
          builder.hyper({ hyper, form: "value", stage: "step", extent: "tensor", type: "number" }),
        );
        const host = createHost({ values: builder.values, cells: [], programs: [] }, { ...facts, hyper: (name) => ({ x, y })[name]! });
        expect(host(id)).toBe(meaning(tree, { x, y }));
      }),
      { numRuns: 3000 },
    );
  });

  test("with constants for variables: one literal is left", () => {
    fc.assert(
      fc.property(trees.tree, number, number, (tree, x, y) => {
        const builder = createBuilder();
        const value = builder.value(build(builder, tree, (name) => builder.literal({ x, y }[name])));
        expect(value.kind === "literal" && value.value).toBe(meaning(tree, { x, y }));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("placing", () => {
  const element = { role: "state", home: "device", extent: "elem", format: "f32", init: null, when: null } as const;

  test("equal values have one id, zeros of two signs have two", () => {
    const builder = createBuilder();
    const sum = () => builder.apply("add", [builder.ambient("t"), builder.literal(1)]);
    expect(sum()).toBe(sum());
    expect(builder.literal(0)).not.toBe(builder.literal(-0));
    expect(builder.literal(1)).not.toBe(builder.literal(1, "boolean"));
    expect(builder.literal(NaN)).toBe(builder.literal(NaN));
  });

  test("extent and stage join, a reduction adds a level", () => {
    const builder = createBuilder();
    const x = builder.load(builder.cell({ name: "x", ...element }));
    const scaled = builder.apply("mul", [builder.ambient("t"), x]);
    expect(builder.value(scaled)).toMatchObject({ extent: "elem", stage: "device", level: 0 });
    const norm = builder.reduce("sum", "tensor", "elem", scaled);
    expect(builder.value(norm)).toMatchObject({ extent: "tensor", stage: "device", level: 1 });
    expect(builder.value(builder.total(0, "sum", 2))).toMatchObject({ extent: "model", stage: "device", level: 2 });
    expect(builder.value(builder.apply("div", [x, norm]))).toMatchObject({ extent: "elem", level: 1 });
    expect(builder.value(builder.reduce("max", "block:256", "elem", scaled))).toMatchObject({ extent: "block:256", level: 0 });
  });

  test("device arithmetic is never simplified", () => {
    const builder = createBuilder();
    const x = builder.load(builder.cell({ name: "x", ...element }));
    for (const [op, y] of [
      ["mul", 1],
      ["add", 0],
      ["sub", 0],
      ["div", 1],
      ["mul", 0],
    ] as const)
      expect(builder.value(builder.apply(op, [x, builder.literal(y)])).kind).toBe("apply");
  });
});
