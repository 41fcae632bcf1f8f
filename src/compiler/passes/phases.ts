// Joins what the variants of a program do at each level into sweeps, and numbers the host values that enter their bodies.
// A variant numbers its own coefficients from slot 1, in the order in which its sweeps meet them.

import { argsOf } from "../ir/builder.js";
import type { Ir, Program, Value, ValueId, Variant } from "../ir/value.js";
import { type PlacedSweep, placeStores } from "./place-stores.js";
import type { Coefficient, Load, Phase, ProgramPlan, SweepBody, VariantPlan } from "./plan.js";

/** The plan of one program: a phase for every level at which some variant has element work. */
export function planProgram(ir: Ir, { entry, variants }: Program): ProgramPlan {
  const plans = variants.map((variant) => planVariant(ir, variant));
  const levels = [...new Set(plans.flatMap(({ bodies }) => [...bodies.keys()]))].sort((a, b) => a - b);
  const phases = levels.map((level, i): Phase => {
    const name = levels.length === 1 ? entry : `${entry}${i + 1}`;
    return { sweeps: [{ name, traversal: "chunks", bodies: plans.map(({ bodies }) => bodies.get(level) ?? null) }], finish: null };
  });
  const widest = Math.max(...plans.map(({ coefficients }) => coefficients));
  return { entry, variants: plans.map(({ plan }) => plan), phases, rowWidth: Math.ceil((1 + widest) / 4) * 4 };
}

function planVariant(ir: Ir, variant: Variant) {
  const { sweeps, bytes } = placeStores(ir, variant.deviceStores);
  const slots = new Map<ValueId, number>();
  const bodies = new Map(sweeps.map((sweep) => [sweep.level, sweepBody(ir, variant, sweep, slots)]));
  const plan: VariantPlan = { when: variant.when, stateSlots: stateSlots(ir, variant), hostStores: variant.hostStores, bytes };
  return { plan, bodies, coefficients: slots.size };
}

/** Device states of this variant, one after the other in the order of cells. */
function stateSlots(ir: Ir, { cells }: Variant): VariantPlan["stateSlots"] {
  const states = cells.filter((id) => {
    const cell = ir.cells[id]!;
    return cell.role === "state" && cell.home === "device" && cell.extent === "elem";
  });
  return new Map(states.map((id, slot) => [id, slot]));
}

/** `slots` numbers the coefficients of the whole variant and grows with each new one. */
function sweepBody(ir: Ir, variant: Variant, { loads, stores, partials }: PlacedSweep, slots: Map<ValueId, number>): SweepBody {
  const roots = [...stores.map(({ value }) => value), ...partials.flatMap((id) => argsOf(ir.values[id]!))];
  const body = computed(ir, roots, reloadedValues(variant, loads));
  const entering = [...body.flatMap((id) => argsOf(ir.values[id]!)), ...roots].filter((id) => isCoefficient(ir.values[id]!));
  const coefficients = [...new Set(entering)].map((value): Coefficient => {
    const slot = slots.get(value) ?? slots.size + 1;
    slots.set(value, slot);
    return { slot, value };
  });
  return { loads, scalars: [], coefficients, head: [], body, stores, partials: [] };
}

function isCoefficient({ kind, stage }: Value): boolean {
  return kind !== "literal" && stage !== "device";
}

/** What an earlier sweep has stored and this one loads. */
function reloadedValues({ deviceStores }: Variant, loads: readonly Load[]): ReadonlySet<ValueId> {
  const cells = new Set(loads.filter(({ version }) => version === "new").map(({ cell }) => cell));
  return new Set(deviceStores.filter(({ cell }) => cells.has(cell)).map(({ value }) => value));
}

/** The device values behind `roots` that a sweep computes itself, arguments first. */
function computed(ir: Ir, roots: readonly ValueId[], reloaded: ReadonlySet<ValueId>): readonly ValueId[] {
  const body = new Set<ValueId>();
  function visit(id: ValueId): void {
    const value = ir.values[id]!;
    if (value.stage !== "device" || value.kind === "load" || reloaded.has(id) || body.has(id)) return;
    body.add(id);
    argsOf(value).forEach(visit);
  }
  roots.forEach(visit);
  return [...body].sort((a, b) => a - b);
}
