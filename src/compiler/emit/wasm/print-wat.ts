// The WebAssembly frame. A sweep is an exported function that loops over chunks and calls its variant's function once for each:
// the engine's optimizing tier takes over between two calls, and each variant has locals of its own. A variant's function reads its
// coefficients once, then loops over vectors of four: load everything, compute, store everything. Unrolling by 2, 4 or 8 was measured
// on AdamW at 16Mi elements: no gain, memory is the limit. The import has a maximum, all that 32 bits address, so that the runtime can turn
// it into a shared memory's by one bit; a memory of any size fits it.

import { CHUNK_FIELDS, CHUNK_WORDS } from "../../../contract/manifest.js";
import { printExpression } from "../../ir/print.js";
import type { CellId, Ir } from "../../ir/value.js";
import type { Coefficient, ProgramPlan, SweepBody, VariantPlan } from "../../passes/plan.js";
import { type BodyNames, nameBody } from "../body-names.js";
import { sweepComputation } from "../computation.js";
import { lineComment, watString } from "../escape.js";
import { printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { createNamer, type Namer } from "../namer.js";
import { placeOf, type SweepPlace, sweepsOf, variantText } from "../sweeps.js";
import { wasmDialect } from "./dialect.js";
import { foldLines } from "./fold-lines.js";

const frameNames = ["param_at", "grad_at", "state_at", "state_stride", "left", "row", "next"];
const get = (name: string) => `(local.get $${name})`;
const word = (field: (typeof CHUNK_FIELDS)[number]) => `(i32.load offset=${4 * CHUNK_FIELDS.indexOf(field)} ${get("chunk")})`;
const vectors = (field: (typeof CHUNK_FIELDS)[number]) => `(i32.shl ${word(field)} (i32.const 4))`;

/** The module of one build; `head` is the comment at the top of the file. */
export function printWat(build: PlannedBuild, head: string): string {
  const functions = sweepsOf(build).flatMap((place) => [...variantFunctions(build, place), sweepFunction(place)]);
  const text = functions
    .map((lines) =>
      lines
        .flatMap(foldLines)
        .map((line) => `  ${line}`.trimEnd())
        .join("\n"),
    )
    .join("\n\n");
  return `${head}\n\n(module\n  (import "env" "memory" (memory 1 65536))\n\n${text}\n)\n`;
}

function sweepFunction({ name, program, sweep }: SweepPlace): string[] {
  const calls = sweep.bodies.flatMap((body, variant) =>
    body === null
      ? []
      : [
          `      (if (i32.eq ${get("variant")} (i32.const ${variant})) (then (call $${name}_variant${variant}`,
          `        (i32.add ${get("param")} ${vectors("param")})`,
          `        (i32.add ${get("grad")} ${vectors("param")})`,
          `        (i32.add ${get("state")} ${vectors("state")})`,
          `        ${vectors("stateStride")}`,
          `        ${get("left")} ${get("row")})))`,
        ],
  );
  return [
    ";; Addresses in bytes; `count` chunks.",
    `(func $${name} (export ${watString(name)}) (param $param i32) (param $grad i32) (param $state i32) (param $chunk i32) (param $count i32) (param $rows i32)`,
    "  (local $row i32) (local $variant i32) (local $left i32)",
    "  (block $done",
    "    (loop $next",
    `      (br_if $done (i32.eqz ${get("count")}))`,
    `      (local.set $row (i32.add ${get("rows")} (i32.mul ${word("row")} (i32.const ${4 * program.rowWidth}))))`,
    `      (local.set $variant (i32.trunc_sat_f32_u (f32.load ${get("row")})))`,
    `      (local.set $left (i32.shr_u (i32.add ${word("count")} (i32.const 3)) (i32.const 2)))`,
    ...calls,
    `      (local.set $chunk (i32.add ${get("chunk")} (i32.const ${4 * CHUNK_WORDS})))`,
    `      (local.set $count (i32.sub ${get("count")} (i32.const 1)))`,
    "      (br $next))))",
  ];
}

function variantFunctions(build: PlannedBuild, { name, program, sweep }: SweepPlace): string[][] {
  return sweep.bodies.flatMap((body, variant) =>
    body === null ? [] : [variantFunction(build, program, variant, body, `${name}_variant${variant}`)],
  );
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
  const namer = createNamer("wat", frameNames);
  const names = nameBody(ir, computation, namer);
  const printed = printBody(ir, computation, names, wasmDialect);
  const cursors = nameCursors(build, variant, body, namer);
  const address = (cell: CellId) => get(cursors.get(cell)!.name);
  const ownCursors = new Set([...cursors.values()].filter(({ start }) => start !== null));
  const vectorLocals = [...names.coefficients.values(), ...names.loads.values(), ...printed.locals];
  const condition = variantText(ir, variant);
  return [
    ...(condition === "" ? [] : lineComment(";;", condition)),
    `(func $${name} (param $param_at i32) (param $grad_at i32) (param $state_at i32) (param $state_stride i32) (param $left i32) (param $row i32)`,
    ...vectorLocals.map((local) => `  (local $${local} v128)`),
    ...[...ownCursors].map((cursor) => `  (local $${cursor.name} i32)`),
    `  (if (i32.eqz ${get("left")}) (then (return)))`,
    ...body.coefficients.map((coefficient) => `  ${coefficientLine(ir, coefficient, names)}`),
    ...[...ownCursors].map((cursor) => `  (local.set $${cursor.name} ${cursor.start})`),
    "  (loop $next",
    ...body.loads.map(({ cell }) => `    (local.set $${names.loads.get(cell)} (v128.load ${address(cell)}))`),
    "",
    ...printed.lines.map((line) => `    ${line}`),
    "",
    ...body.stores.map((store, i) => `    (v128.store ${address(store.cell)} ${printed.stored[i]})`),
    ...[...new Set(cursors.values())].map((cursor) => `    (local.set $${cursor.name} (i32.add ${get(cursor.name)} (i32.const 16)))`),
    `    (br_if $next (local.tee $left (i32.sub ${get("left")} (i32.const 1))))))`,
  ];
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

function coefficientLine(ir: Ir, { slot, value }: Coefficient, names: BodyNames): string {
  const name = names.coefficients.get(value);
  const formula = printExpression(ir, value);
  const comment = formula === name ? "" : ` ${lineComment(";;", formula).join(" ")}`;
  return `(local.set $${name} (v128.load32_splat offset=${4 * slot} ${get("row")}))${comment}`;
}
