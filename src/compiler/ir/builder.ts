// Makes values: hash-consed (equal values have one id), folded, and placed (extent, stage, level) as they are made.
// Folding never changes a bit: it evaluates what the build knows in f64, decides selects, and applies the laws of logic.
// On the device a select of booleans is spelled with and, or, not, and no boolean literal remains.

import type { Span } from "../source.js";
import { type Extent, joinExtents, laterStage, type Stage } from "./extent.js";
import { float64Operations, isHostOperation } from "./fold.js";
import { type Op, ops, type ValueType } from "./ops.js";
import type { Cell, CellId, HyperForm, Reducer, Value, ValueId } from "./value.js";

export interface HyperValue {
  readonly hyper: string;
  readonly form: HyperForm;
  readonly stage: Stage;
  readonly extent: Extent;
  readonly type: ValueType;
}

export type Ambient = Extract<Value, { kind: "ambient" }>["ambient"];

export interface Builder {
  readonly values: readonly Value[];
  readonly cells: readonly Cell[];
  value(id: ValueId): Value;
  literal(value: number, type?: ValueType): ValueId;
  hyper(hyper: HyperValue): ValueId;
  ambient(ambient: Ambient): ValueId;
  shape(axis: number): ValueId;
  cell(cell: Cell): CellId;
  load(cell: CellId): ValueId;
  random(seed: ValueId, step: ValueId): ValueId;
  apply(op: Op, args: readonly ValueId[]): ValueId;
  select(condition: ValueId, then: ValueId, otherwise: ValueId): ValueId;
  reduce(by: Reducer, to: Extent, from: Extent, arg: ValueId): ValueId;
  /** `level`: one more than the highest of what variants contribute to the site. */
  total(site: number, by: Reducer, level: number): ValueId;
  /** Gives a computed value the spec's name and place, unless it has one. */
  name(id: ValueId, name: string, span?: Span): void;
}

/** What a value is made of, without its place. */
type Content<V> = V extends Value ? Omit<V, "extent" | "stage" | "level" | "type" | "name" | "span"> : never;
type Place = Pick<Value, "extent" | "stage" | "level" | "type">;

