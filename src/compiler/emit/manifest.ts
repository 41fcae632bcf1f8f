// Builds the manifest: what a generated optimizer says of itself to the runtime, as plain data.

import {
  type BuildInfo,
  type DeviceStateInfo,
  type HostStateInfo,
  type HyperInfo,
  MANIFEST_VERSION,
  type Manifest,
  type OptionInfo,
  type ProgramInfo,
  type RangeInfo,
  REDUCE_WORKGROUP,
  type SweepInfo,
  type VariantInfo,
  WORKGROUP,
} from "../../contract/manifest.js";
import type { NumberFormat } from "../../numeric/storage-formats.js";
import type { HyperSpec, Range, Spec } from "../check/spec.js";
import { printExpression } from "../ir/print.js";
import type { CellId, Value, ValueId } from "../ir/value.js";
import type { Finish, Plan, ProgramPlan, Sweep } from "../passes/plan.js";
import { positionAt } from "../source.js";
import { wordsOf } from "./coefficient-words.js";
import type { PlannedBuild } from "./files.js";
import { createFormulaTable, type FormulaTableBuilder, factsOf } from "./formula-table.js";
import { GENERATOR, sourceName } from "./generator.js";
import { createKeyNamer, createNamer } from "./namer.js";
import { nameSweeps, passesOf, placeOf, programLaunches, reduces, type SweepPlace, usesScalars } from "./sweeps.js";

/** Keys of the settings that every optimizer has. */
const baseSettings = ["params", "gradients", "lazyRows", "names", "applyDecay", "lrRatio", "allow", "rules", "groups", "lossScale"];

export interface ManifestInput {
  readonly spec: Spec;
  readonly sha256: string;
  /** The hypers' default values, as host values by name. */
  readonly defaults: {
    readonly values: readonly Value[];
    readonly formulas: ReadonlyMap<string, ValueId>;
    /** Multipliers by hyper. */
    readonly schedules: ReadonlyMap<string, ValueId>;
  };
  readonly builds: readonly BuildInfo[];
}

export function makeManifest({ spec, sha256, defaults, builds }: ManifestInput): Manifest {
  const formulas = createFormulaTable(defaults.values, []);
  const keyOf = createKeyNamer(baseSettings);
  const hypers = spec.hypers.map((hyper) =>
    hyperInfo(spec, hyper, keyOf(hyper.name), formulas.formula(defaults.formulas.get(hyper.name)!)),
  );
  const options = spec.options.map((option): OptionInfo => {
    const { name, doc, kind, words, value } = option;
    return { name, key: keyOf(name), doc, kind, words, value };
  });
  const schedules = [...defaults.schedules].map(([hyper, value]) => ({ hyper, value: formulas.formula(value) }));
  return {
    manifestVersion: MANIFEST_VERSION,
    generator: GENERATOR,
    source: { file: sourceName(spec.source), sha256 },
    optimizer: { name: spec.name, doc: spec.doc },
    hypers,
    defaults: formulas.table,
    ...(schedules.length > 0 && { schedules }),
    options,
    rules: spec.rules,
    ...(spec.rulesets.length > 0 && { rulesets: spec.rulesets }),
    builds,
  };
}

export function hyperInfo(spec: Pick<Spec, "source">, hyper: HyperSpec, key: string, value: number): HyperInfo {
  const { name, doc, type, fixed, range, globalBecause } = hyper;
  const place = globalBecause === null ? null : positionAt(spec.source, globalBecause.from);
  return {
    name,
    key,
    doc,
    type,
    fixed,
    value,
    range: range === null ? null : rangeInfo(range),
    globalBecause: place === null ? null : `${place.line}:${place.column}`,
  };
}

function rangeInfo({ low, high, lowClosed, highClosed }: Range): RangeInfo {
  return { low: Number.isFinite(low) ? low : null, high: Number.isFinite(high) ? high : null, lowClosed, highClosed };
}

/** A plan with what the manifest says of it. */
export function describeBuild(spec: Spec, plan: Plan, key: string): PlannedBuild {
  const { ir } = plan;
  const space = createNamer("cpp")(`${spec.name}_${key}`);
  const sweepNames = nameSweeps(plan);
  const formulas = createFormulaTable(ir.values, ir.cells);
  const keyOf = createKeyNamer(["param", "grad"]);
  const keys = new Map<string, string>();
  const states = ir.cells.flatMap((cell, id) => {
    if (cell.role !== "state") return [];
    // A state that is kept in one way or another has one key.
    const key = keys.get(cell.name) ?? keyOf(cell.name);
    keys.set(cell.name, key);
    return [{ cell, id: id as CellId, key }];
  });
  const deviceStates = states.filter(({ cell }) => cell.home === "device");
  const programs = plan.programs.map((program) =>
    programInfo(plan, program, { space, sweepNames, formulas, states: deviceStates.map(({ id }) => id) }),
  );
  const hostStates = states
    .filter(({ cell }) => cell.home === "host")
    .map(({ cell, key }): HostStateInfo => {
      if (cell.init === null || (cell.extent !== "model" && cell.extent !== "tensor")) throw new Error(`bug: host state ${cell.name}`);
      return { name: cell.name, key, extent: cell.extent, init: formulas.formula(cell.init) };
    });
  const info: BuildInfo = {
    key,
    options: plan.options,
    host: formulas.table,
    facts: factsOf(formulas.table),
    formats: { param: formatOf(plan, "param"), grad: formatOf(plan, "grad") },
    states: deviceStates.map(({ id, key }) => deviceState(spec, plan, id, key)),
    scalars: plan.scalars,
    hostStates,
    programs,
  };
  return { plan, info, space, sweepNames };
}

