// Random programs by a seed: the same ones in every process.

import fc from "fast-check";
import { readChoices } from "./choices.js";
import type { Program } from "./program.js";
import { writeProgram } from "./write-program.js";

export const tape = fc.array(fc.nat(65_535), { maxLength: 500, size: "max" });

export function sampleTapes(seed: number, count: number): readonly number[][] {
  return fc.sample(tape, { seed, numRuns: count });
}

export function programOf(numbers: readonly number[], index: number): Program {
  return writeProgram(readChoices(numbers), `P${index}`);
}
