// Numbers smaller than an element in WGSL: where they stand, and the tree by which numbers come to one. In a sweep that reduces, each of 128
// invocations has four lanes of a leaf, the components of its vectors; in a finish the pieces of a tensor, and then the tensors of the
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

const LEAVES = CHUNK_ELEMENTS / LEAF_ELEMENTS;
/** Reductions that share their barriers: 9 KiB of workgroup memory, of at least 16. */
const REDUCTIONS_AT_ONCE = 4;

/** A tensor of more pieces is folded by all invocations of a finish together. */
export const FEW_PIECES = 64;

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

/** How many groups of 4 elements a chunk has. */
export const VECTORS = "(chunk.count + 3u) / 4u";

/** The loop of a sweep over the vectors of its chunk; where it reduces, each invocation takes every eighth vector of one leaf. */
export function loopHead(workgroup: number): readonly string[] {
  if (workgroup !== REDUCE_WORKGROUP) return [`for (var i = lane; i < ${VECTORS}; i += ${workgroup}u) {`];
  return [
    `let leaf = lane / ${LEAF_INVOCATIONS}u * ${LEAF_VECTORS}u;`,
    `for (var i = leaf + lane % ${LEAF_INVOCATIONS}u; i < min(leaf + ${LEAF_VECTORS}u, ${VECTORS}); i += ${LEAF_INVOCATIONS}u) {`,
  ];
}

/** What also programs without scalars call. */
export const elementTest = {
  is_element: `// Which numbers of a vector are the tensor's; the others are padding.
fn is_element(chunk: Chunk, i: u32) -> vec4<bool> {
  return vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(chunk.count);
}`,
} as const;

/** What frames call, by name; a kernel holds those it uses. */
export function scalarDeclarations(slots: BuildInfo["scalars"]): Readonly<Record<string, string>> {
  return {
    tensor_scalar: `fn tensor_scalar(tensor: u32, slot: u32) -> u32 {
  return tensors[0].z + tensor * ${slots?.tensor ?? 0}u + slot;
}`,
    partial_place: `// Where the pieces of a tensor leave what they come to, one after the other.
fn partial_place(tensor: u32, slot: u32) -> u32 {
  return tensors[0].w + slot * tensors[0].y + tensors[tensor + 1u].x;
}`,
    chunk_place: `fn chunk_place(chunk: Chunk, slot: u32) -> u32 {
  return partial_place(chunk.tensor, slot) + chunk.piece;
}`,
    is_idle: `fn is_idle(row: u32) -> bool {
  return u32(rows[row].x) == ${IDLE_VARIANT}u;
}`,
    ...elementTest,
    lanes: `var<workgroup> lanes: array<vec4f, ${REDUCTIONS_AT_ONCE * REDUCE_WORKGROUP}>;`,
    leaves: `var<workgroup> leaves: array<vec4f, ${REDUCTIONS_AT_ONCE * LEAVES}>;`,
    ...Object.fromEntries(reducers.flatMap((by) => [leafOf(by), chunkOf(by), fold(by), foldTogether(by)])),
  };
}

function leafOf(by: Reducer): [string, string] {
  const name = `leaf_${by}`;
  const halves = Array.from({ length: LEAF_INVOCATIONS }, (_, i) => (i === 0 ? "lanes[first]" : `lanes[first + ${i * LEAVES}u]`));
  return [
    name,
    `// The lanes of a leaf are folded in halves, each lane with the one half of them away.
fn ${name}(first: u32) -> vec4f {
  let vectors = ${inHalves(by, halves)};
  let pairs = ${combine(by, "vectors", "vectors.zwxy")};
  return ${combine(by, "pairs", "pairs.yxwz")};
}`,
  ];
}

function chunkOf(by: Reducer): [string, string] {
  const name = `chunk_${by}`;
  const leaves = Array.from({ length: LEAVES }, (_, i) => (i === 0 ? "leaves[first]" : `leaves[first + ${i}u]`));
  return [
    name,
    `// The leaves of a chunk, as adjacent pairs.
fn ${name}(first: u32) -> f32 {
  return (${inPairs(by, leaves)}).x;
}`,
  ];
}

/** Each of the first half with its counterpart in the second, until one is left. */
function inHalves(by: Reducer, texts: readonly string[]): string {
  if (texts.length === 1) return texts[0]!;
  const half = texts.length / 2;
  return inHalves(
    by,
    texts.slice(0, half).map((text, i) => `(${combine(by, text, texts[half + i]!)})`),
  );
}

function inPairs(by: Reducer, texts: readonly string[]): string {
  if (texts.length === 1) return texts[0]!;
  const half = texts.length / 2;
  return `(${combine(by, inPairs(by, texts.slice(0, half)), inPairs(by, texts.slice(half)))})`;
}

const after = (offset: number) => (offset === 0 ? "" : `${offset}u + `);

/** What follows the loop of a sweep: the numbers that its invocations have found, by name, come to the chunk's places of partials. */
export function reductionLines(
  found: readonly { readonly by: Reducer; readonly slot: number; readonly name: string }[],
): readonly string[] {
  const lines: string[] = [];
  for (let first = 0; first < found.length; first += REDUCTIONS_AT_ONCE) {
    const together = found.slice(first, first + REDUCTIONS_AT_ONCE);
    // Neighbouring invocations read what neighbours are: first vectors of all leaves, then second ones.
    lines.push(
      ...together.map(
        ({ name }, i) =>
          `lanes[${after(i * REDUCE_WORKGROUP)}lane % ${LEAF_INVOCATIONS}u * ${LEAVES}u + lane / ${LEAF_INVOCATIONS}u] = ${name};`,
      ),
      "workgroupBarrier();",
      ...together.map(
        ({ by }, i) => `if (lane / ${LEAVES}u == ${i}u) { leaves[lane] = leaf_${by}(${after(i * REDUCE_WORKGROUP)}lane % ${LEAVES}u); }`,
      ),
      "workgroupBarrier();",
      ...together.map(({ by, slot }, i) => `if (lane == ${i}u) { scalars[chunk_place(chunk, ${slot}u)] = chunk_${by}(${i * LEAVES}u); }`),
    );
  }
  return lines;
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
