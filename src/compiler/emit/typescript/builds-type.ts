// The type of the options: exactly the builds that exist. What the first build has may be left out.

import type { BuildInfo, OptionInfo } from "../../../contract/manifest.js";
import { docLines, javascriptString } from "../escape.js";

/** One record where every combination of the words that occur was built, else a union of one record for each build. */
export function buildsType(options: readonly OptionInfo[], builds: readonly BuildInfo[]): string {
  if (options.length === 0) return "unknown";
  const byDefault = builds[0]!.options;
  const builtWords = (option: OptionInfo) => [...new Set(builds.map((build) => build.options[option.name]!))];
  const combinations = options.reduce((product, option) => product * builtWords(option).length, 1);
  const record = (wordsOf: (option: OptionInfo) => readonly string[]) =>
    `{\n${options.map((option) => property(option, wordsOf(option), byDefault[option.name]!)).join("\n")}\n}`;
  if (combinations === builds.length) return record(builtWords);
  return builds.map((build) => record((option) => [build.options[option.name]!])).join(" | ");
}

function property(option: OptionInfo, words: readonly string[], byDefault: string): string {
  const text = [...(option.doc === null ? [] : [option.doc]), `Default: ${byDefault}.`].join("\n");
  const optional = words.includes(byDefault) ? "?" : "";
  const type = words.map((word) => wordType(option, word)).join(" | ");
  return [...docLines(text), `readonly ${option.key}${optional}: ${type};`].map((line) => `  ${line}`).join("\n");
}

function wordType(option: OptionInfo, word: string): string {
  switch (option.kind) {
    case "words":
      return javascriptString(word);
    case "numbers":
      return String(Number(word));
    case "boolean":
      return word;
    default:
      return option.kind satisfies never;
  }
}
