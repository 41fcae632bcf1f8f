// What a user is told: a code from the catalogue, a place, a reason and a way out. User errors are values, never exceptions.

import type { SourceText, Span } from "../source.js";

export type Severity = "error" | "warning" | "hint";

export interface Label {
  readonly span: Span;
  readonly text: string;
}

export interface Diagnostic {
  /** Kebab-case key of the catalogue, e.g. "unknown-name". */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly source: SourceText;
  readonly span: Span;
  /** Text printed under the carets of the main span, if any. */
  readonly caption?: string;
  /** Further places that belong to the reason. */
  readonly labels?: readonly Label[];
  /** The way out: what to write instead. */
  readonly help?: string;
}

/** The words of a code, in the catalogue. */
export interface Message {
  readonly message: string;
  /** "error" unless given. */
  readonly severity?: Severity;
  readonly caption?: string;
  readonly help?: string;
}
