// Joins what the variants of a program do at each level into sweeps, and numbers the host values that enter their bodies.
// A variant numbers its own coefficients from slot 1, in the order in which its sweeps meet them.

import { argsOf } from "../ir/builder.js";
import type { CellId, Ir, Program, ValueId, Variant } from "../ir/value.js";
import { type PlacedSweep, placeStores } from "./place-stores.js";
import type { Coefficient, Phase, ProgramPlan, SweepBody, VariantPlan } from "./plan.js";

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
function sweepBody(ir: Ir, { deviceStores }: Variant, { loads, stores, partials }: PlacedSweep, slots: Map<ValueId, number>): SweepBody {
  const isReloaded = (cell: CellId) => loads.some((load) => load.cell === cell && load.version === "new");
  const reloaded = new Set(deviceStores.filter(({ cell }) => isReloaded(cell)).map(({ value }) => value));
  const body = new Set<ValueId>();
  const coefficients = new Map<ValueId, Coefficient>();

  function visit(id: ValueId): void {
    const value = ir.values[id]!;
    if (value.kind === "literal" || value.kind === "load" || reloaded.has(id) || body.has(id) || coefficients.has(id)) return;
    if (value.stage !== "device") {
      const slot = slots.get(id) ?? slots.size + 1;
      slots.set(id, slot);
      coefficients.set(id, { slot, value: id });
      return;
    }
    argsOf(value).forEach(visit);
    body.add(id);
  }

  for (const { value } of stores) visit(value);
  for (const id of partials) argsOf(ir.values[id]!).forEach(visit);
  return { loads, coefficients: [...coefficients.values()], body: [...body].sort((a, b) => a - b), stores, partials };
}
