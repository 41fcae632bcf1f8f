// plan.txt: what the compiler decided, for a person. In a body, [brackets] hold a number that the host computes in f64 and
// rounds once; everything else is f32 arithmetic per element, in this order.

import { createNames, type Label, listValues, printDecision, printExpression } from "../ir/print.js";
import type { Cell, Ir, ValueId } from "../ir/value.js";
import type { Finish, Plan, ProgramPlan, ScalarBody, ScalarLoad, ScalarPlace, SweepBody, VariantPlan } from "./plan.js";

/** The plan as text, the same for the same plan. */
export function printPlan(plan: Plan): string {
  const options = Object.entries(plan.options).map(([name, word]) => `${name} = ${word}`);
  const head = options.length === 0 ? [] : [`build ${options.join(", ")}`, ""];
  return `${[...head, ...plan.programs.flatMap((program, i) => [...(i === 0 ? [] : [""]), ...printProgram(plan.ir, program)])].join("\n")}\n`;
}

function printProgram(ir: Ir, program: ProgramPlan): readonly string[] {
  const { entry, phases, rowWidth, variants } = program;
  const sweeps = phases.reduce((sum, phase) => sum + phase.sweeps.length, 0);
  const finishes = phases.filter(({ finish }) => finish !== null).length;
  const counts = [
    count(variants.length, "variant"),
    count(sweeps, "sweep"),
    ...(finishes === 0 ? [] : [`${finishes} finish${finishes === 1 ? "" : "es"}`]),
    `rows of ${rowWidth} floats`,
  ];
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
  { when, stateOffsets, coefficients, hostStores, bytes }: VariantPlan,
  variant: number,
): readonly string[] {
  const condition = when.map(({ condition, is }) => printDecision(ir, condition, is)).join(" and ");
  const states = [...stateOffsets].map(([cell, offset]) => `${offset}  ${ir.cells[cell]!.name}${printFormat(ir.cells[cell]!)}`);
  const rows = coefficients.map((value, i) => `${i + 1}  ${printCoefficient(ir, value)}`);
  const host = hostStores.map(({ cell, value }) => `${ir.cells[cell]!.name} <- ${printExpression(ir, value)}`);
  return [
    `variant ${variant}${condition === "" ? "" : ` when ${condition}`}`,
    ...section("host states", host),
    ...section("states", states),
    ...section("coefficients", rows),
    ...phases.flatMap(({ sweeps, finish }) => [
      ...sweeps.flatMap(({ name, bodies }) => printSweep(ir, name, bodies[variant] ?? null)),
      ...(finish === null ? [] : section(`finish ${finish.name}`, printFinish(ir, finish, variant))),
    ]),
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

function printSweep(ir: Ir, name: string, body: SweepBody | null): readonly string[] {
  if (body === null) return [];
  return [...section(`sweep ${name}`, printBody(ir, body)), ...printSweep(ir, `${name}, second pass`, body.second)];
}

function printBody(ir: Ir, { loads, scalars, coefficients, head, body, stores, partials }: SweepBody): readonly string[] {
  const names = createNames();
  const loaded = loads.map(({ cell, version, value }) => ({ version, value, name: names(ir.cells[cell]!.name) }));
  const read = scalars.map((scalar) => [scalar, names(scalarName(ir, scalar.value))] as const);
  const fromMemory = new Map(loaded.map(({ value, name }) => [value, name]));
  const scalar = entering(ir, coefficients, read);
  const label: Label = (id) => fromMemory.get(id) ?? scalar(id);
  const roots = [...stores.map(({ value }) => value), ...partials.map(({ value }) => value)];
  const { lines, labelOf } = listValues(ir, [...head, ...body], roots, label, names);
  const print = (value: ValueId) => labelOf(value) ?? printExpression(ir, value, labelOf);
  return [
    ...(loaded.length === 0 ? [] : [`load ${loaded.map(({ version, name }) => `${version === "new" ? "new " : ""}${name}`).join(", ")}`]),
    ...read.map(([{ place }, name]) => `${name} = ${printPlace(place)}`),
    ...lines.map(({ name, expression }) => `${name} = ${expression}`),
    ...(stores.length === 0 ? [] : [`store ${stores.map(({ cell, value }) => printStore(ir.cells[cell]!.name, print(value))).join(", ")}`]),
    ...partials.map(({ slot, by, value }) => `partial ${slot} = ${by} of ${print(value)}`),
  ];
}

/** How a state is kept, where that is not f32. */
function printFormat({ format }: Cell): string {
  return format === "f32" ? "" : `: ${format}`;
}

/** What stands in brackets or has a name from memory. */
function entering(ir: Ir, coefficients: SweepBody["coefficients"], read: readonly (readonly [ScalarLoad, string])[]): Label {
  const known = new Map(coefficients.map(({ value }) => [value, `[${ir.values[value]!.name ?? printExpression(ir, value)}]`]));
  for (const [{ value }, name] of read) known.set(value, name);
  return (id) => known.get(id) ?? null;
}

function scalarName(ir: Ir, id: ValueId): string {
  const value = ir.values[id]!;
  if (value.kind === "load") return ir.cells[value.cell]!.name;
  if (value.name !== undefined) return value.name;
  return value.kind === "total" || value.kind === "reduce" ? value.by : "scalar";
}

const printPlace = ({ of, slot }: ScalarPlace) => `${of}[${slot}]`;

function printFinish(ir: Ir, { folds, rounds }: Finish, variant: number): readonly string[] {
  return [
    ...folds.map(({ partial, by, slot }) => `tensor[${slot}] = ${by} of partial ${partial}`),
    ...rounds.flatMap(({ tensor, totals, model }) => [
      ...printScalarBody(ir, tensor[variant] ?? null, "tensor"),
      ...totals.map(({ by, from, slot }) => `model[${slot}] = ${by} of tensor[${from}]`),
      ...printScalarBody(ir, model[variant] ?? null, "model"),
    ]),
  ];
}

function printScalarBody(ir: Ir, body: ScalarBody | null, of: "tensor" | "model"): readonly string[] {
  if (body === null) return [];
  const names = createNames();
  const read = body.scalars.map((scalar) => [scalar, names(scalarName(ir, scalar.value))] as const);
  const label = entering(ir, body.coefficients, read);
  const { lines, labelOf } = listValues(
    ir,
    body.body,
    body.stores.map(({ value }) => value),
    label,
    names,
  );
  return [
    of === "tensor" ? "each tensor" : "the model",
    ...indent([
      ...read.map(([{ place }, name]) => `${name} = ${printPlace(place)}`),
      ...lines.map(({ name, expression }) => `${name} = ${expression}`),
      ...body.stores.map(({ value, place }) => `${printPlace(place)} = ${labelOf(value) ?? printExpression(ir, value, labelOf)}`),
    ]),
  ];
}

/** `m'` says by itself what it is stored into. */
function printStore(cell: string, value: string): string {
  return value.replace(/'+$/, "") === cell ? value : `${cell} = ${value}`;
}
