// The WGSL frame: bindings, one entry point per sweep, one function per variant. A workgroup takes one chunk; its row says
// which variant its class runs. A variant's function reads its coefficients once, then loops: load everything, compute, store everything.

import { CHUNK_FIELDS, WORKGROUP } from "../../../contract/manifest.js";
import { printExpression } from "../../ir/print.js";
import type { CellId, Ir } from "../../ir/value.js";
import type { Coefficient, ProgramPlan, SweepBody } from "../../passes/plan.js";
import { type BodyNames, nameBody } from "../body-names.js";
import { sweepComputation } from "../computation.js";
import { usedDeclarations } from "../declarations.js";
import { lineComment } from "../escape.js";
import { printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { unwrap } from "../infix.js";
import { createNamer } from "../namer.js";
import { type CellPlace, placeOf, type SweepPlace, sweepsOf, variantText } from "../sweeps.js";
import { UNKNOWN_ZERO, wgslDeclarations, wgslDialect } from "./dialect.js";

const frameNames = [
  "params",
  "grads",
  "states",
  "chunks",
  "rows",
  "Chunk",
  "chunk",
  "row",
  "lane",
  "workgroup",
  "workgroups",
  "index",
  "i",
];
const fieldOf = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The kernels of one build; `head` is the comment at the top of the file. */
export function printWgsl(build: PlannedBuild, head: string): string {
  const sweeps = sweepsOf(build);
  const variants = sweeps.map((place) => variantFunctions(build, place));
  const declared = usedDeclarations(wgslDeclarations, variants.flat().join("\n"));
  const entryPoints = sweeps.map((place) => entryPoint(place, declared.has(UNKNOWN_ZERO)));
  const kernels = sweeps.flatMap((_, i) => [...variants[i]!, entryPoints[i]!]);
  return `${[head, declarations(build), ...declared.values(), ...kernels].join("\n\n")}\n`;
}

function declarations(build: PlannedBuild): string {
  const infos = build.info.programs.flatMap((program) => program.sweeps);
  const uses = (part: "param" | "grad" | "state") => infos.some(({ reads, writes }) => reads[part] || (part !== "grad" && writes[part]));
  return [
    "// A run of elements of one tensor; offsets in units of 4 elements.",
    `struct Chunk {\n${CHUNK_FIELDS.map((field) => `  ${fieldOf(field)}: u32,`).join("\n")}\n}`,
    "",
    uses("param") && "@group(0) @binding(0) var<storage, read_write> params: array<vec4f>;",
    uses("grad") && "@group(0) @binding(1) var<storage, read> grads: array<vec4f>;",
    uses("state") && "@group(0) @binding(2) var<storage, read_write> states: array<vec4f>;",
    "@group(0) @binding(3) var<storage, read> chunks: array<Chunk>;",
    "@group(0) @binding(4) var<storage, read> rows: array<vec4f>;",
  ]
    .filter((line) => line !== false)
    .join("\n");
}

function entryPoint({ name, program, sweep }: SweepPlace, setsZero: boolean): string {
  const cases = sweep.bodies.flatMap((body, variant) =>
    body === null ? [] : [`    case ${variant}u: { ${name}_variant${variant}(chunk, row, lane); }`],
  );
  return `@compute @workgroup_size(${WORKGROUP})
fn ${name}(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  if (index >= arrayLength(&chunks)) { return; }
  let chunk = chunks[index];${setsZero ? `\n  ${UNKNOWN_ZERO} = chunk.reserved;` : ""}
  let row = chunk.row * ${program.rowWidth / 4}u;
  switch (u32(rows[row].x)) {
${cases.join("\n")}
    default: {}
  }
}`;
}

function variantFunctions(build: PlannedBuild, { name, program, sweep }: SweepPlace): string[] {
  return sweep.bodies.flatMap((body, variant) =>
    body === null ? [] : [variantFunction(build, program, variant, body, `${name}_variant${variant}`)],
  );
}

function variantFunction(build: PlannedBuild, program: ProgramPlan, number: number, body: SweepBody, name: string): string {
  const { ir } = build.plan;
  const variant = program.variants[number]!;
  const computation = sweepComputation(build.plan, program, number, body);
  const names = nameBody(
    ir,
    computation,
    createNamer("wgsl", [...frameNames, ...Object.keys(wgslDeclarations), ...build.sweepNames.values()]),
  );
  const printed = printBody(ir, computation, names, wgslDialect);
  const place = (cell: CellId) => elementsOf(placeOf(build.plan, variant, cell));
  return [
    ...commentOf(variantText(ir, variant)),
    `fn ${name}(chunk: Chunk, row: u32, lane: u32) {`,
    ...body.coefficients.map((coefficient) => `  ${coefficientLine(ir, coefficient, names)}`),
    `  for (var i = lane; i < (chunk.count + 3u) / 4u; i += ${WORKGROUP}u) {`,
    ...body.loads.map(({ cell }) => `    let ${names.loads.get(cell)} = ${place(cell)};`),
    "",
    ...printed.lines.map((line) => `    ${line}`),
    "",
    ...body.stores.map((store, i) => `    ${place(store.cell)} = ${unwrap(printed.stored[i]!)};`),
    "  }",
    "}",
  ].join("\n");
}

function commentOf(text: string): string[] {
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
