// A finish is an exported function that the runtime calls once between sweeps: partial results of chunks come to numbers of tensors, these
// to numbers of the model, in adjacent pairs level by level; bodies compute what follows from them. Idle tensors have no part in anything.

import { IDLE_VARIANT, TENSOR_WORDS } from "../../../contract/manifest.js";
import type { Reducer } from "../../ir/value.js";
import type { Finish, Round, ScalarBody } from "../../passes/plan.js";
import { nameBody } from "../body-names.js";
import { scalarComputation } from "../computation.js";
import { watString } from "../escape.js";
import { printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { createNamer } from "../namer.js";
import type { FinishPlace } from "../sweeps.js";
import { wasmDialect } from "./dialect.js";
import { coefficientLine, get, headerWord, number, recordWord, scalarAddress, scalarLine, set } from "./frame.js";
import { reducers } from "./reduction-loop.js";

/** The functions of the bodies of a finish, and the one that is called. */
export function finishFunctions(build: PlannedBuild, place: FinishPlace): string[][] {
  const bodies = place.finish.rounds.flatMap(({ tensor, model }, round) =>
    [
      ...tensor.map((body, variant) => ({ body, name: bodyName(place.name, "tensor", round, variant) })),
      ...model.map((body, variant) => ({ body, name: bodyName(place.name, "model", round, variant) })),
    ].flatMap(({ body, name }) => (body === null ? [] : [bodyFunction(build, body, name)])),
  );
  return [...bodies, finishFunction(build, place)];
}

const bodyName = (finish: string, of: "tensor" | "model", round: number, variant: number) => `${finish}_${of}${round}_variant${variant}`;

/** `tensor_at` is nothing where the body is the model's. */
function bodyFunction({ plan: { ir } }: PlannedBuild, body: ScalarBody, name: string): string[] {
  const parameters = ["scalars", "tensor_at", "row"];
  const computation = scalarComputation(body);
  const names = nameBody(ir, computation, createNamer("wat", parameters));
  const printed = printBody(ir, computation, names, wasmDialect);
  const locals = [...names.coefficients.values(), ...names.scalars.values(), ...printed.locals];
  return [
    `(func $${name} ${parameters.map((parameter) => `(param $${parameter} i32)`).join(" ")}`,
    ...locals.map((local) => `  (local $${local} v128)`),
    ...body.coefficients.map((coefficient) => `  ${coefficientLine(ir, coefficient, names)}`),
    ...body.scalars.map((scalar) => `  ${scalarLine(scalar, names)}`),
    ...printed.lines.map((line) => `  ${line}`),
    ...body.stores.map(({ place }, i) => `  (f32.store ${scalarAddress(place)} (f32x4.extract_lane 0 ${printed.stored[i]}))`),
    ")",
  ];
}

/** Bytes of a row of coefficients, and of the numbers of a tensor. */
interface Widths {
  readonly row: number;
  readonly tensor: number;
}

function finishFunction({ plan }: PlannedBuild, { name, program, finish }: FinishPlace): string[] {
  const slots = plan.scalars!;
  const widths: Widths = { row: 4 * program.rowWidth, tensor: 4 * slots.tensor };
  const [first = nothing, ...others] = finish.rounds;
  const lines = [
    set("partials", number(headerWord("firstPartial"))),
    set("partial_stride", `(i32.shl ${headerWord("places")} (i32.const 2))`),
    set("first_row", "(i32.const -1)"),
    ...tensorLoop(widths, { active: [firstRow, ...foldLines(finish), ...callBodies(name, "tensor", 0, first.tensor)] }),
    `(if (i32.lt_s ${get("first_row")} (i32.const 0)) (then (return)))`,
    ...totalLines(first, slots.partial - 1, widths),
    ...modelLines(name, 0, first),
    ...others.flatMap((round, index) => [
      ...tensorLoop(widths, { active: callBodies(name, "tensor", index + 1, round.tensor) }),
      ...totalLines(round, slots.partial - 1, widths),
      ...modelLines(name, index + 1, round),
    ]),
  ];
  const locals = ["record", "tensor_at", "left", "row", "variant", "first_row", "partials", "partial_stride", "work_at"];
  return [
    ";; Addresses in bytes.",
    `(func $${name} (export ${watString(name)}) (param $rows i32) (param $scalars i32) (param $tensors i32)`,
    `  ${locals.map((local) => `(local $${local} i32)`).join(" ")}`,
    ...lines.map((line) => `  ${line}`),
    ")",
  ];
}

const nothing: Round = { tensor: [], totals: [], model: [] };

/** Statements for a tensor that takes part, for one that does not, and for every one. */
interface Steps {
  readonly active: readonly string[];
  readonly idle?: readonly string[];
  readonly every?: readonly string[];
}

/** Goes through the tensors with their `record`, `tensor_at`, `row` and `variant`; nothing where there is nothing to do. */
function tensorLoop(widths: Widths, { active, idle = [], every = [] }: Steps): string[] {
  if (active.length === 0) return [];
  const recordBytes = 4 * TENSOR_WORDS;
  return [
    set("record", `(i32.add ${get("tensors")} (i32.const ${recordBytes}))`),
    set("tensor_at", number(headerWord("firstTensor"))),
    set("left", headerWord("tensors")),
    "(block $all",
    "  (loop $next",
    `    (br_if $all (i32.eqz ${get("left")}))`,
    `    ${set("row", `(i32.add ${get("rows")} (i32.mul ${recordWord("row", get("record"))} (i32.const ${widths.row})))`)}`,
    `    ${set("variant", `(i32.trunc_sat_f32_u (f32.load ${get("row")}))`)}`,
    `    (if (i32.ne ${get("variant")} (i32.const ${IDLE_VARIANT})) (then`,
    ...active.map((line) => `      ${line}`),
    ...(idle.length === 0 ? [] : ["    ) (else", ...idle.map((line) => `      ${line}`)]),
    "    ))",
    `    ${set("record", `(i32.add ${get("record")} (i32.const ${recordBytes}))`)}`,
    `    ${set("tensor_at", `(i32.add ${get("tensor_at")} (i32.const ${widths.tensor}))`)}`,
    ...every.map((line) => `    ${line}`),
    `    ${set("left", `(i32.sub ${get("left")} (i32.const 1))`)}`,
    "    (br $next)))",
  ];
}

/** Remembers the row of the first tensor that takes part. */
const firstRow = `(if (i32.lt_s ${get("first_row")} (i32.const 0)) (then ${set("first_row", get("row"))}))`;

function foldLines({ folds }: Finish): string[] {
  const pieces = recordWord("pieces", get("record"));
  return folds.map(({ partial, by, slot }) => {
    const at = `(i32.add ${get("partials")} (i32.add (i32.mul ${get("partial_stride")} (i32.const ${partial})) (i32.shl ${recordWord("partial", get("record"))} (i32.const 2))))`;
    return `(f32.store ${scalarAddress({ of: "tensor", slot })} (call $${foldName(by)} ${at} ${pieces}))`;
  });
}

function callBodies(finish: string, of: "tensor" | "model", round: number, bodies: readonly (ScalarBody | null)[]): string[] {
  const args = `${get("scalars")} ${get("tensor_at")} ${get("row")}`;
  return bodies.flatMap((body, variant) =>
    body === null
      ? []
      : [`(if (i32.eq ${get("variant")} (i32.const ${variant})) (then (call $${bodyName(finish, of, round, variant)} ${args})))`],
  );
}

/** A number of each tensor goes to the work space, which is then folded. */
function totalLines({ totals }: Round, workSlot: number, widths: Widths): string[] {
  const work = `(i32.add ${get("partials")} (i32.mul ${get("partial_stride")} (i32.const ${workSlot})))`;
  return totals.flatMap(({ by, from, slot }) => [
    set("work_at", work),
    ...tensorLoop(widths, {
      active: [`(f32.store ${get("work_at")} (f32.load ${scalarAddress({ of: "tensor", slot: from })}))`],
      idle: [`(f32.store ${get("work_at")} (f32.const ${reducers[by].identity}))`],
      every: [set("work_at", `(i32.add ${get("work_at")} (i32.const 4))`)],
    }),
    `(f32.store ${scalarAddress({ of: "model", slot })} (call $${foldName(by)} ${work} ${headerWord("tensors")}))`,
  ]);
}

function modelLines(finish: string, round: number, { model }: Round): string[] {
  const calls = callBodies(finish, "model", round, model);
  if (calls.length === 0) return [];
  return [set("row", get("first_row")), set("variant", `(i32.trunc_sat_f32_u (f32.load ${get("row")}))`), ...calls];
}

const foldName = (by: Reducer) => `fold.${by}`;

/** The functions that fold numbers side by side, in place, those of a build's finishes. */
export function foldFunctions(finishes: readonly FinishPlace[]): string[][] {
  const used = new Set(
    finishes.flatMap(({ finish }) => [...finish.folds, ...finish.rounds.flatMap(({ totals }) => totals)].map(({ by }) => by)),
  );
  return [...used].toSorted().map((by) => {
    const { scalar, identity } = reducers[by];
    const first = `(i32.add ${get("at")} (i32.shl ${get("i")} (i32.const 2)))`;
    const second = `(i32.add ${first} (i32.shl ${get("stride")} (i32.const 2)))`;
    return [
      `(func $${foldName(by)} (param $at i32) (param $count i32) (result f32) (local $stride i32) (local $i i32)`,
      `  (if (i32.eqz ${get("count")}) (then (return (f32.const ${identity}))))`,
      `  ${set("stride", "(i32.const 1)")}`,
      "  (block $done",
      "    (loop $level",
      `      (br_if $done (i32.ge_u ${get("stride")} ${get("count")}))`,
      `      ${set("i", "(i32.const 0)")}`,
      "      (loop $pair",
      `        (f32.store ${first} (${scalar} (f32.load ${first}) (f32.load ${second})))`,
      `        ${set("i", `(i32.add ${get("i")} (i32.shl ${get("stride")} (i32.const 1)))`)}`,
      `        (br_if $pair (i32.lt_u (i32.add ${get("i")} ${get("stride")}) ${get("count")})))`,
      `      ${set("stride", `(i32.shl ${get("stride")} (i32.const 1))`)}`,
      "      (br $level)))",
      `  (f32.load ${get("at")}))`,
    ];
  });
}
