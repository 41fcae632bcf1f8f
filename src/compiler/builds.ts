// Which builds of an optimizer are made: one for each set of option words that was asked for, or the options' defaults alone.

import { CLIP_OPTION, NO_CLIP, withGradientClip } from "./check/clip-gradient.js";
import { NON_FINITE_OPTION, PROPAGATE, withSkippedSteps } from "./check/skip-non-finite.js";
import type { Spec } from "./check/spec.js";
import {
  defaultWord,
  GRAD_DTYPE,
  MASTER,
  PARAM_DTYPE,
  ROUNDING,
  storageProblem,
  storageWords,
  withStorageOption,
} from "./check/storage.js";
import type { Reporter } from "./diagnostics/report.js";
import { createFileNamer } from "./emit/namer.js";

/** A word for every option of the spec, in declaration order. */
export type BuildOptions = Readonly<Record<string, string>>;

/** An option that any spec can be given: what adds it, and the word that changes nothing. */
interface AddedOption {
  readonly name: string;
  readonly without: string;
  readonly add: (spec: Spec) => Spec;
}

const storage = (name: string, without: string): AddedOption => ({ name, without, add: (spec) => withStorageOption(spec, name) });

/** What stands later works on the text first. */
const added: readonly AddedOption[] = [
  { name: CLIP_OPTION, without: NO_CLIP, add: withGradientClip },
  { name: NON_FINITE_OPTION, without: PROPAGATE, add: withSkippedSteps },
  storage(PARAM_DTYPE, "f32"),
  storage(GRAD_DTYPE, "f32"),
  storage(MASTER, "none"),
  storage(ROUNDING, "nearest"),
];

/** The spec with the options that one of its builds asks for, or that its own `store` clauses decide. */
export function completeSpec(spec: Spec, requested: readonly BuildOptions[] | undefined): Spec {
  const isAsked = ({ name, without }: AddedOption) =>
    (requested ?? []).some((asked) => Object.hasOwn(asked, name) && asked[name] !== without) ||
    (defaultWord(spec, name) ?? without) !== without;
  return added.reduce((whole, option) => (isAsked(option) ? option.add(whole) : whole), spec);
}

/** The builds asked for, completed with defaults, each once; what the spec does not have is reported. */
export function chooseBuilds(spec: Spec, requested: readonly BuildOptions[] | undefined, reporter: Reporter): readonly BuildOptions[] {
  const builds = new Map<string, BuildOptions>();
  for (const asked of requested === undefined || requested.length === 0 ? [{}] : requested) {
    reportUnknown(spec, asked, reporter);
    const words = spec.options.map(({ name, value }) => [name, Object.hasOwn(asked, name) ? asked[name]! : value] as const);
    builds.set(JSON.stringify(words), Object.fromEntries(words));
  }
  for (const build of builds.values()) {
    const problem = storageProblem(storageWords(spec, build));
    if (problem !== null) reporter.report("storage-combination", { optimizer: spec.name, problem }, spec.span);
  }
  return [...builds.values()];
}

function reportUnknown(spec: Spec, asked: BuildOptions, reporter: Reporter): void {
  const optimizer = spec.name;
  for (const [name, word] of Object.entries(asked)) {
    const option = spec.options.find((candidate) => candidate.name === name);
    const options = spec.options.map((candidate) => candidate.name);
    const changesNothing = added.some((known) => known.name === name && known.without === word);
    if (option === undefined && changesNothing) continue;
    if (option === undefined) reporter.report("unknown-build-option", { optimizer, option: name, options }, spec.span);
    else if (!option.words.includes(word))
      reporter.report("unknown-build-word", { optimizer, option: name, word, words: option.words }, option.span);
  }
}

/** A file-name-safe key for each build: its words, and the names of booleans that are true. */
export function nameBuilds(spec: Spec, builds: readonly BuildOptions[]): readonly string[] {
  const namer = createFileNamer();
  return builds.map((build) => {
    const words = spec.options.map(({ kind, name }) => {
      if (kind === "boolean") return build[name] === "true" ? name : "";
      return added.some((option) => option.name === name && option.without === build[name]) ? "" : keyWord(name, build[name]!);
    });
    return namer(words.filter((word) => word !== "").join("-") || "default");
  });
}

/** Words that several options have are told apart. */
function keyWord(option: string, word: string): string {
  if (option === GRAD_DTYPE) return `${word}_grad`;
  return option === MASTER ? `${word}_master` : word;
}
