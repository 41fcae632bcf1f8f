// A random program: the text, and how it is run.

export interface Program {
  readonly name: string;
  readonly text: string;
  readonly options: Readonly<Record<string, string>>;
  readonly hypers: readonly ProgramHyper[];
  readonly shapes: readonly (readonly number[])[];
  readonly steps: number;
  readonly seed: number;
  /** Whether data and gradients are finite, so that sums are. */
  readonly tame: boolean;
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
  /** The default; a value at creation; a function of the step; a value at creation, changed before each further step. */
  readonly given: "default" | "number" | "function" | "changed";
  /** By step; of a default, the first alone counts. */
  readonly values: readonly number[];
}

/** The value of a hyper in a step. */
export function hyperAt({ given, byDefault, values }: ProgramHyper, step: number): number {
  if (given === "default") return byDefault;
  return values[given === "number" ? 0 : step % values.length]!;
}
