// What a caller hands to `create`, checked before anything is made: unknown keys, the build, parameters, callbacks.

import {
  type BuildInfo,
  type BuildKernels,
  MANIFEST_VERSION,
  type Manifest,
  type OptimizerDefinition,
  type OptionInfo,
} from "../contract/manifest.js";
import type { RulesetModule } from "../contract/rules.js";
import type { NumberFormat } from "../numeric/storage-formats.js";
import { type Waiver, waivers } from "../rules/settings.js";
import { type NumberArray, readNumbers } from "./arrays.js";
import type { GivenMemory } from "./device.js";
import { didYouMean, OptimizerError, quote, show } from "./errors.js";
import { type Group, readGroups } from "./groups.js";
import { readLossScale, type ScalerState } from "./loss-scale.js";
import { readRules } from "./taken-rules.js";
import type { BaseSettings, ParamSpec } from "./types.js";

/** A parameter as the optimizer keeps it. */
export interface Param {
  readonly name: string;
  readonly shape: readonly number[];
  readonly aliases: readonly string[];
  readonly numel: number;
  readonly data: NumberArray | null;
  /** False: its gradient is neither clipped nor counted. */
  readonly needClip: boolean;
  /** The caller's memory for it, for the device to check; null: none. */
  readonly memory: GivenMemory | null;
}

export interface Settings {
  readonly build: BuildInfo;
  readonly kernels: BuildKernels;
  readonly params: readonly Param[];
  readonly gradients: "all" | "some";
  readonly lazyRows: boolean;
  readonly names: BaseSettings["names"];
  readonly applyDecay: BaseSettings["applyDecay"];
  readonly lrRatio: BaseSettings["lrRatio"];
  readonly allow: readonly Waiver[];
  /** Rulesets given, their hypers named apart from the optimizer's. */
  readonly rules: readonly RulesetModule[];
  /** None where the setting is left out. */
  readonly groups: readonly Group[];
  /** Null where the setting is left out. */
  readonly lossScale: ScalerState | null;
  /** Hypers as given, by settings key, also those of rulesets. */
  readonly hypers: ReadonlyMap<string, unknown>;
}

const baseKeys = ["params", "gradients", "lazyRows", "names", "applyDecay", "lrRatio", "rules", "allow", "groups", "lossScale"] as const;
type BaseKey = (typeof baseKeys)[number];
/** Elements that a Float32Array can count. */
const MAX_ELEMENTS = 2 ** 32;

/** Checks settings against a manifest. Throws OptimizerError; makes nothing. */
export function readSettings({ manifest, kernels }: OptimizerDefinition, given: unknown): Settings {
  if (manifest.manifestVersion !== MANIFEST_VERSION) {
    throw new OptimizerError(
      "manifest",
      `this runtime reads manifest version ${MANIFEST_VERSION}, not ${show(manifest.manifestVersion)}: build the spec again with this version of optspec`,
    );
  }
  if (typeof given !== "object" || given === null) throw invalid("settings", "an object such as { params: [...] }", given);
  const record = given as Readonly<Record<string, unknown>>;
  checkKeys(manifest, record);
  const base = (key: BaseKey) => record[key];
  const build = chooseBuild(manifest, record);
  const taken = readRules(base("rules"), manifest);
  const params = readParams(base("params"), build.formats.param);
  return {
    build,
    kernels: Object.hasOwn(kernels, build.key) ? kernels[build.key]! : missing(`kernels of the build ${quote(build.key)}`),
    params,
    gradients: oneOf(base("gradients") ?? "all", ["all", "some"], "gradients"),
    lazyRows: readLazyRows(base("lazyRows")),
    names: readNames(base("names")),
    applyDecay: readCallback(base("applyDecay"), "applyDecay"),
    lrRatio: readCallback(base("lrRatio"), "lrRatio"),
    allow: readAllow(base("allow")),
    rules: taken.rules,
    groups: readGroups(base("groups"), manifest, params),
    lossScale: checkScaled(readLossScale(base("lossScale")), build),
    hypers: new Map([...manifest.hypers.map(({ key }) => [key, record[key]] as const), ...taken.hypers]),
  };
}

const missing = (what: string): never => {
  throw new OptimizerError("manifest", `the generated module lacks ${what}: build the spec again`);
};

function invalid(what: string, expected: string, value: unknown): OptimizerError {
  return new OptimizerError("invalid-setting", `${what} must be ${expected}, not ${show(value)}`);
}

