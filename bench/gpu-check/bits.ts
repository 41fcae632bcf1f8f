// The interpreter's bits for every build, compared in parts by as many processes as there are cores: the interpreter runs on the CPU.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { CudaDevice } from "../../src/runtime/cuda/index.js";
import { countMismatches, type Subject } from "../../test/oracle/random-bits.js";

export type NamedSubject = Subject & { readonly name: string };

export interface BitsResult {
  readonly build: string;
  /** Numbers: elements times the parameter and the states. */
  readonly compared: number;
  readonly mismatches: number;
  readonly first: string | null;
}

/** Which of all parts a process compares: those whose number leaves `index` when divided by `of`. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

/** Elements compared at once: what the host's memory holds many times over. */
const PART = 4_000_000;
/** Fewer would not reach every tensor of a comparison. */
const FEWEST = 8_192;

/** Compares a process's share, in parts from other bits each. */
export async function* compareShare(
  device: CudaDevice,
  subjects: readonly NamedSubject[],
  elements: number,
  { index, of }: Share,
): AsyncGenerator<BitsResult> {
  const parts = Math.ceil(elements / PART);
  for (let work = index; work < subjects.length * parts; work += of) {
    const [subject, part] = [subjects[Math.floor(work / parts)]!, work % parts];
    const size = Math.max(FEWEST, Math.min(PART, elements - part * PART));
    const result = await countMismatches(device, subject, { elements: size, steps: 1, seed: 31 + 1_000_003 * part });
    yield { build: subject.name, ...result };
  }
}

/** Sums up the parts of each build. */
export function addUp(subjects: readonly NamedSubject[], parts: readonly BitsResult[]): readonly BitsResult[] {
  return subjects.map(({ name: build }) => {
    const own = parts.filter((part) => part.build === build);
    const sum = (count: (part: BitsResult) => number) => own.reduce((total, part) => total + count(part), 0);
    const first = own.find((part) => part.first !== null)?.first ?? null;
    return { build, compared: sum(({ compared }) => compared), mismatches: sum(({ mismatches }) => mismatches), first };
  });
}

/** Runs this program `processes` times with `--share i/n`; each writes a line of JSON for every part. Rejects where one of them fails. */
export async function compareInProcesses(program: string, args: readonly string[], processes: number): Promise<readonly BitsResult[]> {
  const results: BitsResult[] = [];
  const runs = Array.from({ length: processes }, async (_, index) => {
    const child = spawn(process.execPath, [program, ...args, "--share", `${index}/${processes}`], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<number | string | null>((resolve) => {
      child.on("error", ({ message }) => resolve(message));
      child.on("close", (code, signal) => resolve(code ?? signal));
    });
    for await (const line of createInterface({ input: child.stdout })) results.push(JSON.parse(line) as BitsResult);
    const end = await ended;
    if (end !== 0) throw new Error(`the process for share ${index}/${processes} ended with ${end}`);
  });
  await Promise.all(runs);
  return results;
}
