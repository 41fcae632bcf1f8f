// The CUDA frame of a sweep. A block takes a chunk; its class's row says which variant it runs. Four elements at once where all pointers
// of the tensor allow it (eight where all are of 16 bits), single ones elsewhere and in tails: the same bits. In a sweep that reduces, thread
// 8 l + c of a block of 128 takes every eighth group of four of leaf l from c on, so that its four sums are lanes 4c .. 4c+3 of the leaf.

import { LEAF_ELEMENTS, LEAF_LANES } from "../../../contract/manifest.js";
import { isQuantized } from "../../../numeric/storage-formats.js";
import type { CellId } from "../../ir/value.js";
import type { SweepBody, VariantPlan } from "../../passes/plan.js";
import { nameBody } from "../body-names.js";
import { sweepComputation } from "../computation.js";
import { lineComment } from "../escape.js";
import { type PrintedBody, printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { unwrap } from "../infix.js";
import { createNamer } from "../namer.js";
import { type CellPlace, passesOf, placeOf, reduces, type SweepPass, type SweepPlace, usesScalars, variantText } from "../sweeps.js";
import { blockLines, blockNames, goesByBlocks, halvesOf, largestOf, nextOf, scaleOf } from "./blocks.js";
import { cudaDialect, elementNames } from "./dialect.js";
import { widthOf } from "./formats.js";
import { coefficientLine, declaredNames } from "./frame.js";
import { statesAreFloats } from "./memory.js";
import {
  addressOf,
  eightElements,
  fourElements,
  groupsText,
  loadLines,
  oneElement,
  pointerType,
  type Range,
  scalesAddress,
  storeLines,
  updateCalls,
  vectorOf,
} from "./ranges.js";
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
  "place",
  "partial",
  "result",
  "element",
  "e",
  "leaf_end",
];

/** The functions of a sweep; the last one, `NAME_chunk`, is what the kernels call. */
export function sweepFunctions(build: PlannedBuild, place: SweepPlace): string[] {
  return [...passesOf(place.sweep).map((pass) => passFunction(build, place, pass)), chooseVariant(build, place)];
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
          ["unsigned int", "place", "place"],
        ] as const)
      : []),
  ];
}

/** What the elements of a chunk are counted from in their tensor. */
const COUNTED_FROM = "first_element";

/** The function of a pass. */
function passFunction(build: PlannedBuild, { name, program }: SweepPlace, { variant: number, body, suffix }: SweepPass): string {
  const { ir } = build.plan;
  const variant = program.variants[number]!;
  const computation = sweepComputation(build.plan, program, number, body);
  const places = cellsOf(body).map((cell) => ({ cell, place: placeOf(build.plan, variant, cell) }));
  const pointers = places.map(({ place }) => pointerOf(place, variant));
  const scales = places.map(({ place }, i) => (isQuantized(place.format) ? `scales${pointers[i]!.slice("states".length)}` : null));
  const extra = extraParameters(body);
  const totals = body.partials.map((_, i) => `total${i}`);
  const isRandom = body.body.some((id) => ir.values[id]!.kind === "random");
  const inBlocks = body.stores.some(({ cell }) => isQuantized(ir.cells[cell]!.format));
  const taken = [
    ...frameNames,
    ...(extra.length > 0 ? scalarNames : []),
    ...(isRandom ? [COUNTED_FROM, ...elementNames] : []),
    ...(inBlocks ? blockNames : []),
    ...pointers.flatMap((pointer) => [pointer, ...localsOf(pointer, inBlocks)]),
    ...scales.filter((pointer) => pointer !== null),
    ...declaredNames,
  ];
  const namer = createNamer("cpp", [...taken, ...totals, ...totals.map(sumsOf), ...build.sweepNames.values()]);
  const names = nameBody(ir, computation, namer);
  const printed = printBody(ir, computation, names, cudaDialect);
  const ranges = places.map(({ cell, place }, i): Range => {
    const isStored = body.stores.some((store) => store.cell === cell);
    const stored = isStored ? namer(`next_${ir.cells[cell]!.name}`) : null;
    return { cell, place, pointer: pointers[i]!, scales: scales[i]!, loaded: names.loads.get(cell) ?? null, stored };
  });
  const isFloats = statesAreFloats(build.plan);
  const text = variantText(ir, variant);
  const countsFrom = isRandom ? COUNTED_FROM : null;
  return [
    ...(text === "" ? [] : lineComment("//", text)),
    `static __device__ __forceinline__ void ${name}${suffix}(const Tensor& tensor, const float* row, unsigned long long first, unsigned int count${extra.map(([type, parameter]) => `, ${type} ${parameter}`).join("")}) {`,
    ...body.coefficients.map((coefficient) => `  ${coefficientLine(ir, coefficient, names)}`),
    ...body.scalars.map(({ value, place }) => `  const float ${names.scalars.get(value)} = ${placeText(place)};`),
    ...printed.head.map((line) => `  ${line}`),
    ...(isRandom
      ? [
          `  const unsigned int ${elementNames[0]} = tensor.index;`,
          `  const unsigned int ${COUNTED_FROM} = tensor.start + static_cast<unsigned int>(first);`,
        ]
      : []),
    ...ranges.flatMap((range) => pointerLines(range, isFloats)).map((line) => `  ${line}`),
    ...ranges.flatMap(({ pointer, scales: behind }) => [pointer, ...(behind === null ? [] : [behind])].map(assumeGlobal)),
    "",
    ...updateLines(ranges, body, printed, totals, isRandom).map((line) => `  ${line}`),
    "",
    ...loops(ranges, body, totals, countsFrom).map((line) => `  ${line}`),
    "}",
  ].join("\n");
}

