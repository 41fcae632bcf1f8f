// The memory of scalars in CUDA: what the structs say of it, and functions that fold numbers side by side. Numbers come together as
// adjacent pairs, level by level; eight neighbours are three levels in one pass over memory.

import { CHUNK_ELEMENTS, LEAF_ELEMENTS, LEAF_LANES, REDUCE_WORKGROUP } from "../../../contract/manifest.js";
import type { Reducer } from "../../ir/value.js";
import type { ScalarPlace } from "../../passes/plan.js";

export const scalarStructs = `// What the table of scalars begins with: numbers of the memory of scalars. The model's slots come first, then the slots of each tensor,
// then the slots of partial results, each with a place for every piece that a tensor may be worked on in.
struct ScalarTable {
  unsigned int tensors;
  unsigned int places;
  unsigned int first_tensor;
  unsigned int first_partial;
};

// What follows for each tensor of the model: its first place in a slot of partial results, its pieces, its class's row.
struct ScalarRecord {
  unsigned int partial;
  unsigned int pieces;
  unsigned int row;
  unsigned int reserved;
};`;

/** Names of the reducers' structs. */
export const reducerNames = { sum: "Sum", max: "Maximum", min: "Minimum" } as const satisfies Record<Reducer, string>;

/** A number in the memory of scalars, where \`model\` and \`numbers\` point to the model's and a tensor's. */
export function placeText({ of, slot }: ScalarPlace): string {
  return `${of === "model" ? "model" : "numbers"}[${slot}]`;
}

const reducer = (name: string, operation: string, nothing: string) => `struct ${name} {
  static __device__ __forceinline__ float of(float a, float b) { return ${operation}(a, b); }
  static __device__ __forceinline__ float nothing() { return ${nothing}; }
};`;

const leaves = CHUNK_ELEMENTS / LEAF_ELEMENTS;

/** In the order of need; a text holds those that it uses. */
export const scalarDeclarations: Readonly<Record<string, string>> = {
  Sum: reducer("Sum", "add_rn", "0.0f"),
  Maximum: reducer("Maximum", "maximum", "__uint_as_float(0xff800000u)"),
  Minimum: reducer("Minimum", "minimum", "__uint_as_float(0x7f800000u)"),
  reduce_block: `// The elements of a chunk come to one number for the first thread: ${REDUCE_WORKGROUP} threads bring four of a leaf's ${LEAF_LANES} lanes each.
template <class By> static __device__ __forceinline__ float reduce_block(float4 totals) {
  __shared__ float lanes[${leaves * LEAF_LANES}];
  __syncthreads();
  lanes[4u * threadIdx.x] = totals.x;
  lanes[4u * threadIdx.x + 1u] = totals.y;
  lanes[4u * threadIdx.x + 2u] = totals.z;
  lanes[4u * threadIdx.x + 3u] = totals.w;
  for (unsigned int half = ${LEAF_LANES / 2}u; half > 0u; half /= 2u) {
    __syncthreads();
    for (unsigned int i = threadIdx.x; i < ${leaves}u * half; i += ${REDUCE_WORKGROUP}u) {
      float* lane = lanes + i / half * ${LEAF_LANES}u + i % half;
      lane[0] = By::of(lane[0], lane[half]);
    }
  }
  for (unsigned int stride = ${LEAF_LANES}u; stride < ${leaves * LEAF_LANES}u; stride *= 2u) {
    __syncthreads();
    const unsigned int i = 2u * stride * threadIdx.x;
    if (i < ${leaves * LEAF_LANES}u) lanes[i] = By::of(lanes[i], lanes[i + stride]);
  }
  return lanes[0];
}`,
  fold_eight: `// Up to eight of \`count\` numbers, \`stride\` apart; one without a partner stays as it is.
template <class By> static __device__ __forceinline__ float fold_eight(const float* numbers, unsigned int count, unsigned int stride) {
  float x[8];
  for (unsigned int k = 0u; k < 8u; k++) x[k] = k * stride < count ? numbers[k * stride] : By::nothing();
  for (unsigned int width = 1u; width < 8u; width *= 2u)
    for (unsigned int k = 0u; k < 8u; k += 2u * width)
      if ((k + width) * stride < count) x[k] = By::of(x[k], x[k + width]);
  return x[0];
}`,
  fold_warp: `// All of \`count\` numbers, in place, by a warp: the first of them is the result.
template <class By> static __device__ __forceinline__ void fold_warp(float* numbers, unsigned int count) {
  for (unsigned int stride = 1u; stride < count; stride *= 8u) {
    for (unsigned int i = 8u * stride * (threadIdx.x % 32u); i < count; i += 8u * stride * 32u)
      numbers[i] = fold_eight<By>(numbers + i, count - i, stride);
    __syncwarp();
  }
}`,
  fold_block: `// The same by a block.
template <class By> static __device__ __forceinline__ void fold_block(float* numbers, unsigned int count) {
  for (unsigned int stride = 1u; stride < count; stride *= 8u) {
    for (unsigned int i = 8u * stride * threadIdx.x; i < count; i += 8u * stride * blockDim.x)
      numbers[i] = fold_eight<By>(numbers + i, count - i, stride);
    __syncthreads();
  }
}`,
};
