// Writes a random well-typed program from choices. Declarations are made when an expression first wants them, so nothing is unused:
// a hyper, an option, a state, a function or a local is declared where it is read, and a state that nothing wrote is written at the end.

import type { Choices } from "./choices.js";
import { comparisons, connectives, type Extent, extents, facts, forms, literals, models, type Stage, stages } from "./language.js";
import type { Program, ProgramHyper } from "./program.js";

/** The latest stage and the widest extent that a value may have. */
interface Need {
  readonly stage: Stage;
  readonly extent: Extent;
}

type Place = "body" | "initial" | "function" | "condition";

interface Named extends Need {
  readonly name: string;
}

interface Local extends Named {
  readonly type: "number" | "truth";
}

interface Block {
  readonly parent: Block | null;
  readonly lines: string[];
  readonly locals: Local[];
  /** The stage of the condition around it. */
  readonly condition: Stage;
  /** States that exist here only. */
  readonly states: State[];
}

interface State extends Named {
  readonly home: "host" | "device";
  written: boolean;
}

interface Callable extends Named {
  readonly params: number;
  /** A `;` stands before the last one. */
  readonly halved: boolean;
}

interface Env {
  readonly place: Place;
  readonly block: Block;
}

const device: Need = { stage: "device", extent: "elem" };
const atMost = (stage: Stage, most: Stage) => stages.indexOf(stage) <= stages.indexOf(most);
const within = (extent: Extent, most: Extent) => extents.indexOf(extent) <= extents.indexOf(most);
const fits = (value: Need, need: Need) => atMost(value.stage, need.stage) && within(value.extent, need.extent);
const latest = (a: Stage, b: Stage) => (atMost(a, b) ? b : a);

/** Conditions of the host that choose among kernels; each may double their number. */
const MOST_DECISIONS = 4;