/** Settings that only some builds have: what such a build does, its option, and what that could be. */
const buildKeys = {
  gradClip: ["clips gradients", "grad_clip", "global_norm"],
  clipNorm: ["clips gradients", "grad_clip", "global_norm"],
  clipMin: ["clips gradients", "grad_clip", "value"],
  clipMax: ["clips gradients", "grad_clip", "value"],
  needClip: ["clips gradients", "grad_clip", "global_norm"],
  nonFinite: ["skips steps", "non_finite", "skip"],
  paramDtype: ["keeps parameters in other formats than its first one", "param_dtype", "bf16"],
  gradDtype: ["keeps gradients in other formats than its first one", "grad_dtype", "bf16"],
  master: ["keeps masters", "master", "f32"],
  rounding: ["rounds at random", "rounding", "stochastic"],
  roundingSeed: ["rounds at random", "rounding", "stochastic"],
} as const satisfies Readonly<Record<string, readonly [does: string, option: string, word: string]>>;

/** Keys of options, whose words may have been given. */
const optionKeys = {
  grad_clip: "gradClip",
  non_finite: "nonFinite",
  param_dtype: "paramDtype",
  grad_dtype: "gradDtype",
  master: "master",
  rounding: "rounding",
} as const;

/** All that was asked for of this kind is in the line to add. */
function notBuilt(
  { optimizer: { name } }: Manifest,
  key: keyof typeof buildKeys,
  record: Readonly<Record<string, unknown>>,
): OptimizerError {
  const [does, option, word] = buildKeys[key];
  const idle = ["none", "propagate", "f32", "nearest"];
  const given = Object.entries(optionKeys).flatMap(([other, its]): [string, string][] => {
    const asked = record[its];
    const isMaster = other === "master";
    return typeof asked === "string" && (isMaster ? asked !== "none" : !idle.includes(asked)) ? [[other, asked]] : [];
  });
  const words = given.some(([other]) => other === option) ? given : [...given, [option, word] as const];
  const line = `{ ${words.map(([other, its]) => `${JSON.stringify(other)}: ${JSON.stringify(its)}`).join(", ")} }`;
  const way = `Add ${line} to builds.${name} in optspec.config.json and run optspec build`;
  return new OptimizerError("build-missing", `${name} has no setting ${quote(key)}, for no build of it ${does}. ${way}`);
}

function checkKeys(manifest: Manifest, record: Readonly<Record<string, unknown>>): void {
  const known = [...baseKeys, ...manifest.hypers.map(({ key }) => key), ...manifest.options.map(({ key }) => key)];
  for (const key of Object.keys(record)) {
    if (known.includes(key)) continue;
    if (Object.hasOwn(buildKeys, key)) throw notBuilt(manifest, key as keyof typeof buildKeys, record);
    throw new OptimizerError(
      "unknown-setting",
      `${manifest.optimizer.name} has no setting ${quote(key)}${didYouMean(key, known)}; settings: ${known.join(", ")}`,
    );
  }
}

/** A scale needs kernels that know of it. */
function checkScaled(scale: ScalerState | null, { states }: BuildInfo): ScalerState | null {
  if (scale === null || states.some(({ scaler }) => scaler !== undefined)) return scale;
  const way = 'leave nonFinite out, or give "skip"';
  throw new OptimizerError("invalid-setting", `lossScale skips steps whose gradients are not finite, and this build does not: ${way}`);
}

/** What a build that skips steps is called; any spec can be built with it. */
const SKIPS: OptionInfo = {
  name: "non_finite",
  key: "nonFinite",
  doc: null,
  kind: "words",
  words: ["propagate", "skip"],
  value: "propagate",
};

/**
 * The build of exactly these options; one left out has its value of the default build, the first. A loss scale needs a build that skips
 * steps.
 */
function chooseBuild(manifest: Manifest, record: Readonly<Record<string, unknown>>): BuildInfo {
  const byDefault = manifest.builds[0] ?? missing("builds");
  const { lossScale } = record;
  const isScaled = lossScale !== undefined;
  const options = isScaled && !manifest.options.some(({ name }) => name === SKIPS.name) ? [...manifest.options, SKIPS] : manifest.options;
  const wanted = options.map((option) => {
    const word =
      readOption(option, record[option.key]) ?? (isScaled && option.name === SKIPS.name ? "skip" : byDefault.options[option.name]!);
    return [option, word] as const;
  });
  const found = manifest.builds.find(({ options }) => wanted.every(([{ name }, word]) => options[name] === word));
  if (found !== undefined) return found;
  const line = buildText(wanted);
  const built = manifest.builds.map(({ options }) => buildText(manifest.options.map((option) => [option, options[option.name]!] as const)));
  const { name } = manifest.optimizer;
  throw new OptimizerError(
    "build-missing",
    `${name} was not built with ${line}; built: ${built.join(", ")}. Add ${line} to builds.${name} in optspec.config.json and run optspec build`,
  );
}

/** A build as a line of the config. */
function buildText(options: readonly (readonly [OptionInfo, string])[]): string {
  const entries = options.map(([{ name, kind }, word]) => `${JSON.stringify(name)}: ${kind === "words" ? JSON.stringify(word) : word}`);
  return `{ ${entries.join(", ")} }`;
}

