// Every error that a caller of an optimizer can cause or meet: a stable code for programs, a sentence and a way out for people.

import { nearest } from "../nearest-names.js";

export type OptimizerErrorCode =
  | "unknown-setting"
  | "invalid-setting"
  | "build-missing"
  | "manifest"
  | "invalid-parameter"
  | "duplicate-parameter"
  | "unknown-parameter"
  | "parameter-too-large"
  | "rules"
  | "invalid-ratio"
  | "fixed-hyper"
  | "invalid-hyper"
  | "missing-gradient"
  | "unknown-gradient"
  | "invalid-gradient"
  | "invalid-data"
  | "encode"
  | "refused"
  | "coefficient"
  | "no-device"
  | "out-of-memory"
  | "kernel"
  | "state-file"
  | "state-mismatch"
  | "busy"
  | "half-loaded"
  | "destroyed"
  | "device-lost";

/** A refusal: nothing was changed by the call that threw it. */
export class OptimizerError extends Error {
  override readonly name: string = "OptimizerError";
  readonly code: OptimizerErrorCode;

  constructor(code: OptimizerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The device is gone (unplugged, reset, or destroyed by its owner), and with it the parameters and states that lived there. */
export class DeviceLost extends OptimizerError {
  override readonly name = "DeviceLost";
  readonly reason: string;

  constructor(reason: string) {
    super("device-lost", `the device was lost: ${reason}. Make a new device and optimizer, and load the last saved state`);
    this.reason = reason;
  }
}

/** Text of a caller's value for a message: short, quoted, without control characters. */
export function show(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
  return String(value);
}

/** A name in double quotes, shortened, with everything that could disturb a terminal escaped. */
export function quote(name: string): string {
  const shortened = name.length > 200 ? `${name.slice(0, 200)}...` : name;
  return JSON.stringify(shortened).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** The first few of many names, for a message. */
export function quoteSome(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).map(quote).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** ` (did you mean "x"?)` for the known name that is closest to a misspelled one, if any is close. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const [near] = nearest(name, known);
  return near === undefined ? "" : ` (did you mean ${quote(near)}?)`;
}
