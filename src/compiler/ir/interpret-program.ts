// The interpreter's steps: every number smaller than an element is computed for all tensors before anything is stored, so that all of
// them see the model as it was. Then elements are stored tensor by tensor, and numbers of tensors, of the model and of the host last.

import { reducePairs } from "../../numeric/reduction-tree.js";
import { type Arithmetic, compileElements, type ElementWork, type FloatArray, type Piece, roundTo } from "./interpret-body.js";
import { combineBy, createScalars, type Scalars } from "./interpret-scalars.js";
import type { CellId, Ir, Program, Reducer, Store, ValueId, Variant } from "./value.js";

/** One tensor as a step sees it. */
export interface Participant {
  readonly arrays: ReadonlyMap<CellId, FloatArray>;
  /** Its number in the list of tensors. */
  readonly tensor: number;
  readonly host: ReadonlyMap<CellId, Float64Array>;
  readonly pieces: readonly Piece[];
  readonly hostValue: (id: ValueId) => number;
}

interface Running {
  readonly tensor: Participant;
  readonly variant: Variant;
  readonly scalars: Scalars;
}

/** Runs a program over the tensors of a model in the order of registration; null: a tensor that takes no part. */
export function createProgramRun(ir: Ir, arithmetic: Arithmetic): (program: Program, tensors: readonly (Participant | null)[]) => void {
  const reductions = new Map<ValueId, ElementWork>();
  const bodies = new Map<Variant, ElementWork>();
  const isElement = ({ cell }: Store) => ir.cells[cell]!.extent === "elem";
  const valuesOf = (stores: readonly Store[]) => stores.map(({ value }) => value);

  return (program, tensors) => {
    const totals = new Map<number, number>();
    const running = tensors.map((tensor) => (tensor === null ? null : start(tensor)));

    function start(tensor: Participant): Running {
      const host = tensor.hostValue;
      const variant = program.variants.find(({ when }) => when.every(({ condition, is }) => (host(condition) !== 0) === is));
      if (variant === undefined) throw new Error("bug: no variant fits");
      const elements = (root: ValueId) => remember(reductions, root, () => compileElements(ir, [root], arithmetic));
      const scalars = createScalars(ir, arithmetic, { ...tensor, host, total, elements });
      return { tensor, variant, scalars };
    }

    function total(site: number, by: Reducer): number {
      return remember(totals, site, () => {
        const combine = combineBy(by, arithmetic);
        const given = running.map((one) => {
          if (one === null) return combine.nothing;
          const contribution = one.variant.contributions.find((candidate) => candidate.site === site);
          if (contribution === undefined) throw new Error(`bug: a tensor gives nothing to total ${site}`);
          return one.scalars.reduce(by, contribution.from, contribution.arg);
        });
        return reducePairs(given, combine);
      });
    }

    const commits = running.filter((one) => one !== null).map((one) => prepare(one));
    for (const { storeElements } of commits) storeElements();
    // The first tensor speaks for numbers of the whole model: their values do not depend on which one asks.
    for (const { storeNumbers } of commits.reverse()) storeNumbers();
  };

  /** Computes what is smaller than an element, and says how to store. */
  function prepare({ tensor, variant, scalars }: Running) {
    const elementStores = variant.deviceStores.filter(isElement);
    const body = remember(bodies, variant, () => compileElements(ir, valuesOf(elementStores), arithmetic));
    const smaller = variant.deviceStores.filter((store) => !isElement(store));
    const numbers = smaller.map(({ cell, value }) => ({ array: tensor.arrays.get(cell)!, number: scalars.scalar(value) }));
    const ofHost = variant.hostStores.map(({ cell, value }) => ({ array: tensor.host.get(cell)!, number: tensor.hostValue(value) }));
    for (const id of body.scalars) scalars.scalar(id);
    return {
      storeElements: () =>
        body.run(scalars, (registers, first, n) => {
          for (const [i, { cell }] of elementStores.entries())
            tensor.arrays.get(cell)!.set(roundTo(ir.cells[cell]!.format, registers[i]!.subarray(0, n), arithmetic), first);
        }),
      storeNumbers() {
        for (const { array, number } of [...numbers, ...ofHost]) array[0] = number;
      },
    };
  }
}

function remember<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}
