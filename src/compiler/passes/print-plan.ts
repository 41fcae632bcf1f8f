// plan.txt: what the compiler decided, for a person. In a body, [brackets] hold a number that the host computes in f64 and
// rounds once; everything else is f32 arithmetic per element, in this order.

import { createNames, type Label, listValues, printDecision, printExpression } from "../ir/print.js";
import type { Ir, ValueId } from "../ir/value.js";
import type { Plan, ProgramPlan, SweepBody, VariantPlan } from "./plan.js";

/** The plan as text, the same for the same plan. */
export function printPlan(plan: Plan): string {
  const options = Object.entries(plan.options).map(([name, word]) => `${name} = ${word}`);
  const head = options.length === 0 ? [] : [`build ${options.join(", ")}`, ""];
  return `${[...head, ...plan.programs.flatMap((program, i) => [...(i === 0 ? [] : [""]), ...printProgram(plan.ir, program)])].join("\n")}\n`;
}

function printProgram(ir: Ir, program: ProgramPlan): readonly string[] {
  const { entry, phases, rowWidth, variants } = program;
  const sweeps = phases.reduce((sum, phase) => sum + phase.sweeps.length, 0);
  const counts = [count(variants.length, "variant"), count(sweeps, "sweep"), `rows of ${rowWidth} floats`];
  return [`${entry}: ${counts.join(", ")}`, ...variants.flatMap((variant, i) => ["", ...indent(printVariant(ir, program, variant, i))])];
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line === "" ? "" : `  ${line}`));
}

function printVariant(
  ir: Ir,
  { phases }: ProgramPlan,
  { when, stateSlots, hostStores, bytes }: VariantPlan,
  variant: number,
): readonly string[] {
  const condition = when.map(({ condition, is }) => printDecision(ir, condition, is)).join(" and ");
  const bodies = phases.flatMap((phase) => phase.sweeps).map(({ name, bodies }) => ({ name, body: bodies[variant] ?? null }));
  const coefficients = new Map(bodies.flatMap(({ body }) => body?.coefficients ?? []).map(({ slot, value }) => [slot, value]));
  const states = [...stateSlots].map(([cell, slot]) => `${slot}  ${ir.cells[cell]!.name}`);
  const rows = [...coefficients].sort(([a], [b]) => a - b).map(([slot, value]) => `${slot}  ${printCoefficient(ir, value)}`);
  const host = hostStores.map(({ cell, value }) => `${ir.cells[cell]!.name} <- ${printExpression(ir, value)}`);
  return [
    `variant ${variant}${condition === "" ? "" : ` when ${condition}`}`,
    ...section("host states", host),
    ...section("states", states),
    ...section("coefficients", rows),
    ...bodies.flatMap(({ name, body }) => (body === null ? [] : section(`sweep ${name}`, printBody(ir, body)))),
    `  ${bytes.read + bytes.written} bytes per element: ${bytes.read} read, ${bytes.written} written`,
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...indent(indent(lines))];
}

function printCoefficient(ir: Ir, id: ValueId): string {
  const name = ir.values[id]!.name;
  return `${name === undefined ? "" : `${name} = `}${printExpression(ir, id)}`;
}

function printBody(ir: Ir, { loads, coefficients, body, stores }: SweepBody): readonly string[] {
  const names = createNames();
  const loaded = loads.map(({ cell, version }) => `${version === "new" ? "new " : ""}${names(ir.cells[cell]!.name)}`);
  const entering = new Map(coefficients.map(({ value }) => [value, `[${ir.values[value]!.name ?? printExpression(ir, value)}]`]));
  const label: Label = (id) => entering.get(id) ?? null;
  const { lines, labelOf } = listValues(
    ir,
    body,
    stores.map(({ value }) => value),
    label,
    names,
  );
  return [
    ...(loaded.length === 0 ? [] : [`load ${loaded.join(", ")}`]),
    ...lines.map(({ name, expression }) => `${name} = ${expression}`),
    `store ${stores.map(({ cell, value }) => printStore(ir.cells[cell]!.name, labelOf(value) ?? printExpression(ir, value, labelOf))).join(", ")}`,
  ];
}

/** `m'` says by itself what it is stored into. */
function printStore(cell: string, value: string): string {
  return value.replace(/'+$/, "") === cell ? value : `${cell} = ${value}`;
}