export function writeProgram(choices: Choices, name: string): Program {
  const { int, chance, pick } = choices;
  const seed = int(65_536);
  const shapes = pick(models);
  const steps = 1 + int(4);
  const [lrRatio, absent] = [chance(2), chance(3)];
  const declarations: string[] = [];
  const hypers: ProgramHyper[] = [];
  const options: { readonly name: string; readonly kind: "boolean" | "words" | "numbers" }[] = [];
  const chosen: Record<string, string> = {};
  const functions: Callable[] = [];
  const states: State[] = [];
  let decisions = 0;
  let names = 0;
  const fresh = (letter: string) => `${letter}${names++}`;

  const hyper = declareHyper("lr", "number", false);

  function declareHyper(name: string, type: ProgramHyper["type"], fixed: boolean): ProgramHyper {
    const given = pick([
      "default",
      "number",
      ...(fixed ? [] : type === "bool" ? (["changed"] as const) : (["function", "changed"] as const)),
    ] as const);
    const other = type === "number" ? hypers.find((candidate) => candidate.type === "number" && chance(3)) : undefined;
    const value = () => (type === "bool" ? int(2) : type === "int" ? int(5) : pick([0.5, 0.1, 0, 1, 1e-3, 0.999, 2.5, 0.30000001]));
    const literal = value();
    const text = other !== undefined ? `${other.name} / 2` : type === "bool" ? String(literal === 1) : String(literal);
    const kind = type === "number" ? "" : `: ${type}`;
    const range = type === "bool" || chance(2) ? "" : pick([" in [0, 8]", " in (-1, inf)"]);
    declarations.push(`${chance(4) ? `/// The ${type} ${name}.\n  ` : ""}${fixed ? "fixed " : ""}hyper ${name}${kind} = ${text}${range}`);
    // A default may read what the caller gave for another hyper.
    const byDefault = other === undefined ? literal : firstValue(other) / 2;
    const made: ProgramHyper = { name, type, fixed, byDefault, given, values: Array.from({ length: 4 }, value) };
    hypers.push(made);
    return made;
  }

  function someHyper(type: ProgramHyper["type"], fixed: boolean): ProgramHyper {
    const known = hypers.filter((candidate) => candidate.type === type && candidate.fixed === fixed);
    return known.length > 0 && !chance(4) ? pick(known) : declareHyper(fresh("h"), type, fixed);
  }

  function someOption(kind: "boolean" | "words" | "numbers"): string {
    const known = options.filter((candidate) => candidate.kind === kind);
    if (known.length > 0) return pick(known).name;
    const option = fresh("o");
    const words = { boolean: ["false", "true"], words: ["plain", "heavy"], numbers: ["1", "2", "3"] }[kind];
    declarations.push(`option ${option}${kind === "boolean" ? "" : `: ${words.join(" | ")}`} = ${words[0]}`);
    options.push({ name: option, kind });
    chosen[option] = pick(words);
    return option;
  }

  function declareState(home: State["home"], when: string | null): State {
    const state: State = {
      name: fresh(home === "host" ? "w" : "s"),
      home,
      stage: home === "host" ? "step" : "device",
      extent: home === "host" ? "model" : "elem",
      written: false,
    };
    const place: Env = { place: "initial", block: newBlock(null, "build") };
    const initial =
      home === "host"
        ? pick(["0", "1", "0.5"])
        : chance(3)
          ? number(chance(2) ? device : { ...device, stage: "setup" }, 2, place)
          : pick(["0", "1", "0.1"]);
    declarations.push(`${home === "host" ? "host " : ""}state ${state.name} = ${initial}${when === null ? "" : ` when ${when}`}`);
    return state;
  }

  function declareFunction(): Callable {
    const name = fresh("f");
    const params = 1 + int(3);
    const halved = params > 1 && chance(3);
    const need: Need = pick([{ stage: "step", extent: "tensor" }, device]);
    const block = newBlock(null, "build");
    const given = Array.from({ length: params }, () => fresh("x"));
    for (const param of given) block.locals.push({ name: param, type: "number", ...need });
    const env: Env = { place: "function", block };
    for (let more = int(3); more > 0; more--) statement(env, 2);
    const result = given.reduce((text, param) => `(${text} ${pick(["+", "-", "*"])} ${param})`, number(need, 2, env));
    declarations.push(`fn ${name}(${listed(given, halved)}) {\n${lines(block, "    ")}    return ${result}\n  }`);
    const made = { name, params, halved, ...need };
    functions.push(made);
    return made;
  }

  /** Everything that may be read and is no constant, as thunks: a choice of one declares it. */
  function leaves(need: Need, { place, block }: Env, exact: boolean): (() => string)[] {
    const found: (() => string)[] = [];
    const wants = (stage: Stage) => (exact ? stage === need.stage : atMost(stage, need.stage));
    if (wants("device") && need.extent === "elem") {
      const cells = place === "initial" ? ["param"] : ["grad", "param", ...(place === "body" ? ["old(param)"] : [])];
      found.push(...cells.map((cell) => () => cell));
      if (place === "body")
        found.push(
          () => readState("device", block),
          () => readState("device", block),
          () => `old(${readState("device", block)})`,
        );
    }
    if (wants("step") && place !== "initial" && place !== "condition") {
      found.push(
        () => someHyper("number", false).name,
        () => someHyper("int", false).name,
      );
      found.push(() => `lr.${pick(["ratio", "base", "peak"])}`);
      if (place === "body") found.push(() => readState("host", block));
    }
    if (wants("setup")) found.push(() => someHyper(pick(["number", "int"]), true).name);
    if (wants("build") && place !== "condition") found.push(() => someOption("numbers"));
    for (const { stage, text } of facts)
      if (wants(stage) && !(stage === "step" && (place === "initial" || place === "condition"))) found.push(() => text);
    if (place === "body" || place === "function")
      for (const local of visible(block))
        if (local.type === "number" && fits(local, need) && wants(local.stage)) found.push(() => local.name);
    return found;
  }

  function readState(home: State["home"], block: Block): string {
    const known = [...states, ...statesOf(block)].filter((state) => state.home === home);
    if (known.length > 0 && !chance(3)) return pick(known).name;
    const state = declareState(home, null);
    states.push(state);
    return state.name;
  }

  function leaf(need: Need, env: Env): string {
    if (chance(4)) return pick(need.stage === "device" ? literals.device : literals.host);
    const found = leaves(need, env, false);
    return found.length === 0 ? pick(literals.host) : pick(found)();
  }

  /** A number of exactly this stage. */
  function anchor(need: Need, env: Env): string {
    const found = leaves(need, env, true);
    return found.length === 0 ? pick(literals.host) : pick(found)();
  }

  function number(need: Need, depth: number, env: Env): string {
    if (depth <= 0) return leaf(need, env);
    const part = (): string => number(need, depth - 1, env);
    switch (int(10)) {
      case 0:
        return leaf(need, env);
      case 1:
        return defineLocal("number", need, env, part());
      case 2:
        return choose(need, env, part);
      case 3:
        return callFunction(need, env, part);
      default: {
        const form = pick(forms);
        return fill(
          need.stage === "device" ? form.device : (form.host ?? form.device),
          (at) => (at === 0 ? anchor(need, env) : part()),
          depth > 1 && chance(2) ? part : null,
        );
      }
    }
  }

  /** Numbers into a form; the first one is an anchor, or `first`. */
  function fill(form: string, part: (at: number) => string, first: (() => string) | null): string {
    const parts: string[] = [];
    return form.replace(/\$(\d)/g, (_, digit: string) => {
      const at = Number(digit);
      parts[at] ??= at === 0 && first !== null ? `(${first()})` : `(${part(at)})`;
      return parts[at];
    });
  }

  function choose(need: Need, env: Env, part: () => string): string {
    const stage = conditionStage(need, need.stage === "device", env.place);
    return `(if ${truth({ ...need, stage }, 2, env)} then ${part()} else ${part()})`;
  }

  /** A stage for a condition; one that chooses among kernels is counted. */
  function conditionStage(need: Need, governs: boolean, place: Place): Stage {
    const possible = stages.filter((candidate) => atMost(candidate, need.stage) && (place !== "initial" || candidate !== "step"));
    const stage = pick(possible.reverse());
    if (!governs || stage === "build" || stage === "device") return stage;
    return decisions++ < MOST_DECISIONS ? stage : "build";
  }

  function callFunction(need: Need, env: Env, part: () => string): string {
    if (env.place !== "body") return part();
    const known = functions.filter((candidate) => fits(candidate, need));
    const called =
      known.length > 0 && !chance(3) ? pick(known) : need.stage === "device" && functions.length < 3 ? declareFunction() : undefined;
    if (called === undefined) return part();
    return `${called.name}(${listed(Array.from({ length: called.params }, part), called.halved)})`;
  }

  function defineLocal(type: Local["type"], need: Need, { block, place }: Env, value: string): string {
    if (place === "initial" || place === "condition") return value;
    const local = fresh(type === "number" ? "a" : "c");
    block.lines.push(`${local} = ${value}`);
    block.locals.push({ name: local, type, stage: need.stage, extent: need.extent });
    return local;
  }

  function truth(need: Need, depth: number, env: Env): string {
    const known =
      env.place === "body" || env.place === "function"
        ? visible(env.block).filter((local) => local.type === "truth" && local.stage === need.stage && fits(local, need))
        : [];
    if (known.length > 0 && chance(4)) return pick(known).name;
    if (need.stage === "build")
      return pick([() => someOption("boolean"), () => `(${someOption("words")} ${pick(["==", "!="])} ${pick(["plain", "heavy"])})`])();
    if (depth > 0 && chance(3)) return fill(pick(connectives), () => truth(need, depth - 1, env), null);
    if (depth > 0 && chance(5)) return defineLocal("truth", need, env, truth(need, depth - 1, env));
    if (need.stage === "step" && chance(4)) return chance(2) ? someHyper("bool", false).name : "first";
    if (need.stage === "device" && chance(6)) return `isfinite(${anchor(need, env)})`;
    return fill(pick(comparisons), (at) => (at === 0 ? anchor(need, env) : number(need, env.place === "condition" ? 0 : depth, env)), null);
  }

  function statement(env: Env, depth: number): void {
    const { block, place } = env;
    const assignable = visible(block).filter((local) => atMost(conditionsUpTo(block, local), local.stage));
    const inBody = [() => defineRead(env), () => assignParam(env, depth), () => writeState(env, depth), () => writeState(env, depth)];
    const deeper = [() => branch(env, depth), () => branch(env, depth)];
    const possible = [
      ...(place === "body" ? inBody : []),
      ...(assignable.length > 0 ? [() => assignLocal(pick(assignable), env, depth)] : []),
      ...(depth > 0 ? deeper : []),
      ...(depth > 0 && place === "body" ? [() => conditionalState(env, depth)] : []),
    ];
    pick(possible)?.();
  }

  /** A local and something that reads it. */
  function defineRead(env: Env): void {
    const local = defineLocal("number", device, env, number(device, 2, env));
    env.block.lines.push(`param <- param + ${local} * 1e-3`);
  }

  function assignParam(env: Env, depth: number): void {
    const value = number(device, depth, env);
    env.block.lines.push(`param <- ${value}`);
  }

  function writeState(env: Env, depth: number): void {
    const known = [...states, ...statesOf(env.block)].filter(
      (state) => state.home === "device" || atMost(conditionsUpTo(env.block, null), "step"),
    );
    if (known.length > 0) write(pick(known), env, depth);
  }

  function write(state: State, env: Env, depth: number): void {
    state.written = true;
    const value = number(state, depth, env);
    env.block.lines.push(`${state.name} <- ${state.home === "host" ? `clamp(${value}, -4, 4)` : value}`);
  }

  function assignLocal(local: Local, env: Env, depth: number): void {
    const value = local.type === "number" ? number(local, depth, env) : truth(local, 1, env);
    env.block.lines.push(`${local.name} <- ${value}`);
  }

  function branch(env: Env, depth: number): void {
    const stage = conditionStage(device, true, env.place);
    const condition = truth({ stage, extent: "elem" }, 2, env);
    const then = newBlock(env.block, stage);
    for (let more = 1 + int(2); more > 0; more--) statement({ ...env, block: then }, depth - 1);
    env.block.lines.push(`if ${condition} {`, ...then.lines.map((line) => `  ${line}`));
    if (chance(2)) {
      const otherwise = newBlock(env.block, stage);
      for (let more = 1 + int(2); more > 0; more--) statement({ ...env, block: otherwise }, depth - 1);
      env.block.lines.push("} else {", ...otherwise.lines.map((line) => `  ${line}`));
    }
    env.block.lines.push("}");
  }

  /** A state that exists for some parameters, and what is done with it there. */
  function conditionalState(env: Env, depth: number): void {
    const stage = pick(["build", "setup"] as const);
    if (stage === "setup" && decisions++ >= MOST_DECISIONS) return;
    const condition = truth({ stage, extent: "tensor" }, 0, { place: "condition", block: newBlock(null, "build") });
    const then = newBlock(env.block, stage);
    const state = declareState("device", condition);
    then.states.push(state);
    const inside: Env = { ...env, block: then };
    then.lines.push(`param <- param + (${number(device, depth - 1, inside)}) * ${state.name}`);
    write(state, inside, depth);
    env.block.lines.push(`if ${condition} {`, ...then.lines.map((line) => `  ${line}`), "}");
  }

  const body = newBlock(null, "build");
  const env: Env = { place: "body", block: body };
  for (let more = int(5); more > 0; more--) statement(env, 2);
  const update = number(device, 3, env);
  body.lines.push(`param <- param - ${hyper.name} * (${update})`);
  for (const state of states) if (!state.written) write(state, env, 2);
  // A write may read, and so declare, a further state.
  for (let again = 0; again < 8; again++) for (const state of states) if (!state.written) write(state, env, 0);
  for (const state of states) if (!state.written) body.lines.push(`${state.name} <- ${state.name} / 2`);
  const text = `optimizer ${name} {\n${declarations.map((line) => `  ${line}\n`).join("")}${lines(body, "  ")}}\n`;
  return { name, text, options: chosen, hypers, shapes, steps, seed, lrRatio, absent };
}

/** Arguments or parameters with their separators. */
function listed(items: readonly string[], halved: boolean): string {
  return items.map((item, i) => (i === 0 ? item : `${halved && i === items.length - 1 ? ";" : ","} ${item}`)).join("");
}

const firstValue = ({ given, byDefault, values }: ProgramHyper) => (given === "default" ? byDefault : values[0]!);

function newBlock(parent: Block | null, condition: Stage): Block {
  return { parent, lines: [], locals: [], condition, states: [] };
}

function visible(block: Block): Local[] {
  return block.parent === null ? block.locals : [...visible(block.parent), ...block.locals];
}

function statesOf(block: Block): State[] {
  return block.parent === null ? block.states : [...statesOf(block.parent), ...block.states];
}

/** The latest stage among the conditions between a block and the one that a local belongs to, or the text's own. */
function conditionsUpTo(block: Block, local: Local | null): Stage {
  if (block.parent === null || (local !== null && block.locals.includes(local))) return "build";
  return latest(block.condition, conditionsUpTo(block.parent, local));
}

const lines = (block: Block, indent: string) => block.lines.map((line) => `${indent}${line}\n`).join("");
