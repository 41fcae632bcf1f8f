// Arguments that say how an optimizer is set up: which of a file, `--set`, `--names`, `--allow`.

import { resolve } from "node:path";
import type { HyperInfo, Manifest } from "../contract/manifest.js";
import { type Waiver, waivers } from "../rules/settings.js";
import { didYouMean } from "../runtime/errors.js";
import { isRecord, parseStrictJson } from "../runtime/state/strict-json.js";
import { CliError } from "./cli-error.js";
import type { Context } from "./context.js";
import { readNamedText } from "./read-file.js";

/** The optimizer that is meant: the only one of the file, or the one that is named. */
export function chooseOptimizer<T extends { readonly name: string }>(optimizers: readonly T[], wanted: string | null, path: string): T {
  const names = optimizers.map((optimizer) => optimizer.name);
  const found = wanted === null ? (optimizers.length === 1 ? optimizers[0] : undefined) : optimizers.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  if (wanted === null)
    throw new CliError(`${path} holds ${names.length} optimizers: ${names.join(", ")}`, "choose one with --optimizer NAME");
  throw new CliError(`${path} has no optimizer ${wanted}${didYouMean(wanted, names)}`, `it has ${names.join(", ")}`);
}

export interface SetupArguments {
  /** `hyper=value` each. */
  readonly set: readonly string[];
  readonly names: string | null;
  readonly allow: readonly string[];
}

/** A part of the settings that a wrapper takes: `names`, `allow`, and hypers by their keys. */
export type Setup = Readonly<Record<string, unknown>> & {
  readonly names?: Readonly<Record<string, string>>;
  readonly allow: readonly Waiver[];
};

/** Reads the arguments against what the optimizer has. */
export function readSetup(context: Context, { hypers }: Pick<Manifest, "hypers">, given: SetupArguments): Setup {
  const entries = given.set.map((text): [string, unknown] => {
    const [name, value] = splitPair("--set", text);
    const info = hypers.find((hyper) => hyper.name === name || hyper.key === name);
    const known = hypers.map((hyper) => hyper.name);
    if (info === undefined)
      throw new CliError(`--set ${text}: there is no hyper ${name}${didYouMean(name, known)}`, `the hypers are ${known.join(", ")}`);
    return [info.key, hyperValue(context, info, text, value)];
  });
  const allow = given.allow.map((word) => {
    const waiver = waivers.find((known) => known === word);
    if (waiver === undefined)
      throw new CliError(`--allow ${word}: only ${waivers.join(" and ")} can be allowed`, `write --allow ${waivers[0]}`);
    return waiver;
  });
  return { ...Object.fromEntries(entries), ...(given.names !== null && { names: readNames(context, given.names) }), allow };
}

/** `name=value`; both must be there. */
export function splitPair(option: string, text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) throw new CliError(`${option} ${text}: this is not name=value`, `write ${option} name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

const words: Readonly<Record<string, number | boolean>> = { true: true, false: false, inf: Infinity, "-inf": -Infinity };

function hyperValue(context: Context, info: HyperInfo, text: string, value: string): unknown {
  if (value.startsWith("@")) return valuesByStep(context, info, value.slice(1));
  const number = Object.hasOwn(words, value) ? words[value]! : Number(value);
  if (Number.isNaN(number))
    throw new CliError(`--set ${text}: ${value} is not a number`, "write a number, true, false, or @file.json with one number per step");
  return number;
}

/** One value per step, from a JSON list. */
function valuesByStep(context: Context, info: HyperInfo, file: string): (step: number) => number {
  const values = readJson(context, file);
  if (!Array.isArray(values) || values.length === 0 || !values.every((v) => typeof v === "number"))
    throw new CliError(`${file} is not a list of numbers`, "write one number per step: [0.001, 0.0009]");
  return (step) => {
    const value: unknown = values[step];
    if (typeof value !== "number")
      throw new CliError(
        `${file} has ${values.length} values of ${info.name}; step ${step + 1} needs one more`,
        "add the missing steps, or stop earlier with --steps",
      );
    return value;
  };
}

function readNames(context: Context, file: string): Readonly<Record<string, string>> {
  const names = readJson(context, file);
  const pairs = isRecord(names) ? Object.entries(names) : null;
  if (pairs === null || !pairs.every((pair): pair is [string, string] => typeof pair[1] === "string"))
    throw new CliError(`${file} is not an object from names to names`, 'write { "parameter name": "name that rules see" }');
  return Object.fromEntries(pairs);
}

function readJson(context: Context, file: string): unknown {
  const parsed = parseStrictJson(readNamedText(resolve(context.cwd, file), file));
  if (!parsed.ok) throw new CliError(`${file} is not JSON: ${parsed.reason}`, "correct it there");
  return parsed.value;
}
