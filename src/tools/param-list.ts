// Parameter lists from the files that people have: safetensors (its header is enough), a sharded model's index, JSON, lines of
// text. Pure: bytes in, parameters out.

import type { ParamInfo } from "../contract/rules.js";
import { SafetensorsError } from "../runtime/state/safetensors-error.js";
import { readSafetensorsHeader, type TensorInfo } from "../runtime/state/safetensors-header.js";
import { isRecord, parseStrictJson } from "../runtime/state/strict-json.js";

/** A list that cannot be read; `help` is the way out. */
export class ParamListError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "ParamListError";
    this.help = help;
  }
}

export interface ParamList {
  readonly params: readonly ParamInfo[];
  /** Parameters whose shape the file does not tell; theirs is given as []. */
  readonly withoutShape: number;
  /** Tensors left out because they hold no floating-point numbers. */
  readonly skipped: readonly string[];
}

/** What a file holds: a list, or (an index) the names of the files beside it whose headers hold the list. */
export type ParamSource =
  | { readonly kind: "list"; readonly list: ParamList }
  | { readonly kind: "shards"; readonly files: readonly string[] };

const FORMS =
  'safetensors, a sharded model\'s .index.json (safetensors or PyTorch), [{ "name", "shape", "dtype"? }, ...], { "name": [shape], ... }, or lines of: name [shape]';

