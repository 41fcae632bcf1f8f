// A sweep is an exported function that loops over chunks and calls its variant's function once for each: the engine's optimizing tier
// takes over between two calls, and each variant has locals of its own. A variant's function reads its coefficients and numbers once, then
// loops over vectors of four: load everything, compute, store everything. Unrolling by 2, 4 or 8 was measured on AdamW at 16Mi elements:
// no gain, memory is the limit.

import { CHUNK_ELEMENTS, CHUNK_FIELDS, CHUNK_WORDS, TENSOR_WORDS } from "../../../contract/manifest.js";
import type { CellId } from "../../ir/value.js";
import type { ProgramPlan, SweepBody, VariantPlan } from "../../passes/plan.js";
import { nameBody } from "../body-names.js";
import { sweepComputation } from "../computation.js";
import { lineComment, watString } from "../escape.js";
import { printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { createNamer, type Namer } from "../namer.js";
import { placeOf, type SweepPlace, usesScalars, variantText } from "../sweeps.js";
import { wasmDialect } from "./dialect.js";
import { coefficientLine, get, headerWord, number, recordWord, scalarLine, set } from "./frame.js";
import { type LoopBody, reductionLoop, reductionNames } from "./reduction-loop.js";

const word = (field: (typeof CHUNK_FIELDS)[number]) => `(i32.load offset=${4 * CHUNK_FIELDS.indexOf(field)} ${get("chunk")})`;
const vectors = (field: (typeof CHUNK_FIELDS)[number]) => `(i32.shl ${word(field)} (i32.const 4))`;

/** Parameters of a variant's function, with what the sweep's function gives; the latter's locals of the same names hold the rest. */
const always = [
  ["param_at", `(i32.add ${get("param")} ${vectors("param")})`],
  ["grad_at", `(i32.add ${get("grad")} ${vectors("param")})`],
  ["state_at", `(i32.add ${get("state")} ${vectors("state")})`],
  ["state_stride", vectors("stateStride")],
] as const;
const ofScalars = ["scalars", "tensor_at"];
const ofPartials = ["partial_at", "partial_stride"];

function parametersOf(body: SweepBody): readonly (readonly [string, string])[] {
  const reduces = body.partials.length > 0;
  const own = [reduces ? "count" : "left", "row", ...(body.scalars.length > 0 ? ofScalars : []), ...(reduces ? ofPartials : [])];
  return [...always, ...own.map((name) => [name, name === "count" ? word("count") : get(name)] as const)];
}

/** The functions of a sweep's variants, and the one that is called. */
export function sweepFunctions(build: PlannedBuild, place: SweepPlace): string[][] {
  const variants = place.sweep.bodies.flatMap((body, variant) =>
    body === null ? [] : [variantFunction(build, place.program, variant, body, `${place.name}_variant${variant}`)],
  );
  return [...variants, sweepFunction(build, place)];
}

function sweepFunction({ plan }: PlannedBuild, { name, program, sweep }: SweepPlace): string[] {
  const calls = sweep.bodies.flatMap((body, variant) => {
    if (body === null) return [];
    const given = parametersOf(body).map(([, value]) => value);
    return [
      `      (if (i32.eq ${get("variant")} (i32.const ${variant})) (then (call $${name}_variant${variant}`,
      ...given.slice(0, always.length).map((value) => `        ${value}`),
      `        ${given.slice(always.length).join(" ")})))`,
    ];
  });
  const scalars = usesScalars(sweep);
  const locals = scalars ? ["tensor_at", "partial_at", "partial_stride"] : [];
  return [
    ";; Addresses in bytes; `count` chunks.",
    `(func $${name} (export ${watString(name)}) (param $param i32) (param $grad i32) (param $state i32) (param $chunk i32) (param $count i32) (param $rows i32)${scalars ? " (param $scalars i32) (param $tensors i32)" : ""}`,
    `  (local $row i32) (local $variant i32) (local $left i32)${locals.map((local) => ` (local $${local} i32)`).join("")}`,
    ...(scalars ? [`  ${set("partial_stride", `(i32.shl ${headerWord("places")} (i32.const 2))`)}`] : []),
    "  (block $done",
    "    (loop $next",
    `      (br_if $done (i32.eqz ${get("count")}))`,
    `      (local.set $row (i32.add ${get("rows")} (i32.mul ${word("row")} (i32.const ${4 * program.rowWidth}))))`,
    `      (local.set $variant (i32.trunc_sat_f32_u (f32.load ${get("row")})))`,
    `      (local.set $left (i32.shr_u (i32.add ${word("count")} (i32.const 3)) (i32.const 2)))`,
    ...(scalars ? placeLines(plan.scalars!.tensor).map((line) => `      ${line}`) : []),
    ...calls,
    `      (local.set $chunk (i32.add ${get("chunk")} (i32.const ${4 * CHUNK_WORDS})))`,
    `      (local.set $count (i32.sub ${get("count")} (i32.const 1)))`,
    "      (br $next))))",
  ];
}

/** Where the numbers of the chunk's tensor begin, and its place in the first partial slot. */
function placeLines(slots: number): string[] {
  const record = `(i32.add ${get("tensors")} (i32.mul (i32.add ${word("tensor")} (i32.const 1)) (i32.const ${4 * TENSOR_WORDS})))`;
  const chunk = `(i32.div_u ${word("first")} (i32.const ${CHUNK_ELEMENTS}))`;
  return [
    set("tensor_at", number(`(i32.add ${headerWord("firstTensor")} (i32.mul ${word("tensor")} (i32.const ${slots})))`)),
    set("partial_at", number(`(i32.add ${headerWord("firstPartial")} (i32.add ${recordWord("partial", record)} ${chunk}))`)),
  ];
}

/** Addresses advance through memory in step; each part of memory and each state has its own. */
interface Cursor {
  readonly name: string;
  /** Null: a parameter of the function. */
  readonly start: string | null;
}

function variantFunction(build: PlannedBuild, program: ProgramPlan, number: number, body: SweepBody, name: string): string[] {
  const { ir } = build.plan;
  const variant = program.variants[number]!;
  const computation = sweepComputation(build.plan, program, number, body);
  const parameters = parametersOf(body).map(([parameter]) => parameter);
  const namer = createNamer("wat", [...parameters, "next", ...(body.partials.length > 0 ? reductionNames : [])]);
  const names = nameBody(ir, computation, namer);
  const printed = printBody(ir, computation, names, wasmDialect);
  const cursors = nameCursors(build, variant, body, namer);
  const ownCursors = new Set([...cursors.values()].filter(({ start }) => start !== null));
  const vectorLocals = [...names.coefficients.values(), ...names.scalars.values(), ...names.loads.values(), ...printed.locals];
  const address = (cell: CellId) => get(cursors.get(cell)!.name);
  const reduces = body.partials.length > 0;
  const place = (cell: CellId) => (reduces ? `(i32.add ${address(cell)} ${get("offset")})` : address(cell));
  const loopBody: LoopBody = {
    loads: body.loads.map(({ cell }) => set(names.loads.get(cell)!, `(v128.load ${place(cell)})`)),
    lines: printed.lines,
    stores: body.stores.map(({ cell }, i) => `(v128.store ${place(cell)} ${printed.stored[i]})`),
    partials: body.partials.map(({ slot, by }, i) => ({ slot, by, value: printed.reduced[i]! })),
  };
  const loop = reduces ? reductionLoop(loopBody, namer) : elementLoop(loopBody, [...new Set(cursors.values())]);
  const condition = variantText(ir, variant);
  return [
    ...(condition === "" ? [] : lineComment(";;", condition)),
    `(func $${name} ${parameters.map((parameter) => `(param $${parameter} i32)`).join(" ")}`,
    ...vectorLocals.map((local) => `  (local $${local} v128)`),
    ...[...ownCursors].map((cursor) => `  (local $${cursor.name} i32)`),
    ...loop.locals.map((local) => `  ${local}`),
    `  (if (i32.eqz ${get(reduces ? "count" : "left")}) (then (return)))`,
    ...body.coefficients.map((coefficient) => `  ${coefficientLine(ir, coefficient, names)}`),
    ...body.scalars.map((scalar) => `  ${scalarLine(scalar, names)}`),
    ...printed.head.map((line) => `  ${line}`),
    ...[...ownCursors].map((cursor) => `  ${set(cursor.name, cursor.start!)}`),
    ...loop.lines.map((line, i) => `  ${line}${i === loop.lines.length - 1 ? ")" : ""}`),
  ];
}

function elementLoop({ loads, lines, stores }: LoopBody, cursors: readonly Cursor[]): ReturnType<typeof reductionLoop> {
  return {
    locals: [],
    lines: [
      "(loop $next",
      ...[...loads, "", ...lines, "", ...stores].map((line) => `  ${line}`),
      ...cursors.map(({ name }) => `  ${set(name, `(i32.add ${get(name)} (i32.const 16))`)}`),
      `  (br_if $next (local.tee $left (i32.sub ${get("left")} (i32.const 1)))))`,
    ],
  };
}

function nameCursors(build: PlannedBuild, variant: VariantPlan, body: SweepBody, namer: Namer): ReadonlyMap<CellId, Cursor> {
  const cursors = new Map<CellId, Cursor>();
  for (const { cell } of [...body.loads, ...body.stores]) {
    if (cursors.has(cell)) continue;
    const place = placeOf(build.plan, variant, cell);
    if (place.part !== "state" || place.slot === 0) {
      cursors.set(cell, { name: `${place.part}_at`, start: null });
      continue;
    }
    const start = `(i32.add ${get("state_at")} (i32.mul ${get("state_stride")} (i32.const ${place.slot})))`;
    cursors.set(cell, { name: namer(`${build.plan.ir.cells[cell]!.name}_at`), start });
  }
  return cursors;
}
