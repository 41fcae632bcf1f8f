// Values in the words of the spec: an expression printer with the language's own precedence, and listings that name a value
// once and then use its name. A name that is taken by an older value gets a prime: `param`, `param'`, `param''`.

import { argsOf } from "./builder.js";
import type { Op } from "./ops.js";
import type { Cell, Ir, Value, ValueId, Variant } from "./value.js";

/** The name to print for a value instead of its expression, or null. */
export type Label = (id: ValueId) => string | null;

const LOOSEST = 0;
const COMPARISON = 4;
const TIGHTEST = 8;

const infix: Partial<Record<Op, { readonly sign: string; readonly level: number }>> = {
  or: { sign: "or", level: 1 },
  and: { sign: "and", level: 2 },
  lt: { sign: "<", level: COMPARISON },
  le: { sign: "<=", level: COMPARISON },
  eq: { sign: "==", level: COMPARISON },
  add: { sign: "+", level: 5 },
  sub: { sign: "-", level: 5 },
  mul: { sign: "*", level: 6 },
  div: { sign: "/", level: 6 },
};

/** Prints a value that must bind at least as tightly as a level. */
type Print = (id: ValueId, least: number) => string;

type Apply = Extract<Value, { kind: "apply" }>;

const turnedSigns: ReadonlyMap<string, string> = new Map([
  ["<", ">"],
  ["<=", ">="],
  ["==", "=="],
  ["!=", "!="],
]);

/** The expression of a value; `label` says where to stop below it. */
export function printExpression(ir: Ir, id: ValueId, label: Label = () => null): string {
  return spell(ir, ir.values[id]!, createPrint(ir, label)).text;
}

function createPrint(ir: Ir, label: Label): Print {
  const print: Print = (id, least) => {
    const name = label(id);
    if (name !== null) return name;
    const { text, level } = spell(ir, ir.values[id]!, print);
    return level < least ? `(${text})` : text;
  };
  return print;
}

interface Spelled {
  readonly text: string;
  readonly level: number;
}

function spell(ir: Ir, value: Value, print: Print): Spelled {
  const atom = (text: string): Spelled => ({ text, level: TIGHTEST });
  switch (value.kind) {
    case "literal":
      return spellLiteral(value);
    case "hyper":
      return atom(value.form === "value" ? value.hyper : `${value.hyper}.${value.form}`);
    case "ambient":
      return atom(value.ambient === "modelNumel" ? "numel[model]" : value.ambient);
    case "shape":
      return atom(`shape[${value.axis}]`);
    case "load":
      return atom(ir.cells[value.cell]!.name);
    case "random":
      return atom(`random16(${print(value.seed, LOOSEST)}, ${print(value.step, LOOSEST)})`);
    case "select": {
      const [condition, then, otherwise] = argsOf(value).map((arg) => print(arg, LOOSEST));
      return { text: `if ${condition} then ${then} else ${otherwise}`, level: LOOSEST };
    }
    case "total":
      return atom(`${value.by}[model] ${value.site}`);
    case "reduce":
      return atom(`${value.by}[${value.to}](${print(value.arg, LOOSEST)})`);
    case "apply":
      return spellOperation(ir, value, print);
    default:
      throw new Error(`bug: unknown value ${value satisfies never}`);
  }
}

function spellLiteral({ value, type }: Extract<Value, { kind: "literal" }>): Spelled {
  if (type === "boolean") return { text: value === 1 ? "true" : "false", level: TIGHTEST };
  const magnitude = Math.abs(value) === Number.POSITIVE_INFINITY ? "inf" : String(Math.abs(value));
  const negative = value < 0 || Object.is(value, -0);
  return negative ? { text: `-${magnitude}`, level: 7 } : { text: Number.isNaN(value) ? "nan" : magnitude, level: TIGHTEST };
}

function spellOperation(ir: Ir, { op, args }: Apply, print: Print): Spelled {
  const [x, y] = args as readonly [ValueId, ValueId];
  const row = infix[op];
  if (row?.level === COMPARISON) return { text: spellComparison(ir, row.sign, x, y, print), level: row.level };
  if (row !== undefined) return { text: `${print(x, row.level)} ${row.sign} ${print(y, row.level + 1)}`, level: row.level };
  if (op === "not") return spellNegation(ir, ir.values[x]!, print) ?? { text: `not ${print(x, 3)}`, level: 3 };
  if (op === "neg") return { text: `-${print(x, 7)}`, level: 7 };
  if (op === "pow") return { text: `${print(x, TIGHTEST)}^${print(y, 7)}`, level: 7.5 };
  return { text: `${op}(${args.map((arg) => print(arg, LOOSEST)).join(", ")})`, level: TIGHTEST };
}

