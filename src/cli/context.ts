// What a command may touch: where it stands, where its words go. Commands take it as an argument, so that tests can hand in their own.

import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";

export type Format = "pretty" | "json" | "github";

export interface Context {
  readonly cwd: string;
  /** Data: stdout. */
  readonly out: (text: string) => void;
  /** Talk: stderr. */
  readonly talk: (text: string) => void;
  /** Whether stderr shows colours. */
  readonly color: boolean;
  /** Columns of stdout; absent where it is no terminal. */
  readonly columns?: number;
  /** Columns of stderr. */
  readonly width: number;
  /** Whether stderr is a terminal that can show progress. */
  readonly interactive: boolean;
  /** Identifies the compiler that runs: its outputs are the same as long as this is. Null where it is run from its sources. */
  readonly generator: string | null;
  /** Imports a module of the user's: a config, an optional peer. */
  readonly importModule: (specifier: string) => Promise<unknown>;
}

export interface Outcome {
  readonly exitCode: 0 | 1;
  readonly diagnostics: readonly Diagnostic[];
  /** For stdout, unless JSON is asked for. */
  readonly text: string;
  /** For stderr, at the end. */
  readonly summary: string;
  /** Fields of the JSON document. */
  readonly json: Readonly<Record<string, unknown>>;
}
