// Reads a state: everything that can be wrong with a file is found before the first number is written. What breaks off after that (a
// stream's end, a disk, a device) leaves the optimizer half loaded, and it says so until a load is whole.

import { OptimizerError, quoteSome } from "../errors.js";
import { type ByteSource, openSource, type StateSource } from "./byte-sources.js";
import { dtypes } from "./dtype.js";
import { type FileFit, fitFile } from "./fit-file.js";
import type { DeviceEntry, HostEntry, SavedValues, StatefulPart, StateHolder } from "./holder.js";
import { decodeMetadata } from "./metadata.js";
import { SafetensorsError } from "./safetensors-error.js";
import { headerBytes, PREFIX_BYTES, readSafetensorsHeader, type SafetensorsHeader, type TensorInfo } from "./safetensors-header.js";
import { PIECE_BYTES } from "./save-state.js";

export interface LoadOptions {
  /** Loads what fits and reports the rest, instead of refusing a file that does not fit as a whole. */
  readonly partial?: boolean;
  /** False leaves the parameters themselves as they are. Default: those in the file are loaded. */
  readonly params?: boolean;
  /** "any" takes a file of another text of this optimizer (a comment was changed, a rule), where everything else fits. */
  readonly spec?: "same" | "any";
  /** "given" keeps hypers as they are here, instead of taking those that were saved. */
  readonly hypers?: "saved" | "given";
}

/** What a load did: keys as in the file. */
export interface LoadReport {
  /** Completed steps of the saved run. */
  readonly steps: number;
  readonly loaded: readonly string[];
  /** The optimizer has them, the file does not. */
  readonly missing: readonly string[];
  /** The file has them, the optimizer does not. */
  readonly extra: readonly string[];
  /** A sentence for everything else that differs. */
  readonly different: readonly string[];
}

/** Bytes written between waits for the device, which keeps a copy of what it has not taken yet. */
const PAUSE_BYTES = 1 << 26;

/** Loads a file. `onWrite` is told right before the first change. */
export async function loadState(holder: StateHolder, given: StateSource, options: LoadOptions, onWrite: () => void): Promise<LoadReport> {
  await holder.settle();
  const source = await openSource(given);
  try {
    const header = await readHeader(source);
    const saved = decodeMetadata(header.metadata);
    const fit = fitFile(holder, header, saved, { params: options.params !== false, anySpec: options.spec === "any" });
    const hypers = holder.compareHypers(options.hypers === "given" ? new Map() : saved.hypers);
    const parts = pairParts(holder, saved);
    const different = [...fit.different, ...hypers.differences, ...parts.differences, ...frozenDifferences(holder, saved)];
    if (options.partial !== true) refuse({ ...fit, different });
    else if (fit.loads.length === 0) throw mismatch({ ...fit, different }, "nothing in it fits");
    const frozen = options.partial === true ? null : saved.frozen;
    await loadAll({ holder, source, header, fit, steps: saved.steps, frozen, takeHypers: hypers.take, parts: parts.pairs, onWrite });
    return { steps: saved.steps, loaded: fit.loads.map(({ entry }) => entry.key), missing: fit.missing, extra: fit.extra, different };
  } finally {
    await source.close().catch(() => {}); // everything that was wanted has been read
  }
}

async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  try {
    const size = source.size ?? Number.MAX_SAFE_INTEGER;
    const prefix = await source.read(0, Math.min(PREFIX_BYTES, size));
    const length = headerBytes(prefix, size);
    const start = new Uint8Array(PREFIX_BYTES + length);
    start.set(prefix);
    start.set(await source.read(PREFIX_BYTES, PREFIX_BYTES + length), PREFIX_BYTES);
    return readSafetensorsHeader(start, source.size);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new OptimizerError("state-file", `${error.message}. What to do: ${error.help}`, { cause: error });
  }
}

/** Throws with every name, where something does not fit. */
function refuse(fit: Omit<FileFit, "loads">): void {
  if (fit.missing.length + fit.extra.length + fit.different.length > 0) throw mismatch(fit, "");
}

function mismatch({ missing, extra, different }: Omit<FileFit, "loads">, lead: string): OptimizerError {
  const shown = different.slice(0, 5);
  if (different.length > shown.length) shown.push(`and ${different.length - shown.length} more differences`);
  const lines = [
    ...(lead === "" ? [] : [lead]),
    ...(missing.length > 0 ? [`missing in the file: ${quoteSome(missing)}`] : []),
    ...(extra.length > 0 ? [`only in the file: ${quoteSome(extra)}`] : []),
    ...shown,
  ];
  const way = "Create the optimizer as the saved one was, or load with { partial: true }, which loads what fits and reports the rest";
  return new OptimizerError("state-mismatch", `the saved state does not fit, and nothing was loaded:\n  ${lines.join("\n  ")}\n${way}`);
}

