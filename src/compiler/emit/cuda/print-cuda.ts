// The CUDA frame: one text that NVRTC compiles for us and that other programs include. For each sweep a kernel over a whole model,
// driven by a table of tensors and a table of chunks, and one over a single tensor. A block takes a chunk; its class's row says which
// variant it runs. float4 where all pointers of the tensor stand on 16 bytes, single floats elsewhere and in tails: the same bits.

import { CHUNK_ELEMENTS, ROW_PAGES, WORKGROUP } from "../../../contract/manifest.js";
import { printExpression } from "../../ir/print.js";
import type { CellId, Ir } from "../../ir/value.js";
import type { Coefficient, ProgramPlan, SweepBody } from "../../passes/plan.js";
import { type BodyNames, nameBody } from "../body-names.js";
import { sweepComputation } from "../computation.js";
import { usedDeclarations } from "../declarations.js";
import { lineComment } from "../escape.js";
import { type PrintedBody, printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { unwrap } from "../infix.js";
import { createNamer } from "../namer.js";
import { type CellPlace, placeOf, type SweepPlace, sweepsOf, variantText } from "../sweeps.js";
import { cudaDeclarations, cudaDialect, roundingDeclarations } from "./dialect.js";

/** What the frame calls its own things where a spec's names also stand. */
const frameNames = ["Tensor", "Chunk", "tensor", "row", "first", "count", "update", "vectors", "i"];

const structs = `// The memory of one tensor. State s begins at state + s * state_stride. Any pointers are right; pointers to 16 bytes, and a stride
// of whole 16 bytes, are fast. \`row\` is the number of the row of coefficients that its class has.
struct Tensor {
  float* param;
  const float* grad;
  float* state;
  unsigned long long state_stride;
  unsigned long long row;
};

// A run of elements of one tensor, the work of one block.
struct Chunk {
  unsigned long long first;
  unsigned int count;
  unsigned int tensor;
};

// What the device itself keeps of a run, so that a captured graph can be replayed: how many steps were taken, counted from any multiple
// of ${ROW_PAGES}, and how many numbers a page of rows has in the ring of ${ROW_PAGES} pages.
struct Control {
  unsigned long long steps;
  unsigned long long page_size;
};

// The page of rows that a step reads: the given one, or of the given ring the one whose turn it is.
static __device__ __forceinline__ const float* page_of(const float* rows, const Control* control) {
  return control == nullptr ? rows : rows + control->steps % ${ROW_PAGES}u * control->page_size;
}`;

/** The kernels of one build; `head` is the comment at the top of the file. */
export function printCuda(build: PlannedBuild, head: string): string {
  const sweeps = sweepsOf(build);
  const variants = sweeps.flatMap((place) => variantFunctions(build, place));
  const declared = usedDeclarations(cudaDeclarations, variants.join("\n"));
  const rounding = usedDeclarations(roundingDeclarations, [...declared.values(), ...variants].join("\n"));
  const guard = `OPTSPEC_${build.space}`;
  return `${[
    `${head}\n#ifndef ${guard}\n#define ${guard}`,
    `namespace ${build.space} {`,
    structs,
    ...(rounding.size === 0 ? [] : [roundingBlock([...rounding.values()])]),
    ...declared.values(),
    ...variants,
    ...sweeps.map(chooseVariant),
    `}  // namespace ${build.space}`,
    ...sweeps.map((place) => entryPoints(build, place)),
    countingEntryPoint(build),
    "#endif",
  ].join("\n\n")}\n`;
}

function roundingBlock(declarations: readonly string[]): string {
  return `#ifdef __CUDACC__
// Each rounds once, to nearest even, and keeps subnormals, whatever flags this text is compiled with.
${declarations.join("\n")}
#endif`;
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
  const taken = [...frameNames, ...pointers, ...pointers.map(vectorOf), ...Object.keys({ ...cudaDeclarations, ...roundingDeclarations })];
  const namer = createNamer("cpp", [...taken, ...build.sweepNames.values()]);
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
    `static __device__ __forceinline__ void ${name}(const Tensor& tensor, const float* row, unsigned long long first, unsigned int count) {`,
    ...body.coefficients.map((coefficient) => `  ${coefficientLine(ir, coefficient, names)}`),
    ...ranges.map(
      ({ pointer, place }) => `  ${place.part === "grad" ? "const " : ""}float* __restrict__ ${pointer} = ${addressOf(place)};`,
    ),
    ...pointers.map((pointer) => `  __builtin_assume(__isGlobal(${pointer}));`),
    "",
    ...updateLines(ranges, body, printed).map((line) => `  ${line}`),
    "",
    ...loopLines(ranges).map((line) => `  ${line}`),
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

function coefficientLine(ir: Ir, { slot, value }: Coefficient, names: BodyNames): string {
  const name = names.coefficients.get(value);
  const formula = printExpression(ir, value);
  return `const float ${name} = row[${slot}];${formula === name ? "" : ` ${lineComment("//", formula).join(" ")}`}`;
}

