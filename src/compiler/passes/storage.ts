// What a build keeps, and where a new value of a parameter is stored: rounded at random where the build says so, and where a master is beside
// the parameter, into both. Every store rounds to the format of its cell.

import type { NumberFormat } from "../../numeric/storage-formats.js";
import { GRAD_DTYPE, MASTER, PARAM_DTYPE, ROUNDING, ROUNDING_SEED } from "../check/storage.js";
import type { Builder } from "../ir/builder.js";
import type { Cell, CellId, MasterRole, Store, ValueId } from "../ir/value.js";

/** Of one build. */
export interface Storage {
  readonly param: NumberFormat;
  readonly grad: NumberFormat;
  readonly master: MasterRole | null;
  readonly atRandom: boolean;
}

/** From the build's words. */
export function storageOf(options: Readonly<Record<string, string>>): Storage {
  const master = options[MASTER];
  return {
    param: (options[PARAM_DTYPE] ?? "f32") as NumberFormat,
    grad: (options[GRAD_DTYPE] ?? "f32") as NumberFormat,
    master: master === "f32" ? "master" : master === "remainder" ? "remainder" : null,
    atRandom: options[ROUNDING] === "stochastic",
  };
}

/** What a build keeps beside its parameters; null: nothing. */
export function masterCell({ master }: Storage, builder: Builder): Cell | null {
  if (master === null) return null;
  const format = master === "master" ? "f32" : "i16";
  return { name: `param.${master}`, role: "state", home: "device", extent: "elem", format, init: builder.literal(0), when: null, master };
}

/** The cells of a parameter. */
export interface ParamCells {
  readonly param: CellId;
  /** Null: no master. */
  readonly beside: CellId | null;
}

/** A parameter as arithmetic sees it when a call begins. */
export function paramValue({ master }: Storage, builder: Builder, { param, beside }: ParamCells): ValueId {
  if (beside === null) return builder.load(param);
  return master === "master" ? builder.load(beside) : builder.apply("join_halves", [builder.load(param), builder.load(beside)]);
}

/** The stores of a new value of the parameter. */
export function paramStores(
  { param: format, master, atRandom }: Storage,
  builder: Builder,
  cells: ParamCells,
  given: ValueId,
): readonly Store[] {
  const { param, beside } = cells;
  const value = master === "remainder" || atRandom ? onDevice(builder, given, param) : given;
  if (beside !== null && master === "remainder") {
    return [
      { cell: param, value: builder.apply("upper_half", [value]) },
      { cell: beside, value: builder.apply("lower_half", [value]) },
    ];
  }
  if (atRandom && format !== "f32") {
    const seed = builder.hyper({ hyper: ROUNDING_SEED, form: "value", stage: "step", extent: "tensor", type: "number" });
    return [{ cell: param, value: builder.apply(`${format}_random`, [value, builder.random(seed, builder.ambient("step"))]) }];
  }
  return [{ cell: param, value }, ...(beside === null ? [] : [{ cell: beside, value }])];
}

/** A number of the host as one of the device, where operations follow that the host does not have. */
function onDevice(builder: Builder, value: ValueId, cell: CellId): ValueId {
  if (builder.value(value).stage === "device") return value;
  // A mantissa is in [1, 2), whatever the bits, so its exponent is 0.
  return builder.apply("add", [value, builder.apply("exponent", [builder.apply("mantissa", [builder.load(cell)])])]);
}
