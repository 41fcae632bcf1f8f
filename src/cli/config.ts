// optspec.config.json or optspec.config.mjs beside the specs: which files, where to, and the builds of each optimizer. None is needed.

import { existsSync } from "node:fs";
import { dirname, extname, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isRecord, parseStrictJson } from "../runtime/state/strict-json.js";
import { CliError } from "./cli-error.js";
import type { Context } from "./context.js";
import { readNamedText } from "./read-file.js";
import { DEFAULT_SPECS } from "./spec-files.js";

const CONFIG_NAMES = ["optspec.config.json", "optspec.config.mjs"] as const;
const KEYS = ["specs", "out", "builds"];
/** Where outputs go unless said otherwise. */
const DEFAULT_OUT = "generated";

type Options = Readonly<Record<string, string>>;

export interface Config {
  /** The config's file relative to the root, or null. */
  readonly file: string | null;
  /** The folder that paths are relative to. */
  readonly root: string;
  readonly specs: readonly string[];
  readonly out: string;
  /** By optimizer name; an optimizer that is not named has one build, of its options' defaults. */
  readonly builds: ReadonlyMap<string, readonly Options[]>;
}

/** The config that is named, or the one in this folder, or none. */
export async function loadConfig({ cwd, importModule }: Context, named: string | null): Promise<Config> {
  const present = named === null ? CONFIG_NAMES.filter((name) => existsSync(resolve(cwd, name))) : [named];
  if (present.length > 1) throw new CliError(`both ${present.join(" and ")} are here`, "keep one of them, or choose with --config FILE");
  const [name] = present;
  if (name === undefined) return { file: null, root: cwd, specs: DEFAULT_SPECS, out: DEFAULT_OUT, builds: new Map() };
  const path = resolve(cwd, name);
  const root = dirname(path);
  return readConfig(relative(root, path), root, await evaluateConfig(path, name, importModule));
}

async function evaluateConfig(path: string, name: string, importModule: Context["importModule"]): Promise<unknown> {
  if (extname(path) === ".json") {
    const parsed = parseStrictJson(readNamedText(path, `the config ${name}`));
    if (!parsed.ok) throw new CliError(`${name} is not JSON: ${parsed.reason}`, "correct it there");
    return parsed.value;
  }
  if (extname(path) !== ".mjs") throw new CliError(`${name} is neither .json nor .mjs`, `rename it to ${CONFIG_NAMES.join(" or ")}`);
  readNamedText(path, `the config ${name}`);
  try {
    const module = await importModule(pathToFileURL(path).href);
    return isRecord(module) ? module.default : undefined;
  } catch (error) {
    throw new CliError(
      `${name} fails when it is run: ${error instanceof Error ? error.message : String(error)}`,
      "run it with node to see where",
    );
  }
}

function readConfig(file: string, root: string, value: unknown): Config {
  if (!isRecord(value))
    throw new CliError(`${file} holds no object`, 'write { "specs": ["*.opt"], "out": "generated" }, or export it as default from .mjs');
  for (const key of Object.keys(value))
    if (!KEYS.includes(key)) throw new CliError(`${file}: unknown key ${JSON.stringify(key)}`, `the keys are ${KEYS.join(", ")}`);
  const { specs = DEFAULT_SPECS, out = DEFAULT_OUT, builds = {} } = value;
  if (!Array.isArray(specs) || !specs.every((s) => typeof s === "string"))
    throw new CliError(`${file}: "specs" is not a list of paths`, 'write "specs": ["*.opt"]');
  if (typeof out !== "string" || out === "") throw new CliError(`${file}: "out" is not a path`, `write "out": "${DEFAULT_OUT}"`);
  if (!isRecord(builds)) throw new CliError(`${file}: "builds" is not an object`, 'write "builds": { "AdamW": [{ "amsgrad": true }] }');
  return { file, root, specs, out, builds: new Map(Object.entries(builds).map(([name, list]) => [name, readBuilds(file, name, list)])) };
}

function readBuilds(file: string, name: string, list: unknown): readonly Options[] {
  const place = `${file}: builds of ${JSON.stringify(name)}`;
  if (!Array.isArray(list) || list.length === 0)
    throw new CliError(`${place} are not a list with at least one build`, `write "${name}": [{ "option": "word" }]`);
  return list.map((build: unknown) => {
    if (!isRecord(build)) throw new CliError(`${place} hold something that is not an object`, `write { "option": "word" }`);
    const pairs = Object.entries(build).map(([option, word]): [string, string] => {
      if (typeof word !== "string" && typeof word !== "number" && typeof word !== "boolean")
        throw new CliError(
          `${place}: option ${JSON.stringify(option)} is not a word, a number, true or false`,
          `write "${option}": "word"`,
        );
      return [option, String(word)];
    });
    return Object.fromEntries(pairs);
  });
}
