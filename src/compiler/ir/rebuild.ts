// Copies an IR value by value, arguments first: what no program reaches is left behind, and a pass may replace values on the way.

import { argsOf, type Builder, createBuilder } from "./builder.js";
import type { CellId, Ir, Store, Value, ValueId, Variant } from "./value.js";

/** Makes the copy of a value from the copies of its arguments; null: as it was. */
export type Replace = (value: Value, args: readonly ValueId[], builder: Builder) => ValueId | null;

export function rebuild(ir: Ir, replace: Replace = () => null): Ir {
  const { cells, values, sites } = reached(ir);
  const builder = createBuilder();
  const cellOf = new Map<CellId, CellId>();
  for (const cell of [...cells].sort((a, b) => a - b)) cellOf.set(cell, builder.cell(ir.cells[cell]!));
  const copies = new Map<ValueId, ValueId>();
  const copyOf = (id: ValueId) => copies.get(id)!;
  for (const id of [...values].sort((a, b) => a - b)) {
    const value = ir.values[id]!;
    const args = argsOf(value).map(copyOf);
    const made = replace(value, args, builder) ?? copyValue(value, args, builder, (cell) => cellOf.get(cell)!);
    if (value.name !== undefined) builder.name(made, value.name, value.span);
    copies.set(id, made);
  }
  const copyStores = (stores: readonly Store[]) => stores.map(({ cell, value }) => ({ cell: cellOf.get(cell)!, value: copyOf(value) }));
  const copyVariant = (variant: Variant): Variant => ({
    when: variant.when.map(({ condition, is }) => ({ condition: copyOf(condition), is })),
    cells: variant.cells.flatMap((cell) => cellOf.get(cell) ?? []),
    deviceStores: copyStores(variant.deviceStores),
    hostStores: copyStores(variant.hostStores),
    contributions: variant.contributions.flatMap((given) => (sites.has(given.site) ? [{ ...given, arg: copyOf(given.arg) }] : [])),
  });
  return {
    values: builder.values,
    cells: builder.cells.map((cell) => ({
      ...cell,
      init: cell.init === null ? null : copyOf(cell.init),
      when: cell.when === null ? null : copyOf(cell.when),
    })),
    programs: ir.programs.map(({ entry, variants }) => ({ entry, variants: variants.map(copyVariant) })),
  };
}

interface Reached {
  readonly cells: ReadonlySet<CellId>;
  readonly values: ReadonlySet<ValueId>;
  /** Of totals. */
  readonly sites: ReadonlySet<number>;
}

/** The cells that programs load or store, and the values behind them, their initial values, conditions and contributions. */
export function reached(ir: Ir): Reached {
  const sites = new Set<number>();
  const cells = new Set<CellId>();
  const values = new Set<ValueId>();
  function reachCell(id: CellId): void {
    if (cells.has(id)) return;
    cells.add(id);
    const { init, when } = ir.cells[id]!;
    if (init !== null) reach(init);
    if (when !== null) reach(when);
  }
  function reach(id: ValueId): void {
    if (values.has(id)) return;
    values.add(id);
    const value = ir.values[id]!;
    if (value.kind === "load") reachCell(value.cell);
    argsOf(value).forEach(reach);
    if (value.kind !== "total" || sites.has(value.site)) return;
    sites.add(value.site);
    for (const variant of ir.programs.flatMap((program) => program.variants))
      for (const { site, arg } of variant.contributions) if (site === value.site) reach(arg);
  }
  for (const variant of ir.programs.flatMap((program) => program.variants)) {
    for (const { condition } of variant.when) reach(condition);
    for (const { cell, value } of [...variant.deviceStores, ...variant.hostStores]) {
      reachCell(cell);
      reach(value);
    }
  }
  return { cells, values, sites };
}

/** The same value of other arguments, in another IR. */
export function copyValue(value: Value, args: readonly ValueId[], builder: Builder, cellOf: (cell: CellId) => CellId): ValueId {
  switch (value.kind) {
    case "literal":
      return builder.literal(value.value, value.type);
    case "hyper":
      return builder.hyper(value);
    case "ambient":
      return builder.ambient(value.ambient);
    case "shape":
      return builder.shape(value.axis);
    case "load":
      return builder.load(cellOf(value.cell));
    case "random":
      return builder.random(args[0]!, args[1]!);
    case "apply":
      return builder.apply(value.op, args);
    case "select":
      return builder.select(args[0]!, args[1]!, args[2]!);
    case "reduce":
      return builder.reduce(value.by, value.to, value.from, args[0]!);
    case "total":
      return builder.total(value.site, value.by, value.level);
    default:
      throw new Error(`bug: unknown value ${value satisfies never}`);
  }
}
