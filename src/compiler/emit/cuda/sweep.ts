// The CUDA frame of a sweep. A block takes a chunk; its class's row says which variant it runs. float4 where all pointers of the tensor
// stand on 16 bytes, single floats elsewhere and in tails: the same bits. In a sweep that reduces, thread 8 l + c of a block of 128 takes
// every eighth vector of leaf l from c on, so that its four sums are lanes 4c .. 4c+3 of the leaf.

import { CHUNK_ELEMENTS, LEAF_ELEMENTS, LEAF_LANES } from "../../../contract/manifest.js";
import type { CellId } from "../../ir/value.js";
import type { ProgramPlan, SweepBody } from "../../passes/plan.js";
import { nameBody } from "../body-names.js";
import { sweepComputation } from "../computation.js";
import { lineComment } from "../escape.js";
import { type PrintedBody, printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { unwrap } from "../infix.js";
import { createNamer } from "../namer.js";
import { type CellPlace, placeOf, type SweepPlace, usesScalars, variantText } from "../sweeps.js";
import { cudaDialect } from "./dialect.js";
import { coefficientLine, declaredNames } from "./frame.js";
import { placeText, reducerNames } from "./scalars.js";

/** What the frame calls its own things where a spec's names also stand. */
const frameNames = ["Tensor", "Chunk", "tensor", "row", "first", "count", "update", "vectors", "i"];
const scalarNames = [
  "ScalarTable",
  "ScalarRecord",
  "model",
  "numbers",
  "scalars",
  "table",
  "partial",
  "result",
  "element",
  "e",
  "leaf_end",
];

/** The functions of a sweep; the last one, `NAME_chunk`, is what the kernels call. */
export function sweepFunctions(build: PlannedBuild, place: SweepPlace): string[] {
  return [...variantFunctions(build, place), chooseVariant(build, place)];
}

/** Parameters that only some bodies need, with what the caller gives. */
function extraParameters({ scalars, partials }: SweepBody): readonly (readonly [type: string, name: string, value: string])[] {
  return [
    ...(scalars.length > 0
      ? ([
          ["const float*", "model", "scalars"],
          ["const float*", "numbers", "numbers"],
        ] as const)
      : []),
    ...(partials.length > 0
      ? ([
          ["float*", "scalars", "scalars"],
          ["const ScalarTable*", "table", "table"],
        ] as const)
      : []),
  ];
}

function variantFunctions(build: PlannedBuild, { name, program, sweep }: SweepPlace): string[] {
  return sweep.bodies.flatMap((body, variant) =>
    body === null ? [] : [variantFunction(build, program, variant, body, `${name}_variant${variant}`)],
  );
}

/** A cell that a body touches: the pointer to its elements, and what the body calls an element as it was and as it will be. */
interface Range {
  readonly cell: CellId;
  readonly place: CellPlace;
  readonly pointer: string;
  readonly loaded: string | null;
  readonly stored: string | null;
}

function variantFunction(build: PlannedBuild, program: ProgramPlan, number: number, body: SweepBody, name: string): string {
  const { ir } = build.plan;
  const variant = program.variants[number]!;
  const computation = sweepComputation(build.plan, program, number, body);
  const places = cellsOf(body).map((cell) => ({ cell, place: placeOf(build.plan, variant, cell) }));
  const pointers = places.map(({ place }) => pointerOf(place));
  const extra = extraParameters(body);
  const totals = body.partials.map((_, i) => `total${i}`);
  const taken = [...frameNames, ...(extra.length > 0 ? scalarNames : []), ...pointers, ...pointers.map(vectorOf), ...declaredNames];
  const namer = createNamer("cpp", [...taken, ...totals, ...totals.map(sumsOf), ...build.sweepNames.values()]);
  const names = nameBody(ir, computation, namer);
  const printed = printBody(ir, computation, names, cudaDialect);
  const ranges = places.map(({ cell, place }, i): Range => {
    const isStored = body.stores.some((store) => store.cell === cell);
    const stored = isStored ? namer(`next_${ir.cells[cell]!.name}`) : null;
    return { cell, place, pointer: pointers[i]!, loaded: names.loads.get(cell) ?? null, stored };
  });
  const text = variantText(ir, variant);
  return [
    ...(text === "" ? [] : lineComment("//", text)),
    `static __device__ __forceinline__ void ${name}(const Tensor& tensor, const float* row, unsigned long long first, unsigned int count${extra.map(([type, parameter]) => `, ${type} ${parameter}`).join("")}) {`,
    ...body.coefficients.map((coefficient) => `  ${coefficientLine(ir, coefficient, names)}`),
    ...body.scalars.map(({ value, place }) => `  const float ${names.scalars.get(value)} = ${placeText(place)};`),
    ...printed.head.map((line) => `  ${line}`),
    // One number lives through the loop, and no more of where the result goes.
    ...(totals.length > 0 ? [`  const unsigned int place = tensor.place + static_cast<unsigned int>(first / ${CHUNK_ELEMENTS}u);`] : []),
    ...ranges.map(
      ({ pointer, place }) => `  ${place.part === "grad" ? "const " : ""}float* __restrict__ ${pointer} = ${addressOf(place)};`,
    ),
    ...pointers.map((pointer) => `  __builtin_assume(__isGlobal(${pointer}));`),
    "",
    ...updateLines(ranges, body, printed, totals).map((line) => `  ${line}`),
    "",
    ...(totals.length > 0 ? reductionLines(ranges, body, totals) : loopLines(ranges)).map((line) => `  ${line}`),
    "}",
  ].join("\n");
}

/** Every cell that a body loads or stores, once. */
function cellsOf(body: SweepBody): readonly CellId[] {
  return [...new Set([...body.loads.map(({ cell }) => cell), ...body.stores.map(({ cell }) => cell)])];
}

function pointerOf(place: CellPlace): string {
  return place.part === "state" ? `states${place.slot}` : `${place.part}s`;
}

const vectorOf = (pointer: string) => `${pointer}_4`;
const elementOf = (pointer: string) => `${pointer}_1`;
/** Four of a leaf's lanes. */
const sumsOf = (total: string) => `${total}_4`;

function addressOf(place: CellPlace): string {
  switch (place.part) {
    case "param":
    case "grad":
      return `tensor.${place.part} + first`;
    case "state":
      return `tensor.state + ${["", "tensor.state_stride + "][place.slot] ?? `${place.slot} * tensor.state_stride + `}first`;
    default:
      return place satisfies never;
  }
}

/** What happens to one element: all that was loaded comes in by value, all that is stored goes out. */
function updateLines(ranges: readonly Range[], body: SweepBody, printed: PrintedBody, totals: readonly string[]): string[] {
  const loaded = ranges.flatMap((range) => (range.loaded === null ? [] : [`float ${range.loaded}`]));
  const stored = ranges.flatMap((range) => (range.stored === null ? [] : [`float& ${range.stored}`]));
  const reduced = totals.map((total) => `float& ${total}`);
  return [
    `const auto update = [=](${[...loaded, ...stored, ...reduced].join(", ")}) {`,
    ...printed.lines.map((line) => `  ${line}`),
    ...body.stores.map(({ cell }, i) => {
      return `  ${ranges.find((range) => range.cell === cell)!.stored} = ${unwrap(printed.stored[i]!)};`;
    }),
    ...body.partials.map(({ by }, i) => `  ${totals[i]} = ${reducerNames[by]}::of(${totals[i]}, ${unwrap(printed.reduced[i]!)});`),
    "};",
  ];
}

function vectorsLine(ranges: readonly Range[]): string {
  const bits = ranges.map(({ pointer }) => `reinterpret_cast<unsigned long long>(${pointer})`).join(" | ");
  return `const unsigned int vectors = ((${bits || "0u"}) & 15u) == 0u ? count / 4u : 0u;`;
}

/** Four elements at a time, and one. */
const members = ["x", "y", "z", "w"] as const;

function vectorPass(ranges: readonly Range[], totals: readonly string[]): string[] {
  const place = ({ pointer, place: { part } }: Range) => `reinterpret_cast<${part === "grad" ? "const " : ""}float4*>(${pointer})[i]`;
  const sums = (member: string) => totals.map((total) => sumsOf(total) + member);
  return pass(ranges, { type: "float4", name: vectorOf, place, members: members.map((member) => `.${member}`), totals: sums });
}

function elementPass(ranges: readonly Range[], index: string, totals: readonly string[]): string[] {
  return pass(ranges, {
    type: "float",
    name: elementOf,
    place: ({ pointer }) => `${pointer}[${index}]`,
    members: [""],
    totals: () => totals,
  });
}

/** The loop over four elements at a time, and the one over what is left of them. */
function loopLines(ranges: readonly Range[]): string[] {
  return [
    vectorsLine(ranges),
    "for (unsigned int i = threadIdx.x; i < vectors; i += blockDim.x) {",
    ...vectorPass(ranges, []),
    "}",
    "for (unsigned int i = vectors * 4u + threadIdx.x; i < count; i += blockDim.x) {",
    ...elementPass(ranges, "i", []),
    "}",
  ];
}

/** The same for a leaf's lanes, and what becomes of their sums. */
function reductionLines(ranges: readonly Range[], { partials }: SweepBody, totals: readonly string[]): string[] {
  const columns = LEAF_LANES / 4;
  const leaf = LEAF_ELEMENTS / 4;
  return [
    ...partials.map(({ by }, i) => {
      const nothing = `${reducerNames[by]}::nothing()`;
      return `float4 ${sumsOf(totals[i]!)} = {${members.map(() => nothing).join(", ")}};`;
    }),
    vectorsLine(ranges),
    `const unsigned int leaf_end = (threadIdx.x / ${columns}u + 1u) * ${leaf}u;`,
    `unsigned int i = leaf_end - ${leaf}u + threadIdx.x % ${columns}u;`,
    `for (; i < vectors && i < leaf_end; i += ${columns}u) {`,
    ...vectorPass(ranges, totals),
    "}",
    `const auto element = [=](${["unsigned int e", ...totals.map((total) => `float& ${total}`)].join(", ")}) {`,
    "  if (e >= count) return;",
    ...elementPass(ranges, "e", totals),
    "};",
    `for (; 4u * i < count && i < leaf_end; i += ${columns}u) {`,
    ...members.map((member, c) => `  element(${[`4u * i + ${c}u`, ...totals.map((total) => `${sumsOf(total)}.${member}`)].join(", ")});`),
    "}",
    "float* partial = scalars + table->first_partial + place;",
    ...partials.flatMap(({ slot, by }, i) => [
      "{",
      `  const float result = reduce_block<${reducerNames[by]}>(${sumsOf(totals[i]!)});`,
      `  if (threadIdx.x == 0u) partial[${slot}ull * table->places] = result;`,
      "}",
    ]),
  ];
}

interface Pass {
  readonly type: "float4" | "float";
  readonly name: (pointer: string) => string;
  readonly place: (range: Range) => string;
  readonly members: readonly string[];
  /** The sums that a member's numbers are added to. */
  readonly totals: (member: string) => readonly string[];
}

/** Loads everything once, updates each element, stores everything once. */
function pass(ranges: readonly Range[], { type, name, place, members, totals }: Pass): string[] {
  const loaded = ranges.filter((range) => range.loaded !== null);
  const stored = ranges.filter((range) => range.stored !== null);
  const operands = (member: string) =>
    [...[...loaded, ...stored].map(({ pointer }) => name(pointer) + member), ...totals(member)].join(", ");
  return [
    ...ranges.map((range) => `  ${type} ${name(range.pointer)}${range.loaded === null ? "" : ` = ${place(range)}`};`),
    ...members.map((member) => `  update(${operands(member)});`),
    ...stored.map((range) => `  ${place(range)} = ${name(range.pointer)};`),
  ];
}

/** Runs the variant of a tensor's class on a chunk; an idle class, or a variant that is not here, has nothing to do. */
function chooseVariant({ plan }: PlannedBuild, { name, sweep }: SweepPlace): string {
  const cases = sweep.bodies.flatMap((body, variant) => {
    if (body === null) return [];
    const given = ["tensor", "row", "first", "count", ...extraParameters(body).map(([, , value]) => value)];
    return [`    case ${variant}u: return ${name}_variant${variant}(${given.join(", ")});`];
  });
  const needs = new Set(sweep.bodies.flatMap((body) => (body === null ? [] : extraParameters(body).map(([, parameter]) => parameter))));
  const index = `static_cast<unsigned long long>(tensor.index) * ${plan.scalars?.tensor}u`;
  const lines = [...(needs.has("numbers") ? [`  const float* numbers = scalars + table->first_tensor + ${index};`] : [])];
  return `static __device__ __forceinline__ void ${name}_chunk(const Tensor& tensor, const float* row, unsigned long long first, unsigned int count${usesScalars(sweep) ? ", float* scalars, const ScalarTable* table" : ""}) {
${lines.map((line) => `${line}\n`).join("")}  switch (static_cast<unsigned int>(row[0])) {
${cases.join("\n")}
  }
}`;
}
