// From a checked Spec and the words of its options to the IR: branches on options are gone with their states, every body is
// written once per truth assignment of host conditions that govern device work, and names are values.

import type { Spec, StateSpec } from "../check/spec.js";
import { storageWords } from "../check/storage.js";
import { type Builder, createBuilder } from "../ir/builder.js";
import { reached, rebuild } from "../ir/rebuild.js";
import type { Cell, CellId, Ir, Program, Store, ValueId, Variant } from "../ir/value.js";
import { createBody, type Frame, lowerExpression, lowerStatements, masterAmong, valueAtStart } from "./lower-body.js";
import { masterCell, paramStores, type Storage, storageOf } from "./storage.js";
import { eachAssignment, undecided } from "./variants.js";

interface Build {
  readonly spec: Spec;
  readonly builder: Builder;
  readonly options: Readonly<Record<string, string>>;
  readonly globals: ReadonlySet<string>;
  readonly siteLevels: ReadonlyMap<number, number>;
  readonly storage: Storage;
}

interface Lowering extends Build {
  /** The cells of this build by name, in declaration order; several where a condition says how a state is kept. */
  readonly cells: ReadonlyMap<string, readonly CellId[]>;
}

/** The IR of one build. `options` names words as written in the spec; an option left out has its default. */
export function lower(spec: Spec, options: Readonly<Record<string, string>>): Ir {
  for (let siteLevels: ReadonlyMap<number, number> = new Map(); ; ) {
    const ir = lowerAt(spec, options, siteLevels);
    const found = levelsOf(ir);
    if ([...found].every(([site, level]) => level === (siteLevels.get(site) ?? 1))) return ir;
    siteLevels = found;
  }
}

/** Of every total: one more than the highest level of what some variant contributes. */
function levelsOf({ values, programs }: Ir): ReadonlyMap<number, number> {
  const levels = new Map<number, number>();
  for (const { site, arg } of programs.flatMap(({ variants }) => variants).flatMap(({ contributions }) => contributions))
    levels.set(site, Math.max(levels.get(site) ?? 0, values[arg]!.level + 1));
  return levels;
}

/** Totals are placed at the levels that an earlier attempt has found. */
function lowerAt(spec: Spec, options: Readonly<Record<string, string>>, siteLevels: ReadonlyMap<number, number>): Ir {
  const builder = createBuilder();
  const chosen = Object.fromEntries(spec.options.map((option) => [option.name, options[option.name] ?? option.value]));
  const globals = new Set(spec.hypers.filter((hyper) => hyper.globalBecause !== null).map(({ name }) => name));
  const build: Build = { spec, builder, options: chosen, globals, siteLevels, storage: storageOf(storageWords(spec, chosen)) };
  const lowering = { ...build, cells: declareCells(build) };
  const step = lowerProgram("step", lowering, (body) => lowerStatements(body, spec.body));
  const init = lowerInit(lowering, step);
  return rebuild({ values: builder.values, cells: builder.cells, programs: init === null ? [step] : [init, step] });
}

function declareCells(build: Build): ReadonlyMap<string, readonly CellId[]> {
  const { builder, spec, storage } = build;
  const cells = new Map<string, readonly CellId[]>();
  const element = { home: "device", extent: "elem", init: null, when: null } as const;
  for (const role of ["param", "grad"] as const) cells.set(role, [builder.cell({ name: role, role, format: storage[role], ...element })]);
  const setup = createBody({ ...build, cells, present: new Set([...cells.values()].flat()), decisions: undecided });
  const master = masterCell(storage, builder);
  if (master !== null) cells.set(master.name, [builder.cell(master)]);
  for (const state of spec.states) cells.set(state.name, stateCells(state, spec, setup));
  return cells;
}

/** A state has a cell for each way in which it may be kept; none where it never exists. */
function stateCells(state: StateSpec, spec: Spec, setup: Frame): readonly CellId[] {
  const { builder } = setup;
  const [always, never] = [builder.literal(1, "boolean"), builder.literal(0, "boolean")];
  const exists = state.when === null ? always : lowerExpression(setup, state.when);
  const entry = spec.storage.find(({ cell }) => cell === state.name);
  const isKept = entry === undefined ? never : entry.when === null ? always : lowerExpression(setup, entry.when);
  const ways = [
    { format: entry?.format ?? "f32", when: builder.apply("and", [exists, isKept]) },
    { format: "f32", when: builder.apply("and", [exists, builder.apply("not", [isKept])]) },
  ] as const;
  return ways.flatMap(({ format, when }) => (when === never ? [] : [builder.cell({ ...stateCell(state, when, setup), format })]));
}

