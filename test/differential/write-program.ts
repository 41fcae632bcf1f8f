// Writes a random well-typed program from choices. Declarations are made when an expression first wants them, so nothing is unused:
// a hyper, an option, a state or a local is declared where it is read, and a state that nothing wrote is written at the end.

import { type ChosenBuild, chooseBuild, chooseParamSettings } from "./build-options.js";
import type { Choices } from "./choices.js";
import { declareHyper } from "./declare.js";
import { number } from "./expressions.js";
import { models, storeFormats } from "./language.js";
import type { Program } from "./program.js";
import { declareFunction, statement, write } from "./statements.js";
import { device, type Env, newBlock, startWriting, type Writing } from "./writing.js";

export function writeProgram(choices: Choices, name: string): Program {
  const { int, chance, pick } = choices;
  const seed = int(65_536);
  const shapes = pick(models);
  const patient = chance(4);
  const isSmall = shapes.flat().every((length) => length < 100);
  const steps = 1 + int(4) + (patient && isSmall ? int(20) : 0);
  const [lrRatio, absent, tame] = [chance(2), chance(3), !chance(2)];
  const groups = pick([0, 0, 0, 1, 2, 3]);
  const build = chooseBuild(choices, groups);
  const paramSettings = shapes.map(() => chooseParamSettings(choices, build));
  const spoiled = build.spoils ? Array.from({ length: steps }, (_, call) => call).filter(() => chance(3)) : null;
  const w = startWriting(choices, { groups, ...chooseBudget(choices, build) });
  const text = `optimizer ${name} {\n${writeText(w)}}\n`;
  const options = { ...Object.fromEntries(w.options.map((option) => [option.name, option.word])), ...build.options };
  return {
    ...{ name, text, options, hypers: [...w.hypers, ...build.hypers], settings: build.settings, shapes, paramSettings },
    ...{ groups, steps, patient, seed, tame, spoiled, lrRatio, absent },
  };
}

/**
 * How much of what is slow to compile for a GPU in software: sweeps, kernels for each answer of the host's conditions, long functions.
 * One program in some may have much of all three at once.
 */
function chooseBudget({ chance, pick }: Choices, build: ChosenBuild): Pick<Writing, "reductions" | "decisions" | "costly"> {
  const isLarge = chance(12);
  const reductions = Math.max(0, pick([0, 0, 1, isLarge ? 4 : 2]) - build.reductions);
  const sweeps = reductions + build.reductions;
  const decisions = (isLarge ? 3 : sweeps > 0 ? 1 : 2) - build.decisions;
  return { reductions, decisions, costly: isLarge ? 3 : 2 };
}

function writeText(w: Writing): string {
  const { int } = w.choices;
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
  if (w.choices.chance(4)) keepStates(w);
  return [...w.declarations, ...body.lines].map((line) => `  ${line}\n`).join("");
}

/** States of elements that are kept in less than f32, some of them under a condition. */
function keepStates(w: Writing): void {
  const { chance, pick } = w.choices;
  const entries = w.states.flatMap(({ name, home, extent }) => {
    if (home === "host" || extent !== "elem" || chance(3)) return [];
    const when = w.decisions > 0 && chance(3) ? ` when ${pick(["numel >= 4096", "numel > 20", "rank >= 2"])}` : "";
    if (when !== "") w.decisions--;
    return [`${name}: ${pick(storeFormats)}${when}`];
  });
  if (entries.length > 0) w.declarations.push(`store { ${entries.join("; ")} }`);
}
