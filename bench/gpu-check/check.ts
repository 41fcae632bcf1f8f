// What is true on a GPU: the interpreter's bits for every build, and how fast a step is against a copy in the same run.

import { type Driver, openDriver } from "../../src/runtime/cuda/driver.js";
import { type CudaDevice, type CudaOptions, cuda } from "../../src/runtime/cuda/index.js";
import { loadDriverLibrary, loadKoffi } from "../../src/runtime/cuda/libraries.js";
import { createOptimizer } from "../../src/runtime/index.js";
import { countMismatches, randomBits, type Subject } from "../../test/oracle/random-bits.js";
import { type Case, timedCases } from "./shapes.js";

export type NamedSubject = Subject & { readonly name: string };

export interface CheckOptions {
  readonly cuda: CudaOptions;
  /** Elements compared for each build. */
  readonly elements: number;
  /** Divides the sizes of the timed models; 1 for a real run. */
  readonly divisor: number;
  /** Steps timed at once, and how often. */
  readonly steps: number;
  readonly rounds: number;
  readonly say: (line: string) => void;
}

export interface BitsResult {
  readonly build: string;
  readonly compared: number;
  readonly mismatches: number;
  readonly first: string | null;
}

export interface TimeResult {
  readonly case: string;
  readonly parameters: number;
  readonly microseconds: number;
  /** At the bytes of the manifest. */
  readonly gigabytesPerSecond: number;
}

export interface Report {
  readonly device: string;
  readonly architecture: string;
  readonly copyGigabytesPerSecond: number;
  readonly bits: readonly BitsResult[];
  readonly times: readonly (TimeResult | { readonly case: string; readonly skipped: string })[];
}

/** Elements compared at once: what the host's memory holds many times over. */
const PART = 4_000_000;

export async function checkGpu(subjects: readonly NamedSubject[], options: CheckOptions): Promise<Report> {
  const { say } = options;
  const device = await cuda(options.cuda);
  say(`${device.name}, ${device.architecture}`);
  const bits: BitsResult[] = [];
  for (const subject of subjects) {
    const result = await compareBits(device, subject, options.elements);
    say(
      `bits  ${result.build}: ${result.mismatches} of ${result.compared} numbers differ${result.first === null ? "" : `; ${result.first}`}`,
    );
    bits.push(result);
  }
  const koffi = await loadKoffi(options.cuda.koffi);
  const driver = openDriver(koffi, loadDriverLibrary(koffi, options.cuda.driver), options.cuda.device ?? 0);
  const copyGigabytesPerSecond = await timeCopy(driver, device, options);
  say(`copy  ${copyGigabytesPerSecond.toFixed(0)} GB/s read and written`);
  const adamw = subjects.find(({ name }) => name.startsWith("AdamW "))!;
  const times: Report["times"][number][] = [];
  for (const timed of timedCases(options.divisor)) {
    const result = await timeCase(driver, device, adamw, timed, options).catch((error: Error) => ({
      case: timed.name,
      skipped: error.message,
    }));
    say(
      "skipped" in result
        ? `time  ${result.case}: not run: ${result.skipped}`
        : `time  ${result.case}: ${result.microseconds.toFixed(1)} us, ${result.gigabytesPerSecond.toFixed(0)} GB/s, ${(result.gigabytesPerSecond / copyGigabytesPerSecond).toFixed(3)} of the copy`,
    );
    times.push(result);
  }
  const { name, architecture } = device;
  device.destroy();
  driver.close();
  return { device: name, architecture, copyGigabytesPerSecond, bits, times };
}

/** Compares a build in parts, from other bits each. */
async function compareBits(device: CudaDevice, subject: NamedSubject, elements: number): Promise<BitsResult> {
  let [compared, mismatches, first]: [number, number, string | null] = [0, 0, null];
  for (let part = 0; part * PART < elements; part++) {
    const size = Math.min(PART, elements - part * PART);
    const result = await countMismatches(device, subject, { elements: Math.max(size, 8_192), steps: 1, seed: 31 + 1_000_003 * part });
    compared += result.compared;
    mismatches += result.mismatches;
    first ??= result.first;
  }
  return { build: subject.name, compared, mismatches, first };
}

/** The best of several rounds, in seconds for one of `steps`. */
async function best(device: CudaDevice, { steps, rounds }: CheckOptions, step: () => unknown): Promise<number> {
  await step();
  await device.idle();
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    for (let i = 0; i < steps; i++) await step();
    await device.idle();
    seconds = Math.min(seconds, (performance.now() - start) / 1_000 / steps);
  }
  return seconds;
}

/** A copy on the device: the ceiling. */
async function timeCopy(driver: Driver, device: CudaDevice, options: CheckOptions): Promise<number> {
  const { calls, check } = driver;
  const bytes = Math.ceil(4e9 / options.divisor);
  const [from, to] = driver.within(() => [1, 2].map(() => driver.read((out) => calls.cuMemAlloc(out, bytes), `allocating ${bytes} bytes`)));
  try {
    const seconds = await best(device, options, () => driver.within(() => check(calls.cuMemcpyDtoDAsync(to, from, bytes, 0n), "copying")));
    return (2 * bytes) / seconds / 1e9;
  } finally {
    driver.release(() => {
      for (const address of [from, to]) calls.cuMemFree(address);
    });
  }
}

async function timeCase(driver: Driver, device: CudaDevice, adamw: NamedSubject, timed: Case, options: CheckOptions): Promise<TimeResult> {
  const { model, rates, filled } = timed;
  const build = adamw.manifest.builds[0]!;
  const kernels = { [build.key]: { wgsl: async () => adamw.wgsl, wasm: async () => adamw.wasm, cuda: async () => adamw.cuda } };
  const optimizer = await createOptimizer({ manifest: adamw.manifest, kernels }, device, {
    params: model.sizes.map((size, i) => ({ name: `p${i}`, shape: [size] })),
    lrRatio: ({ name }) => 1 / (1 + (Number(name.slice(1)) % rates)),
  });
  try {
    const pattern = randomBits(1 << 20, 7).map((x, i) => (i % (1 << 20) < filled * (1 << 20) ? Math.max(-10, Math.min(10, x || 0)) : 0));
    for (const [i, size] of model.sizes.entries()) {
      const { grad } = optimizer.tensor(`p${i}`);
      fill(driver, grad.pointer, pattern.subarray(0, Math.min(size, pattern.length)), size);
    }
    const seconds = await best(device, options, () => optimizer.step());
    const parameters = model.sizes.reduce((sum, size) => sum + size, 0);
    const [bytes] = build.programs.find(({ entry }) => entry === "step")!.bytesPerElement;
    const gigabytesPerSecond = (parameters * (bytes!.read + bytes!.written)) / seconds / 1e9;
    return { case: timed.name, parameters, microseconds: seconds * 1e6, gigabytesPerSecond };
  } finally {
    optimizer.destroy();
  }
}

/** Fills memory of the GPU with a pattern, again and again. */
function fill(driver: Driver, pointer: bigint, pattern: Float32Array, size: number): void {
  const { calls, check } = driver;
  driver.within(() => {
    check(calls.cuMemcpyHtoDAsync(pointer, pattern, pattern.byteLength, 0n), "filling");
    for (let done = pattern.length; done < size; ) {
      const length = Math.min(done, size - done);
      check(calls.cuMemcpyDtoDAsync(pointer + BigInt(4 * done), pointer, 4 * length, 0n), "filling");
      done += length;
    }
  });
}
