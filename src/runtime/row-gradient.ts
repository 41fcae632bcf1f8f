// A gradient given by rows: everything of it is checked, then what is given for the same row is added in the order of the list, each sum
// rounded once to f32. A row is all that stands below the first axis.

import { isFloat32Array } from "./arrays.js";
import { OptimizerError, quote, show } from "./errors.js";
import type { Param } from "./settings.js";

/** A checked gradient: every row once, in ascending order. */
export interface RowGradient {
  readonly rows: Uint32Array;
  /** Elements of a row. */
  readonly rowElements: number;
  /** In the order of `rows`. */
  readonly values: Float32Array;
}

/** Rows as they are kept. */
export interface KeptRows {
  readonly rows: Uint32Array;
  /** Bytes of a row. */
  readonly rowBytes: number;
  /** In the order of `rows`. */
  readonly bytes: Uint8Array;
}

/** Whether a caller's value is meant as `{ indices, values }`. */
export function isGivenByRows(value: unknown): value is { readonly indices: unknown; readonly values?: unknown } {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && "indices" in value;
}

/** Whether a gradient was read from rows. */
export function isRowGradient(gradient: object | null | undefined): gradient is RowGradient {
  return gradient !== null && gradient !== undefined && "rowElements" in gradient;
}

/** Elements below the first axis; 0 of a single number, which has no rows. */
export function rowElementsOf({ shape }: Pick<Param, "shape">): number {
  return shape.length === 0 ? 0 : shape.slice(1).reduce((product, axis) => product * axis, 1);
}

const keys = ["indices", "values"];

/** Checks `{ indices, values }` and adds up what it says of the same row. Throws "invalid-gradient", with `label`, the position and the value. */
export function readRowGradient(given: { readonly indices: unknown; readonly values?: unknown }, param: Param, label: string): RowGradient {
  const fail = (problem: string): never => {
    throw new OptimizerError("invalid-gradient", `${label} ${problem}`);
  };
  const { indices, values } = given;
  const stranger = Object.keys(given).find((key) => !keys.includes(key));
  if (stranger !== undefined) fail(`has the unknown key ${quote(stranger)}; by rows it is { indices, values }`);
  if (param.shape.length === 0) fail("is given by rows, and a single number has none: give a Float32Array of 1 element");
  if (!isIndexList(indices)) return fail(`has indices that are ${show(indices)}: give an Int32Array, a Uint32Array or a list of numbers`);
  const rowElements = rowElementsOf(param);
  checkIndices(indices, param.shape[0]!, fail);
  if (!isFloat32Array(values)) return fail(`has values that are ${kindOf(values)}: give a Float32Array, a row for each index`);
  const expected = indices.length * rowElements;
  if (values.length !== expected)
    fail(`has ${values.length} values where ${indices.length} indices of rows of ${rowElements} elements need ${expected}`);
  return addUp(indices, values, rowElements);
}

type IndexList = Int32Array | Uint32Array | readonly number[];

/** Of any realm. */
function isIndexList(value: unknown): value is IndexList {
  return Array.isArray(value) || ["[object Int32Array]", "[object Uint32Array]"].includes(Object.prototype.toString.call(value));
}

function kindOf(value: unknown): string {
  return ArrayBuffer.isView(value) ? `a ${Object.prototype.toString.call(value).slice(8, -1)}` : show(value);
}

function checkIndices(indices: IndexList, rows: number, fail: (problem: string) => never): void {
  for (let i = 0; i < indices.length; i++) {
    const index: unknown = indices[i];
    if (typeof index === "number" && index >= 0 && index < rows && Number.isInteger(index)) continue;
    const range = rows === 0 ? "there are no rows" : `rows are whole numbers from 0 to ${rows - 1}`;
    fail(`has ${show(index)} at position ${i} of its indices; ${range}`);
  }
}

function addUp(indices: IndexList, values: Float32Array, rowElements: number): RowGradient {
  const rows = Uint32Array.from(new Set(indices)).sort();
  const places = new Map<number, number>();
  for (let place = 0; place < rows.length; place++) places.set(rows[place]!, place);
  const sums = new Float32Array(rows.length * rowElements);
  const begun = new Uint8Array(rows.length);
  for (let i = 0; i < indices.length; i++) {
    const place = places.get(indices[i]!)!;
    const [to, from] = [place * rowElements, i * rowElements];
    if (begun[place] === 0) sums.set(values.subarray(from, from + rowElements), to);
    else for (let k = 0; k < rowElements; k++) sums[to + k]! += values[from + k]!;
    begun[place] = 1;
  }
  return { rows, rowElements, values: sums };
}

/** All of the tensor's gradient, zeros in the rows that were not given. */
export function denseGradient({ rows, rowElements, values }: RowGradient, numel: number): Float32Array<ArrayBuffer> {
  const dense = new Float32Array(numel);
  for (let i = 0; i < rows.length; i++) dense.set(values.subarray(i * rowElements, (i + 1) * rowElements), rows[i]! * rowElements);
  return dense;
}

/** Calls `use` for every run of neighbouring rows: places [from, to) of the list. */
export function eachRun({ rows }: Pick<RowGradient, "rows">, use: (from: number, to: number) => void): void {
  for (let from = 0; from < rows.length; ) {
    let to = from + 1;
    while (to < rows.length && rows[to] === rows[to - 1]! + 1) to++;
    use(from, to);
    from = to;
  }
}
