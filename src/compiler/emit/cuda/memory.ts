// The memory of a tensor as kernels see it: the struct that a table holds, and the operands of a kernel for a single tensor. States that
// are all of f32 are floats; else they are bytes, and a state begins so many strides behind the first as an element has bytes in those
// before it.

import { QUANTIZED_BLOCK } from "../../../numeric/eight-bit.js";
import { isQuantized, type StorageFormat } from "../../../numeric/storage-formats.js";
import type { Plan, VariantPlan } from "../../passes/plan.js";
import { lineComment } from "../escape.js";
import type { PlannedBuild } from "../files.js";
import { variantText } from "../sweeps.js";
import { elementTypes } from "./formats.js";

const stateFormats = ({ ir: { cells } }: Plan): readonly StorageFormat[] =>
  cells.flatMap(({ role, home, extent, format }) => (role === "state" && home === "device" && extent === "elem" ? [format] : []));

/** Whether every state of elements is kept in f32. */
export function statesAreFloats(plan: Plan): boolean {
  return stateFormats(plan).every((format) => format === "f32");
}

/** Whether a build asks for random bits, which depend on the number of a tensor. */
function isRandom({ ir }: Plan): boolean {
  return ir.values.some(({ kind }) => kind === "random");
}

/** What stands in a tensor besides its memory and its row: of builds with scalars, and of those whose parameters have 16 bits. */
function numbersOf({ plan, info }: PlannedBuild): readonly ("index" | "start")[] {
  return plan.scalars !== null || info.formats.param !== "f32" ? ["index", "start"] : [];
}

/** The struct of a chunk; where there are scalars it has a place of partial results. */
export function chunkStruct({ plan }: PlannedBuild): string {
  const place =
    plan.scalars === null
      ? ""
      : "\n  // Where what it comes to stands in the first slot of partial results.\n  unsigned int place;\n  unsigned int reserved;";
  return `// A run of elements of one tensor, the work of one block.
struct Chunk {
  unsigned long long first;
  unsigned int count;
  unsigned int tensor;${place}
};`;
}

/** The struct of a tensor, with what is to be said of it. */
export function tensorStruct(build: PlannedBuild): string {
  const { plan, info } = build;
  const { param, grad } = info.formats;
  return `${layoutText(build)}
struct Tensor {
  ${elementTypes[param]}* param;
  const ${elementTypes[grad]}* grad;
  ${stateType(plan)}* state;
  unsigned long long state_stride;
  unsigned long long row;${numberFields(build)}
};`;
}

const stateType = (plan: Plan) => (statesAreFloats(plan) ? "float" : "unsigned char");

function numberFields(build: PlannedBuild): string {
  const numbers = numbersOf(build);
  if (numbers.length === 0) return "";
  const sentence = "Its number among the tensors of the model, and how many elements of the tensor stand before these";
  return `\n  // ${sentence}.\n${numbers.map((name) => `  unsigned int ${name};`).join("\n")}`;
}

function layoutText({ plan, info }: PlannedBuild): string {
  const { param, grad } = info.formats;
  if (param === "f32" && grad === "f32" && statesAreFloats(plan)) {
    return `// The memory of one tensor. State s begins at state + s * state_stride. Any pointers are right; pointers to 16 bytes, and a stride
// of whole 16 bytes, are fast. \`row\` is the number of the row of coefficients that its class has.`;
  }
  const formats = stateFormats(plan);
  const lines = [
    `The memory of one tensor: parameters in ${param}, gradients in ${grad}. \`row\` is the number of the row of coefficients that its class has.`,
    ...(statesAreFloats(plan) ? ["State s begins at state + s * state_stride."] : bytesText(plan)),
    "Any pointers are right where an element can stand; pointers to 16 bytes, and a stride of whole 16 bytes, are fast.",
    ...(formats.some(isQuantized) ? [`Here the stride is a multiple of ${QUANTIZED_BLOCK}, and a block has whole warps.`] : []),
  ];
  return lines.flatMap((line) => lineComment("//", line)).join("\n");
}

/** Where states begin, for each way in which variants have them. */
function bytesText(plan: Plan): string[] {
  const { ir, programs } = plan;
  const variants = programs.flatMap((program) => program.variants);
  const places = (variant: VariantPlan) =>
    [...variant.stateOffsets].map(([id, offset]) => `${ir.cells[id]!.name} (${ir.cells[id]!.format}) at ${offset}`).join(", ");
  const ways = [...new Set(variants.map(places))].filter((text) => text !== "");
  const lines = ways.map((way) => {
    const first = variants.find((variant) => places(variant) === way)!;
    return `${ways.length === 1 ? "States" : `${variantText(ir, first).replace(/\.$/, "")}`}: ${way}.`;
  });
  const scales = stateFormats(plan).some(isQuantized)
    ? [`Behind the codes of q8s and q8u, one stride further, stand their scales: a float for each ${QUANTIZED_BLOCK} elements.`]
    : [];
  return ["Each state begins so many strides behind `state`, in bytes, as stands here with it.", ...lines, ...scales];
}

/** The operands of a kernel for a single tensor, and the tensor that it makes of them. */
export function singleTensor(build: PlannedBuild): { readonly parameters: string; readonly fields: string } {
  const { param, grad } = build.info.formats;
  const random = isRandom(build.plan);
  const numbers = numbersOf(build).map((name) => (name === "index" && random ? "index" : "0u"));
  return {
    parameters: `${elementTypes[param]}* param, const ${elementTypes[grad]}* __restrict__ grad, ${stateType(build.plan)}* state, unsigned long long state_stride, unsigned long long count, const float* __restrict__ row${random ? ", unsigned int index" : ""}`,
    fields: ["param", "grad", "state", "state_stride", "0u", ...numbers].join(", "),
  };
}

/** What is to be said of these operands. */
export function singleTensorText(build: PlannedBuild): string {
  const random = isRandom(build.plan) ? " `index` is its number in the list of tensors, for its random bits." : "";
  return `// One tensor of \`count\` elements with its row; any number of blocks.${random}`;
}
