// What is true on a GPU: the interpreter's bits for every build, every way of taking a step, four steps of the digits demonstration, and
// how fast a step is against a copy in the same run.

import type { Digits } from "../../examples/digits/digits.js";
import { openDriver } from "../../src/runtime/cuda/driver.js";
import { type CudaDevice, type CudaOptions, cuda } from "../../src/runtime/cuda/index.js";
import { loadDriverLibrary, loadKoffi } from "../../src/runtime/cuda/libraries.js";
import { createStream } from "../../test/device/cuda/graph.js";
import type { BitsResult, NamedSubject } from "./bits.js";
import { type DigitsResult, trainDigits } from "./digits.js";
import type { KeptSubject } from "./kept-subjects.js";
import { type Bench, type Times, type TimingOptions, timeAll } from "./times.js";
import { compareWays, type WayResult } from "./ways.js";

export interface CheckOptions extends TimingOptions {
  readonly cuda: CudaOptions;
  readonly digits: Digits;
  /** The interpreter's bits, compared by processes with devices of their own, or on this one. */
  readonly compareBits: (device: CudaDevice) => Promise<readonly BitsResult[]>;
  /** The same for optimizers that reduce. */
  readonly compareReductions: (device: CudaDevice) => Promise<readonly BitsResult[]>;
  /** Builds that keep numbers in 16 and 8 bits or skip steps, and their interpreter's bits. */
  readonly kept: readonly KeptSubject[];
  readonly compareKept: (device: CudaDevice) => Promise<readonly BitsResult[]>;
}

/** What a section found; or why it found nothing, by its name in `failures`. */
export interface Report {
  readonly device: string;
  readonly architecture: string;
  /** CUDA that the driver supports, 13000 for 13.0. */
  readonly driver: number;
  ways?: readonly WayResult[];
  digits?: DigitsResult;
  times?: Times;
  bits?: readonly BitsResult[];
  reductions?: readonly BitsResult[];
  kept?: readonly BitsResult[];
  readonly failures: Record<string, string>;
}

/** Builds besides AdamW's own that are taken in every way. */
const otherWays: readonly string[] = [
  "AdamWMaster",
  "AdamWRemainder",
  "AdamWRandom",
  "AdamWEightBits",
  "AdamWSkipping",
  "AdamWMasterSkipping",
];

/** Runs every section: first what is quick, timings while nothing else runs, the interpreter last. One that fails does not end the others. */
export async function checkGpu(subjects: readonly NamedSubject[], options: CheckOptions): Promise<Report> {
  const { say } = options;
  const build = (name: string): NamedSubject => subjects.find((subject) => subject.name === name)!;
  return withBench(options, async (bench) => {
    const { driver, device } = bench;
    say(`${device.name}, ${device.architecture}, driver for CUDA ${driver.version}`);
    const report: Report = { device: device.name, architecture: device.architecture, driver: driver.version, failures: {} };
    const section = async (name: string, work: () => Promise<void>) => {
      await work().catch((error: unknown) => {
        report.failures[name] = String(error);
        say(`FAILED ${name}: ${error}`);
      });
    };
    await section("ways", async () => {
      const taken = [build("AdamW default"), ...options.kept.filter(({ name }) => otherWays.includes(name))];
      const found: WayResult[] = [];
      for (const subject of taken) found.push(...(await compareWays(bench, subject)));
      report.ways = found;
      for (const { way, compared, mismatches } of report.ways)
        say(`bits  ${way}: ${mismatches} of ${compared} numbers differ from the CPU's`);
    });
    await section("digits", async () => {
      const { losses, compared, mismatches } = await trainDigits(device, build("AdamWDL base"), options.digits);
      report.digits = { losses, compared, mismatches };
      say(`bits  digits: ${mismatches} of ${compared} numbers differ; losses ${losses.map((x) => x.toFixed(4)).join(", ")}`);
    });
    await section("times", async () => {
      report.times = await timeAll(bench, build("AdamW default"), options.kept, options);
      if ([...report.times.cases, ...report.times.storages].every((timed) => "skipped" in timed)) throw new Error("no case could be timed");
    });
    const sayBits = (results: readonly BitsResult[]) => {
      for (const { build: name, compared, mismatches, first } of results)
        say(`bits  ${name}: ${mismatches} of ${compared} numbers differ${first === null ? "" : `; ${first}`}`);
    };
    await section("reductions", async () => sayBits((report.reductions = await options.compareReductions(device))));
    await section("kept", async () => sayBits((report.kept = await options.compareKept(device))));
    await section("bits", async () => sayBits((report.bits = await options.compareBits(device))));
    return report;
  });
}

/** Whether every section ran, every build was compared, and nothing differs. */
export function isRight({ ways = [], digits, bits = [], reductions = [], kept = [], failures }: Report): boolean {
  const all = [...ways, ...bits, ...reductions, ...kept, ...(digits === undefined ? [] : [digits])];
  return Object.keys(failures).length === 0 && all.every(({ compared, mismatches }) => compared > 0 && mismatches === 0);
}

/** A device on a stream of ours, and the driver beside it for what only its owner does: allocate, copy, capture. */
async function withBench<T>({ cuda: options }: CheckOptions, work: (bench: Bench) => Promise<T>): Promise<T> {
  const koffi = await loadKoffi(options.koffi);
  const library = loadDriverLibrary(koffi, options.driver);
  const driver = openDriver(koffi, library, options.device ?? 0);
  const { stream, destroy } = createStream(driver, library);
  try {
    const device = await cuda({ ...options, stream });
    try {
      return await work({ driver, library, stream, device });
    } finally {
      device.destroy();
    }
  } finally {
    destroy();
    driver.close();
  }
}