export function createBuilder(): Builder {
  const values: Value[] = [];
  const cells: Cell[] = [];
  const known = new Map<string, ValueId>();

  function add(content: Content<Value>, place: Place): ValueId {
    const key = identity({ ...content, ...place } as Value);
    const found = known.get(key);
    if (found !== undefined) return found;
    const id = values.length as ValueId;
    values.push({ ...content, ...place } as Value);
    known.set(key, id);
    return id;
  }

  function value(id: ValueId): Value {
    const found = values[id];
    if (found === undefined) throw new Error(`bug: there is no value ${id}`);
    return found;
  }

  function literalOf(id: ValueId): number | null {
    const found = value(id);
    return found.kind === "literal" ? found.value : null;
  }

  function literal(number: number, type: ValueType = "number"): ValueId {
    return add({ kind: "literal", value: number }, { extent: "model", stage: "build", level: 0, type });
  }

  function placeOf(args: readonly ValueId[], type: ValueType): Place {
    const found = args.map(value);
    return {
      extent: found.map((v) => v.extent).reduce(joinExtents),
      stage: found.map((v) => v.stage).reduce(laterStage),
      level: Math.max(...found.map((v) => v.level)),
      type,
    };
  }

  function apply(op: Op, args: readonly ValueId[]): ValueId {
    const row = ops[op];
    if (row.args.length !== args.length || row.args.some((type, i) => value(args[i]!).type !== type))
      throw new Error(`bug: "${op}" does not take these arguments`);
    const numbers = args.map(literalOf);
    if (isHostOperation(op) && numbers.every((n) => n !== null))
      return literal(float64Operations[op](numbers[0]!, numbers[1] ?? 0), row.result);
    return foldLogic(op, args, numbers) ?? add({ kind: "apply", op, args }, placeOf(args, row.result));
  }

  function foldLogic(op: Op, args: readonly ValueId[], literals: readonly (number | null)[]): ValueId | null {
    if (op === "not") {
      const arg = value(args[0]!);
      return arg.kind === "apply" && arg.op === "not" ? arg.args[0]! : null;
    }
    if (op !== "and" && op !== "or") return null;
    const absorbing = op === "and" ? 0 : 1;
    if (args[0] === args[1]) return args[0]!;
    for (const i of [0, 1])
      if (literals[i] !== null && literals[i] !== undefined) return literals[i] === absorbing ? args[i]! : args[1 - i]!;
    return null;
  }

  function select(condition: ValueId, then: ValueId, otherwise: ValueId): ValueId {
    const type = value(then).type;
    if (value(condition).type !== "boolean" || value(otherwise).type !== type) throw new Error("bug: these cannot be selected");
    const decided = literalOf(condition);
    if (decided !== null) return decided === 1 ? then : otherwise;
    if (then === otherwise) return then;
    const place = placeOf([condition, then, otherwise], type);
    if (type === "boolean" && place.stage === "device")
      return apply("or", [apply("and", [condition, then]), apply("and", [apply("not", [condition]), otherwise])]);
    return add({ kind: "select", condition, then, otherwise }, place);
  }

  return {
    values,
    cells,
    value,
    literal,
    hyper({ hyper, form, ...place }) {
      return add({ kind: "hyper", hyper, form }, { ...place, level: 0 });
    },
    ambient(ambient) {
      return add({ kind: "ambient", ambient }, { ...ambientPlaces[ambient], level: 0, type: "number" });
    },
    shape(axis) {
      return add({ kind: "shape", axis }, { extent: "tensor", stage: "setup", level: 0, type: "number" });
    },
    cell(cell) {
      return (cells.push(cell) - 1) as CellId;
    },
    load(cell) {
      const { extent, home } = cells[cell]!;
      return add({ kind: "load", cell }, { extent, stage: home === "host" ? "step" : "device", level: 0, type: "number" });
    },
    random(seed, step) {
      return add({ kind: "random", seed, step }, { extent: "elem", stage: "device", level: 0, type: "number" });
    },
    apply,
    select,
    reduce(by, to, from, arg) {
      const level = value(arg).level + (to.startsWith("block:") ? 0 : 1);
      if (by === "sum" && literalOf(arg) === 0) return literal(0);
      return add({ kind: "reduce", by, to, from, arg }, { extent: to, stage: "device", level, type: "number" });
    },
    total(site, by, level) {
      return add({ kind: "total", site, by }, { extent: "model", stage: "device", level, type: "number" });
    },
    name(id, name, span) {
      const found = value(id);
      if (found.name === undefined && (argsOf(found).length > 0 || found.kind === "total"))
        values[id] = { ...found, name, ...(span && { span }) };
    },
  };
}

const ambientPlaces = {
  t: { extent: "tensor", stage: "step" },
  step: { extent: "model", stage: "step" },
  rank: { extent: "tensor", stage: "setup" },
  numel: { extent: "tensor", stage: "setup" },
  rows: { extent: "tensor", stage: "setup" },
  cols: { extent: "tensor", stage: "setup" },
  modelNumel: { extent: "model", stage: "setup" },
} as const satisfies Record<Ambient, { extent: Extent; stage: Stage }>;

/** Equal for equal values; the spec's name and place are no part of it. */
function identity(value: Value): string {
  switch (value.kind) {
    case "literal":
      return `literal ${value.type} ${Object.is(value.value, -0) ? "-0" : value.value}`;
    case "hyper":
      return `hyper ${value.form} ${value.hyper}`;
    case "ambient":
      return `ambient ${value.ambient}`;
    case "shape":
      return `shape ${value.axis}`;
    case "load":
      return `load ${value.cell}`;
    case "random":
      return `random ${value.seed} ${value.step}`;
    case "apply":
      return `apply ${value.op} ${value.args.join()}`;
    case "select":
      return `select ${value.condition} ${value.then} ${value.otherwise}`;
    case "reduce":
      return `reduce ${value.by} ${value.to} ${value.from} ${value.arg}`;
    case "total":
      return `total ${value.site}`;
    default:
      throw new Error(`bug: unknown value ${value satisfies never}`);
  }
}

/** The values that a value is computed from. */
export function argsOf(value: Value): readonly ValueId[] {
  switch (value.kind) {
    case "apply":
      return value.args;
    case "select":
      return [value.condition, value.then, value.otherwise];
    case "reduce":
      return [value.arg];
    case "random":
      return [value.seed, value.step];
    case "literal":
    case "hyper":
    case "ambient":
    case "shape":
    case "load":
    case "total":
      return [];
    default:
      throw new Error(`bug: unknown value ${value satisfies never}`);
  }
}