function deviceState(spec: Spec, plan: Plan, id: CellId, key: string): DeviceStateInfo {
  const cell = plan.ir.cells[id]!;
  const { extent } = cell;
  if (extent !== "elem" && extent !== "tensor" && extent !== "model")
    throw new Error(`bug: state ${cell.name} has no place for its extent`);
  const init = cell.init === null ? null : plan.ir.values[cell.init];
  return {
    name: cell.name,
    key,
    doc: spec.states.find((state) => state.name === cell.name)?.doc ?? null,
    extent,
    format: cell.format,
    scalarSlot: plan.scalarStates.get(id)?.slot ?? null,
    init: init?.kind === "literal" ? init.value : null,
    ...(cell.scaler !== undefined && { scaler: cell.scaler }),
    ...(cell.master !== undefined && { master: cell.master }),
  };
}

/** How the numbers of a parameter or gradient are kept. */
function formatOf({ ir }: Plan, role: "param" | "grad"): NumberFormat {
  return (ir.cells.find((cell) => cell.role === role)?.format ?? "f32") as NumberFormat;
}

interface ProgramContext {
  readonly space: string;
  readonly sweepNames: ReadonlyMap<Sweep | Finish, string>;
  readonly formulas: FormulaTableBuilder;
  readonly states: readonly CellId[];
}

function programInfo(plan: Plan, program: ProgramPlan, context: ProgramContext): ProgramInfo {
  return {
    entry: program.entry,
    rowWidth: program.rowWidth,
    variants: program.variants.map((_, number) => variantInfo(plan, program, number, context)),
    sweeps: programLaunches(program, context.sweepNames).map((launch) => {
      const info = launch.kind === "sweep" ? sweepInfo(plan, launch) : finishInfo;
      return { kind: launch.kind, name: launch.name, symbol: `${context.space}_${launch.name}`, ...info };
    }),
    bytesPerElement: program.variants.map(({ bytes }) => ({ read: bytes.read, written: bytes.written })),
  };
}

function variantInfo({ ir, scalarStates }: Plan, program: ProgramPlan, number: number, context: ProgramContext): VariantInfo {
  const { formulas, states } = context;
  const variant = program.variants[number]!;
  const cells = ir.programs.find(({ entry }) => entry === program.entry)?.variants[number]?.cells ?? [];
  const scalarSlot = (state: CellId) => (scalarStates.has(state) && cells.includes(state) ? 0 : -1);
  return {
    when: variant.when.map(({ condition, is }) => ({ condition: formulas.formula(condition), is })),
    coefficients: variant.coefficients.map((value) => ({
      name: wordsOf(ir, value) ?? printExpression(ir, value),
      value: formulas.formula(value),
    })),
    stateOffsets: states.map((state) => variant.stateOffsets.get(state) ?? scalarSlot(state)),
    hostStores: variant.hostStores.map(({ cell, value }) => ({ state: ir.cells[cell]!.name, value: formulas.formula(value) })),
  };
}

type LaunchInfo = Omit<SweepInfo, "kind" | "name" | "symbol">;

const finishInfo: LaunchInfo = {
  workgroup: WORKGROUP,
  scalars: true,
  reads: { param: false, grad: false, state: false },
  writes: { param: false, state: false },
};

function sweepInfo(plan: Plan, { program, sweep }: SweepPlace): LaunchInfo {
  const reads = { param: false, grad: false, state: false };
  const writes = { param: false, state: false };
  for (const { variant, body } of passesOf(sweep)) {
    for (const { cell } of body.loads) reads[placeOf(plan, program.variants[variant]!, cell).part] = true;
    for (const { cell } of body.stores) {
      const { part } = placeOf(plan, program.variants[variant]!, cell);
      if (part === "grad") throw new Error("bug: a sweep stores the gradient");
      writes[part] = true;
    }
  }
  return { workgroup: reduces(sweep) ? REDUCE_WORKGROUP : WORKGROUP, scalars: usesScalars(sweep), reads, writes };
}