const assumeGlobal = (pointer: string) => `  __builtin_assume(__isGlobal(${pointer}));`;

/** Locals of the loops, by the pointer to what they hold. */
function localsOf(pointer: string, inBlocks: boolean): readonly string[] {
  return [vectorOf(pointer), ...(inBlocks ? [...halvesOf(pointer), scaleOf(pointer), nextOf(pointer), largestOf(pointer)] : [])];
}

function pointerLines(range: Range, isFloats: boolean): string[] {
  const { place, pointer, scales } = range;
  return [
    `${pointerType(range)} __restrict__ ${pointer} = ${addressOf(place, isFloats)};`,
    ...(scales !== null && place.part === "state" ? [`float* __restrict__ ${scales} = ${scalesAddress(place.offset)};`] : []),
  ];
}

/** Every cell that a body loads or stores, once. */
function cellsOf(body: SweepBody): readonly CellId[] {
  return [...new Set([...body.loads.map(({ cell }) => cell), ...body.stores.map(({ cell }) => cell)])];
}

/** States are numbered as they stand in memory. */
function pointerOf(place: CellPlace, { stateOffsets }: VariantPlan): string {
  if (place.part !== "state") return `${place.part}s`;
  return `states${[...stateOffsets.values()].filter((offset) => offset < place.offset).length}`;
}

/** Four of a leaf's lanes. */
const sumsOf = (total: string) => `${total}_4`;

/** What happens to one element: all that was loaded comes in by value, all that is stored goes out. */
function updateLines(
  ranges: readonly Range[],
  body: SweepBody,
  printed: PrintedBody,
  totals: readonly string[],
  isRandom: boolean,
): string[] {
  const number = isRandom ? [`unsigned int ${elementNames[1]}`] : [];
  const loaded = ranges.flatMap((range) => (range.loaded === null ? [] : [`float ${range.loaded}`]));
  const stored = ranges.flatMap((range) => (range.stored === null ? [] : [`float& ${range.stored}`]));
  const reduced = totals.map((total) => `float& ${total}`);
  return [
    `const auto update = [=](${[...number, ...loaded, ...stored, ...reduced].join(", ")}) {`,
    ...printed.lines.map((line) => `  ${line}`),
    ...body.stores.map(({ cell }, i) => {
      return `  ${ranges.find((range) => range.cell === cell)!.stored} = ${unwrap(printed.stored[i]!)};`;
    }),
    ...body.partials.map(({ by }, i) => `  ${totals[i]} = ${reducerNames[by]}::of(${totals[i]}, ${unwrap(printed.reduced[i]!)});`),
    "};",
  ];
}

function loops(ranges: readonly Range[], body: SweepBody, totals: readonly string[], countsFrom: string | null): string[] {
  if (totals.length > 0) return reductionLines(ranges, body, totals, countsFrom);
  return goesByBlocks(ranges) ? blockLines(ranges, countsFrom) : loopLines(ranges, countsFrom);
}