/** What happens to one element: all that was loaded comes in by value, all that is stored goes out. */
function updateLines(ranges: readonly Range[], body: SweepBody, printed: PrintedBody): string[] {
  const loaded = ranges.flatMap((range) => (range.loaded === null ? [] : [`float ${range.loaded}`]));
  const stored = ranges.flatMap((range) => (range.stored === null ? [] : [`float& ${range.stored}`]));
  return [
    `const auto update = [=](${[...loaded, ...stored].join(", ")}) {`,
    ...printed.lines.map((line) => `  ${line}`),
    ...body.stores.map(({ cell }, i) => {
      return `  ${ranges.find((range) => range.cell === cell)!.stored} = ${unwrap(printed.stored[i]!)};`;
    }),
    "};",
  ];
}

/** The loop over four elements at a time, and the one over what is left of them. */
function loopLines(ranges: readonly Range[]): string[] {
  const bits = ranges.map(({ pointer }) => `reinterpret_cast<unsigned long long>(${pointer})`).join(" | ");
  const vectors = `const unsigned int vectors = ((${bits}) & 15u) == 0u ? count / 4u : 0u;`;
  const place = ({ pointer, place: { part } }: Range) => `reinterpret_cast<${part === "grad" ? "const " : ""}float4*>(${pointer})[i]`;
  return [
    vectors,
    "for (unsigned int i = threadIdx.x; i < vectors; i += blockDim.x) {",
    ...pass(ranges, { type: "float4", name: vectorOf, place, members: ["x", "y", "z", "w"].map((member) => `.${member}`) }),
    "}",
    "for (unsigned int i = vectors * 4u + threadIdx.x; i < count; i += blockDim.x) {",
    ...pass(ranges, { type: "float", name: elementOf, place: ({ pointer }) => `${pointer}[i]`, members: [""] }),
    "}",
  ];
}

interface Pass {
  readonly type: "float4" | "float";
  readonly name: (pointer: string) => string;
  readonly place: (range: Range) => string;
  readonly members: readonly string[];
}

/** Loads everything once, updates each element, stores everything once. */
function pass(ranges: readonly Range[], { type, name, place, members }: Pass): string[] {
  const loaded = ranges.filter((range) => range.loaded !== null);
  const stored = ranges.filter((range) => range.stored !== null);
  const operands = (member: string) => [...loaded, ...stored].map(({ pointer }) => name(pointer) + member).join(", ");
  return [
    ...ranges.map((range) => `  ${type} ${name(range.pointer)}${range.loaded === null ? "" : ` = ${place(range)}`};`),
    ...members.map((member) => `  update(${operands(member)});`),
    ...stored.map((range) => `  ${place(range)} = ${name(range.pointer)};`),
  ];
}

/** Runs the variant of a tensor's class on a chunk; an idle class, or a variant that is not here, has nothing to do. */
function chooseVariant({ name, sweep }: SweepPlace): string {
  const cases = sweep.bodies.flatMap((body, variant) =>
    body === null ? [] : [`    case ${variant}u: return ${name}_variant${variant}(tensor, row, first, count);`],
  );
  return `static __device__ __forceinline__ void ${name}_chunk(const Tensor& tensor, const float* row, unsigned long long first, unsigned int count) {
  switch (static_cast<unsigned int>(row[0])) {
${cases.join("\n")}
  }
}`;
}

function entryPoints({ space }: PlannedBuild, { name, program }: SweepPlace): string {
  const bounds = `extern "C" __global__ void __launch_bounds__(${WORKGROUP})`;
  return `// The whole model in one launch: a block for each chunk. \`rows\` is a page of rows, ${program.rowWidth} numbers each; where \`control\` is not
// null it is the ring of pages.
${bounds} ${space}_${name}(const ${space}::Tensor* __restrict__ tensors, const ${space}::Chunk* __restrict__ chunks, unsigned int chunk_count, const float* __restrict__ rows, const ${space}::Control* __restrict__ control) {
  if (blockIdx.x >= chunk_count) return;
  const ${space}::Chunk chunk = chunks[blockIdx.x];
  const ${space}::Tensor tensor = tensors[chunk.tensor];
  ${space}::${name}_chunk(tensor, ${space}::page_of(rows, control) + tensor.row * ${program.rowWidth}u, chunk.first, chunk.count);
}

// One tensor of \`count\` elements with its row; any number of blocks.
${bounds} ${space}_${name}_tensor(float* param, const float* __restrict__ grad, float* state, unsigned long long state_stride, unsigned long long count, const float* __restrict__ row) {
  const ${space}::Tensor tensor = {param, grad, state, state_stride, 0u};
  for (unsigned long long first = ${CHUNK_ELEMENTS}ull * blockIdx.x; first < count; first += ${CHUNK_ELEMENTS}ull * gridDim.x) {
    const unsigned long long left = count - first;
    ${space}::${name}_chunk(tensor, row, first, left < ${CHUNK_ELEMENTS}u ? static_cast<unsigned int>(left) : ${CHUNK_ELEMENTS}u);
  }
}`;
}

/** Ends a step of a graph. */
function countingEntryPoint({ space }: PlannedBuild): string {
  return `// One thread, after a step that was given a control block: the next one reads the next page.
extern "C" __global__ void ${space}_advance(${space}::Control* control) {
  control->steps++;
}`;
}
