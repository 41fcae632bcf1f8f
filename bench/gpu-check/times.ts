// How fast a step is on the GPU, against a copy in the same run.

import type { Driver } from "../../src/runtime/cuda/driver.js";
import type { CudaDevice } from "../../src/runtime/cuda/index.js";
import type { NativeLibrary } from "../../src/runtime/cuda/libraries.js";
import { createOptimizer, type Optimizer } from "../../src/runtime/index.js";
import type { GpuPointer } from "../../src/runtime/types.js";
import { captureGraph } from "../../test/device/cuda/graph.js";
import { randomBits } from "../../test/oracle/random-bits.js";
import type { NamedSubject } from "./bits.js";
import { type Case, ROW, timedCases } from "./shapes.js";

export interface Bench {
  readonly driver: Driver;
  readonly library: NativeLibrary;
  /** The device's, and the one that graphs are captured from. */
  readonly stream: bigint;
  readonly device: CudaDevice;
}

export interface TimingOptions {
  /** Divides the sizes of the timed models; 1 for a real run. */
  readonly divisor: number;
  /** A round takes so many milliseconds, or 20 steps. */
  readonly roundMs: number;
  readonly rounds: number;
  readonly say: (line: string) => void;
}

export interface TimeResult {
  readonly case: string;
  readonly parameters: number;
  /** A step() of the host's. */
  readonly microseconds: number;
  /** At the bytes of the manifest. */
  readonly gigabytesPerSecond: number;
  /** A replay of the captured step, prepare() included. */
  readonly replayMicroseconds: number;
}

export interface Times {
  readonly copyGigabytesPerSecond: number;
  readonly cases: readonly (TimeResult | { readonly case: string; readonly skipped: string })[];
}

/** Times a copy and every case. A case that fails, for want of memory perhaps, is said and left out. */
export async function timeAll(bench: Bench, adamw: NamedSubject, options: TimingOptions): Promise<Times> {
  const { say } = options;
  const copyGigabytesPerSecond = await timeCopy(bench, options);
  say(`copy  ${copyGigabytesPerSecond.toFixed(0)} GB/s read and written`);
  const cases: Times["cases"][number][] = [];
  for (const timed of timedCases(options.divisor)) {
    const result = await timeCase(bench, adamw, timed, options).catch((error: Error) => ({ case: timed.name, skipped: error.message }));
    say(`time  ${"skipped" in result ? `${result.case}: not run: ${result.skipped}` : timeText(result, copyGigabytesPerSecond)}`);
    cases.push(result);
  }
  return { copyGigabytesPerSecond, cases };
}

function timeText({ case: name, microseconds, gigabytesPerSecond, replayMicroseconds }: TimeResult, copy: number): string {
  const share = (gigabytesPerSecond / copy).toFixed(3);
  return `${name}: ${microseconds.toFixed(1)} us, ${gigabytesPerSecond.toFixed(0)} GB/s, ${share} of the copy; replayed ${replayMicroseconds.toFixed(1)} us`;
}

/** The best of several rounds, in seconds for one step. The stream is waited for by the driver: Node's own clocks would be too coarse. */
async function best({ driver, library, stream }: Bench, { roundMs, rounds }: TimingOptions, step: () => unknown): Promise<number> {
  const synchronize = library.func("int cuStreamSynchronize(uintptr_t stream)");
  const round = async (steps: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < steps; i++) await step();
    driver.within(() => driver.check(synchronize(stream), "waiting for the GPU"));
    return (performance.now() - start) / 1_000 / steps;
  };
  await round(3);
  const steps = Math.min(10_000, Math.max(20, Math.ceil(roundMs / 1_000 / (await round(10)))));
  let seconds = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) seconds = Math.min(seconds, await round(steps));
  return seconds;
}

/** A copy on the device: the ceiling. */
async function timeCopy(bench: Bench, options: TimingOptions): Promise<number> {
  const { driver, stream } = bench;
  const { calls, check } = driver;
  const bytes = Math.ceil(4e9 / options.divisor);
  const made: bigint[] = [];
  try {
    for (const what of ["the source", "the target"])
      made.push(driver.within(() => driver.read((out) => calls.cuMemAlloc(out, bytes), `allocating ${bytes} bytes for ${what} of a copy`)));
    const [from, to] = made;
    driver.within(() => check(calls.cuMemsetD8Async(from, 1, bytes, stream), "filling"));
    const seconds = await best(bench, options, () =>
      driver.within(() => check(calls.cuMemcpyDtoDAsync(to, from, bytes, stream), "copying")),
    );
    return (2 * bytes) / seconds / 1e9;
  } finally {
    driver.release(() => {
      for (const address of made) calls.cuMemFree(address);
    });
  }
}

async function timeCase(bench: Bench, adamw: NamedSubject, timed: Case, options: TimingOptions): Promise<TimeResult> {
  const { driver, library, stream, device } = bench;
  const { model, rates } = timed;
  const build = adamw.manifest.builds[0]!;
  const optimizer = await createOptimizer(definitionOf(adamw), device, {
    params: model.sizes.map((size, i) => ({ name: `p${i}`, shape: [size] })),
    lrRatio: ({ name }) => 1 / (1 + (Number(name.slice(1)) % rates)),
  });
  try {
    fillGradients(bench, optimizer, timed);
    const seconds = await best(bench, options, () => optimizer.step());
    const graph = captureGraph(driver, library, stream, () => optimizer.capture(stream));
    const replay = async () => {
      await optimizer.prepare();
      graph.replay();
    };
    const replayed = await best(bench, options, replay).finally(() => graph.destroy());
    const parameters = model.sizes.reduce((sum, size) => sum + size, 0);
    const [bytes] = build.programs.find(({ entry }) => entry === "step")!.bytesPerElement;
    const gigabytesPerSecond = (parameters * (bytes!.read + bytes!.written)) / seconds / 1e9;
    return { case: timed.name, parameters, microseconds: seconds * 1e6, gigabytesPerSecond, replayMicroseconds: replayed * 1e6 };
  } finally {
    optimizer.destroy();
  }
}

/** A build as what `createOptimizer` takes. */
export function definitionOf({ manifest, wgsl, wasm, cuda }: NamedSubject) {
  return { manifest, kernels: { [manifest.builds[0]!.key]: { wgsl: async () => wgsl, wasm: async () => wasm, cuda: async () => cuda } } };
}

/** Numbers between -10 and 10 in every `filledRow`th row of ROW elements, zeros in the others. */
function fillGradients(bench: Bench, optimizer: Optimizer<GpuPointer>, { model, filledRow }: Case): void {
  const rows = 1_320;
  const pattern = randomBits(rows * ROW, 7).map((x, i) => {
    const filled = filledRow > 0 && Math.floor(i / ROW) % filledRow === 0;
    return filled ? Math.max(-10, Math.min(10, x || 0)) : 0;
  });
  for (const [i, size] of model.sizes.entries())
    fill(bench, optimizer.tensor(`p${i}`).grad.pointer, pattern.subarray(0, Math.min(size, pattern.length)), size);
}

/** Fills memory of the GPU with a pattern, again and again. */
function fill({ driver, stream }: Bench, pointer: bigint, pattern: Float32Array, size: number): void {
  const { calls, check } = driver;
  driver.within(() => {
    check(calls.cuMemcpyHtoDAsync(pointer, pattern, pattern.byteLength, stream), "filling");
    for (let done = pattern.length; done < size; ) {
      const length = Math.min(done, size - done);
      check(calls.cuMemcpyDtoDAsync(pointer + BigInt(4 * done), pointer, 4 * length, stream), "filling");
      done += length;
    }
  });
}
