// What can be wrong with a safetensors file. Every code says what was found and what to do about it.

export type SafetensorsErrorCode =
  | "too-short"
  | "header-size"
  | "header-text"
  | "header-shape"
  | "duplicate-key"
  | "forbidden-name"
  | "unknown-dtype"
  | "bad-shape"
  | "bad-offsets"
  | "wrong-length"
  | "gap"
  | "overlap"
  | "truncated"
  | "trailing-bytes"
  | "no-numbers";

const damaged = "the file is damaged or not a safetensors file: copy or write it again";

/** A safetensors file that cannot be used; `help` is the way out. */
export class SafetensorsError extends Error {
  readonly code: SafetensorsErrorCode;
  readonly help: string;

  constructor(code: SafetensorsErrorCode, message: string, help: string = damaged) {
    super(message);
    this.name = "SafetensorsError";
    this.code = code;
    this.help = help;
  }
}