/** The loop over several elements at a time, and the one over what is left of them. */
function loopLines(ranges: readonly Range[], countsFrom: string | null): string[] {
  const isNarrow = ranges.length > 0 && ranges.every(({ place }) => widthOf(place.format) === 2);
  const group = isNarrow ? eightElements("i") : fourElements("i");
  const size = isNarrow ? 8 : 4;
  return [
    `const unsigned int vectors = ${groupsText(ranges, size, size)};`,
    "for (unsigned int i = threadIdx.x; i < vectors; i += blockDim.x) {",
    ...wholePass(ranges, group, countsFrom),
    "}",
    `for (unsigned int i = vectors * ${size}u + threadIdx.x; i < count; i += blockDim.x) {`,
    ...wholePass(ranges, oneElement("i"), countsFrom),
    "}",
  ];
}

/** The same for a leaf's lanes, and what becomes of their sums. */
function reductionLines(ranges: readonly Range[], { partials }: SweepBody, totals: readonly string[], countsFrom: string | null): string[] {
  const columns = LEAF_LANES / 4;
  const leaf = LEAF_ELEMENTS / 4;
  const members = ["x", "y", "z", "w"] as const;
  const four = fourElements("i", (member) => totals.map((total) => sumsOf(total) + member));
  return [
    ...partials.map(({ by }, i) => {
      const nothing = `${reducerNames[by]}::nothing()`;
      return `float4 ${sumsOf(totals[i]!)} = {${members.map(() => nothing).join(", ")}};`;
    }),
    `const unsigned int vectors = ${groupsText(ranges, 4, 4)};`,
    `const unsigned int leaf_end = (threadIdx.x / ${columns}u + 1u) * ${leaf}u;`,
    `unsigned int i = leaf_end - ${leaf}u + threadIdx.x % ${columns}u;`,
    `for (; i < vectors && i < leaf_end; i += ${columns}u) {`,
    ...wholePass(ranges, four, countsFrom),
    "}",
    `const auto element = [=](${["unsigned int e", ...totals.map((total) => `float& ${total}`)].join(", ")}) {`,
    "  if (e >= count) return;",
    ...wholePass(ranges, oneElement("e", totals), countsFrom),
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

/** Loads everything once, updates each element, stores everything once. */
function wholePass(ranges: readonly Range[], group: Parameters<typeof loadLines>[1], countsFrom: string | null): string[] {
  const stores = storeLines(ranges, group, ({ pointer }) => nextOf(pointer));
  return [...loadLines(ranges, group), ...updateCalls(ranges, group, countsFrom), ...stores].map((line) => `  ${line}`);
}

/** Runs the variant of a tensor's class on a chunk; an idle class, or a variant that is not here, has nothing to do. */
function chooseVariant({ plan }: PlannedBuild, { name, sweep }: SweepPlace): string {
  const passes = passesOf(sweep);
  const cases = [...new Set(passes.map(({ variant }) => variant))].map((variant) => {
    const calls = passes
      .filter((pass) => pass.variant === variant)
      .map(({ body, suffix }) => {
        const given = ["tensor", "row", "first", "count", ...extraParameters(body).map(([, , value]) => value)];
        return `${name}${suffix}(${given.join(", ")});`;
      });
    return `    case ${variant}u: ${[...calls.slice(0, -1), `return ${calls.at(-1)}`].join(" ")}`;
  });
  const needs = new Set(passes.flatMap(({ body }) => extraParameters(body).map(([, parameter]) => parameter)));
  const index = `static_cast<unsigned long long>(tensor.index) * ${plan.scalars?.tensor}u`;
  const scalars = usesScalars(sweep) ? `, float* scalars, const ScalarTable* table${reduces(sweep) ? ", unsigned int place" : ""}` : "";
  const lines = [...(needs.has("numbers") ? [`  const float* numbers = scalars + table->first_tensor + ${index};`] : [])];
  return `static __device__ __forceinline__ void ${name}_chunk(const Tensor& tensor, const float* row, unsigned long long first, unsigned int count${scalars}) {
${lines.map((line) => `${line}\n`).join("")}  switch (static_cast<unsigned int>(row[0])) {
${cases.join("\n")}
  }
}`;
}
