// Batches of programs shared among processes: SwiftShader compiles one kernel at a time in each. What they find is added up.

import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { addTally, emptyTally, type Tally } from "./compare-batch.js";
import type { Target } from "./run-everywhere.js";

/** The programs from `first` to before `end`. */
export interface Asked {
  readonly first: number;
  readonly end: number;
}

export interface Told {
  readonly first: number;
  readonly tally: Tally;
}

export interface Run {
  readonly seed: number;
  readonly count: number;
  readonly batch: number;
  readonly targets: readonly Target["name"][];
}

const entry = fileURLToPath(new URL("batches.entry.ts", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Compares all programs of a run. A process that ends is a failure of its batch, and another one takes its place. */
export async function shareBatches({ seed, count, batch, targets }: Run, progress: (tally: Tally) => void): Promise<Tally> {
  const total = emptyTally();
  const firsts = Array.from({ length: Math.ceil(count / batch) }, (_, i) => i * batch);
  const start = () => fork(entry, [String(seed), String(count), ...targets], { cwd: root, execArgv: ["--import", "tsx"] });

  async function work(): Promise<void> {
    let process = start();
    for (let first = firsts.shift(); first !== undefined; first = firsts.shift()) {
      const told = await ask(process, { first, end: Math.min(first + batch, count) });
      if (typeof told === "string") {
        total.failures.push({ index: first, text: "", what: `the process of the programs from ${first} on ended: ${told}` });
        process = start();
      } else addTally(total, told.tally, told.first);
      progress(total);
    }
    process.kill();
  }

  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return total;
}

/** The answer, or how the process ended instead. */
function ask(process: ChildProcess, asked: Asked): Promise<Told | string> {
  return new Promise((resolve) => {
    const ended = (code: number | null, signal: string | null) => resolve(signal ?? `exit code ${code}`);
    process.once("exit", ended);
    process.once("message", (told) => {
      process.off("exit", ended);
      resolve(told as Told);
    });
    process.send(asked);
  });
}
