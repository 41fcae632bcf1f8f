// The other ways of taking a step, each against the CPU's bits: parameters and gradients in memory of the caller's at every alignment, a
// captured step that is replayed, and a run that is saved on one device and goes on on the other.

import { cpu } from "../../src/runtime/cpu/index.js";
import { createOptimizer, type Optimizer } from "../../src/runtime/index.js";
import type { GpuPointer } from "../../src/runtime/types.js";
import { captureGraph } from "../../test/device/cuda/graph.js";
import { randomBits } from "../../test/oracle/random-bits.js";
import type { NamedSubject } from "./bits.js";
import { type Bench, definitionOf } from "./times.js";

export interface WayResult {
  readonly way: string;
  readonly compared: number;
  readonly mismatches: number;
}

/** More than the ring of coefficients has pages. */
const STEPS = 20;
const LENGTHS = [5, 64, 200_001, 1, 33_000];
const names = LENGTHS.map((_, i) => `p${i}`);
/** Bias correction and a rate that changes give every step other coefficients. */
const settings = {
  params: LENGTHS.map((length, i) => ({ name: names[i]!, shape: [length], data: tame(length, i + 1) })),
  lr: (step: number) => 0.01 / (1 + step),
};
/** Where a run is saved: not at the start of the ring. */
const STOP = 7;
const gradientAt = (step: number, i: number) => tame(LENGTHS[i]!, 1_000 * (step + 1) + i);

function tame(length: number, seed: number): Float32Array<ArrayBuffer> {
  return randomBits(length, seed).map((x) => (Math.abs(x) < 10 ? x : 0.5));
}

/** Takes the steps in each way. */
export async function compareWays(bench: Bench, subject: NamedSubject): Promise<readonly WayResult[]> {
  const expected = await createOptimizer(definitionOf(subject), await cpu({ threads: 1 }), settings);
  await run(expected, 0, STEPS);
  const ways = {
    "captured and replayed": replayed,
    "memory of the caller's": inCallersMemory,
    "saved by the CPU, loaded and replayed": resumed,
    "replayed and saved, loaded by the CPU": handedOver,
  } as const;
  const results: WayResult[] = [];
  for (const [way, take] of Object.entries(ways)) results.push({ way, ...(await take(bench, subject, expected)) });
  return results;
}

type Counts = Omit<WayResult, "way">;

const gradientsAt = (step: number) => Object.fromEntries(names.map((name, i) => [name, gradientAt(step, i)]));

async function run(optimizer: Optimizer<unknown>, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) await optimizer.step({ gradients: gradientsAt(step) });
}

async function replay({ driver, library, stream }: Bench, optimizer: Optimizer<unknown>, from: number, to: number): Promise<void> {
  const graph = captureGraph(driver, library, stream, () => optimizer.capture(stream));
  for (let step = from; step < to; step++) {
    await optimizer.prepare({ gradients: gradientsAt(step) });
    graph.replay();
  }
  await optimizer.idle();
  graph.destroy();
}

async function replayed(bench: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const optimizer = await createOptimizer(definitionOf(subject), bench.device, settings);
  await replay(bench, optimizer, 0, STEPS);
  const counts = await compare(subject, optimizer, expected);
  optimizer.destroy();
  return counts;
}

async function resumed(bench: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const saved = await createOptimizer(definitionOf(subject), await cpu({ threads: 1 }), settings);
  await run(saved, 0, STOP);
  const optimizer = await createOptimizer(definitionOf(subject), bench.device, settings);
  await optimizer.load(await saved.save());
  await replay(bench, optimizer, STOP, STEPS);
  const counts = await compare(subject, optimizer, expected);
  for (const each of [saved, optimizer]) each.destroy();
  return counts;
}

async function handedOver(bench: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const saved = await createOptimizer(definitionOf(subject), bench.device, settings);
  await replay(bench, saved, 0, STOP);
  const optimizer = await createOptimizer(definitionOf(subject), await cpu({ threads: 1 }), settings);
  await optimizer.load(await saved.save());
  await run(optimizer, STOP, STEPS);
  const counts = await compare(subject, optimizer, expected);
  for (const each of [saved, optimizer]) each.destroy();
  return counts;
}

async function inCallersMemory({ driver, device, stream }: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const { calls, check } = driver;
  const made: bigint[] = [];
  /** Tensor i begins 4 * i bytes behind an aligned address. */
  const place = (data: Float32Array, i: number): GpuPointer => {
    const bytes = data.byteLength + 4 * i;
    return driver.within(() => {
      const address = driver.read((out) => calls.cuMemAlloc(out, bytes), "allocating");
      made.push(address);
      check(calls.cuMemcpyHtoDAsync(address + BigInt(4 * i), data, data.byteLength, stream), "copying");
      return { pointer: address, bytes };
    });
  };
  const params = settings.params.map(({ data, ...param }, i) => ({ ...param, buffer: place(data, i), offset: 4 * i }));
  const optimizer = await createOptimizer(definitionOf(subject), device, { ...settings, params } as never);
  const gradients = [0, 1].map(() => LENGTHS.map((length, i) => place(new Float32Array(length), i)));
  for (let step = 0; step < STEPS; step++) {
    const given = names.map((name, i) => {
      const { pointer, bytes } = gradients[step % 2]![i]!;
      const data = gradientAt(step, i);
      driver.within(() => check(calls.cuMemcpyHtoDAsync(pointer + BigInt(4 * i), data, data.byteLength, stream), "copying"));
      return [name, { pointer: pointer + BigInt(4 * i), bytes: bytes - 4 * i }];
    });
    await optimizer.step({ gradients: Object.fromEntries(given) as never });
  }
  const counts = await compare(subject, optimizer, expected);
  optimizer.destroy();
  driver.release(() => {
    for (const address of made) calls.cuMemFree(address);
  });
  return counts;
}

async function compare(subject: NamedSubject, ours: Optimizer<unknown>, expected: Optimizer<unknown>): Promise<Counts> {
  let [compared, mismatches] = [0, 0];
  for (const name of names) {
    for (const what of ["param", ...subject.manifest.builds[0]!.states.map(({ key }) => key)]) {
      const [a, b] = await Promise.all([ours, expected].map((each) => each.download(name, what as "param")));
      const [x, y] = [new Uint32Array(a!.buffer), new Uint32Array(b!.buffer)];
      compared += x.length;
      for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) mismatches++;
    }
  }
  return { compared, mismatches };
}
