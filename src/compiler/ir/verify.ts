// What every IR must satisfy. A violation is our mistake, never the user's: it throws and says `bug:`.

import { argsOf } from "./builder.js";
import { joinExtents, laterStage, within } from "./extent.js";
import { ops } from "./ops.js";
import type { CellId, Ir, Store, Value, Variant } from "./value.js";

export interface VerifyOptions {
  /** "exact": only operations that a kernel has may stand at stage device; "any" before `expand-math`. */
  readonly device: "exact" | "any";
}

export function verifyIr(ir: Ir, { device }: VerifyOptions): void {
  ir.values.forEach((value, id) => {
    const fail = (what: string) => fault(`value ${id} (${value.kind}${value.kind === "apply" ? ` ${value.op}` : ""}) ${what}`);
    if (argsOf(value).some((arg) => arg >= id || ir.values[arg] === undefined)) fail("stands before its arguments");
    verifyTypes(ir, value, fail);
    verifyPlace(ir, value, fail);
    if (value.kind === "apply" && value.stage === "device" && device === "exact" && !ops[value.op].device)
      fail("is no operation of kernels");
  });
  for (const { entry, variants } of ir.programs) {
    if (variants.length === 0) fault(`program ${entry} has no variant`);
    for (const variant of variants) verifyVariant(ir, variant);
  }
}

function fault(what: string): never {
  throw new Error(`bug: ${what}`);
}

function verifyTypes(ir: Ir, value: Value, fail: (what: string) => never): void {
  const types = argsOf(value).map((arg) => ir.values[arg]!.type);
  if (value.kind === "apply") {
    const row = ops[value.op];
    if (types.join() !== row.args.join() || value.type !== row.result) fail("has arguments of other types");
  }
  if (value.kind === "select" && (types[0] !== "boolean" || types[1] !== value.type || types[2] !== value.type))
    fail("selects between types");
  if (value.kind === "reduce" && types[0] !== "number") fail("reduces booleans");
  if (value.kind === "literal" && value.type === "boolean" && value.value !== 0 && value.value !== 1) fail("is no boolean");
}

function verifyPlace(ir: Ir, value: Value, fail: (what: string) => never): void {
  const args = argsOf(value).map((arg) => ir.values[arg]!);
  if (value.kind === "load") {
    const cell = ir.cells[value.cell] ?? fail("loads no cell");
    if (value.extent !== cell.extent || value.stage !== (cell.home === "host" ? "step" : "device")) fail("is not placed where its cell is");
    return;
  }
  if (value.kind === "random") {
    if (args.some((arg) => arg.stage === "device")) fail("is of numbers that the host does not know");
    return;
  }
  if (args.length === 0) return;
  if (value.stage !== (value.kind === "reduce" ? "device" : args.map((arg) => arg.stage).reduce(laterStage)))
    fail("has another stage than its arguments");
  if (value.kind === "reduce" && (!within(value.to, value.from) || !within(args[0]!.extent, value.from))) fail("reduces upward");
  if (value.kind === "reduce" && value.to === "model") fail("reduces to the model, which a total does");
  if (value.kind !== "reduce" && value.extent !== args.map((arg) => arg.extent).reduce(joinExtents))
    fail("has another extent than its arguments");
  if (value.stage !== "device") return;
  if (args.some((arg) => arg.type === "boolean" && arg.stage !== "device")) fail("takes a boolean of the host into a kernel");
  if (value.kind === "select" && value.type === "boolean") fail("is a select of booleans in a kernel");
}

function verifyVariant(ir: Ir, { when, cells, deviceStores, hostStores, contributions }: Variant): void {
  for (const { site, from, arg } of contributions) {
    const value = ir.values[arg];
    if (value?.type !== "number" || !within(value.extent, from)) fault(`what is given to total ${site} has not its extent`);
  }
  for (const { condition } of when) {
    const value = ir.values[condition];
    if (value?.type !== "boolean" || value.stage === "device") fault(`a decision on value ${condition}, which the host does not know`);
  }
  const stored = new Set<CellId>();
  const verifyStore = (home: "device" | "host") => (store: Store) => {
    const cell = ir.cells[store.cell] ?? fault(`a store into no cell`);
    const value = ir.values[store.value] ?? fault(`"${cell.name}" stores no value`);
    if (stored.has(store.cell)) fault(`"${cell.name}" is stored twice`);
    stored.add(store.cell);
    if (!cells.includes(store.cell)) fault(`"${cell.name}" is stored where it does not exist`);
    if (cell.role === "grad" || cell.role === "input") fault(`"${cell.name}" is stored`);
    if (cell.home !== home || (home === "host" && value.stage === "device")) fault(`"${cell.name}" is stored at the wrong home`);
    if (value.type !== "number" || !within(value.extent, cell.extent)) fault(`"${cell.name}" cannot hold what is stored`);
  };
  deviceStores.forEach(verifyStore("device"));
  hostStores.forEach(verifyStore("host"));
}
