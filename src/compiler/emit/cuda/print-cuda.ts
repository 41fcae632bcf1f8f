// The CUDA frame: one text that NVRTC compiles for us and that other programs include. For each sweep a kernel over a whole model,
// driven by a table of tensors and a table of chunks, and one over a single tensor. A block takes a chunk; its class's row says which
// variant it runs. Groups of elements where all pointers of the tensor allow it, single ones elsewhere and in tails: the same bits.

import { CHUNK_ELEMENTS, REDUCE_WORKGROUP, ROW_PAGES, WORKGROUP } from "../../../contract/manifest.js";
import { usedDeclarations } from "../declarations.js";
import type { PlannedBuild } from "../files.js";
import { type FinishPlace, launchesOf, reduces, type SweepPlace, usesScalars } from "../sweeps.js";
import { cudaDeclarations, roundingDeclarations } from "./dialect.js";
import { finishFunctions } from "./finish.js";
import { formatDeclarations } from "./formats.js";
import { chunkStruct, singleTensor, singleTensorText, tensorStruct } from "./memory.js";
import { scalarDeclarations, scalarStructs } from "./scalars.js";
import { sweepFunctions } from "./sweep.js";

const structs = (build: PlannedBuild) => `${tensorStruct(build)}

${chunkStruct(build)}

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
  const launches = launchesOf(build);
  const functions = launches.flatMap((place) => (place.kind === "sweep" ? sweepFunctions(build, place) : finishFunctions(build, place)));
  const folding = usedDeclarations(scalarDeclarations, functions.join("\n"));
  const formats = usedDeclarations(formatDeclarations, functions.join("\n"));
  const used = [...folding.values(), ...formats.values(), ...functions];
  const declared = usedDeclarations(cudaDeclarations, used.join("\n"));
  const rounding = usedDeclarations(roundingDeclarations, [...declared.values(), ...used].join("\n"));
  const guard = `OPTSPEC_${build.space}`;
  const hasScalars = build.plan.scalars !== null;
  return `${[
    `${head}\n#ifndef ${guard}\n#define ${guard}`,
    `namespace ${build.space} {`,
    structs(build),
    ...(hasScalars ? [scalarStructs] : []),
    ...(rounding.size === 0 ? [] : [roundingBlock([...rounding.values()])]),
    ...declared.values(),
    ...formats.values(),
    ...folding.values(),
    ...functions,
    `}  // namespace ${build.space}`,
    ...launches.flatMap((place) => (place.kind === "sweep" ? sweepEntryPoints(build, place) : [finishEntryPoint(build, place)])),
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

function sweepEntryPoints(build: PlannedBuild, place: SweepPlace): string[] {
  const model = modelEntryPoint(build, place);
  return usesScalars(place.sweep) ? [model] : [model, tensorEntryPoint(build, place)];
}

const kernel = (threads: number | string) => `extern "C" __global__ void __launch_bounds__(${threads})`;

function modelEntryPoint({ space }: PlannedBuild, { name, program, sweep }: SweepPlace): string {
  // Said how many blocks are enough, compilers spill nothing to have more of them.
  const threads = reduces(sweep) ? `${REDUCE_WORKGROUP}, 4` : WORKGROUP;
  const [parameters, operands] = usesScalars(sweep)
    ? [`, float* scalars, const ${space}::ScalarTable* __restrict__ table`, `, scalars, table${reduces(sweep) ? ", chunk.place" : ""}`]
    : ["", ""];
  return `// The whole model in one launch: a block${reduces(sweep) ? ` of ${REDUCE_WORKGROUP} threads` : ""} for each chunk. \`rows\` is a page of rows, ${program.rowWidth} numbers each; where \`control\` is not
// null it is the ring of pages.
${kernel(threads)} ${space}_${name}(const ${space}::Tensor* __restrict__ tensors, const ${space}::Chunk* __restrict__ chunks, unsigned int chunk_count, const float* __restrict__ rows, const ${space}::Control* __restrict__ control${parameters}) {
  if (blockIdx.x >= chunk_count) return;
  const ${space}::Chunk chunk = chunks[blockIdx.x];
  const ${space}::Tensor tensor = tensors[chunk.tensor];
  ${space}::${name}_chunk(tensor, ${space}::page_of(rows, control) + tensor.row * ${program.rowWidth}u, chunk.first, chunk.count${operands});
}`;
}

function tensorEntryPoint(build: PlannedBuild, { name }: SweepPlace): string {
  const { space } = build;
  const { parameters, fields } = singleTensor(build);
  return `${singleTensorText(build)}
${kernel(WORKGROUP)} ${space}_${name}_tensor(${parameters}) {
  const ${space}::Tensor tensor = {${fields}};
  for (unsigned long long first = ${CHUNK_ELEMENTS}ull * blockIdx.x; first < count; first += ${CHUNK_ELEMENTS}ull * gridDim.x) {
    const unsigned long long left = count - first;
    ${space}::${name}_chunk(tensor, row, first, left < ${CHUNK_ELEMENTS}u ? static_cast<unsigned int>(left) : ${CHUNK_ELEMENTS}u);
  }
}`;
}

function finishEntryPoint({ space }: PlannedBuild, { name }: FinishPlace): string {
  return `// One block, behind the sweep before it; all registers are its.
${kernel(`${WORKGROUP}, 1`)} ${space}_${name}(const float* __restrict__ rows, const ${space}::Control* __restrict__ control, float* scalars, const ${space}::ScalarTable* __restrict__ table) {
  ${space}::${name}_block(scalars, table, ${space}::page_of(rows, control));
}`;
}

/** Ends a step of a graph; where steps may be skipped it begins every step, by the count of those that were taken. */
function countingEntryPoint({ space, info }: PlannedBuild): string {
  const taken = info.states.find(({ scaler }) => scaler === "taken");
  if (taken !== undefined)
    return `// One thread, before every step: it reads the page of as many steps as were taken.
extern "C" __global__ void ${space}_choose(${space}::Control* control, const float* scalars) {
  control->steps = static_cast<unsigned long long>(scalars[${taken.scalarSlot}]);
}`;
  return `// One thread, after a step that was given a control block: the next one reads the next page.
extern "C" __global__ void ${space}_advance(${space}::Control* control) {
  control->steps++;
}`;
}
