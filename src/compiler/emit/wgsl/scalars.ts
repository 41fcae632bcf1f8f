// Numbers smaller than an element in WGSL: where they stand, and the tree by which numbers come to one. In a sweep that reduces, each of 128
// invocations has four lanes of a leaf, the components of its vectors; in a finish the chunks of a tensor, and then the tensors of the
// model, are folded in place, as adjacent pairs.

import {
  type BuildInfo,
  CHUNK_ELEMENTS,
  IDLE_VARIANT,
  LEAF_ELEMENTS,
  LEAF_LANES,
  REDUCE_WORKGROUP,
  WORKGROUP,
} from "../../../contract/manifest.js";
import type { Reducer } from "../../ir/value.js";
import type { ScalarPlace } from "../../passes/plan.js";
import { wgslDialect } from "./dialect.js";

/** Vectors of a leaf, and the invocations that share one. */
const LEAF_VECTORS = LEAF_ELEMENTS / 4;
const LEAF_INVOCATIONS = LEAF_LANES / 4;

/** A tensor of more chunks is folded by all invocations of a finish together. */
export const FEW_CHUNKS = 64;

const identities = { sum: 0, max: Number.NEGATIVE_INFINITY, min: Number.POSITIVE_INFINITY } as const satisfies Record<Reducer, number>;
const reducers = ["sum", "max", "min"] as const satisfies readonly Reducer[];

/** Four numbers for which nothing was found. */
export function nothingOf(by: Reducer): string {
  return wgslDialect.literal(identities[by]);
}

/** Vectors of numbers put together. */
export function combine(by: Reducer, a: string, b: string): string {
  switch (by) {
    case "sum":
      return `${a} + ${b}`;
    case "max":
      return wgslDialect.ops.max(a, b);
    case "min":
      return wgslDialect.ops.min(a, b);
    default:
      return by satisfies never;
  }
}

/** A number in the memory of scalars, for a tensor named in WGSL. */
export function scalarAt({ of, slot }: ScalarPlace, tensor: string): string {
  return of === "model" ? `scalars[${slot}u]` : `scalars[tensor_scalar(${tensor}, ${slot}u)]`;
}

/** The loop of a sweep over the vectors of its chunk; where it reduces, each invocation takes every eighth vector of one leaf. */
export function loopHead(workgroup: number): readonly string[] {
  const vectors = "(chunk.count + 3u) / 4u";
  if (workgroup !== REDUCE_WORKGROUP) return [`for (var i = lane; i < ${vectors}; i += ${workgroup}u) {`];
  return [
    `let leaf = lane / ${LEAF_INVOCATIONS}u * ${LEAF_VECTORS}u;`,
    `for (var i = leaf + lane % ${LEAF_INVOCATIONS}u; i < min(leaf + ${LEAF_VECTORS}u, ${vectors}); i += ${LEAF_INVOCATIONS}u) {`,
  ];
}

/** What frames call, by name; a kernel holds those it uses. */
export function scalarDeclarations(slots: BuildInfo["scalars"]): Readonly<Record<string, string>> {
  return {
    tensor_scalar: `fn tensor_scalar(tensor: u32, slot: u32) -> u32 {
  return tensors[0].z + tensor * ${slots?.tensor ?? 0}u + slot;
}`,
    partial_place: `// Where the chunks of a tensor leave what they come to, one after the other.
fn partial_place(tensor: u32, slot: u32) -> u32 {
  return tensors[0].w + slot * tensors[0].y + tensors[tensor + 1u].x;
}`,
    chunk_place: `fn chunk_place(chunk: Chunk, slot: u32) -> u32 {
  return partial_place(chunk.tensor, slot) + chunk.first / ${CHUNK_ELEMENTS}u;
}`,
    is_idle: `fn is_idle(row: u32) -> bool {
  return u32(rows[row].x) == ${IDLE_VARIANT}u;
}`,
    is_element: `// Which numbers of a vector are the tensor's; the others are padding.
fn is_element(chunk: Chunk, i: u32) -> vec4<bool> {
  return vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(chunk.count);
}`,
    lanes: `var<workgroup> lanes: array<vec4f, ${REDUCE_WORKGROUP}>;`,
    ...Object.fromEntries(reducers.flatMap((by) => [reduction(by), fold(by), foldTogether(by)])),
  };
}

function reduction(by: Reducer): [string, string] {
  const name = `reduce_${by}`;
  return [
    name,
    `// The lanes of each leaf are folded in halves, the leaves of the chunk as adjacent pairs.
fn ${name}(place: u32, lane: u32, own: vec4f) {
  workgroupBarrier();
  lanes[lane] = own;
  for (var apart = ${LEAF_INVOCATIONS / 2}u; apart > 0u; apart /= 2u) {
    workgroupBarrier();
    if (lane % ${LEAF_INVOCATIONS}u < apart) { lanes[lane] = ${combine(by, "lanes[lane]", "lanes[lane + apart]")}; }
  }
  if (lane % ${LEAF_INVOCATIONS}u == 0u) {
    let halves = ${combine(by, "lanes[lane]", "lanes[lane].zwxy")};
    lanes[lane] = ${combine(by, "halves", "halves.yxwz")};
  }
  for (var apart = ${LEAF_INVOCATIONS}u; apart < ${REDUCE_WORKGROUP}u; apart *= 2u) {
    workgroupBarrier();
    if (lane % (2u * apart) == 0u) { lanes[lane] = ${combine(by, "lanes[lane]", "lanes[lane + apart]")}; }
  }
  if (lane == 0u) { scalars[place] = lanes[0].x; }
}`,
  ];
}

const pair = (by: Reducer) => `scalars[place] = (${combine(by, "vec4f(scalars[place])", "vec4f(scalars[place + apart])")}).x;`;

function fold(by: Reducer): [string, string] {
  const name = `fold_${by}`;
  return [
    name,
    `// Adjacent pairs, level by level, in place.
fn ${name}(first: u32, count: u32) -> f32 {
  for (var apart = 1u; apart < count; apart *= 2u) {
    for (var place = first; place + apart < first + count; place += 2u * apart) {
      ${pair(by)}
    }
  }
  if (count == 0u) { return ${nothingOf(by)}.x; }
  return scalars[first];
}`,
  ];
}

function foldTogether(by: Reducer): [string, string] {
  const name = `fold_${by}_together`;
  return [
    name,
    `// The same by all invocations; the number is in the first place.
fn ${name}(first: u32, count: u32, lane: u32) {
  for (var apart = 1u; apart < count; apart *= 2u) {
    storageBarrier();
    for (var place = first + 2u * apart * lane; place + apart < first + count; place += ${2 * WORKGROUP}u * apart) {
      ${pair(by)}
    }
  }
  storageBarrier();
}`,
  ];
}
