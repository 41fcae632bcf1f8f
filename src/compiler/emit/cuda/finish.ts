// The CUDA frame of a finish: one block for the whole model. A tensor of a few pieces is folded by a thread, a larger one by a warp; then
// rounds: each tensor's body by a thread, totals by the block, the model's body by one thread. Idle tensors have no part in anything.

import { IDLE_VARIANT } from "../../../contract/manifest.js";
import type { Finish, Round, ScalarBody } from "../../passes/plan.js";
import { nameBody } from "../body-names.js";
import { scalarComputation } from "../computation.js";
import { usedDeclarations } from "../declarations.js";
import { printBody } from "../expressions.js";
import type { PlannedBuild } from "../files.js";
import { unwrap } from "../infix.js";
import { createNamer } from "../namer.js";
import type { FinishPlace } from "../sweeps.js";
import { cudaDialect } from "./dialect.js";
import { coefficientLine, declaredNames } from "./frame.js";
import { placeText, reducerNames } from "./scalars.js";

/** Pieces that a thread folds alone. */
const FEW = 8;

const bodyName = (finish: string, of: "tensor" | "model", round: number) => `${finish}_${of}${round}`;

/** The functions of a finish; the last one, `NAME_block`, is what the kernel calls. */
export function finishFunctions(build: PlannedBuild, place: FinishPlace): string[] {
  const { name, finish } = place;
  const bodies = finish.rounds.flatMap(({ tensor, model }, round) => [
    ...bodyFunction(build, tensor, bodyName(name, "tensor", round)),
    ...bodyFunction(build, model, bodyName(name, "model", round)),
  ]);
  return [...bodies, blockFunction(build, place)];
}

/** Runs the variant that a row says; of the model's body, `numbers` are nobody's. */
function bodyFunction({ plan: { ir }, sweepNames }: PlannedBuild, variants: readonly (ScalarBody | null)[], name: string): string[] {
  const cases = variants.flatMap((body, variant) => {
    if (body === null) return [];
    const computation = scalarComputation(body);
    const names = nameBody(ir, computation, createNamer("cpp", ["model", "numbers", "row", ...declaredNames, ...sweepNames.values()]));
    const printed = printBody(ir, computation, names, cudaDialect);
    const lines = [
      ...body.coefficients.map((coefficient) => coefficientLine(ir, coefficient, names)),
      ...body.scalars.map(({ value, place }) => `const float ${names.scalars.get(value)} = ${placeText(place)};`),
      ...printed.lines,
      ...body.stores.map(({ place }, i) => `${placeText(place)} = ${unwrap(printed.stored[i]!)};`),
    ];
    return [`    case ${variant}u: {`, ...lines.map((line) => `      ${line}`), "      return;", "    }"];
  });
  if (cases.length === 0) return [];
  return [
    `static __device__ void ${name}(float* model, float* numbers, const float* row) {
  switch (static_cast<unsigned int>(row[0])) {
${cases.join("\n")}
  }
}`,
  ];
}

function blockFunction({ plan }: PlannedBuild, { name, program, finish }: FinishPlace): string {
  const { tensor: slots, partial } = plan.scalars!;
  const lines = [
    ...foldLines(finish, slots),
    ...finish.rounds.flatMap((round, index) => roundLines(name, round, index, { slots, work: partial - 1 })),
  ];
  const declared = usedDeclarations(locals(program.rowWidth), lines.join("\n"));
  return `static __device__ void ${name}_block(float* scalars, const ScalarTable* table, const float* rows) {
${[...declared.values(), ...lines].map((line) => `  ${line}`).join("\n")}
}`;
}

/** What the statements of a block may use, in the order of need. */
const locals = (rowWidth: number): Readonly<Record<string, string>> => ({
  records: "const ScalarRecord* records = reinterpret_cast<const ScalarRecord*>(table + 1);",
  tensor_numbers: "float* tensor_numbers = scalars + table->first_tensor;",
  partials: "float* partials = scalars + table->first_partial;",
  row_of: `const auto row_of = [=](unsigned int k) { return rows + static_cast<unsigned long long>(records[k].row) * ${rowWidth}u; };`,
  is_idle: `const auto is_idle = [=](unsigned int k) { return static_cast<unsigned int>(row_of(k)[0]) == ${IDLE_VARIANT}u; };`,
});

const numbersOf = (slots: number) => `tensor_numbers + static_cast<unsigned long long>(k) * ${slots}u`;
const numberOf = (slots: number, slot: number) => `tensor_numbers[static_cast<unsigned long long>(k) * ${slots}u + ${slot}u]`;

/** A tensor without pieces has nothing to fold. */
function foldLines({ folds }: Finish, slots: number): string[] {
  if (folds.length === 0) return [];
  const at = (partial: number) => `partials + ${partial}ull * table->places + records[k].partial`;
  return [
    "for (unsigned int k = threadIdx.x; k < table->tensors; k += blockDim.x) {",
    `  if (records[k].pieces > ${FEW}u || is_idle(k)) continue;`,
    ...folds.map(
      ({ partial, by, slot }) => `  ${numberOf(slots, slot)} = fold_eight<${reducerNames[by]}>(${at(partial)}, records[k].pieces, 1u);`,
    ),
    "}",
    "for (unsigned int k = threadIdx.x / 32u; k < table->tensors; k += blockDim.x / 32u) {",
    `  if (records[k].pieces <= ${FEW}u || is_idle(k)) continue;`,
    ...folds.flatMap(({ partial, by, slot }) => [
      `  fold_warp<${reducerNames[by]}>(${at(partial)}, records[k].pieces);`,
      `  if (threadIdx.x % 32u == 0u) ${numberOf(slots, slot)} = *(${at(partial)});`,
    ]),
    "}",
    "__syncthreads();",
  ];
}

/** Everybody waits behind each step of a round: the next one reads what it has stored. */
function roundLines(
  finish: string,
  { tensor, totals, model }: Round,
  index: number,
  { slots, work }: { readonly slots: number; readonly work: number },
): string[] {
  const each = "for (unsigned int k = threadIdx.x; k < table->tensors; k += blockDim.x)";
  const has = (bodies: readonly (ScalarBody | null)[]) => bodies.some((body) => body !== null);
  return [
    ...(has(tensor)
      ? [each, `  if (!is_idle(k)) ${bodyName(finish, "tensor", index)}(scalars, ${numbersOf(slots)}, row_of(k));`, "__syncthreads();"]
      : []),
    ...totals.flatMap(({ by, from, slot }) => [
      "{",
      `  float* work = partials + ${work}ull * table->places;`,
      `  ${each}`,
      `    work[k] = is_idle(k) ? ${reducerNames[by]}::nothing() : ${numberOf(slots, from)};`,
      "  __syncthreads();",
      `  fold_block<${reducerNames[by]}>(work, table->tensors);`,
      `  if (threadIdx.x == 0u) scalars[${slot}] = work[0];`,
      "  __syncthreads();",
      "}",
    ]),
    ...(has(model)
      ? [
          "if (threadIdx.x == 0u) {",
          "  unsigned int k = 0u;",
          "  while (k < table->tensors && is_idle(k)) k++;",
          `  if (k < table->tensors) ${bodyName(finish, "model", index)}(scalars, nullptr, row_of(k));`,
          "}",
          "__syncthreads();",
        ]
      : []),
  ];
}
