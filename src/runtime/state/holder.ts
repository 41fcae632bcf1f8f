// What a state file is made of, and what takes one: an optimizer, an interpreter. Everything kept has a key of its own, whatever memory
// or layout it lives in:  param/NAME  t/NAME  state.STATE/NAME (an element each, or one number)  state.STATE (one for the model)

import type { ScheduleState } from "../../contract/schedule.js";
import type { SavedHyper, SavedHypersFit } from "../hypers.js";
import type { Dtype } from "./dtype.js";

interface EntryBase {
  readonly key: string;
  readonly dtype: Dtype;
  /** The parameter's own, or `[]` for one number. */
  readonly shape: readonly number[];
  /** The parameter it belongs to; null: the model. */
  readonly param: string | null;
  /** The parameter itself, or what an optimizer keeps beside it. */
  readonly role: "param" | "state";
}

/** A tensor that is read and written in pieces; places and lengths count elements, bytes are as the file has them. */
export interface DeviceEntry extends EntryBase {
  readonly place: "device";
  read(first: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** With no bytes it only throws where writing is refused. */
  write(first: number, bytes: Uint8Array): void;
}

/** One number of the host's: a count of steps (I64), or a host state (F64). */
export interface HostEntry extends EntryBase {
  readonly place: "host";
  readonly dtype: "I64" | "F64";
  get(): number;
  set(value: number): void;
}

export type StateEntry = DeviceEntry | HostEntry;

/** Something that keeps a small state of its own: a schedule, the loss scaler. */
export interface StatefulPart {
  /** `schedule/<hyper>` or `scaler`. */
  readonly key: string;
  state(): ScheduleState;
  /** Throws where the state is none of this kind, having changed nothing. */
  load(state: unknown): void;
}

/** What the metadata of a state file say. */
export interface SavedValues {
  readonly optimizer: string | null;
  readonly specSha256: string | null;
  readonly options: ReadonlyMap<string, string>;
  readonly steps: number;
  readonly hypers: ReadonlyMap<string, SavedHyper>;
  readonly parts: ReadonlyMap<string, unknown>;
  /** Parameters that `freeze` left out; null: nothing is said of it. */
  readonly frozen: readonly string[] | null;
}

export interface StateHolder {
  readonly entries: readonly StateEntry[];
  /** Waits until nothing that was submitted is still to be done. Throws where that cannot be known. */
  settle(): Promise<void>;
  /** As they are now. */
  values(): SavedValues;
  readonly parts: readonly StatefulPart[];
  compareHypers(saved: SavedValues["hypers"]): SavedHypersFit;
  /** Goes on after `steps` steps, once all entries are written; with these parameters frozen, or null: with those that are. */
  resume(steps: number, frozen: readonly string[] | null): void;
}
