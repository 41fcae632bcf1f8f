// Specs made by hand, so that lowering is tested without parser and checker. Stages and extents are inferred as the language says.

import type { HyperSpec, OptionSpec, Spec, StateSpec, TypedExpr, TypedStatement } from "../../src/compiler/check/spec.js";
import { joinExtents, laterStage } from "../../src/compiler/ir/extent.js";
import { type Op, ops } from "../../src/compiler/ir/ops.js";

const span = { from: 0, to: 0 };
const atom = { type: "number", span } as const;

export type Operand = TypedExpr | number;

export function num(value: number): TypedExpr {
  return { kind: "literal", value, extent: "model", stage: "build", ...atom };
}

function expr(operand: Operand): TypedExpr {
  return typeof operand === "number" ? num(operand) : operand;
}

export function hyper(name: string, more: Partial<Pick<TypedExpr, "type" | "stage">> & { form?: "base" } = {}): TypedExpr {
  return {
    kind: "hyper",
    hyper: name,
    form: more.form ?? "value",
    extent: "tensor",
    ...atom,
    type: more.type ?? "number",
    stage: more.stage ?? "step",
  };
}

export const t: TypedExpr = { kind: "ambient", ambient: "t", extent: "tensor", stage: "step", ...atom };
export const rank: TypedExpr = { kind: "ambient", ambient: "rank", extent: "tensor", stage: "setup", ...atom };

export function cell(name: string, version: "current" | "old" = "current"): TypedExpr {
  return { kind: "cell", cell: name, version, extent: "elem", stage: "device", ...atom };
}

export function hostCell(name: string): TypedExpr {
  return { kind: "cell", cell: name, version: "current", extent: "model", stage: "step", ...atom };
}

export function is(option: string, word: string): TypedExpr {
  return { kind: "option-is", option, word, extent: "model", stage: "build", type: "boolean", span };
}

export function local(id: number, like: TypedExpr): TypedExpr {
  return { kind: "local", local: id, extent: like.extent, stage: like.stage, type: like.type, span };
}

export function op(name: Op, ...operands: readonly Operand[]): TypedExpr {
  const args = operands.map(expr);
  return {
    kind: "apply",
    op: name,
    args,
    extent: args.map((a) => a.extent).reduce(joinExtents),
    stage: args.map((a) => a.stage).reduce(laterStage),
    type: ops[name].result,
    span,
  };
}

export function choose(condition: TypedExpr, then: Operand, otherwise: Operand): TypedExpr {
  const sides = [expr(then), expr(otherwise)] as const;
  const all = [condition, ...sides];
  return {
    kind: "select",
    condition,
    // biome-ignore lint/suspicious/noThenProperty: the name of the contract
    then: sides[0],
    otherwise: sides[1],
    extent: all.map((a) => a.extent).reduce(joinExtents),
    stage: all.map((a) => a.stage).reduce(laterStage),
    type: sides[0].type,
    span,
  };
}

export function define(id: number, name: string, value: TypedExpr): TypedStatement {
  return { kind: "define", local: id, name, value, span };
}

export function assign(name: string, value: Operand): TypedStatement {
  return { kind: "assign-cell", cell: name, value: expr(value), span };
}

export function when(condition: TypedExpr, then: readonly TypedStatement[], otherwise: readonly TypedStatement[] = []): TypedStatement {
  return { kind: "if", condition, then, otherwise, span };
}

export function state(name: string, value: Operand = 0, more: Partial<Pick<StateSpec, "home" | "extent" | "when">> = {}): StateSpec {
  return { name, doc: null, home: "device", extent: "elem", value: expr(value), when: null, span, ...more };
}

export function option(name: string, words: readonly string[], value: string): OptionSpec {
  return { name, doc: null, kind: "words", words, value, span };
}

export interface Parts {
  /** Names of hypers that are one number for the whole model. */
  readonly globals?: readonly string[];
  readonly options?: readonly OptionSpec[];
  readonly states?: readonly StateSpec[];
  readonly body: readonly TypedStatement[];
}

export function spec({ globals = [], options = [], states = [], body }: Parts): Spec {
  const rules = { name: "", formulas: [], blocks: [], bounds: [], fixedByConditions: [] };
  const hypers = globals.map(
    (name): HyperSpec => ({ name, doc: null, type: "number", fixed: false, value: num(0), range: null, globalBecause: span, span }),
  );
  return {
    source: { path: "handmade.opt", text: "" },
    name: "Handmade",
    doc: null,
    hypers,
    options,
    states,
    body,
    rules,
    rulesets: [],
    schedules: [],
    storage: [],
    span,
  };
}

/** (1 - rate) * x + rate * average, in the order m <- rate * m + (1 - rate) * x. */
export function movingAverage(average: TypedExpr, rate: TypedExpr, x: Operand): TypedExpr {
  return op("add", op("mul", rate, average), op("mul", op("sub", 1, rate), x));
}

/** AdamW with `option amsgrad`, as in the language's own page. */
export function adamW(): Spec {
  const [lr, beta1, beta2, epsilon, decay] = ["lr", "beta1", "beta2", "epsilon", "weight_decay"].map((name) => hyper(name)) as [
    TypedExpr,
    TypedExpr,
    TypedExpr,
    TypedExpr,
    TypedExpr,
  ];
  const param = cell("param");
  const correction = (beta: TypedExpr) => op("sub", 1, op("pow", beta, t));
  const second = local(0, cell("v"));
  const denominator = op("add", op("div", op("sqrt", second), op("sqrt", correction(beta2))), epsilon);
  return spec({
    options: [option("amsgrad", ["false", "true"], "false")],
    states: [state("m"), state("v"), state("vmax", 0, { when: is("amsgrad", "true") })],
    body: [
      assign("m", movingAverage(cell("m"), beta1, cell("grad"))),
      assign("v", movingAverage(cell("v"), beta2, op("pow", cell("grad"), 2))),
      when(is("amsgrad", "true"), [assign("vmax", op("max", cell("vmax"), cell("v")))]),
      define(0, "second", choose(is("amsgrad", "true"), cell("vmax"), cell("v"))),
      assign("param", op("sub", param, op("mul", op("mul", lr, decay), param))),
      assign("param", op("sub", param, op("mul", op("div", lr, correction(beta1)), op("div", cell("m"), denominator)))),
    ],
  });
}
