// How every figure is measured: all contestants in one process (or as children that answer), in interleaved rounds, on the same data.
// A figure is a ratio of one run; the best round of five stands for a contestant, or the median of paired rounds where two are compared.

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";

export interface Contestant {
  readonly name: string;
  /** Runs `steps` optimizer steps to completion; seconds per step, by its own clock. */
  round(steps: number): Promise<number>;
  close?(): void;
}

export interface Timing {
  readonly name: string;
  readonly best: number;
  readonly median: number;
  readonly rounds: readonly number[];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** One warm-up each, then `rounds` rounds in which every contestant runs once, in turn. */
export async function interleave(contestants: readonly Contestant[], rounds: number, steps: (c: Contestant) => number): Promise<Timing[]> {
  const seconds = contestants.map((): number[] => []);
  for (const contestant of contestants) await contestant.round(1);
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) seconds[i]!.push(await contestant.round(steps(contestant)));
  }
  return contestants.map((c, i) => ({ name: c.name, best: Math.min(...seconds[i]!), median: median(seconds[i]!), rounds: seconds[i]! }));
}

/** Median of the ratios b / a, round by round. */
export function pairedRatio(a: Timing, b: Timing): number {
  return median(a.rounds.map((x, i) => b.rounds[i]! / x));
}

export interface Report {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
  readonly claims: readonly { readonly claim: string; readonly measured: number; readonly atLeast?: number; readonly atMost?: number }[];
}

/** Prints a report, and writes it with date and machine to bench/results/. */
export function publish(name: string, report: Report): void {
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.version,
  };
  const date = new Date().toISOString().slice(0, 10);
  const widths = report.rows[0]!.map((_, column) => Math.max(...report.rows.map((row) => row[column]!.length)));
  console.log(`\n${report.title}   (${date}, ${machine.cpu}, ${machine.cores} cores, Node ${machine.node})`);
  for (const row of report.rows)
    console.log(`  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("   ")}`);
  for (const { claim, measured, atLeast, atMost } of report.claims) {
    const holds = (atLeast === undefined || measured >= atLeast) && (atMost === undefined || measured <= atMost);
    console.log(`  ${holds ? "holds" : "FALLS SHORT"}: ${claim}: ${measured.toFixed(2)}`);
  }
  const folder = new URL("results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${date}-${name}.json`, folder), `${JSON.stringify({ date, machine, ...report }, null, 1)}\n`);
}
