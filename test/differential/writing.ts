// What is known while a program is written: declarations so far, the blocks around a place, and what a value there may be.

import type { Choices } from "./choices.js";
import { type Extent, extents, type Stage, stages } from "./language.js";
import type { ProgramHyper } from "./program.js";

/** The latest stage and the widest extent that a value may have. */
export interface Need {
  readonly stage: Stage;
  readonly extent: Extent;
}

export interface Local extends Need {
  readonly name: string;
  readonly type: "number" | "truth";
}

export interface State extends Need {
  readonly name: string;
  readonly home: "host" | "device";
  written: boolean;
}

export interface Callable extends Need {
  readonly name: string;
  readonly params: number;
  /** A `;` stands before the last one. */
  readonly halved: boolean;
}

export interface Block {
  readonly parent: Block | null;
  readonly lines: string[];
  readonly locals: Local[];
  /** The condition that it stands under. */
  readonly condition: Need;
  /** States that exist here only. */
  readonly states: State[];
}

/** A place in the text. */
export interface Env {
  readonly place: "body" | "initial" | "function" | "condition";
  readonly block: Block;
  /** The extents that a reduction may land on here. */
  readonly lands: readonly ("tensor" | "model")[];
}

export interface Writing {
  readonly choices: Choices;
  readonly declarations: string[];
  readonly hypers: ProgramHyper[];
  readonly options: { readonly name: string; readonly kind: OptionKind; readonly word: string }[];
  readonly functions: Callable[];
  readonly states: State[];
  /** Groups of parameters that may give hypers of their own. */
  readonly groups: number;
  /** Conditions of the host that choose among kernels may be this many more: each may double them. */
  decisions: number;
  /** Costly forms of the device may be this many more. */
  costly: number;
  /** Reductions may be this many more: each may add a sweep, and software drivers of WebGPU are slow to compile one. */
  reductions: number;
  fresh(letter: string): string;
}

export type OptionKind = "boolean" | "words" | "numbers";

export const device: Need = { stage: "device", extent: "elem" };
const always: Need = { stage: "build", extent: "model" };

export const atMost = (stage: Stage, most: Stage) => stages.indexOf(stage) <= stages.indexOf(most);
export const within = (extent: Extent, most: Extent) => extents.indexOf(extent) <= extents.indexOf(most);
export const fits = (value: Need, need: Need) => atMost(value.stage, need.stage) && within(value.extent, need.extent);

export function startWriting(choices: Choices, given: Pick<Writing, "groups" | "decisions" | "costly" | "reductions">): Writing {
  let names = 0;
  const fresh = (letter: string) => `${letter}${names++}`;
  return {
    choices,
    declarations: [],
    hypers: [],
    options: [],
    functions: [],
    states: [],
    ...given,
    fresh,
  };
}

export function newBlock(parent: Block | null = null, condition: Need = always): Block {
  return { parent, lines: [], locals: [], condition, states: [] };
}

export function visibleLocals(block: Block): Local[] {
  return block.parent === null ? block.locals : [...visibleLocals(block.parent), ...block.locals];
}

export function statesOf({ states }: Writing, block: Block): State[] {
  return block.parent === null ? [...states, ...block.states] : [...statesOf({ states } as Writing, block.parent), ...block.states];
}

/** Whether the conditions between a block and the one that a name belongs to, or the text's own, leave its stage and extent. */
export function mayAssign(block: Block, name: Need): boolean {
  if (block.parent === null || block.locals.some((local) => local === name)) return true;
  return fits(block.condition, name) && mayAssign(block.parent, name);
}

/** The place inside of a branch. */
export function under(env: Env, condition: Need): Env {
  const all = condition.stage === "build" || (condition.stage === "device" && condition.extent === "model");
  const none = condition.stage === "device" && condition.extent === "elem";
  return { ...env, lands: all ? env.lands : none ? [] : env.lands.filter((extent) => extent === "tensor") };
}

/** Arguments or parameters with their separators. */
export function listed(items: readonly string[], halved: boolean): string {
  return items.map((item, i) => (i === 0 ? item : `${halved && i === items.length - 1 ? ";" : ","} ${item}`)).join("");
}

/** Parts into a form: each `$n` is asked for once. */
export function fill(form: string, part: (at: number) => string): string {
  const parts: string[] = [];
  return form.replace(/\$(\d)/g, (_, digit: string) => {
    parts[Number(digit)] ??= `(${part(Number(digit))})`;
    return parts[Number(digit)]!;
  });
}
