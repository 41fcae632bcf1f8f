// Random statements: new values of the parameter, of states and locals, branches, and states that exist under a condition only.

import { conditionNeed, defineLocal, newState, number, truth } from "./expressions.js";
import {
  device,
  type Env,
  type Local,
  listed,
  mayAssign,
  type Need,
  newBlock,
  type State,
  statesOf,
  under,
  visibleLocals,
  type Writing,
} from "./writing.js";

export function statement(w: Writing, env: Env, depth: number): void {
  const { block, place } = env;
  const { pick } = w.choices;
  const assignable = visibleLocals(block).filter((local) => mayAssign(block, local));
  const written = statesOf(w, block).filter((state) => mayAssign(block, state));
  const inBody = [() => defineRead(w, env), () => assignParam(w, env, depth)];
  const possible = [
    ...(place === "body" ? inBody : []),
    ...(written.length > 0 && place === "body"
      ? [() => write(w, pick(written), env, depth), () => write(w, pick(written), env, depth)]
      : []),
    ...(assignable.length > 0 ? [() => assignLocal(w, pick(assignable), env, depth)] : []),
    ...(depth > 0 ? [() => branch(w, env, depth), () => branch(w, env, depth)] : []),
    ...(depth > 0 && place === "body" ? [() => conditionalState(w, env, depth)] : []),
  ];
  if (possible.length > 0) pick(possible)();
}

/** A local and something that reads it. */
function defineRead(w: Writing, env: Env): void {
  const need: Need = { stage: "device", extent: w.choices.pick(["elem", "tensor", "model"]) };
  const local = defineLocal(w, "number", need, env, number(w, need, 2, env));
  env.block.lines.push(`param <- param + ${local} * 1e-3`);
}

function assignParam(w: Writing, env: Env, depth: number): void {
  const value = number(w, device, depth, env);
  env.block.lines.push(`param <- ${value}`);
}

/** A new value for a state; what the host keeps stays bounded. For the model, `t` counts the optimizer's steps. */
export function write(w: Writing, state: State, env: Env, depth: number): void {
  state.written = true;
  const value = number(w, state, depth, env);
  const whole =
    state.home === "host" ? `clamp(${value}, -4, 4)` : state.extent === "model" && w.choices.chance(4) ? `lerp(${value}, t, 0.01)` : value;
  env.block.lines.push(`${state.name} <- ${whole}`);
}

function assignLocal(w: Writing, local: Local, env: Env, depth: number): void {
  const value = local.type === "number" ? number(w, local, depth, env) : truth(w, local, 1, env);
  env.block.lines.push(`${local.name} <- ${value}`);
}

function branch(w: Writing, env: Env, depth: number): void {
  const condition = conditionNeed(w, device, true, env);
  const text = truth(w, condition, 2, env);
  const side = () => {
    const block = newBlock(env.block, condition);
    for (let more = 1 + w.choices.int(2); more > 0; more--) statement(w, { ...under(env, condition), block }, depth - 1);
    return block.lines.map((line) => `  ${line}`);
  };
  env.block.lines.push(`if ${text} {`, ...side());
  if (w.choices.chance(2)) env.block.lines.push("} else {", ...side());
  env.block.lines.push("}");
}

/** A state that exists for some parameters, and what is done with it there. */
function conditionalState(w: Writing, env: Env, depth: number): void {
  const condition: Need = w.choices.pick([
    { stage: "build", extent: "model" },
    { stage: "setup", extent: "tensor" },
  ] as const);
  const kind: Need = { stage: "device", extent: w.choices.pick(["elem", "elem", "tensor"]) };
  if (!mayAssign(env.block, kind) || (condition.stage === "setup" && w.decisions-- <= 0)) return;
  const text = truth(w, condition, 0, { place: "condition", block: newBlock(), lands: [] });
  const block = newBlock(env.block, condition);
  const state = newState(w, "device", kind.extent, text);
  block.states.push(state);
  const inside: Env = { ...under(env, condition), block };
  block.lines.push(`param <- param + (${number(w, device, depth - 1, inside)}) * ${state.name}`);
  write(w, state, inside, depth);
  env.block.lines.push(`if ${text} {`, ...block.lines.map((line) => `  ${line}`), "}");
}

/** A function over numbers of the host, or over any. */
export function declareFunction(w: Writing): void {
  const { int, chance, pick } = w.choices;
  const name = w.fresh("f");
  const params = Array.from({ length: 1 + int(3) }, () => w.fresh("x"));
  const need: Need = pick([{ stage: "step", extent: "tensor" }, device] as const);
  const block = newBlock();
  for (const param of params) block.locals.push({ name: param, type: "number", ...need });
  const env: Env = { place: "function", block, lands: [] };
  for (let more = int(3); more > 0; more--) statement(w, env, 2);
  const result = params.reduce((text, param) => `(${text} ${pick(["+", "-", "*"])} ${param})`, number(w, need, 2, env));
  const halved = params.length > 1 && chance(3);
  w.declarations.push(
    `fn ${name}(${listed(params, halved)}) {\n${block.lines.map((line) => `    ${line}\n`).join("")}    return ${result}\n  }`,
  );
  w.functions.push({ name, params: params.length, halved, ...need });
}
