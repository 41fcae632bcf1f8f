// The function of a variant, in a sweep and in a finish: coefficients and scalars are read once, then everything is loaded, computed, stored.

import { isQuantized } from "../../../numeric/storage-formats.js";
import { printExpression } from "../../ir/print.js";
import type { CellId, Ir } from "../../ir/value.js";
import type { Coefficient, ProgramPlan, ScalarBody, SweepBody } from "../../passes/plan.js";
import { type BodyNames, nameBody } from "../body-names.js";
import { type Computation, scalarComputation, sweepComputation } from "../computation.js";
import { lineComment } from "../escape.js";
import { printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { unwrap } from "../infix.js";
import { createNamer, type Namer } from "../namer.js";
import { placeOf, variantText } from "../sweeps.js";
import { wgslDeclarations, wgslDialect } from "./dialect.js";
import { formatNames, loadOf, measureLine, type QuantizedStore, quantizedStoreLines, storeOf, wordsOfMemory } from "./formats.js";
import { combine, loopHead, nothingOf, reductionLines, scalarAt, scalarDeclarations, VECTORS } from "./scalars.js";

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

/** What a sweep does in one pass over a chunk of the tensors of a variant. */
export function sweepFunction(place: BodyPlace, body: SweepBody, workgroup: number): string {
  const { build, program, variant, name } = place;
  const { ir } = build.plan;
  const computation = sweepComputation(build.plan, program, variant, body);
  const { names, namer, opening } = open(place, computation, body, "chunk.tensor");
  const printed = printBody(ir, computation, names, wgslDialect);
  const words = wordsOfMemory(build.info);
  const placeOfCell = (cell: CellId) => placeOf(build.plan, program.variants[variant]!, cell);
  const reductions = body.partials.map((partial) => ({ ...partial, name: namer(`${partial.by}_${partial.slot}`) }));
  const stores = body.stores.map(({ cell }, i) => ({ cell, place: placeOfCell(cell), value: unwrap(printed.stored[i]!) }));
  const parts: Parts = {
    loads: body.loads.map(({ cell }) => `let ${names.loads.get(cell)} = ${loadOf(placeOfCell(cell), words)};`),
    lines: [...printed.lines, ...reductions.map(({ by, name }, i) => accumulate(by, name, printed.reduced[i]!))],
    stores: stores.flatMap(({ place, value }) => (isQuantized(place.format) ? [] : [storeOf(place, words, value)])),
  };
  const inBlocks = stores.flatMap(({ cell, place, value }): ValueInBlocks[] => {
    if (place.part !== "state" || !isQuantized(place.format)) return [];
    const { name } = ir.cells[cell]!;
    return [{ place, value, kept: namer(`new_${name}`), scale: namer(`${name}_scale`) }];
  });
  const loop = inBlocks.length === 0 ? plainLoop(parts, workgroup) : blockLoop(parts, inBlocks, workgroup, namer);
  return [
    ...commentOf(place),
    `fn ${name}(chunk: Chunk, row: u32, lane: u32) {`,
    ...[...opening, ...printed.head, ...reductions.map(({ by, name }) => `var ${name} = ${nothingOf(by)};`)].map(indent),
    ...loop.map(indent),
    ...reductionLines(reductions).map(indent),
    "}",
  ].join("\n");
}

/** What is done with one group of elements. */
interface Parts {
  readonly loads: readonly string[];
  readonly lines: readonly string[];
  /** All but what is stored in blocks. */
  readonly stores: readonly string[];
}

function plainLoop({ loads, lines, stores }: Parts, workgroup: number): readonly string[] {
  return [...loopHead(workgroup), ...inParts([loads, lines, stores]).map(indent), "}"];
}

type ValueInBlocks = Omit<QuantizedStore, "index"> & { readonly value: string };

/** All invocations go together from some blocks to the next ones, and wait for each other before the scale is known. */
function blockLoop({ loads, lines, stores }: Parts, values: readonly ValueInBlocks[], workgroup: number, namer: Namer): readonly string[] {
  const [first, present] = [namer("first"), namer("is_present")];
  const inBlocks = values.map((value, index) => ({ ...value, index }));
  const measured = inBlocks.flatMap((store) => [`${store.kept} = ${store.value};`, measureLine(store)]);
  return [
    `for (var ${first} = 0u; ${first} < ${VECTORS}; ${first} += ${workgroup}u) {`,
    ...[
      `let i = ${first} + lane;`,
      `let ${present} = i < ${VECTORS};`,
      ...inBlocks.map(({ kept }) => `var ${kept}: vec4f;`),
      `if (${present}) {`,
      ...inParts([loads, lines, [...stores, ...measured]]).map(indent),
      "}",
      "// Behind it all of a block has been loaded and measured.",
      "workgroupBarrier();",
      "storageBarrier();",
      `if (${present}) {`,
      ...inBlocks.flatMap(quantizedStoreLines).map(indent),
      "}",
    ].map(indent),
    "}",
  ];
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

const indent = (line: string) => (line === "" ? "" : `  ${line}`);

/** The names of a body, and the reading of its coefficients and scalars. */
function open({ build }: BodyPlace, computation: Computation, { scalars, coefficients }: SweepBody | ScalarBody, tensor: string) {
  const { ir } = build.plan;
  const declared = Object.keys({ ...wgslDeclarations, ...scalarDeclarations(null) });
  const namer = createNamer("wgsl", [...frameNames, ...declared, ...formatNames, ...build.sweepNames.values()]);
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

function coefficientLine(ir: Ir, { slot, value }: Coefficient, names: BodyNames): string {
  const name = names.coefficients.get(value);
  const number = `rows[row + ${slot >> 2}u].${"xyzw"[slot & 3]}`;
  const formula = printExpression(ir, value);
  return `let ${name} = vec4f(${number});${formula === name ? "" : ` ${lineComment("//", formula).join(" ")}`}`;
}