/** Reads a parameter list. `file` may be the start of a safetensors file of `fileBytes` bytes, with its whole header. */
export function readParamList(file: Uint8Array, fileBytes: number = file.length): ParamSource {
  if (isSafetensors(file)) return { kind: "list", list: fromHeader(file, fileBytes) };
  if (file[0] === 0x50 && file[1] === 0x4b) {
    throw new ParamListError(
      "this is a PyTorch checkpoint: a zip of pickles, which can run code and is not opened",
      "name its .index.json, or list it once: json.dump({k: list(v.shape) for k, v in torch.load(F, map_location='meta').items()}, open('params.json', 'w'))",
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(file);
  } catch {
    throw new ParamListError("the parameter list is neither text nor a safetensors file", `give it as ${FORMS}`);
  }
  if (!/^\s*[[{]/.test(text)) return { kind: "list", list: checked(fromLines(text)) };
  const parsed = parseStrictJson(text);
  if (!parsed.ok) throw new ParamListError(`the parameter list is not JSON: ${parsed.reason}`, "correct it there");
  return fromJson(parsed.value);
}

/** Whether these bytes start as a safetensors file does: a length, then the brace of its header. */
export function isSafetensors(start: Uint8Array): boolean {
  return start.length > 8 && start[8] === 0x7b && start[7] === 0 && start[6] === 0 && start[5] === 0;
}

const floats = new Set(["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"]);

function fromHeader(file: Uint8Array, fileBytes: number): ParamList {
  try {
    const { metadata, tensors: all } = readSafetensorsHeader(file, fileBytes);
    const tensors = metadata.get("format") === "optspec" ? savedParams([...all.values()]) : [...all.values()];
    const params = tensors.filter((t) => floats.has(t.dtype)).map(({ name, shape, dtype }) => ({ name, shape, dtype }));
    return { params, withoutShape: 0, skipped: tensors.filter((t) => !floats.has(t.dtype)).map((t) => t.name) };
  } catch (error) {
    if (error instanceof SafetensorsError) throw new ParamListError(error.message, error.help);
    throw error;
  }
}

/** Of what an optimizer has saved: its parameters, under their own names. */
function savedParams(tensors: readonly TensorInfo[]): readonly TensorInfo[] {
  const params = tensors.filter(({ name }) => name.startsWith("param/"));
  if (params.length === 0)
    throw new ParamListError("this saved run holds no parameters: it was saved without them", "give the file of the model itself");
  return params.map((tensor) => ({ ...tensor, name: tensor.name.slice("param/".length) }));
}

interface Entry {
  readonly name: unknown;
  readonly shape?: unknown;
  readonly dtype?: unknown;
  readonly aliases?: unknown;
  readonly place: string;
}

function fromJson(value: unknown): ParamSource {
  if (isRecord(value) && isRecord(value.weight_map)) return fromIndex(value.weight_map);
  const entries = isRecord(value) && Array.isArray(value.params) && !isShape(value.params) ? value.params : value;
  if (Array.isArray(entries)) return { kind: "list", list: checked(entries.map((entry: unknown, i) => entryOf(entry, `entry ${i + 1}`))) };
  if (isRecord(entries))
    return { kind: "list", list: checked(Object.entries(entries).map(([name, shape]) => ({ name, shape, place: quote(name) }))) };
  throw new ParamListError("the parameter list holds neither a list nor an object", `give it as ${FORMS}`);
}

/** Shards of safetensors hold their shapes in headers; PyTorch's are pickles, which are not opened, so their index gives names alone. */
function fromIndex(map: Readonly<Record<string, unknown>>): ParamSource {
  const files = shardFiles(map);
  if (files.length === 0 || !files.every((file) => /\.(?:bin|pt|pth)$/.test(file))) return { kind: "shards", files };
  return { kind: "list", list: checked(Object.keys(map).map((name) => ({ name, place: quote(name) }))) };
}

function shardFiles(map: Readonly<Record<string, unknown>>): readonly string[] {
  const files = [...new Set(Object.values(map))];
  const plain = (file: unknown): file is string => typeof file === "string" && file !== "" && !/[/\\]|^\.\.?$/.test(file);
  if (!files.every(plain))
    throw new ParamListError("the index names a file that does not lie beside it", 'its "weight_map" must hold plain file names');
  return files;
}

function entryOf(entry: unknown, place: string): Entry {
  if (typeof entry === "string") return { name: entry, place };
  if (Array.isArray(entry)) return { name: entry[0], shape: entry[1], dtype: entry[2], place };
  if (isRecord(entry)) return { name: entry.name, shape: entry.shape, dtype: entry.dtype, aliases: entry.aliases, place };
  throw new ParamListError(`${place} of the parameter list is no parameter`, 'write { "name": "...", "shape": [...] }');
}

function fromLines(text: string): readonly Entry[] {
  return text.split(/\r?\n/).flatMap((line, i): Entry[] => {
    const place = `line ${i + 1}`;
    const words = line.trim();
    if (words === "" || words.startsWith("#")) return [];
    const [, name, inner] = /^(\S+)(?:\s+[[(]([^\])]*)[\])])?$/.exec(words) ?? [];
    if (name === undefined)
      throw new ParamListError(`${place} of the parameter list is not "name [shape]"`, "write, for example: encoder.weight [768, 768]");
    if (inner === undefined) return [{ name, place }];
    return [
      {
        name,
        shape: inner
          .split(/[,\s]+/)
          .filter((size) => size !== "")
          .map(Number),
        place,
      },
    ];
  });
}

function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function checked(entries: readonly Entry[]): ParamList {
  const seen = new Map<string, string>();
  let withoutShape = 0;
  const params = entries.map(({ name, shape, dtype, aliases, place }): ParamInfo => {
    if (typeof name !== "string" || name === "")
      throw new ParamListError(`${place} of the parameter list has no name`, 'write { "name": "...", "shape": [...] }');
    const first = seen.get(name);
    if (first !== undefined)
      throw new ParamListError(
        `parameter ${quote(name)} is listed twice: ${first} and ${place}`,
        "list it once; a tied tensor's other names are its aliases",
      );
    seen.set(name, place);
    if (shape === undefined || shape === null) withoutShape++;
    else if (!isShape(shape))
      throw new ParamListError(`${place}: the shape of ${quote(name)} is not a list of whole numbers`, "write, for example: [768, 768]");
    if (aliases !== undefined && !(Array.isArray(aliases) && aliases.every((a) => typeof a === "string")))
      throw new ParamListError(`${place}: the aliases of ${quote(name)} are not a list of names`, 'write "aliases": ["other.name"]');
    return {
      name,
      shape: isShape(shape) ? shape : [],
      ...(typeof dtype === "string" && { dtype: dtype.toUpperCase() }),
      ...(aliases !== undefined && { aliases }),
    };
  });
  if (params.length === 0) throw new ParamListError("the parameter list is empty", `give it as ${FORMS}`);
  return { params, withoutShape, skipped: [] };
}

/** Lists of several files as one. */
export function joinParamLists(lists: readonly ParamList[]): ParamList {
  const seen = new Set<string>();
  for (const { name } of lists.flatMap((list) => list.params)) {
    if (seen.has(name)) throw new ParamListError(`parameter ${quote(name)} stands in two of the files`, "write the model again");
    seen.add(name);
  }
  return {
    params: lists.flatMap((list) => list.params),
    withoutShape: lists.reduce((sum, list) => sum + list.withoutShape, 0),
    skipped: lists.flatMap((list) => list.skipped),
  };
}

function quote(name: string): string {
  return JSON.stringify(name);
}
