// How fast a step is on the GPU, against a copy in the same run: on models, and in one tensor by how its numbers are kept.

import { formatBytes, narrow } from "../../src/numeric/storage-formats.js";
import type { Driver } from "../../src/runtime/cuda/driver.js";
import type { CudaDevice } from "../../src/runtime/cuda/index.js";
import type { NativeLibrary } from "../../src/runtime/cuda/libraries.js";
import { createOptimizer, type Optimizer } from "../../src/runtime/index.js";
import type { GpuPointer } from "../../src/runtime/types.js";
import { captureGraph } from "../../test/device/cuda/graph.js";
import { randomBits } from "../../test/oracle/random-bits.js";
import type { NamedSubject } from "./bits.js";
import type { KeptSubject } from "./kept-subjects.js";
import { type Case, ROW, storageCase, timedCases } from "./shapes.js";

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
  /** At the bytes that an element of the case has. */
  readonly bytesPerElement: number;
  readonly gigabytesPerSecond: number;
  /** A replay of the captured step, prepare() included. */
  readonly replayMicroseconds: number;
}

export interface Times {
  readonly copyGigabytesPerSecond: number;
  readonly cases: readonly Timed[];
  /** One tensor, in each build. */
  readonly storages: readonly Timed[];
}

type Timed = TimeResult | { readonly case: string; readonly skipped: string };

/** Builds of the same rule that are timed, by what they are called. */
const timedStorages: Readonly<Record<string, string>> = {
  AdamWPlain: "f32",
  AdamWBfloat16: "bf16 p and g, f32 m and v",
  AdamWMaster: "bf16 p and g, f32 master, m and v",
  AdamWRemainder: "bf16 p with a remainder, bf16 g, f32 m and v",
  AdamWRandom: "bf16 p at random and bf16 g, f32 m and v",
  AdamWAllBfloat16: "bf16 p, g, m and v",
  AdamWEightBits: "bf16 p and g, 8-bit m and v",
};

/** Times a copy and every case. A case that fails, for want of memory perhaps, is said and left out. */
export async function timeAll(bench: Bench, adamw: NamedSubject, kept: readonly KeptSubject[], options: TimingOptions): Promise<Times> {
  const { say } = options;
  const copyGigabytesPerSecond = await timeCopy(bench, options);
  say(`copy  ${copyGigabytesPerSecond.toFixed(0)} GB/s read and written`);
  const time = async (subject: NamedSubject, bytes: number, timed: Case): Promise<Timed> => {
    const failed = (error: Error) => ({ case: timed.name, skipped: error.message });
    const result = await timeCase(bench, subject, bytes, timed, options).catch(failed);
    say(`time  ${"skipped" in result ? `${result.case}: not run: ${result.skipped}` : timeText(result, copyGigabytesPerSecond)}`);
    return result;
  };
  const cases: Timed[] = [];
  for (const timed of timedCases(options.divisor)) cases.push(await time(adamw, bytesOf(adamw), timed));
  const storages: Timed[] = [];
  for (const [build, words] of Object.entries(timedStorages)) {
    const subject = kept.find(({ name }) => name === build)!;
    storages.push(await time(subject, subject.bytes, { ...storageCase(options.divisor), name: words }));
  }
  return { copyGigabytesPerSecond, cases, storages };
}

/** What a step of a large tensor reads and writes of an element. */
function bytesOf({ manifest }: NamedSubject): number {
  const [bytes] = manifest.builds[0]!.programs.find(({ entry }) => entry === "step")!.bytesPerElement;
  return bytes!.read + bytes!.written;
}

function timeText({ case: name, bytesPerElement, microseconds, gigabytesPerSecond, replayMicroseconds }: TimeResult, copy: number): string {
  const share = (gigabytesPerSecond / copy).toFixed(3);
  return `${name}: ${bytesPerElement} bytes, ${microseconds.toFixed(1)} us, ${gigabytesPerSecond.toFixed(0)} GB/s, ${share} of the copy; replayed ${replayMicroseconds.toFixed(1)} us`;
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

async function timeCase(
  bench: Bench,
  subject: NamedSubject,
  bytesPerElement: number,
  timed: Case,
  options: TimingOptions,
): Promise<TimeResult> {
  const { driver, library, stream, device } = bench;
  const { model, rates } = timed;
  const optimizer = await createOptimizer(definitionOf(subject), device, {
    params: model.sizes.map((size, i) => ({ name: `p${i}`, shape: [size] })),
    lrRatio: ({ name }) => 1 / (1 + (Number(name.slice(1)) % rates)),
  });
  try {
    fillGradients(bench, optimizer, subject, timed);
    const seconds = await best(bench, options, () => optimizer.step());
    const graph = captureGraph(driver, library, stream, () => optimizer.capture(stream));
    const replay = async () => {
      await optimizer.prepare();
      graph.replay();
    };
    const replayed = await best(bench, options, replay).finally(() => graph.destroy());
    const parameters = model.sizes.reduce((sum, size) => sum + size, 0);
    const gigabytesPerSecond = (parameters * bytesPerElement) / seconds / 1e9;
    const microseconds = seconds * 1e6;
    return { case: timed.name, parameters, bytesPerElement, microseconds, gigabytesPerSecond, replayMicroseconds: replayed * 1e6 };
  } finally {
    optimizer.destroy();
  }
}

/** A build as what `createOptimizer` takes. */
export function definitionOf({ manifest, wgsl, wasm, cuda }: NamedSubject) {
  return { manifest, kernels: { [manifest.builds[0]!.key]: { wgsl: async () => wgsl, wasm: async () => wasm, cuda: async () => cuda } } };
}

/** Numbers between -10 and 10 in every `filledRow`th row of ROW elements, zeros in the others. */
function fillGradients(bench: Bench, optimizer: Optimizer<GpuPointer>, { manifest }: NamedSubject, { model, filledRow }: Case): void {
  const { grad } = manifest.builds[0]!.formats;
  const rows = 1_320;
  const pattern = randomBits(rows * ROW, 7).map((x, i) => {
    const filled = filledRow > 0 && Math.floor(i / ROW) % filledRow === 0;
    return filled ? Math.max(-10, Math.min(10, x || 0)) : 0;
  });
  const kept = narrow(grad, pattern);
  for (const [i, size] of model.sizes.entries()) {
    const bytes = new Uint8Array(kept.buffer, kept.byteOffset, Math.min(size, kept.length) * formatBytes[grad]);
    fill(bench, optimizer.tensor(`p${i}`).grad.pointer, bytes, size * formatBytes[grad]);
  }
}

/** Fills memory of the GPU with a pattern, again and again. */
function fill({ driver, stream }: Bench, pointer: bigint, pattern: Uint8Array, size: number): void {
  const { calls, check } = driver;
  driver.within(() => {
    check(calls.cuMemcpyHtoDAsync(pointer, pattern, pattern.byteLength, stream), "filling");
    for (let done = pattern.length; done < size; ) {
      const length = Math.min(done, size - done);
      check(calls.cuMemcpyDtoDAsync(pointer + BigInt(done), pointer, length, stream), "filling");
      done += length;
    }
  });
}
