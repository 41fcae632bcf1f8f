// A sweep is an exported function that loops over chunks and calls its variant's function once for each pass: the engine's optimizing tier
// takes over between two calls, and each variant has locals of its own. A variant's function reads its coefficients and numbers once, then
// loops over vectors of four: load everything, compute, store everything. Unrolling by 2, 4 or 8 was measured on AdamW at 16Mi elements:
// no gain, memory is the limit.

import { CHUNK_FIELDS, CHUNK_WORDS, TENSOR_WORDS } from "../../../contract/manifest.js";
import { type EightBitFormat, QUANTIZED_BLOCK } from "../../../numeric/eight-bit.js";
import { isQuantized, type StorageFormat } from "../../../numeric/storage-formats.js";
import type { CellId, Ir, Value, ValueId } from "../../ir/value.js";
import type { ProgramPlan, SweepBody, VariantPlan } from "../../passes/plan.js";
import { type BodyNames, nameBody } from "../body-names.js";
import { measuringComputation, sweepComputation } from "../computation.js";
import { lineComment, watString } from "../escape.js";
import { type PrintedBody, printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { createNamer, type Namer } from "../namer.js";
import { passesOf, placeOf, type SweepPass, type SweepPlace, usesScalars, variantText } from "../sweeps.js";
import { randomLines, wasmDialect } from "./dialect.js";
import { formatLocals, groupBytes, loadLines, scaleLines, sizeOf, storeLines } from "./formats.js";
import { coefficientLine, get, headerWord, number, recordWord, scalarLine, set } from "./frame.js";
import { reductionLoop, reductionNames } from "./reduction-loop.js";

const word = (field: (typeof CHUNK_FIELDS)[number]) => `(i32.load offset=${4 * CHUNK_FIELDS.indexOf(field)} ${get("chunk")})`;

/** Parameters of a variant's function, with what the sweep's function gives; the latter's locals of the same names hold the rest. */
function always({ info }: PlannedBuild): readonly (readonly [string, string])[] {
  const elements = (part: "param" | "grad") => `(i32.mul ${word("param")} (i32.const ${groupBytes(info.formats[part])}))`;
  return [
    ["param_at", `(i32.add ${get("param")} ${elements("param")})`],
    ["grad_at", `(i32.add ${get("grad")} ${elements("grad")})`],
    ["states_at", `(i32.add ${get("state")} (i32.shl ${word("state")} (i32.const 4)))`],
    ["stride", word("stateStride")],
    ["place", word("place")],
  ];
}

const ofScalars = ["scalars", "tensor_at"];
const ofPartials = ["partial_at", "partial_stride"];

function parametersOf(build: PlannedBuild, body: SweepBody): readonly (readonly [string, string])[] {
  const reduces = body.partials.length > 0;
  const isRandom = randomOf(build, body) !== null;
  const own: readonly (readonly [string, string])[] = [
    ["count", word("count")],
    ["row", get("row")],
    ...(isRandom
      ? ([
          ["tensor", word("tensor")],
          ["first", word("first")],
        ] as const)
      : []),
    ...(body.scalars.length > 0 ? ofScalars : []).map((name) => [name, get(name)] as const),
    ...(reduces ? ofPartials : []).map((name) => [name, get(name)] as const),
  ];
  return [...always(build), ...own];
}

/** The random numbers of a body; null: there are none. */
function randomOf({ plan: { ir } }: PlannedBuild, { body }: SweepBody): Extract<Value, { kind: "random" }> | null {
  const id = body.find((candidate) => ir.values[candidate]!.kind === "random");
  return id === undefined ? null : (ir.values[id] as Extract<Value, { kind: "random" }>);
}

/** The functions of a sweep's variants, and the one that is called. */
export function sweepFunctions(build: PlannedBuild, place: SweepPlace): string[][] {
  const variants = passesOf(place.sweep).map((pass) => variantFunction(build, place.program, pass, place.name + pass.suffix));
  return [...variants, sweepFunction(build, place)];
}

function sweepFunction(build: PlannedBuild, { name, program, sweep }: SweepPlace): string[] {
  const { plan } = build;
  const shared = always(build).length;
  const calls = passesOf(sweep).flatMap(({ variant, body, suffix }) => {
    const given = parametersOf(build, body).map(([, value]) => value);
    return [
      `      (if (i32.eq ${get("variant")} (i32.const ${variant})) (then (call $${name}${suffix}`,
      ...given.slice(0, shared).map((value) => `        ${value}`),
      `        ${given.slice(shared).join(" ")})))`,
    ];
  });
  const scalars = usesScalars(sweep);
  const locals = scalars ? ["tensor_at", "partial_at", "partial_stride"] : [];
  return [
    ";; Addresses in bytes; `count` chunks.",
    `(func $${name} (export ${watString(name)}) (param $param i32) (param $grad i32) (param $state i32) (param $chunk i32) (param $count i32) (param $rows i32)${scalars ? " (param $scalars i32) (param $tensors i32)" : ""}`,
    `  (local $row i32) (local $variant i32)${locals.map((local) => ` (local $${local} i32)`).join("")}`,
    ...(scalars ? [`  ${set("partial_stride", `(i32.shl ${headerWord("places")} (i32.const 2))`)}`] : []),
    "  (block $done",
    "    (loop $next",
    `      (br_if $done (i32.eqz ${get("count")}))`,
    `      (local.set $row (i32.add ${get("rows")} (i32.mul ${word("row")} (i32.const ${4 * program.rowWidth}))))`,
    `      (local.set $variant (i32.trunc_sat_f32_u (f32.load ${get("row")})))`,
    ...(scalars ? placeLines(plan.scalars!.tensor).map((line) => `      ${line}`) : []),
    ...calls,
    `      (local.set $chunk (i32.add ${get("chunk")} (i32.const ${4 * CHUNK_WORDS})))`,
    `      (local.set $count (i32.sub ${get("count")} (i32.const 1)))`,
    "      (br $next))))",
  ];
}

/** Where the numbers of the chunk's tensor begin, and the chunk's place in the first partial slot. */
function placeLines(slots: number): string[] {
  const record = `(i32.add ${get("tensors")} (i32.mul (i32.add ${word("tensor")} (i32.const 1)) (i32.const ${4 * TENSOR_WORDS})))`;
  return [
    set("tensor_at", number(`(i32.add ${headerWord("firstTensor")} (i32.mul ${word("tensor")} (i32.const ${slots})))`)),
    set("partial_at", number(`(i32.add ${headerWord("firstPartial")} (i32.add ${recordWord("partial", record)} ${word("piece")}))`)),
  ];
}

/** Where a cell's elements are: the address of the chunk's first four, and how many bytes four have. */
interface Cursor {
  readonly name: string;
  /** Null: a parameter of the function, or another cell's cursor. */
  readonly start: string | null;
  readonly format: StorageFormat;
  /** Of an 8-bit state: the address of the chunk's first scale, and the block's scale as it was. */
  readonly scales: { readonly name: string; readonly start: string; readonly scale: string } | null;
}

function variantFunction(build: PlannedBuild, program: ProgramPlan, { variant: number, body }: SweepPass, name: string): string[] {
  const { ir } = build.plan;
  const variant = program.variants[number]!;
  const reduces = body.partials.length > 0;
  const computation = reduces
    ? sweepComputation(build.plan, program, number, body)
    : measuringComputation(build.plan, program, number, body);
  const parameters = parametersOf(build, body).map(([parameter]) => parameter);
  const taken = [...parameters, "next", "left", "element", "random", "random_key", ...formatLocals, ...blockNames];
  const namer = createNamer("wat", [...taken, ...(reduces ? reductionNames : [])]);
  const names = nameBody(ir, computation, namer);
  const printed = printBody(ir, computation, names, wasmDialect);
  const cursors = nameCursors(build, variant, body, namer);
  const random = randomOf(build, body);
  const parts: LoopParts = { build, body, names, printed, cursors, isRandom: random !== null };
  const loop = reduces ? reducingLoop(parts, namer) : computation.measured.length > 0 ? blockLoop(parts, namer) : elementLoop(parts);
  const usesFormats = [...cursors.values()].some(({ format }) => format !== "f32");
  const vectorLocals = [
    ...names.coefficients.values(),
    ...names.scalars.values(),
    ...names.loads.values(),
    ...printed.locals,
    ...(usesFormats ? formatLocals : []),
    ...[...cursors.values()].flatMap(({ scales }) => (scales === null ? [] : [scales.scale])),
  ];
  const starts = [...cursors.values()].flatMap(({ name, start, scales }): [string, string][] => [
    ...(start === null ? [] : [[name, start] as [string, string]]),
    ...(scales === null ? [] : [[scales.name, scales.start] as [string, string]]),
  ]);
  const condition = variantText(ir, variant);
  const seeds = random === null ? null : [random.seed, random.step].map((id) => hostNumber(ir, id, names));
  return [
    ...(condition === "" ? [] : lineComment(";;", condition)),
    `(func $${name} ${parameters.map((parameter) => `(param $${parameter} i32)`).join(" ")}`,
    ...vectorLocals.map((local) => `  (local $${local} v128)`),
    ...starts.map(([local]) => `  (local $${local} i32)`),
    ...(random === null ? [] : ["  (local $random_key i32) (local $element i32) (local $random v128)"]),
    ...loop.locals.map((local) => `  ${local}`),
    `  (if (i32.eqz ${get("count")}) (then (return)))`,
    ...body.coefficients.map((coefficient) => `  ${coefficientLine(ir, coefficient, names)}`),
    ...body.scalars.map((scalar) => `  ${scalarLine(scalar, names)}`),
    ...printed.head.map((line) => `  ${line}`),
    ...starts.map(([local, start]) => `  ${set(local, start)}`),
    ...(seeds === null ? [] : [`  ${set("random_key", `(call $random_key ${seeds.join(" ")} ${get("tensor")})`)}`]),
    ...loop.lines.map((line, i) => `  ${line}${i === loop.lines.length - 1 ? ")" : ""}`),
  ];
}

/** A whole number of the host's as an integer. */
function hostNumber(ir: Ir, id: ValueId, names: BodyNames): string {
  const value = ir.values[id]!;
  const text = value.kind === "literal" ? wasmDialect.literal(value.value) : get(names.coefficients.get(id)!);
  return `(i32.trunc_sat_f32_u (f32x4.extract_lane 0 ${text}))`;
}

interface LoopParts {
  readonly build: PlannedBuild;
  readonly body: SweepBody;
  readonly names: BodyNames;
  readonly printed: PrintedBody;
  readonly cursors: ReadonlyMap<CellId, Cursor>;
  readonly isRandom: boolean;
}

interface Loop {
  readonly locals: readonly string[];
  readonly lines: readonly string[];
}

const vectorCount = `(i32.shr_u (i32.add ${get("count")} (i32.const 3)) (i32.const 2))`;

/** Loads of a body, or of some of its cells. */
function loadsOf({ body, names, cursors }: LoopParts, address: (cell: CellId) => string, some?: ReadonlySet<CellId>): string[] {
  return body.loads
    .filter(({ cell }) => some === undefined || some.has(cell))
    .flatMap(({ cell }) => {
      const { format, scales } = cursors.get(cell)!;
      return loadLines(format, address(cell), names.loads.get(cell)!, scales?.scale ?? "");
    });
}

/** Four elements after the other; every cursor advances. */
function elementLoop(parts: LoopParts): Loop {
  const { body, printed, cursors, isRandom } = parts;
  const at = (cell: CellId) => get(cursors.get(cell)!.name);
  const steps = new Map([...cursors.values()].map(({ name, format }) => [name, groupBytes(format)]));
  // An 8-bit state that is only read has a scale for every 64 groups.
  const scales = [...cursors.values()].flatMap((cursor) => (cursor.scales === null ? [] : [cursor.scales]));
  const stores = body.stores.flatMap(({ cell }, i) => storeLines(cursors.get(cell)!.format, at(cell), printed.stored[i]!, null));
  const groups = QUANTIZED_BLOCK / 4;
  return {
    locals: ["(local $left i32)", ...(scales.length > 0 ? ["(local $group i32)"] : [])],
    lines: [
      set("left", vectorCount),
      ...(isRandom ? [set("element", get("first"))] : []),
      "(loop $next",
      ...scales.flatMap(({ name, scale }) => [
        `  ${set(scale, `(v128.load32_splat (i32.add ${get(name)} (i32.shl (i32.div_u ${get("group")} (i32.const ${groups})) (i32.const 2))))`)}`,
      ]),
      ...(isRandom ? randomLines.map(indent) : []),
      ...[...loadsOf(parts, at), "", ...printed.lines, "", ...stores].map(indent),
      ...[...steps].map(([name, bytes]) => `  ${set(name, `(i32.add ${get(name)} (i32.const ${bytes}))`)}`),
      ...(scales.length > 0 ? [`  ${set("group", `(i32.add ${get("group")} (i32.const 1))`)}`] : []),
      ...(isRandom ? [`  ${set("element", `(i32.add ${get("element")} (i32.const 4))`)}`] : []),
      `  (br_if $next (local.tee $left (i32.sub ${get("left")} (i32.const 1)))))`,
    ],
  };
}

/** By the tree of reductions: `offset` is of f32. */
function reducingLoop(parts: LoopParts, namer: Namer): Loop {
  const { body, printed, cursors, isRandom } = parts;
  const at = (cell: CellId) => {
    const { name, format } = cursors.get(cell)!;
    const narrower = Math.log2(16 / groupBytes(format));
    return `(i32.add ${get(name)} ${narrower === 0 ? get("offset") : `(i32.shr_u ${get("offset")} (i32.const ${narrower}))`})`;
  };
  const scales = [...cursors.values()].flatMap((cursor) => (cursor.scales === null ? [] : [cursor.scales]));
  return reductionLoop(
    {
      loads: [
        ...(isRandom ? [set("element", `(i32.add ${get("first")} (i32.shr_u ${get("offset")} (i32.const 2)))`), ...randomLines] : []),
        ...scales.map(({ name, scale }) => {
          const block = `(i32.shl (i32.div_u ${get("offset")} (i32.const ${4 * QUANTIZED_BLOCK})) (i32.const 2))`;
          return set(scale, `(v128.load32_splat (i32.add ${get(name)} ${block}))`);
        }),
        ...loadsOf(parts, at),
      ],
      lines: printed.lines,
      stores: body.stores.flatMap(({ cell }, i) => storeLines(cursors.get(cell)!.format, at(cell), printed.stored[i]!, null)),
      partials: body.partials.map(({ slot, by }, i) => ({ slot, by, value: printed.reduced[i]! })),
    },
    namer,
  );
}

/** Of the loop over blocks. */
const blockNames = ["block", "groups", "i", "mask", "group"];

/** Block by block: what is kept in blocks is measured, then everything is computed and stored. */
function blockLoop(parts: LoopParts, namer: Namer): Loop {
  const { body, printed, cursors, isRandom } = parts;
  const groups = QUANTIZED_BLOCK / 4;
  const at = (cell: CellId) => {
    const { name, format } = cursors.get(cell)!;
    return `(i32.add ${get(name)} (i32.shl ${get("i")} (i32.const ${Math.log2(groupBytes(format))})))`;
  };
  const blocks = new Map(
    body.stores.flatMap(({ cell }) => {
      if (!isQuantized(cursors.get(cell)!.format)) return [];
      const local = (what: string) => namer(`${parts.build.plan.ir.cells[cell]!.name}_${what}`);
      return [[cell, { largest: local("largest"), fits: local("fits"), scale: local("scale") }] as const];
    }),
  );
  const old = [...cursors.values()].flatMap((cursor) => (cursor.scales === null ? [] : [cursor.scales]));
  const element = isRandom
    ? [set("element", `(i32.add ${get("first")} (i32.shl (i32.add ${get("block")} ${get("i")}) (i32.const 2)))`), ...randomLines]
    : [];
  const measured = [...blocks].map(([cell, { largest }], k) => {
    const size = sizeOf(cursors.get(cell)!.format as EightBitFormat, get("kept"));
    return [set("kept", printed.measuring.values[k]!), set(largest, `(i32x4.max_u ${get(largest)} (v128.and ${size} ${get("mask")}))`)];
  });
  const stores = body.stores.flatMap(({ cell }, k) =>
    storeLines(cursors.get(cell)!.format, at(cell), printed.stored[k]!, blocks.get(cell) ?? null),
  );
  const each = (label: string, lines: readonly string[]) => [
    set("i", "(i32.const 0)"),
    `(loop $${label}`,
    ...[...element, ...lines].map((line) => `  ${line}`),
    `  (br_if $${label} (i32.lt_u (local.tee $i (i32.add ${get("i")} (i32.const 1))) ${get("groups")})))`,
  ];
  // Lanes beyond the chunk's last element have no part in a block's scale.
  const left = `(i32.sub ${get("count")} (i32.shl (i32.add ${get("block")} ${get("i")}) (i32.const 2)))`;
  const mask = set("mask", `(i32x4.gt_s (i32x4.splat ${left}) (v128.const i32x4 0 1 2 3))`);
  const advance = new Map([...cursors.values()].map(({ name, format }) => [name, groups * groupBytes(format)]));
  const steps = [...advance, ...old.map(({ name }) => [name, 4] as const)];
  return {
    locals: [
      ...["block", "groups", "i"].map((name) => `(local $${name} i32)`),
      "(local $mask v128)",
      ...[...blocks.values()].flatMap(({ largest, fits, scale }) => [
        `(local $${largest} v128)`,
        `(local $${fits} v128)`,
        `(local $${scale} f32)`,
      ]),
    ],
    lines: [
      "(loop $next",
      `  ${set("groups", `(i32.sub ${vectorCount} ${get("block")})`)}`,
      `  ${set("groups", `(select ${get("groups")} (i32.const ${groups}) (i32.lt_u ${get("groups")} (i32.const ${groups})))`)}`,
      ...old.map(({ name, scale }) => `  ${set(scale, `(v128.load32_splat ${get(name)})`)}`),
      ...[...blocks.values()].map(({ largest }) => `  ${set(largest, "(v128.const i32x4 0 0 0 0)")}`),
      ...each("measure", [mask, ...loadsOf(parts, at, printed.measuring.loads), ...printed.measuring.lines, ...measured.flat()]).map(
        indent,
      ),
      ...[...blocks.values()].flatMap(scaleLines).map(indent),
      ...each("store", [...loadsOf(parts, at), "", ...printed.lines, "", ...stores]).map(indent),
      ...[...blocks].map(([cell, { scale }]) => `  (f32.store ${get(cursors.get(cell)!.scales!.name)} ${get(scale)})`),
      ...steps.map(([name, bytes]) => `  ${set(name, `(i32.add ${get(name)} (i32.const ${bytes}))`)}`),
      `  (br_if $next (i32.lt_u (local.tee $block (i32.add ${get("block")} (i32.const ${groups}))) ${vectorCount})))`,
    ],
  };
}

const indent = (line: string) => (line === "" ? "" : `  ${line}`);

function nameCursors(build: PlannedBuild, variant: VariantPlan, body: SweepBody, namer: Namer): ReadonlyMap<CellId, Cursor> {
  const cursors = new Map<CellId, Cursor>();
  for (const { cell } of [...body.loads, ...body.stores]) {
    if (cursors.has(cell)) continue;
    const place = placeOf(build.plan, variant, cell);
    const { format } = place;
    if (place.part !== "state") {
      cursors.set(cell, { name: `${place.part}_at`, start: null, format, scales: null });
      continue;
    }
    const own = build.plan.ir.cells[cell]!.name;
    const elements = `(i32.mul ${get("place")} (i32.const ${groupBytes(format)}))`;
    const start = `(i32.add ${stateAddress(place.offset)} ${elements})`;
    const scales = !isQuantized(format)
      ? null
      : {
          name: namer(`${own}_scales`),
          start: `(i32.add ${stateAddress(place.offset + 1)} (i32.shr_u ${get("place")} (i32.const ${Math.log2(QUANTIZED_BLOCK / 16)})))`,
          scale: namer(`old_${own}_scale`),
        };
    cursors.set(cell, { name: namer(`${own}_at`), start, format, scales });
  }
  return cursors;
}

/** Where a state of a segment begins: `stride` counts groups of 4 elements, a multiple of 64. */
function stateAddress(offset: number): string {
  if (offset === 0) return get("states_at");
  const before = Number.isInteger(4 * offset)
    ? `(i32.mul ${get("stride")} (i32.const ${4 * offset}))`
    : `(i32.mul (i32.shr_u ${get("stride")} (i32.const 6)) (i32.const ${256 * offset}))`;
  return `(i32.add ${get("states_at")} ${before})`;
}
