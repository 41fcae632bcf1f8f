// Which builds of an optimizer are made: one for each set of option words that was asked for, or the options' defaults alone.

import { CLIP_OPTION, NO_CLIP, withGradientClip } from "./check/clip-gradient.js";
import { NON_FINITE_OPTION, PROPAGATE, withSkippedSteps } from "./check/skip-non-finite.js";
import type { Spec } from "./check/spec.js";
import type { Reporter } from "./diagnostics/report.js";
import { createFileNamer } from "./emit/namer.js";

/** A word for every option of the spec, in declaration order. */
export type BuildOptions = Readonly<Record<string, string>>;

/** Options that any spec can be given: what adds one, and the word that changes nothing. What stands later works on the text first. */
const added = [
  { name: CLIP_OPTION, without: NO_CLIP, add: withGradientClip },
  { name: NON_FINITE_OPTION, without: PROPAGATE, add: withSkippedSteps },
] as const;

/** The spec with what the builds asked for add to it: gradient clipping and skipped steps, where one of them has it. */
export function completeSpec(spec: Spec, requested: readonly BuildOptions[] | undefined): Spec {
  const isAsked = (name: string, without: string) =>
    (requested ?? []).some((asked) => Object.hasOwn(asked, name) && asked[name] !== without);
  return added.reduce((whole, { name, without, add }) => (isAsked(name, without) ? add(whole) : whole), spec);
}

/** The builds asked for, completed with defaults, each once; what the spec does not have is reported. */
export function chooseBuilds(spec: Spec, requested: readonly BuildOptions[] | undefined, reporter: Reporter): readonly BuildOptions[] {
  const builds = new Map<string, BuildOptions>();
  for (const asked of requested === undefined || requested.length === 0 ? [{}] : requested) {
    reportUnknown(spec, asked, reporter);
    const words = spec.options.map(({ name, value }) => [name, Object.hasOwn(asked, name) ? asked[name]! : value] as const);
    builds.set(JSON.stringify(words), Object.fromEntries(words));
  }
  return [...builds.values()];
}

function reportUnknown(spec: Spec, asked: BuildOptions, reporter: Reporter): void {
  const optimizer = spec.name;
  for (const [name, word] of Object.entries(asked)) {
    const option = spec.options.find((candidate) => candidate.name === name);
    const options = spec.options.map((candidate) => candidate.name);
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
      return added.some((option) => option.name === name && option.without === build[name]) ? "" : build[name]!;
    });
    return namer(words.filter((word) => word !== "").join("-") || "default");
  });
}
