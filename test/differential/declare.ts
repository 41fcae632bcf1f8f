// Declarations, made when an expression first wants them.

import type { ProgramHyper } from "./program.js";
import type { OptionKind, State, Writing } from "./writing.js";

export function declareHyper(w: Writing, name: string, type: ProgramHyper["type"], fixed: boolean): ProgramHyper {
  const { int, pick, chance } = w.choices;
  const ways = {
    number: ["default", "number", "function", "changed"],
    int: ["default", "number", "changed"],
    bool: ["default", "number", "changed"],
  } as const;
  const given = pick<ProgramHyper["given"]>(fixed ? ["default", "number"] : ways[type]);
  const other = type === "number" ? w.hypers.find((candidate) => candidate.type === "number" && chance(3)) : undefined;
  const value = () => (type === "bool" ? int(2) : type === "int" ? int(5) : pick([0.5, 0.1, 0, 1, 1e-3, 0.999, 2.5, 0.30000001]));
  const literal = value();
  const text = other !== undefined ? `${other.name} / 2` : type === "bool" ? String(literal === 1) : String(literal);
  const kind = type === "number" ? "" : `: ${type}`;
  const range = type === "bool" || chance(2) ? "" : pick([" in [0, 8]", " in (-1, inf)"]);
  const doc = chance(4) ? `/// The ${type} ${name}.\n  ` : "";
  w.declarations.push(`${doc}${fixed ? "fixed " : ""}hyper ${name}${kind} = ${text}${range}`);
  // A default reads what the caller gave for another hyper.
  const byDefault = other === undefined ? literal : (other.given === "default" ? other.byDefault : other.values[0]!) / 2;
  const made: ProgramHyper = { name, type, fixed, byDefault, given, values: Array.from({ length: 4 }, value) };
  w.hypers.push(made);
  return made;
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
