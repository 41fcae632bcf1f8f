// Declarations, made when an expression first wants them.

import type { Choices } from "./choices.js";
import type { Override, ProgramHyper, Source } from "./program.js";
import { callerSchedules, chooseClause, clauseText, scheduleNames } from "./schedules.js";
import type { OptionKind, State, Writing } from "./writing.js";

const waysOf = {
  number: ["number", "function", "changed", "schedule"],
  int: ["number", "function", "changed"],
  bool: ["number", "changed"],
} as const satisfies Record<ProgramHyper["type"], readonly Source["way"][]>;

/** What a hyper may be given; one whose range excludes 0 has no schedule, which may begin there. */
export interface Giving {
  readonly name: string;
  readonly type: ProgramHyper["type"];
  readonly fixed?: boolean;
  readonly above0?: boolean;
}

export function chooseSource({ pick }: Choices, { type, fixed, above0 }: Giving, value: () => number): Source {
  const ways: readonly Source["way"][] = fixed ? ["number"] : waysOf[type];
  const way = pick(ways.filter((candidate) => !(above0 && candidate === "schedule")));
  if (way === "schedule") return { way, values: [pick([1, 0.5, 0.1, 2])], schedule: pick(scheduleNames) };
  return { way, values: Array.from({ length: way === "number" ? 1 : 4 }, value), schedule: null };
}

/** What groups give: of `lr` a factor, or a value in its place. */
export function chooseOverrides(choices: Choices, giving: Giving, groups: number, value: () => number): (Override | null)[] {
  const { chance, pick } = choices;
  return Array.from({ length: groups }, () => {
    if (giving.fixed || !chance(2)) return null;
    const form = giving.name === "lr" ? pick(["factor", "value"] as const) : "value";
    return { form, ...chooseSource(choices, giving, form === "factor" ? () => pick([1, 0.5, 0, 1.5]) : value) };
  });
}

/** What defaults of other hypers read: the number given at creation, before schedules. */
export function peakAtCreation({ given, byDefault }: Pick<ProgramHyper, "given" | "byDefault">): number {
  if (given === null) return byDefault;
  const [first] = given.values;
  return given.schedule === null ? first! : callerSchedules[given.schedule](first!).peak;
}

export function declareHyper(w: Writing, name: string, type: ProgramHyper["type"], fixed: boolean): ProgramHyper {
  const { int, pick, chance } = w.choices;
  const other = type === "number" ? w.hypers.find((candidate) => candidate.type === "number" && chance(3)) : undefined;
  const value = () => (type === "bool" ? int(2) : type === "int" ? int(5) : pick([0.5, 0.1, 0, 1, 1e-3, 0.999, 2.5, 0.30000001]));
  const literal = value();
  const text = other !== undefined ? `${other.name} / 2` : type === "bool" ? String(literal === 1) : String(literal);
  const kind = type === "number" ? "" : `: ${type}`;
  const range = type === "bool" || chance(2) ? "" : pick([" in [0, 8]", " in (-1, inf)"]);
  const doc = chance(4) ? `/// The ${type} ${name}.\n  ` : "";
  w.declarations.push(`${doc}${fixed ? "fixed " : ""}hyper ${name}${kind} = ${text}${range}`);
  const given = chance(2) ? chooseSource(w.choices, { name, type, fixed }, value) : null;
  const clause = !fixed && type !== "bool" && chance(4) ? chooseClause(w.choices, type === "int", readableBy(w)) : null;
  if (clause !== null) w.declarations.push(`schedule ${name} = ${clauseText(clause)}`);
  const byDefault = other === undefined ? literal : peakAtCreation(other) / 2;
  const overrides = chooseOverrides(w.choices, { name, type, fixed }, w.groups, value);
  const made: ProgramHyper = { name, type, fixed, byDefault, given, clause, overrides };
  w.hypers.push(made);
  return made;
}

/** What a schedule of the text may read: hypers before it, but for `lr`, which groups would then not have. */
function readableBy({ hypers }: Writing) {
  const names = (type: ProgramHyper["type"]) =>
    hypers.filter((hyper) => hyper.name !== "lr" && hyper.type === type).map(({ name }) => name);
  return { number: names("number"), int: names("int") };
}

/** A hyper other than `lr`, whose ratio differs among parameters. */
export function someHyper(w: Writing, type: ProgramHyper["type"], fixed: boolean): string {
  const known = w.hypers.filter((candidate) => candidate.name !== "lr" && candidate.type === type && candidate.fixed === fixed);
  const found = known.length > 0 && !w.choices.chance(4) ? w.choices.pick(known) : declareHyper(w, w.fresh("h"), type, fixed);
  return found.name;
}

const wordsOf = { boolean: ["false", "true"], words: ["plain", "heavy"], numbers: ["1", "2", "3"] } as const satisfies Record<
  OptionKind,
  readonly string[]
>;

export function someOption(w: Writing, kind: OptionKind): string {
  const known = w.options.filter((candidate) => candidate.kind === kind);
  if (known.length > 0) return w.choices.pick(known).name;
  const name = w.fresh("o");
  const words: readonly string[] = wordsOf[kind];
  w.declarations.push(`option ${name}${kind === "boolean" ? "" : `: ${words.join(" | ")}`} = ${words[0]}`);
  w.options.push({ name, kind, word: w.choices.pick(words) });
  return name;
}

export function declareState(w: Writing, kind: Omit<State, "name" | "written">, initial: string, when: string | null): State {
  const state: State = { name: w.fresh(kind.home === "host" ? "w" : "s"), ...kind, written: false };
  const extent = kind.extent === "elem" || kind.home === "host" ? "" : `: ${kind.extent}`;
  w.declarations.push(
    `${kind.home === "host" ? "host " : ""}state ${state.name}${extent} = ${initial}${when === null ? "" : ` when ${when}`}`,
  );
  return state;
}