/** The word of an option as the manifest spells it, null where none is given. */
function readOption(option: OptionInfo, value: unknown): string | null {
  if (value === undefined) return null;
  const type = option.kind === "boolean" ? "boolean" : option.kind === "numbers" ? "number" : "string";
  const word = String(value);
  const match = option.words.find((candidate) => (type === "number" ? Number(candidate) === value : candidate === word));
  if (typeof value === type && match !== undefined) return match;
  const words = option.words.map((candidate) => (type === "string" ? quote(candidate) : candidate)).join(", ");
  throw invalid(option.key, `one of ${words}${type === "string" ? didYouMean(word, option.words) : ""}`, value);
}

function oneOf<Word extends string>(value: unknown, words: readonly Word[], key: string): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) throw invalid(key, words.map(quote).join(" or "), value);
  return found;
}

function readAllow(value: unknown): readonly Waiver[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid("allow", 'a list such as ["layer-index"]', value);
  return value.map((entry) => oneOf(entry, waivers, "an entry of allow"));
}

function readCallback<Key extends "applyDecay" | "lrRatio">(value: unknown, key: Key): BaseSettings[Key] {
  if (value !== undefined && typeof value !== "function") throw invalid(key, "a function of the parameter", value);
  return value as BaseSettings[Key];
}

function readLazyRows(value: unknown): boolean {
  if (value !== undefined && typeof value !== "boolean") throw invalid("lazyRows", "true or false", value);
  return value === true;
}

function readNames(value: unknown): BaseSettings["names"] {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid("names", "an object from parameter names to the names that rules see", value);
  for (const [name, staticName] of Object.entries(value)) {
    if (typeof staticName !== "string") throw invalid(`names[${quote(name)}]`, "a string", staticName);
  }
  return value as BaseSettings["names"];
}

function readParams(value: unknown, format: NumberFormat): Param[] {
  if (!Array.isArray(value)) throw invalid("params", "a list of { name, shape, data? }", value);
  if (value.length === 0) throw new OptimizerError("invalid-setting", "params is empty: there is nothing to optimize");
  const seen = new Map<string, number>();
  return value.map((entry: unknown, index) => {
    if (typeof entry !== "object" || entry === null) throw invalid(`params[${index}]`, "{ name, shape, data? }", entry);
    const param = readParam(entry as Readonly<Record<keyof ParamSpec, unknown>>, format, index);
    const before = seen.get(param.name);
    if (before !== undefined) {
      const places = `params[${before}] and params[${index}]`;
      const message = `parameter ${quote(param.name)} is registered twice: ${places}. List a tied tensor once, its other names in aliases`;
      throw new OptimizerError("duplicate-parameter", message);
    }
    seen.set(param.name, index);
    return param;
  });
}

const paramKeys = ["name", "shape", "data", "buffer", "offset", "aliases", "needClip"] as const satisfies readonly (keyof ParamSpec)[];

function readParam(given: Readonly<Record<keyof ParamSpec, unknown>>, format: NumberFormat, index: number): Param {
  const { name, shape, data, buffer, offset, aliases = [], needClip = true } = given;
  if (typeof name !== "string" || name === "") throw invalid(`params[${index}].name`, "a text that is not empty", name);
  const fail = (message: string): never => {
    throw new OptimizerError("invalid-parameter", `parameter ${quote(name)}: ${message}`);
  };
  for (const key of Object.keys(given)) {
    if (!paramKeys.some((known) => known === key)) fail(`unknown key ${quote(key)}${didYouMean(key, paramKeys)}`);
  }
  if (!Array.isArray(shape)) return fail(`shape must be a list of whole numbers, not ${show(shape)}`);
  for (const entry of shape) {
    if (!Number.isSafeInteger(entry) || entry < 0)
      fail(`shape [${shape.map(show).join(", ")}] has an entry that is not a whole number from 0`);
  }
  const numel = (shape as number[]).reduce((product, entry) => product * entry, 1);
  if (numel >= MAX_ELEMENTS) fail(`shape [${shape.join(", ")}] has ${numel} elements; at most ${MAX_ELEMENTS - 1} are possible`);
  if (buffer === undefined && offset !== undefined) fail("offset is a place in buffer, which is missing");
  if (!Array.isArray(aliases) || aliases.some((alias) => typeof alias !== "string"))
    fail(`aliases must be a list of names, not ${show(aliases)}`);
  if (typeof needClip !== "boolean") return fail(`needClip must be true or false, not ${show(needClip)}`);
  const numbers = data === undefined ? null : readNumbers(data, format, numel, `data of parameter ${quote(name)}`, "invalid-parameter");
  const memory = buffer === undefined ? null : { buffer, ...(offset !== undefined && { offset }), filled: data !== undefined };
  return {
    name,
    shape: [...shape],
    aliases: [...(aliases as string[])],
    numel,
    data: numbers,
    needClip,
    memory,
  };
}
