// The loop over a chunk that also reduces it, by the tree of the numerics. A leaf is worked in 8 passes: the pass of column c takes every
// eighth vector from c on, so that its four lanes are lanes 4c .. 4c+3 of the leaf. Columns come in the order in which they are folded
// (0, 4, 2, 6, ...), so all folds are of neighbours: a counter of finished columns says which results wait for a partner.

import { CHUNK_ELEMENTS, LEAF_ELEMENTS, LEAF_LANES } from "../../../contract/manifest.js";
import type { Reducer } from "../../ir/value.js";

/** What the loop does for each vector at `offset`, as printed. */
export interface LoopBody {
  readonly loads: readonly string[];
  readonly lines: readonly string[];
  readonly stores: readonly string[];
  readonly partials: readonly { readonly slot: number; readonly by: Reducer; readonly value: string }[];
}

const VECTOR_BYTES = 16;
const LEAF_BYTES = 4 * LEAF_ELEMENTS;
/** Vectors of a leaf that are next to each other in lanes: passes of a leaf. */
const COLUMNS = LEAF_LANES / 4;
const COLUMN_BITS = Math.log2(COLUMNS);
const LEVELS = COLUMN_BITS + Math.log2(CHUNK_ELEMENTS / LEAF_ELEMENTS);

/** Names of the loop's own locals and labels; `count` and `offset` are the frame's. */
export const reductionNames = ["offset", "size", "end", "tail", "mask", "column", "next_column"];
const i32Locals = ["offset", "size", "end", "tail", "column"];

const get = (name: string) => `(local.get $${name})`;
const set = (name: string, value: string) => `(local.set $${name} ${value})`;
const four = (number: string) => `(v128.const f32x4 ${[number, number, number, number].join(" ")})`;

export const reducers = {
  sum: { instruction: "f32x4.add", scalar: "f32.add", identity: "0" },
  max: { instruction: "f32x4.max", scalar: "f32.max", identity: "-inf" },
  min: { instruction: "f32x4.min", scalar: "f32.min", identity: "inf" },
} as const satisfies Record<Reducer, object>;

/** Lane l takes lane l + `lanes`, of four. */
const folded = (instruction: string, x: string, lanes: 1 | 2) => {
  const bytes = Array.from({ length: 16 }, (_, i) => (i + 4 * lanes) % 16).join(" ");
  return `(${instruction} ${x} (i8x16.shuffle ${bytes} ${x} ${x}))`;
};

/** Locals and statements; the parameter `count` says how many elements there are, `partial_at` and `partial_stride` where results go. */
export function reductionLoop(body: LoopBody, fresh: (name: string) => string): { locals: readonly string[]; lines: readonly string[] } {
  const accumulators = body.partials.map((partial) => {
    const name = fresh("total");
    return {
      ...partial,
      ...reducers[partial.by],
      name,
      before: fresh(`${name}_before`),
      waiting: Array.from({ length: LEVELS + 1 }, (_, level) => fresh(`${name}_waiting_${level}`)),
    };
  });
  const locals = [
    ...i32Locals.map((name) => `(local $${name} i32)`),
    "(local $mask v128)",
    ...accumulators.flatMap(({ name, before, waiting }) => [name, before, ...waiting].map((local) => `(local $${local} v128)`)),
  ];
  return { locals, lines: [...startLines, ...columnLines(body, accumulators), ...endLines(accumulators)] };
}

interface Accumulator {
  readonly slot: number;
  readonly value: string;
  readonly instruction: string;
  readonly identity: string;
  readonly name: string;
  /** What it was before the last vector. */
  readonly before: string;
  /** By level: the result of the first of two neighbours. */
  readonly waiting: readonly string[];
}

/** The last vector may have elements that are not ours: `tail` is its offset then, and `mask` says which are. */
const startLines = [
  set("size", `(i32.and (i32.add (i32.shl ${get("count")} (i32.const 2)) (i32.const 15)) (i32.const -16))`),
  set("tail", `(select (i32.sub ${get("size")} (i32.const 16)) (i32.const -1) (i32.and ${get("count")} (i32.const 3)))`),
  set("mask", `(i32x4.gt_s (i32x4.splat (i32.and ${get("count")} (i32.const 3))) (v128.const i32x4 0 1 2 3))`),
];

