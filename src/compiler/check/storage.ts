// How parameters, gradients and states are kept: what `store` clauses say, and for any optimizer the build options `param_dtype`, `grad_dtype`,
// `master` and `rounding`. A clause for `param` or `grad` gives these options other defaults. Arithmetic is f32 throughout.

import type { HyperSpec, OptionSpec, Range, Spec } from "./spec.js";
import { literal } from "./typed.js";

export const PARAM_DTYPE = "param_dtype";
export const GRAD_DTYPE = "grad_dtype";
export const MASTER = "master";
export const ROUNDING = "rounding";
/** The hyper of builds that round at random. */
export const ROUNDING_SEED = "rounding_seed";

const dtypes = ["f32", "f16", "bf16"];

interface StorageOption {
  readonly name: string;
  readonly doc: string;
  readonly words: readonly string[];
}

const options: readonly StorageOption[] = [
  { name: PARAM_DTYPE, doc: "How parameters are kept; arithmetic is f32.", words: dtypes },
  { name: GRAD_DTYPE, doc: "How gradients are kept; arithmetic is f32.", words: dtypes },
  {
    name: MASTER,
    doc: "What is kept beside a parameter of 16 bits, so that it is updated in f32: all of its f32 number, or the 16 bits that a bf16 lacks.",
    words: ["none", "f32", "remainder"],
  },
  { name: ROUNDING, doc: "How parameters of 16 bits without a master are rounded.", words: ["nearest", "stochastic"] },
];

/** The spec with one of the options; as it was where its own text uses the name. */
export function withStorageOption(spec: Spec, name: string): Spec {
  const { doc, words } = options.find((option) => option.name === name)!;
  if ([...spec.hypers, ...spec.options, ...spec.states].some((own) => own.name === name)) return spec;
  const option: OptionSpec = { name, doc, kind: "words", words, value: defaultWord(spec, name) ?? words[0]!, span: spec.span };
  const hypers = name === ROUNDING ? [...spec.hypers, seed(spec)] : spec.hypers;
  return { ...spec, options: [...spec.options, option], hypers };
}

/** What the text's `store` clauses say of an option; null: nothing. */
export function defaultWord({ storage }: Pick<Spec, "storage">, option: string): string | null {
  const of = (cell: string) => storage.find((entry) => entry.cell === cell);
  if (option === PARAM_DTYPE) return of("param")?.format ?? null;
  if (option === GRAD_DTYPE) return of("grad")?.format ?? null;
  return option === MASTER ? (of("param")?.master ?? null) : null;
}

const whole24: Range = { low: 0, high: 2 ** 24, lowClosed: true, highClosed: true };

function seed({ span }: Spec): HyperSpec {
  return {
    name: ROUNDING_SEED,
    doc: "Where the random numbers begin by which parameters are rounded. Default: 0.",
    type: "int",
    fixed: false,
    value: literal(0, span),
    range: whole24,
    globalBecause: null,
    span,
  };
}

/** The words of a build that are about storage: a text may have options of its own by the same names. */
export function storageWords({ options, span }: Spec, words: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(options.filter((option) => option.span === span).map(({ name, value }) => [name, words[name] ?? value]));
}

/** What is wrong with these words, and what to do; null: nothing. */
export function storageProblem(words: Readonly<Record<string, string>>): string | null {
  const { [PARAM_DTYPE]: param = "f32", [MASTER]: master = "none", [ROUNDING]: rounding = "nearest" } = words;
  if (master !== "none" && param === "f32")
    return `a master is kept beside parameters of 16 bits: add "${PARAM_DTYPE}": "bf16", or leave "${MASTER}" out`;
  if (master === "remainder" && param === "f16")
    return `f16 is no half of f32: a remainder goes with "${PARAM_DTYPE}": "bf16"; or take "${MASTER}": "f32"`;
  if (rounding !== "stochastic") return null;
  if (param === "f32") return `parameters of f32 are not rounded: add "${PARAM_DTYPE}": "bf16", or leave "${ROUNDING}" out`;
  if (master !== "none") return `with a master nothing is lost that could be rounded at random: leave "${MASTER}" or "${ROUNDING}" out`;
  return null;
}
