// Build options: what any optimizer can be built with, with no word of it in its text. A new one is a row: its words, what the caller
// may give beside it, and what the interpreter starts from.

import type { Interpreter } from "../../src/compiler/ir/interpret.js";
import type { LossScale } from "../../src/runtime/index.js";
import type { Choices } from "./choices.js";
import { chooseOverrides, chooseSource, type Giving, peakAtCreation } from "./declare.js";
import type { Program, ProgramHyper } from "./program.js";

type Settings = Readonly<Record<string, unknown>>;

export interface BuildOption {
  /** As a build asks for it. */
  readonly name: string;
  /** One program in so many has it. */
  readonly outOf: number;
  /** Its words, but for the one that changes nothing, each with the reductions that it adds. */
  readonly words: Readonly<Record<string, number>>;
  /** Further options that go with a word. */
  beside?(choices: Choices, word: string): Readonly<Record<string, string>>;
  /** Conditions of the host that choose among kernels. */
  readonly decisions: number;
  /** Hypers of such builds. */
  readonly hypers: readonly OptionHyper[];
  /** What the caller gives besides hypers. */
  settings?(choices: Choices): Settings;
  /** What the caller says of a parameter. */
  paramSettings?(choices: Choices): Settings;
  /** Gradients have to be finite, but for those of some calls. */
  readonly spoils?: true;
  /** Puts into the interpreter what the settings say. */
  start?(interpreter: Interpreter, settings: Settings): void;
}

interface OptionHyper extends Giving {
  /** Of other hypers as they were given at creation. */
  readonly byDefault: (given: (name: string) => number) => number;
  readonly values: readonly number[];
}

/** Fixed, found by trying, or none. Those in f32 whose growth overflows stay. */
export const lossScales: readonly (LossScale | null)[] = [
  null,
  1024,
  0.3,
  "dynamic",
  { init: 4, growthInterval: 1 },
  { init: 1024, growthFactor: 1.7, backoffFactor: 0.3, growthInterval: 2 },
  { init: 2 ** 127, growthInterval: 1 },
];

const one = () => 1;
const limits = [1, 0.5, 0.1, 2.5, 1e-3, 100];

export const buildOptions: readonly BuildOption[] = [
  {
    name: "grad_clip",
    outOf: 7,
    words: { value: 0, norm: 3, global_norm: 3 },
    decisions: 1,
    hypers: [
      { name: "clip_max", type: "number", byDefault: one, values: [...limits, 0, -0.1] },
      { name: "clip_min", type: "number", byDefault: (given) => -given("clip_max"), values: [-1, -0.5, -1e-3, 0, 0.05] },
      { name: "clip_norm", type: "number", above0: true, byDefault: one, values: limits },
      { name: "need_clip", type: "bool", byDefault: one, values: [1, 0] },
    ],
    paramSettings: ({ chance }) => (chance(4) ? { needClip: false } : {}),
  },
  {
    name: "non_finite",
    outOf: 7,
    words: { skip: 1 },
    decisions: 0,
    hypers: [],
    settings({ pick }) {
      const lossScale = pick(lossScales);
      return lossScale === null ? {} : { lossScale };
    },
    spoils: true,
    start: (interpreter, { lossScale }) => startScaling(interpreter, lossScale as LossScale | undefined),
  },
  {
    name: "param_dtype",
    outOf: 5,
    words: { bf16: 0, f16: 0 },
    beside: ({ pick }, word) => pick([{}, { master: "f32" }, { rounding: "stochastic" }, word === "bf16" ? { master: "remainder" } : {}]),
    decisions: 0,
    hypers: [],
  },
  { name: "grad_dtype", outOf: 5, words: { bf16: 0, f16: 0 }, decisions: 0, hypers: [] },
];

/** Of builds that round at random. */
const seedHyper: OptionHyper = { name: "rounding_seed", type: "int", byDefault: () => 0, values: [0, 1, 7, 12_345, 2 ** 24] };

function startScaling(interpreter: Interpreter, given: LossScale | undefined): void {
  if (given === undefined) return;
  const put = (state: string, value: number) => void (interpreter.state("p0", state)![0] = value);
  if (typeof given === "number") {
    put("loss_scale", given);
    return;
  }
  const { init = 65_536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = given === "dynamic" ? {} : given;
  put("loss_scale", init);
  put("loss_scale_growth", growthFactor);
  put("loss_scale_backoff", backoffFactor);
  put("loss_scale_interval", growthInterval);
}

/** The options of a program's build, with what comes with them. */
export interface ChosenBuild extends Pick<Program, "hypers" | "settings"> {
  readonly options: Readonly<Record<string, string>>;
  readonly reductions: number;
  readonly decisions: number;
  readonly spoils: boolean;
  readonly rows: readonly BuildOption[];
}

export function chooseBuild(choices: Choices, groups: number): ChosenBuild {
  const rows = buildOptions.filter(({ outOf }) => choices.chance(outOf));
  const words = rows.map((row) => [row.name, choices.pick(Object.keys(row.words))] as const);
  const beside = rows.flatMap((row, i) => Object.entries(row.beside?.(choices, words[i]![1]) ?? {}));
  const options = Object.fromEntries([...words, ...beside]);
  const hypers: ProgramHyper[] = [];
  const given = (name: string) => peakAtCreation(hypers.find((hyper) => hyper.name === name)!);
  for (const { byDefault, values, ...giving } of [
    ...rows.flatMap((row) => row.hypers),
    ...(options.rounding === undefined ? [] : [seedHyper]),
  ]) {
    const value = () => choices.pick(values);
    const source = choices.chance(2) ? chooseSource(choices, giving, value) : null;
    const overrides = chooseOverrides(choices, giving, groups, value);
    const { name, type } = giving;
    hypers.push({ name, type, fixed: false, byDefault: byDefault(given), given: source, clause: null, overrides });
  }
  return {
    rows,
    options,
    hypers,
    settings: Object.assign({}, ...rows.map((row) => row.settings?.(choices))) as Settings,
    reductions: rows.reduce((sum, row, i) => sum + row.words[words[i]![1]]!, 0),
    decisions: rows.reduce((sum, { decisions }) => sum + decisions, 0),
    spoils: rows.some(({ spoils }) => spoils === true),
  };
}

/** What the caller says of one parameter. */
export function chooseParamSettings(choices: Choices, { rows }: ChosenBuild): Settings {
  return Object.assign({}, ...rows.map((row) => row.paramSettings?.(choices))) as Settings;
}
