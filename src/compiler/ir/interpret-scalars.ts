// The interpreter's numbers smaller than an element, for one tensor at one step: reductions, totals over the model, states of extent
// tensor and model, and what is computed from them, each once and on demand. A number of the host is rounded where it enters.

import { type Combine, reduceLeaf, reducePairs, reductionOfNothing } from "../../numeric/reduction-tree.js";
import type { Extent } from "./extent.js";
import { type Arithmetic, type ElementSource, type ElementWork, type FloatArray, operationOf, type Piece } from "./interpret-body.js";
import type { CellId, Ir, Reducer, Value, ValueId } from "./value.js";

export interface ScalarSource {
  readonly arrays: ReadonlyMap<CellId, FloatArray>;
  readonly pieces: readonly Piece[];
  readonly tensor: number;
  host(id: ValueId): number;
  /** The number of a reduction over the model. */
  total(site: number, by: Reducer): number;
  /** Work on elements that has this one root. */
  elements(root: ValueId): ElementWork;
}

export interface Scalars extends ElementSource {
  /** What this tensor gives to a reduction of all numbers of `from`. */
  reduce(by: Reducer, from: Extent, arg: ValueId): number;
}

/** How numbers come together under an arithmetic. */
export function combineBy(by: Reducer, arithmetic: Arithmetic): Combine {
  return { of: operationOf(by === "sum" ? "add" : by, arithmetic), nothing: reductionOfNothing[by] };
}

export function createScalars(ir: Ir, arithmetic: Arithmetic, source: ScalarSource): Scalars {
  const known = new Map<ValueId, number>();
  const round = arithmetic.kind === "f32" ? Math.fround : (x: number) => x;

  function scalar(id: ValueId): number {
    const found = known.get(id);
    if (found !== undefined) return found;
    const value = ir.values[id]!;
    const number = value.stage === "device" ? compute(value) : round(source.host(id));
    known.set(id, number);
    return number;
  }

  function compute(value: Value): number {
    switch (value.kind) {
      case "load":
        return source.arrays.get(value.cell)![0]!;
      case "select":
        return scalar(scalar(value.condition) !== 0 ? value.then : value.otherwise);
      case "apply": {
        const [x, y = 0] = value.args.map(scalar);
        return round(operationOf(value.op, arithmetic)(x!, y));
      }
      case "reduce":
        return reduce(value.by, value.from, value.arg);
      case "total":
        return source.total(value.site, value.by);
      case "literal":
      case "hyper":
      case "ambient":
      case "shape":
      case "random":
        throw new Error(`bug: "${value.kind}" is no number of the device`);
      default:
        throw new Error(`bug: unknown value ${value satisfies never}`);
    }
  }

  function reduce(by: Reducer, from: Extent, arg: ValueId): number {
    if (from !== "elem") return scalar(arg);
    const combine = combineBy(by, arithmetic);
    const leaves = source.pieces.map((): number[] => []);
    source.elements(arg).run(self, ([numbers], _, n, piece) => leaves[piece]!.push(reduceLeaf(numbers!, n, combine)));
    const ofPieces = leaves.map((ofPiece) => reducePairs(ofPiece, combine));
    return round(reducePairs(ofPieces, combine));
  }

  const self: Scalars = { arrays: source.arrays, pieces: source.pieces, tensor: source.tensor, scalar, reduce };
  return self;
}
