// Random expressions of a stage and an extent. An anchor is of exactly that stage, so that an `if` of a stage is one.

import { declareState, someHyper, someOption } from "./declare.js";
import { comparisons, connectives, type Extent, facts, forms, literals, members, reductions, type Stage, stages } from "./language.js";
import {
  atMost,
  device,
  type Env,
  fill,
  fits,
  type Local,
  listed,
  type Need,
  newBlock,
  type State,
  statesOf,
  under,
  visibleLocals,
  type Writing,
  within,
} from "./writing.js";

export function number(w: Writing, need: Need, depth: number, env: Env): string {
  if (depth <= 0) return leaf(w, need, env);
  const part = (): string => number(w, need, depth - 1, env);
  const { int, chance, pick } = w.choices;
  switch (int(12)) {
    case 0:
      return leaf(w, need, env);
    case 1:
      return defineLocal(w, "number", need, env, part());
    case 2:
      return choose(w, need, depth, env);
    case 3:
      return callFunction(w, need, env, part);
    case 4:
      return reduction(w, need, depth, env) ?? part();
    case 5:
      return member(w, need, env, part) ?? part();
    default: {
      const picked = pick(forms);
      const form = picked.costly && need.stage === "device" && w.costly-- <= 0 ? forms[0]! : picked;
      const deep = depth > 1 && chance(2);
      const text = need.stage === "device" ? form.device : (form.host ?? form.device);
      return fill(text, (at) => (at === 0 && !deep ? anchor(w, need, env) : part()));
    }
  }
}

function leaf(w: Writing, need: Need, env: Env): string {
  if (w.choices.chance(4)) return w.choices.pick(need.stage === "device" ? literals.device : literals.host);
  const found = leaves(w, need, env, false);
  return found.length === 0 ? w.choices.pick(literals.host) : w.choices.pick(found)();
}

function anchor(w: Writing, need: Need, env: Env): string {
  const found = leaves(w, need, env, true);
  return found.length === 0 ? w.choices.pick(literals.host) : w.choices.pick(found)();
}

/** Everything that may be read and is no constant, as thunks: a choice of one declares it. */
function leaves(w: Writing, need: Need, env: Env, exact: boolean): (() => string)[] {
  const { place, block } = env;
  const wants = (stage: Stage) => (exact ? stage === need.stage : atMost(stage, need.stage));
  const found: (() => string)[] = [];
  if (wants("device")) found.push(...deviceLeaves(w, need, env));
  if (wants("step") && (place === "body" || place === "function")) {
    found.push(() => someHyper(w, w.choices.pick(["number", "int"]), false));
    if (need.extent !== "model") {
      found.push(() => `lr.${w.choices.pick(["ratio", "base", "peak"])}`);
      found.push(() => `${someHyper(w, w.choices.pick(["number", "int"]), false)}.${w.choices.pick(["base", "peak"])}`);
    }
    if (need.extent !== "model" && place === "body") found.push(() => someState(w, "host", "tensor", env));
  }
  if (wants("setup")) found.push(() => someHyper(w, w.choices.pick(["number", "int"]), true));
  if (wants("build") && place !== "condition") found.push(() => someOption(w, "numbers"));
  for (const { stage, extent, text } of facts)
    if (wants(stage) && within(extent, need.extent) && (stage !== "step" || place === "body" || place === "function"))
      found.push(() => text);
  if (place === "body" || place === "function")
    for (const local of visibleLocals(block))
      if (local.type === "number" && fits(local, need) && wants(local.stage)) found.push(() => local.name);
  return found;
}

function deviceLeaves(w: Writing, { extent }: Need, env: Env): (() => string)[] {
  const inBody = env.place === "body";
  if (extent === "elem") {
    const read = () => someState(w, "device", w.choices.pick(["elem", "elem", "elem", "tensor", "model"]), env);
    const cells = env.place === "initial" ? ["param"] : ["grad", "param", ...(inBody ? ["old(param)"] : [])];
    return [...cells.map((cell) => () => cell), ...(inBody ? [read, read, () => `old(${read()})`] : [])];
  }
  const reduced = () => reduction(w, { stage: "device", extent }, 1, env) ?? w.choices.pick(literals.host);
  return [...(env.lands.length > 0 ? [reduced] : []), ...(inBody ? [() => someState(w, "device", extent, env)] : [])];
}

/** A state that exists here, of this extent or less. */
function someState(w: Writing, home: State["home"], extent: Extent, env: Env): string {
  const known = statesOf(w, env.block).filter((state) => state.home === home && within(state.extent, extent));
  if (known.length > 0 && !w.choices.chance(3)) return w.choices.pick(known).name;
  const state = newState(w, home, extent, null);
  w.states.push(state);
  return state.name;
}

export function newState(w: Writing, home: State["home"], extent: Extent, when: string | null): State {
  const { chance, pick } = w.choices;
  if (home === "host") return declareState(w, { home, stage: "step", extent: "tensor" }, pick(["0", "1", "0.5"]), when);
  const env: Env = { place: "initial", block: newBlock(), lands: extent === "model" ? ["model"] : ["tensor", "model"] };
  const need: Need = chance(2) ? { stage: "device", extent } : { stage: "setup", extent: extent === "model" ? "model" : "tensor" };
  const initial = chance(3) ? number(w, need, 2, env) : pick(["0", "1", "0.1"]);
  return declareState(w, { home, stage: "device", extent }, initial, when);
}