function columnLines(body: LoopBody, accumulators: readonly Accumulator[]): string[] {
  const stride = COLUMNS * VECTOR_BYTES;
  const leaf = `(i32.mul (i32.shr_u ${get("column")} (i32.const ${COLUMN_BITS})) (i32.const ${LEAF_BYTES}))`;
  const leafEnd = `(i32.add ${leaf} (i32.const ${LEAF_BYTES}))`;
  const columns = `(i32.mul (i32.div_u (i32.add ${get("size")} (i32.const ${LEAF_BYTES - 1})) (i32.const ${LEAF_BYTES})) (i32.const ${COLUMNS}))`;
  return [
    "(loop $next_column",
    `  ${set("offset", `(i32.add ${leaf} ${firstVector()})`)}`,
    `  ${set("end", `(select ${get("size")} ${leafEnd} (i32.lt_u ${get("size")} ${leafEnd}))`)}`,
    ...accumulators.map(({ name, identity }) => `  ${set(name, four(identity))}`),
    `  (if (i32.lt_u ${get("offset")} ${get("end")}) (then`,
    "    (loop $next",
    ...[...body.loads, "", ...body.lines, "", ...body.stores].map((line) => (line === "" ? "" : `      ${line}`)),
    ...accumulators.flatMap(({ name, before, instruction, value }) => [
      `      ${set(before, get(name))}`,
      `      ${set(name, `(${instruction} ${get(name)} ${value})`)}`,
    ]),
    `      (br_if $next (i32.lt_u (local.tee $offset (i32.add ${get("offset")} (i32.const ${stride}))) ${get("end")})))`,
    `    (if (i32.eq (i32.sub ${get("offset")} (i32.const ${stride})) ${get("tail")}) (then`,
    ...accumulators.map(({ name, before }) => `      ${set(name, `(v128.bitselect ${get(name)} ${get(before)} ${get("mask")})`)}`),
    "    ))))",
    ...meetLines(accumulators, 0).map((line) => `  ${line}`),
    `  (br_if $next_column (i32.lt_u (local.tee $column (i32.add ${get("column")} (i32.const 1))) ${columns})))`,
  ];
}

/** Bytes of a leaf before the first vector of a column: the bits of its number in reverse order. */
function firstVector(): string {
  const bits = Array.from({ length: COLUMN_BITS }, (_, bit) => {
    const target = Math.log2(VECTOR_BYTES) + COLUMN_BITS - 1 - bit;
    return `(i32.shl (i32.and (i32.shr_u ${get("column")} (i32.const ${bit})) (i32.const 1)) (i32.const ${target}))`;
  });
  return bits.reduce((sum, bit) => `(i32.or ${sum} ${bit})`);
}

/** A result waits where it is the first of two neighbours; the second one is folded onto it, and goes on to the next level. */
function meetLines(accumulators: readonly Accumulator[], level: number): string[] {
  const meet = accumulators.map(({ name, waiting, instruction }) => set(name, `(${instruction} ${get(waiting[level]!)} ${get(name)})`));
  const wait = accumulators.map(({ name, waiting }) => set(waiting[level]!, get(name)));
  const leafLines =
    level === COLUMN_BITS
      ? accumulators.flatMap(({ name, instruction }) => [2, 1].map((lanes) => set(name, folded(instruction, get(name), lanes as 1 | 2))))
      : [];
  if (level === LEVELS) return [...leafLines, ...wait];
  return [
    ...leafLines,
    `(if (i32.and ${get("column")} (i32.const ${2 ** level})) (then`,
    ...[...meet, ...meetLines(accumulators, level + 1)].map((line) => `  ${line}`),
    ") (else",
    ...wait.map((line) => `  ${line}`),
    "))",
  ];
}

/** Missing leaves are nothing: what still waits is folded from the last leaf on. */
function endLines(accumulators: readonly Accumulator[]): string[] {
  const levels = Array.from({ length: LEVELS + 1 - COLUMN_BITS }, (_, i) => COLUMN_BITS + i);
  return accumulators.flatMap(({ slot, name, waiting, instruction, identity }) => [
    set(name, four(identity)),
    ...levels.flatMap((level) => [
      `(if (i32.and ${get("column")} (i32.const ${2 ** level})) (then`,
      `  ${set(name, `(${instruction} ${get(waiting[level]!)} ${get(name)})`)}))`,
    ]),
    `(f32.store (i32.add ${get("partial_at")} (i32.mul ${get("partial_stride")} (i32.const ${slot}))) (f32x4.extract_lane 0 ${get(name)}))`,
  ]);
}
