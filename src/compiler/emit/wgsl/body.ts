// The function of a variant, in a sweep and in a finish: coefficients and scalars are read once, then everything is loaded, computed, stored.

import { printExpression } from "../../ir/print.js";
import type { CellId, Ir } from "../../ir/value.js";
import type { Coefficient, ProgramPlan, ScalarBody, SweepBody } from "../../passes/plan.js";
import { type BodyNames, nameBody } from "../body-names.js";
import { type Computation, scalarComputation, sweepComputation } from "../computation.js";
import { lineComment } from "../escape.js";
import { printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { unwrap } from "../infix.js";
import { createNamer } from "../namer.js";
import { type CellPlace, placeOf, variantText } from "../sweeps.js";
import { wgslDeclarations, wgslDialect } from "./dialect.js";
import { combine, loopHead, nothingOf, reductionLines, scalarAt, scalarDeclarations } from "./scalars.js";

const frameNames = [
  "params",
  "grads",
  "states",
  "chunks",
  "rows",
  "scalars",
  "tensors",
  "Chunk",
  "chunk",
  "row",
  "lane",
  "tensor",
  "leaf",
  "workgroup",
  "workgroups",
  "index",
  "i",
];

/** The variant of a program whose body is printed, and the name of its function. */
export interface BodyPlace {
  readonly build: PlannedBuild;
  readonly program: ProgramPlan;
  readonly variant: number;
  readonly name: string;
}

/** What a sweep does for a chunk of the tensors of a variant. */
export function sweepFunction(place: BodyPlace, body: SweepBody, workgroup: number): string {
  const { build, program, variant, name } = place;
  const { ir } = build.plan;
  const computation = sweepComputation(build.plan, program, variant, body);
  const { names, namer, opening } = open(place, computation, body, "chunk.tensor");
  const printed = printBody(ir, computation, names, wgslDialect);
  const elements = (cell: CellId) => elementsOf(placeOf(build.plan, program.variants[variant]!, cell));
  const reductions = body.partials.map((partial) => ({ ...partial, name: namer(`${partial.by}_${partial.slot}`) }));
  return [
    ...commentOf(place),
    `fn ${name}(chunk: Chunk, row: u32, lane: u32) {`,
    ...[...opening, ...printed.head, ...reductions.map(({ by, name }) => `var ${name} = ${nothingOf(by)};`)].map(indent),
    ...loopHead(workgroup).map(indent),
    ...inParts([
      body.loads.map(({ cell }) => `let ${names.loads.get(cell)} = ${elements(cell)};`),
      [...printed.lines, ...reductions.map(({ by, name }, i) => accumulate(by, name, printed.reduced[i]!))],
      body.stores.map((store, i) => `${elements(store.cell)} = ${unwrap(printed.stored[i]!)};`),
    ]).map((line) => (line === "" ? "" : `    ${line}`)),
    "  }",
    ...reductionLines(reductions).map(indent),
    "}",
  ].join("\n");
}

/** What a finish does for a tensor of a variant, or for the model. */
export function scalarFunction(place: BodyPlace, of: "tensor" | "model", body: ScalarBody): string {
  const { build, name } = place;
  const computation = scalarComputation(body);
  const { names, opening } = open(place, computation, body, "tensor");
  const printed = printBody(build.plan.ir, computation, names, wgslDialect);
  return [
    ...commentOf(place),
    `fn ${name}(${of === "tensor" ? "tensor: u32, " : ""}row: u32) {`,
    ...[...opening, ...printed.lines].map(indent),
    ...body.stores.map((store, i) => `  ${scalarAt(store.place, "tensor")} = ${printed.stored[i]!}.x;`),
    "}",
  ].join("\n");
}

/** With an empty line between what is loaded, computed and stored. */
function inParts(parts: readonly (readonly string[])[]): readonly string[] {
  return parts.filter((lines) => lines.length > 0).flatMap((lines, i) => (i === 0 ? lines : ["", ...lines]));
}

const indent = (line: string) => `  ${line}`;

/** The names of a body, and the reading of its coefficients and scalars. */
function open({ build }: BodyPlace, computation: Computation, { scalars, coefficients }: SweepBody | ScalarBody, tensor: string) {
  const { ir } = build.plan;
  const declared = Object.keys({ ...wgslDeclarations, ...scalarDeclarations(null) });
  const namer = createNamer("wgsl", [...frameNames, ...declared, ...build.sweepNames.values()]);
  const names = nameBody(ir, computation, namer);
  const opening = [
    ...coefficients.map((coefficient) => coefficientLine(ir, coefficient, names)),
    ...scalars.map(({ value, place }) => `let ${names.scalars.get(value)} = vec4f(${scalarAt(place, tensor)});`),
  ];
  return { names, namer, opening };
}

function accumulate(by: SweepBody["partials"][number]["by"], name: string, value: string): string {
  const present = `select(${nothingOf(by)}, ${unwrap(value)}, is_element(chunk, i))`;
  return `${name} = ${combine(by, name, present)};`;
}

function commentOf({ build, program, variant }: BodyPlace): string[] {
  const text = variantText(build.plan.ir, program.variants[variant]!);
  return text === "" ? [] : lineComment("//", text);
}

function elementsOf(place: CellPlace): string {
  switch (place.part) {
    case "param":
      return "params[chunk.param + i]";
    case "grad":
      return "grads[chunk.param + i]";
    case "state":
      return `states[chunk.state + ${["", "chunk.state_stride + "][place.slot] ?? `${place.slot}u * chunk.state_stride + `}i]`;
    default:
      return place satisfies never;
  }
}

function coefficientLine(ir: Ir, { slot, value }: Coefficient, names: BodyNames): string {
  const name = names.coefficients.get(value);
  const number = `rows[row + ${slot >> 2}u].${"xyzw"[slot & 3]}`;
  const formula = printExpression(ir, value);
  return `let ${name} = vec4f(${number});${formula === name ? "" : ` ${lineComment("//", formula).join(" ")}`}`;
}
