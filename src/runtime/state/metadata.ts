// The metadata of a state file: texts, those of several parts as JSON. What is read here may be anybody's.

import { OptimizerError, quote, show } from "../errors.js";
import type { SavedHyper } from "../hypers.js";
import type { SavedValues } from "./holder.js";
import { isRecord, parseStrictJson } from "./strict-json.js";

const FORMAT = "optspec";
const FORMAT_VERSION = 1;
const SCHEDULE = "schedule/";

export function encodeMetadata(values: SavedValues): ReadonlyMap<string, string> {
  const { optimizer, specSha256, options, steps, hypers, parts, frozen } = values;
  const metadata = new Map([
    ["format", FORMAT],
    ["format_version", String(FORMAT_VERSION)],
    ["steps", String(steps)],
    ["options", JSON.stringify(Object.fromEntries(options))],
    ["hypers", JSON.stringify(Object.fromEntries([...hypers].map(([name, hyper]) => [name, encodeHyper(hyper)])))],
  ]);
  if (optimizer !== null) metadata.set("optimizer", optimizer);
  if (frozen !== null) metadata.set("frozen", JSON.stringify(frozen));
  if (specSha256 !== null) metadata.set("spec_sha256", specSha256);
  for (const [key, state] of parts) metadata.set(key, JSON.stringify(state));
  return metadata;
}

/** Reads them. Throws "state-file" where they are not those of a state that this version reads. */
export function decodeMetadata(metadata: ReadonlyMap<string, string>): SavedValues {
  if (metadata.get("format") !== FORMAT) {
    const way = "Convert a checkpoint of another library first: scripts/convert_state.py does it for PyTorch and Paddle";
    throw new OptimizerError("state-file", `the file is no saved state: its metadata have no "format": "${FORMAT}". ${way}`);
  }
  const version = metadata.get("format_version");
  if (version !== String(FORMAT_VERSION)) {
    const way = "load it with the version of optspec that wrote it, or a newer one";
    throw new OptimizerError("state-file", `the state has format version ${show(version)}, not ${FORMAT_VERSION}: ${way}`);
  }
  const steps = Number(metadata.get("steps"));
  if (!/^\d+$/.test(metadata.get("steps") ?? "") || !Number.isSafeInteger(steps)) throw damaged("steps", "a whole number from 0");
  return {
    optimizer: metadata.get("optimizer") ?? null,
    specSha256: metadata.get("spec_sha256") ?? null,
    options: new Map(recordOf(metadata, "options").map(([name, word]) => [name, textOf(word)])),
    steps,
    hypers: new Map(recordOf(metadata, "hypers").map(([name, hyper]) => [name, decodeHyper(name, hyper)])),
    parts: new Map([...metadata.keys()].filter(isPart).map((key) => [key, jsonOf(metadata, key)])),
    frozen: listOf(metadata, "frozen"),
  };
}

const isPart = (key: string) => key.startsWith(SCHEDULE) || key === "scaler";

function damaged(key: string, expected: string): OptimizerError {
  return new OptimizerError("state-file", `the metadata's ${quote(key)} is not ${expected}: the file is damaged, save or convert it again`);
}

function jsonOf(metadata: ReadonlyMap<string, string>, key: string): unknown {
  const parsed = parseStrictJson(metadata.get(key)!);
  if (!parsed.ok) throw damaged(key, `JSON (${parsed.reason})`);
  return parsed.value;
}

/** The entries of an object; of none, where the file has no such key. */
function recordOf(metadata: ReadonlyMap<string, string>, key: string): readonly [string, unknown][] {
  if (!metadata.has(key)) return [];
  const value = jsonOf(metadata, key);
  if (!isRecord(value)) throw damaged(key, "an object");
  return Object.entries(value);
}

function textOf(word: unknown): string {
  if (typeof word !== "string") throw damaged("options", "an object of texts");
  return word;
}

function listOf(metadata: ReadonlyMap<string, string>, key: string): readonly string[] | null {
  if (!metadata.has(key)) return null;
  const value = jsonOf(metadata, key);
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) throw damaged(key, "a list of names");
  return value;
}

/** JSON has no infinity and its printer no negative zero: these are texts. */
function encodeNumber(value: number): number | string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}

function decodeNumber(value: unknown): number | null {
  if (typeof value === "number") return value;
  return value === "-0" || value === "Infinity" || value === "-Infinity" ? Number(value) : null;
}

function encodeHyper({ value, given }: SavedHyper): unknown {
  return given === "number" ? encodeNumber(value) : { function: encodeNumber(value) };
}

function decodeHyper(name: string, hyper: unknown): SavedHyper {
  const given = isRecord(hyper) ? "function" : "number";
  const value = decodeNumber(isRecord(hyper) ? hyper.function : hyper);
  if (value === null) throw damaged("hypers", `numbers, at ${quote(name)}`);
  return { value, given };
}
