// Writes a random well-typed program from choices. Declarations are made when an expression first wants them, so nothing is unused:
// a hyper, an option, a state or a local is declared where it is read, and a state that nothing wrote is written at the end.

import type { Choices } from "./choices.js";
import { declareHyper } from "./declare.js";
import { number } from "./expressions.js";
import { models } from "./language.js";
import type { Program } from "./program.js";
import { declareFunction, statement, write } from "./statements.js";
import { device, type Env, newBlock, startWriting } from "./writing.js";

export function writeProgram(choices: Choices, name: string): Program {
  const { int, chance, pick } = choices;
  const seed = int(65_536);
  const shapes = pick(models);
  const steps = 1 + int(4);
  const [lrRatio, absent, tame] = [chance(2), chance(3), !chance(2)];
  const w = startWriting(choices);
  declareHyper(w, "lr", "number", false);
  for (let more = int(3); more > 0; more--) declareFunction(w);
  const body = newBlock();
  const env: Env = { place: "body", block: body, lands: ["tensor", "model"] };
  for (let more = int(6); more > 0; more--) statement(w, env, 2);
  const update = number(w, device, 4, env);
  body.lines.push(`param <- param - lr * (${update})`);
  // A write may read, and so declare, a further state.
  for (let depth = 2; w.states.some((state) => !state.written) && depth > -8; depth--)
    for (const state of w.states) if (!state.written) write(w, state, env, Math.max(depth, 0));
  for (const { name: state, written } of w.states) if (!written) body.lines.push(`${state} <- ${state} / 2`);
  const lines = [...w.declarations, ...body.lines].map((line) => `  ${line}\n`).join("");
  const options = Object.fromEntries(w.options.map((option) => [option.name, option.word]));
  return { name, text: `optimizer ${name} {\n${lines}}\n`, options, hypers: w.hypers, shapes, steps, seed, tame, lrRatio, absent };
}