/** A number stands on the right, as people write it. */
function spellComparison(ir: Ir, sign: string, x: ValueId, y: ValueId, print: Print): string {
  const turned = ir.values[x]!.kind === "literal" ? turnedSigns.get(sign) : undefined;
  const [left, right] = turned === undefined ? [x, y] : [y, x];
  return `${print(left, COMPARISON + 1)} ${turned ?? sign} ${print(right, COMPARISON + 1)}`;
}

/** `!=`; null where the language has no word for the opposite. */
function spellNegation(ir: Ir, value: Value, print: Print): Spelled | null {
  if (value.kind !== "apply" || value.op !== "eq") return null;
  return { text: spellComparison(ir, "!=", value.args[0]!, value.args[1]!, print), level: COMPARISON };
}

/** Hands out names that no other value has. */
export function createNames(): (wanted: string) => string {
  const taken = new Set<string>();
  return (wanted) => {
    let name = wanted;
    while (taken.has(name)) name += "'";
    taken.add(name);
    return name;
  };
}

/** One line of a listing: a value's own name and its expression. */
export interface Line {
  readonly name: string;
  readonly expression: string;
}

/** Lines for the values of `order` (arguments first) that the spec names or that are used twice; `label` names what comes from elsewhere. */
export function listValues(ir: Ir, order: readonly ValueId[], roots: readonly ValueId[], label: Label, names: (wanted: string) => string) {
  const uses = new Map<ValueId, number>();
  for (const id of [...roots, ...order.flatMap((user) => argsOf(ir.values[user]!))]) uses.set(id, (uses.get(id) ?? 0) + 1);
  const named = new Map<ValueId, string>();
  const labelOf: Label = (id) => named.get(id) ?? label(id);
  const lines: Line[] = [];
  for (const id of order) {
    const { name } = ir.values[id]!;
    if (name === undefined && (uses.get(id) ?? 0) < 2) continue;
    lines.push({ name: names(name ?? `x${lines.length + 1}`), expression: printExpression(ir, id, labelOf) });
    named.set(id, lines.at(-1)!.name);
  }
  return { lines, labelOf };
}

/** A readable dump of the whole IR, for tests and for people at work on a pass. */
export function printIr(ir: Ir): string {
  const cells = ir.cells.map((cell) => `cell ${cell.name}: ${printCell(ir, cell)}`);
  const programs = ir.programs.flatMap(({ entry, variants }) => variants.flatMap((variant) => ["", ...printVariant(ir, entry, variant)]));
  return `${[...cells, ...programs].join("\n")}\n`;
}

function printCell(ir: Ir, { home, extent, init, when }: Cell): string {
  const initial = init === null ? "" : ` = ${printExpression(ir, init)}`;
  const condition = when === null ? "" : ` when ${printExpression(ir, when)}`;
  return `${home === "host" ? "host " : ""}${extent}${initial}${condition}`;
}

function printVariant(ir: Ir, entry: string, { when, deviceStores, hostStores, contributions }: Variant): readonly string[] {
  const stores = [...hostStores, ...deviceStores];
  const roots = [...stores.map(({ value }) => value), ...contributions.map(({ arg }) => arg)];
  const order = behind(ir, roots);
  const names = createNames();
  for (const id of order) {
    const value = ir.values[id]!;
    if (value.kind === "load") names(ir.cells[value.cell]!.name);
  }
  const computed = order.filter((id) => argsOf(ir.values[id]!).length > 0);
  const { lines, labelOf } = listValues(ir, computed, roots, () => null, names);
  const decisions = when.map(({ condition, is }) => printDecision(ir, condition, is));
  return [
    decisions.length === 0 ? entry : `${entry} when ${decisions.join(" and ")}`,
    ...lines.map(({ name, expression }) => `  ${name} = ${expression}`),
    ...contributions.map(({ site, by, arg }) => `  ${by}[model] ${site} of ${labelOf(arg) ?? printExpression(ir, arg, labelOf)}`),
    ...stores.map(({ cell, value }) => `  ${ir.cells[cell]!.name} <- ${labelOf(value) ?? printExpression(ir, value, labelOf)}`),
  ];
}

/** A condition, or its negation, as a term of a conjunction. */
export function printDecision(ir: Ir, condition: ValueId, is: boolean): string {
  const value = ir.values[condition]!;
  const text = printExpression(ir, condition);
  if (is) return value.kind === "select" || (value.kind === "apply" && value.op === "or") ? `(${text})` : text;
  return (
    spellNegation(
      ir,
      value,
      createPrint(ir, () => null),
    )?.text ?? (argsOf(value).length === 0 ? `not ${text}` : `not (${text})`)
  );
}

/** Everything that the roots are computed from, arguments first. */
function behind(ir: Ir, roots: readonly ValueId[]): readonly ValueId[] {
  const seen = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (seen.has(id)) return;
    argsOf(ir.values[id]!).forEach(visit);
    seen.add(id);
  };
  roots.forEach(visit);
  return [...seen].sort((a, b) => a - b);
}