interface PartPair {
  readonly part: StatefulPart;
  readonly state: unknown;
}

function pairParts({ parts }: StateHolder, saved: SavedValues) {
  const pairs = parts.flatMap((part): PartPair[] => (saved.parts.has(part.key) ? [{ part, state: saved.parts.get(part.key) }] : []));
  const keys = new Set(parts.map(({ key }) => key));
  const differences = [
    ...parts.filter(({ key }) => !saved.parts.has(key)).map(({ key }) => `the file has no state of ${key}, which is used here`),
    ...[...saved.parts.keys()].filter((key) => !keys.has(key)).map((key) => `the file has a state of ${key}, which is not used here`),
  ];
  return { pairs, differences };
}

function frozenDifferences({ entries }: StateHolder, { frozen }: SavedValues): string[] {
  const known = new Set(entries.map(({ param }) => param));
  const strangers = (frozen ?? []).filter((name) => !known.has(name));
  return strangers.length === 0 ? [] : [`parameters were frozen that are not here: ${quoteSome(strangers)}`];
}

interface Loading {
  readonly holder: StateHolder;
  readonly source: ByteSource;
  readonly header: SafetensorsHeader;
  readonly fit: FileFit;
  readonly steps: number;
  readonly frozen: SavedValues["frozen"];
  readonly takeHypers: () => void;
  readonly parts: readonly PartPair[];
  readonly onWrite: () => void;
}

async function loadAll({ holder, source, header, fit, steps, frozen, takeHypers, parts, onWrite }: Loading): Promise<void> {
  const { dataStart } = header;
  const { host, device } = split(fit, source.size === null);
  const numbers: number[] = [];
  for (const { entry, info } of host) numbers.push(readNumber(entry, await source.read(dataStart + info.from, dataStart + info.to)));
  for (const { entry } of device) entry.write(0, new Uint8Array(0)); // throws where writing is refused
  const takeBack = takeParts(parts);
  try {
    let written = 0;
    onWrite();
    for (const { entry, info } of device) {
      const width = dtypes[entry.dtype].bytes;
      for (let at = info.from; at < info.to; at += PIECE_BYTES) {
        const to = Math.min(at + PIECE_BYTES, info.to);
        entry.write((at - info.from) / width, await source.read(dataStart + at, dataStart + to));
        written += to - at;
        if (written >= PAUSE_BYTES) {
          await holder.settle();
          written = 0;
        }
      }
    }
    await source.checkEnd(dataStart + header.dataBytes);
    await holder.settle();
    takeHypers();
  } catch (error) {
    takeBack();
    throw error;
  }
  for (const [i, { entry }] of host.entries()) entry.set(numbers[i]!);
  holder.resume(steps, frozen);
}

/** The host's numbers come first: they can be wrong. A stream must have them first too. */
function split({ loads }: FileFit, forwards: boolean) {
  const host: { readonly entry: HostEntry; readonly info: TensorInfo }[] = [];
  const device: { readonly entry: DeviceEntry; readonly info: TensorInfo }[] = [];
  for (const { entry, info } of loads) {
    if (entry.place === "device") device.push({ entry, info });
    else if (forwards && device.length > 0) {
      const way = "load it from a Blob or a file, which can be read in any order";
      throw new OptimizerError("state-file", `the stream has tensors before step counts, which must be checked first: ${way}`);
    } else host.push({ entry, info });
  }
  return { host, device };
}

function readNumber({ key, dtype }: HostEntry, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === "F64") return view.getFloat64(0, true);
  const count = Number(view.getBigInt64(0, true));
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new OptimizerError("state-file", `${JSON.stringify(key)} is ${count}, which is no count of steps: the file is damaged`);
}

/** Hands every part its state; returns the way back. Throws where one refuses, having changed nothing. */
function takeParts(pairs: readonly PartPair[]): () => void {
  const before = pairs.map(({ part }) => part.state());
  let taken = 0;
  const takeBack = () => {
    for (let i = 0; i < taken; i++) pairs[i]!.part.load(before[i]);
  };
  for (const { part, state } of pairs) {
    try {
      part.load(state);
      taken++;
    } catch (cause) {
      takeBack();
      const message = `the saved state of ${part.key} is refused: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new OptimizerError("state-mismatch", message, { cause });
    }
  }
  return takeBack;
}
