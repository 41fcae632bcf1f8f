// A random program: the text, and how it is run. Plain data, so that a failing one can be printed.

import type { Clause, ScheduleName } from "./schedules.js";

export interface Program {
  readonly name: string;
  readonly text: string;
  /** Options of the text and of the build, with their words. */
  readonly options: Readonly<Record<string, string>>;
  readonly hypers: readonly ProgramHyper[];
  /** What build options have the caller give besides hypers. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly shapes: readonly (readonly number[])[];
  /** What build options have the caller say of each parameter. */
  readonly paramSettings: readonly Readonly<Record<string, unknown>>[];
  /** Groups that the parameters stand in by turns; 0: the caller gives none. */
  readonly groups: number;
  /** Calls of `step`. */
  readonly steps: number;
  /** Nothing is read before the last step: devices run ahead of the host's questions. */
  readonly patient: boolean;
  readonly seed: number;
  /** Whether data and gradients are finite, so that sums are. */
  readonly tame: boolean;
  /** Null: gradients are as they come. Else they are finite, but for one number in these calls. */
  readonly spoiled: readonly number[] | null;
  /** A factor on `lr` for each parameter. */
  readonly lrRatio: boolean;
  /** At some steps some parameters have no gradient. */
  readonly absent: boolean;
}

export interface ProgramHyper {
  readonly name: string;
  readonly type: "number" | "int" | "bool";
  readonly fixed: boolean;
  /** As the text says it, computed by hand. */
  readonly byDefault: number;
  /** Null: nothing, so that the default counts. */
  readonly given: Source | null;
  /** The text's schedule. */
  readonly clause: Clause | null;
  /** By group. */
  readonly overrides: readonly (Override | null)[];
}

/** What the caller gives for a hyper. */
export interface Source {
  /** A value; one that is changed before each further step; a function of the completed steps; a schedule whose peak is the first value. */
  readonly way: "number" | "changed" | "function" | "schedule";
  /** The first one, by call, or by completed steps. */
  readonly values: readonly number[];
  readonly schedule: ScheduleName | null;
}

export interface Override extends Source {
  readonly form: "value" | "factor";
}

/** A program of this text that is run in the plainest way. */
export function plainProgram(name: string, text: string): Program {
  return {
    ...{ name, text, options: {}, hypers: [], settings: {}, shapes: [[3]], paramSettings: [{}], groups: 0, steps: 1, patient: false },
    ...{ seed: 0, tame: true, spoiled: null, lrRatio: false, absent: false },
  };
}

/** The text, and how it is run. */
export function printProgram({ text, ...run }: Program): string {
  return `${text}${JSON.stringify(run)}\n`;
}