/** A reduction into what is needed, of a wider value; null where none may stand. */
function reduction(w: Writing, need: Need, depth: number, env: Env): string | null {
  const landings = env.lands.filter((extent) => within(extent, need.extent));
  if (need.stage !== "device" || landings.length === 0 || w.reductions <= 0) return null;
  w.reductions--;
  const to = w.choices.pick(landings);
  const { name, takes } = w.choices.pick(reductions);
  const args = Array.from({ length: takes }, (_, i) => (i === 0 && !w.choices.chance(2) ? "" : number(w, device, depth - 1, env)));
  // What is reduced must be wider than what it is reduced to: the gradient or the parameter takes part.
  const cell = w.choices.pick(env.place === "initial" ? ["param"] : ["grad", "param"]);
  args[0] = args[0] === "" ? cell : `${cell} * (${args[0]})`;
  return `${name}${to === "tensor" && w.choices.chance(2) ? "" : `[${to}]`}(${args.join(", ")})`;
}

/** A member of the prelude that reduces or keeps states. */
function member(w: Writing, need: Need, env: Env, part: () => string): string | null {
  if (need.stage !== "device" || need.extent !== "elem" || env.place !== "body" || w.reductions <= 0) return null;
  const possible = members.filter(({ reducesTo }) => reducesTo === null || env.lands.some((extent) => extent === reducesTo));
  w.reductions--;
  return fill(w.choices.pick(possible).text, (at) => (at === 0 ? `grad * (${part()})` : `param + (${part()})`));
}

function choose(w: Writing, need: Need, depth: number, env: Env): string {
  const condition = conditionNeed(w, need, need.stage === "device", env);
  const inside = under(env, condition);
  const branch = () => number(w, need, depth - 1, inside);
  return `(if ${truth(w, condition, 2, env)} then ${branch()} else ${branch()})`;
}

/** A stage and extent for a condition. One of the host that chooses among kernels is counted. */
export function conditionNeed(w: Writing, { stage: most, extent }: Need, governs: boolean, env: Env): Need {
  const possible = stages.filter((candidate) => atMost(candidate, most) && (env.place !== "initial" || candidate !== "step"));
  const stage = w.choices.pick([...possible].reverse());
  const widest: Extent = stage === "device" ? w.choices.pick(["elem", "elem", "tensor", "model"]) : "tensor";
  const need: Need = { stage, extent: within(widest, extent) ? widest : extent };
  if (!governs || stage === "build" || stage === "device") return need;
  return w.decisions-- > 0 ? need : { stage: "build", extent: "model" };
}

function callFunction(w: Writing, need: Need, env: Env, part: () => string): string {
  const known = env.place === "body" ? w.functions.filter((candidate) => fits(candidate, need)) : [];
  if (known.length === 0) return part();
  const { name, params, halved } = w.choices.pick(known);
  return `${name}(${listed(Array.from({ length: params }, part), halved)})`;
}

/** A local in the block around, where locals may stand; else the value itself. */
export function defineLocal(w: Writing, type: Local["type"], { stage, extent }: Need, { block, place }: Env, value: string): string {
  if (place === "initial" || place === "condition") return value;
  const name = w.fresh(type === "number" ? "a" : "c");
  block.lines.push(`${name} = ${value}`);
  block.locals.push({ name, type, stage, extent });
  return name;
}

export function truth(w: Writing, need: Need, depth: number, env: Env): string {
  const { chance, pick } = w.choices;
  const inText = env.place === "body" || env.place === "function";
  const known = inText
    ? visibleLocals(env.block).filter((local) => local.type === "truth" && local.stage === need.stage && fits(local, need))
    : [];
  if (known.length > 0 && chance(4)) return pick(known).name;
  if (need.stage === "build")
    return chance(2) ? `(${someOption(w, "words")} ${pick(["==", "!="])} ${pick(["plain", "heavy"])})` : someOption(w, "boolean");
  if (depth > 0 && chance(3)) return fill(pick(connectives), () => truth(w, need, depth - 1, env));
  if (depth > 0 && chance(5)) return defineLocal(w, "truth", need, env, truth(w, need, depth - 1, env));
  if (need.stage === "step" && chance(4)) return chance(2) ? someHyper(w, "bool", false) : "first";
  if (need.stage === "device" && chance(6)) return `isfinite(${anchor(w, need, env)})`;
  const landings = need.stage === "device" && need.extent !== "elem" ? env.lands.filter((extent) => within(extent, need.extent)) : [];
  if (landings.length > 0 && chance(6)) return `any[${pick(landings)}](${env.place === "initial" ? "param > 1" : "grad > param"})`;
  return fill(pick(comparisons), (at) => (at === 0 ? anchor(w, need, env) : number(w, need, env.place === "condition" ? 0 : depth, env)));
}
