// How a file and an optimizer fit: what of the file goes where, and every way in which the two differ, by name. Of a parameter's states
// and step count all fit or none is taken: moments without their count would be another optimizer's.

import { quote } from "../errors.js";
import type { SavedValues, StateEntry, StateHolder } from "./holder.js";
import type { SafetensorsHeader, TensorInfo } from "./safetensors-header.js";

export interface FileFit {
  /** In the order of the file. */
  readonly loads: readonly { readonly entry: StateEntry; readonly info: TensorInfo }[];
  /** Keys that the optimizer has and the file lacks. */
  readonly missing: readonly string[];
  /** Keys that only the file has. */
  readonly extra: readonly string[];
  /** A sentence for everything else that differs. */
  readonly different: readonly string[];
}

export interface FitOptions {
  /** False: parameters stay as they are, whether or not the file has them. */
  readonly params: boolean;
  /** Another text of the same optimizer is no difference. */
  readonly anySpec: boolean;
}

export function fitFile(holder: StateHolder, header: SafetensorsHeader, saved: SavedValues, { params, anySpec }: FitOptions): FileFit {
  const file = header.tensors;
  const isParam = (key: string) => key.startsWith("param/");
  // A file without any parameters is one of states alone.
  const withParams = params && [...file.keys()].some(isParam);
  const wanted = holder.entries.filter(({ role }) => role === "state" || withParams);
  const known = new Set(wanted.map(({ key }) => key));
  const missing = wanted.filter(({ key }) => !file.has(key));
  const extra = [...file.keys()].filter((key) => !known.has(key) && (withParams || !isParam(key)));
  const different = differencesOf(holder.values(), saved, anySpec);
  const refused = new Set(missing.map(unitOf));
  for (const entry of wanted) {
    const found = file.get(entry.key);
    const difference = found && differenceOf(entry, found);
    if (!difference) continue;
    different.push(difference);
    refused.add(unitOf(entry));
  }
  const loads = wanted.flatMap((entry) => {
    const info = file.get(entry.key);
    return info === undefined || refused.has(unitOf(entry)) ? [] : [{ entry, info }];
  });
  loads.sort((a, b) => a.info.from - b.info.from);
  return { loads, missing: missing.map(({ key }) => key), extra, different };
}

/** Entries that are taken together. */
function unitOf({ role, param }: StateEntry): string {
  return `${role} ${param ?? ""}`;
}

const shapeText = (dtype: string, shape: readonly number[]) => `${dtype} of shape [${shape.join(", ")}]`;

function differenceOf(entry: StateEntry, found: TensorInfo): string | null {
  const [here, there] = [shapeText(entry.dtype, entry.shape), shapeText(found.dtype, found.shape)];
  return here === there ? null : `${quote(entry.key)} is ${there} in the file and ${here} here`;
}

/** What a converted file leaves out is not compared. */
function differencesOf(here: SavedValues, there: SavedValues, anySpec: boolean): string[] {
  const found: string[] = [];
  if (there.optimizer !== null && there.optimizer !== here.optimizer)
    found.push(`it was saved by ${quote(there.optimizer)}, and this is ${quote(here.optimizer ?? "")}`);
  else if (!anySpec && there.specSha256 !== null && there.specSha256 !== here.specSha256) {
    const short = (hash: string | null) => quote((hash ?? "").slice(0, 12));
    found.push(
      `it was saved by another text of ${here.optimizer} (its hash starts with ${short(there.specSha256)}, this one's with ${short(here.specSha256)}): load with { spec: "any" } if its states mean the same`,
    );
  }
  for (const [name, word] of there.options) {
    const own = here.options.get(name);
    if (own !== word)
      found.push(`option ${quote(name)} was ${quote(word)} and is ${own === undefined ? "not there" : quote(own)} here: create with it`);
  }
  return found;
}