function stateCell(state: StateSpec, when: ValueId, setup: Frame): Omit<Cell, "format"> {
  return {
    name: state.name,
    role: "state",
    home: state.home,
    extent: state.extent,
    init: initialValue(state, setup),
    when: setup.builder.value(when).kind === "literal" ? null : when,
    ...(state.scaler !== undefined && { scaler: state.scaler }),
  };
}

/** Null where the `init` program stores it: a device state's initial value that the build does not know. */
function initialValue(state: StateSpec, setup: Frame): ValueId | null {
  if (state.home === "device" && state.value.stage === "device") return null;
  const value = lowerExpression(setup, state.value);
  return state.home === "host" || setup.builder.value(value).kind === "literal" ? value : null;
}

function lowerProgram(entry: string, lowering: Lowering, write: (body: Frame) => void): Program {
  const { builder, cells } = lowering;
  const variants = eachAssignment(builder, (decisions) => {
    const present = new Set<CellId>();
    for (const cell of [...cells.values()].flat()) {
      const { when } = builder.cells[cell]!;
      if (when === null || decisions.decide(when)) present.add(cell);
    }
    const body = createBody({ ...lowering, present, decisions });
    write(body);
    return { cells: [...present], ...storesOf(body) };
  });
  return {
    entry,
    variants: withEverySite(
      builder,
      variants.map(({ when, result }): Variant => ({ when, ...result })),
    ),
  };
}

/** Variants of which some do not reduce at a site (a condition of the whole model chose otherwise) contribute nothing to it. */
function withEverySite(builder: Builder, variants: readonly Variant[]): readonly Variant[] {
  const sites = new Map(variants.flatMap(({ contributions }) => contributions).map((given) => [given.site, given]));
  return variants.map((variant) => {
    const own = new Map(variant.contributions.map((given) => [given.site, given]));
    const contributions = [...sites.values()].map((given) => own.get(given.site) ?? { ...given, arg: builder.literal(0) });
    return { ...variant, contributions: contributions.sort((a, b) => a.site - b.site) };
  });
}

/** What has changed since the start of the call. */
function storesOf(frame: Frame): Pick<Variant, "deviceStores" | "hostStores" | "contributions"> {
  const { builder, current, contributions, storage, present } = frame;
  const stores = [...current]
    .filter(
      // A new value of the gradient, of a text that clips it, is of this step alone.
      ([cell, value]) => builder.cells[cell]!.role !== "grad" && value !== valueAtStart(frame, cell),
    )
    .flatMap(([cell, value]): readonly Store[] => {
      if (builder.cells[cell]!.role !== "param") return [{ cell, value }];
      return paramStores(storage, builder, { param: cell, beside: masterAmong(builder, present) }, value);
    });
  const homeOf = (store: Store) => builder.cells[store.cell]!.home;
  return {
    deviceStores: stores.filter((store) => homeOf(store) === "device"),
    hostStores: stores.filter((store) => homeOf(store) === "host"),
    contributions: [...contributions.values()].sort((a, b) => a.site - b.site),
  };
}

/** The program of registration, or null where every initial value is a plain constant. */
function lowerInit(lowering: Lowering, step: Program): Program | null {
  const { builder, cells, spec } = lowering;
  const used = reached({ values: builder.values, cells: builder.cells, programs: [step] }).cells;
  const stored = spec.states.flatMap((state) => {
    const kept = cells.get(state.name)!.filter((cell) => used.has(cell) && builder.cells[cell]!.init === null);
    return kept.map((cell) => ({ state, cell }));
  });
  if (stored.length === 0) return null;
  return lowerProgram("init", lowering, (body) => {
    for (const { state, cell } of stored) if (body.present.has(cell)) body.current.set(cell, lowerExpression(body, state.value));
  });
}
