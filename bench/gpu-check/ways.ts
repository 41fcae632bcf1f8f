// The other ways of taking a step, each against the CPU's bits: parameters and gradients in memory of the caller's at every alignment, a
// captured step that is replayed, a run that is saved on one device and goes on on the other, and steps that are skipped.

import { formatBytes, type NumberFormat, narrow, widen } from "../../src/numeric/storage-formats.js";
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
/** Bias correction and a rate that changes give every step other coefficients; parameters are numbers that the build can keep. */
const settingsOf = ({ manifest }: NamedSubject) => ({
  params: LENGTHS.map((length, i) => ({
    name: names[i]!,
    shape: [length],
    data: keepable(manifest.builds[0]!.formats.param, tame(length, i + 1)),
  })),
  lr: (step: number) => 0.01 / (1 + step),
});
/** Where a run is saved: not at the start of the ring. */
const STOP = 7;
/** Steps whose gradients are not finite, where steps are skipped. */
const BAD = [0, 5, 6, 17];

function gradientAt(subject: NamedSubject, step: number, i: number): Float32Array<ArrayBuffer> {
  const gradient = tame(LENGTHS[i]!, 1_000 * (step + 1) + i);
  if (skips(subject) && BAD.includes(step) && i === step % LENGTHS.length) gradient[gradient.length - 1] = Number.NaN;
  return gradient;
}

const skips = ({ manifest }: NamedSubject) => manifest.builds[0]!.states.some(({ scaler }) => scaler !== undefined);

/** As they come back from what keeps them. */
function keepable(format: NumberFormat, numbers: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return widen(format, bytesOf(narrow(format, numbers)));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

function tame(length: number, seed: number): Float32Array<ArrayBuffer> {
  return randomBits(length, seed).map((x) => (Math.abs(x) < 10 ? x : 0.5));
}

/** Takes the steps in each way. */
export async function compareWays(bench: Bench, subject: NamedSubject): Promise<readonly WayResult[]> {
  const expected = await createOptimizer(definitionOf(subject), await cpu({ threads: 1 }), settingsOf(subject));
  await run(subject, expected, 0, STEPS);
  const ways = {
    "step by step": stepped,
    "captured and replayed": replayed,
    "memory of the caller's": inCallersMemory,
    "saved by the CPU, loaded and replayed": resumed,
    "replayed and saved, loaded by the CPU": handedOver,
  } as const;
  const results: WayResult[] = [];
  for (const [way, take] of Object.entries(ways))
    results.push({ way: `${subject.name}: ${way}`, ...(await take(bench, subject, expected)) });
  return results;
}

type Counts = Omit<WayResult, "way">;

const gradientsAt = (subject: NamedSubject, step: number) =>
  Object.fromEntries(names.map((name, i) => [name, gradientAt(subject, step, i)]));

async function run(subject: NamedSubject, optimizer: Optimizer<unknown>, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) await optimizer.step({ gradients: gradientsAt(subject, step) });
}

async function replay(
  { driver, library, stream }: Bench,
  subject: NamedSubject,
  optimizer: Optimizer<unknown>,
  from: number,
  to: number,
): Promise<void> {
  const graph = captureGraph(driver, library, stream, () => optimizer.capture(stream));
  for (let step = from; step < to; step++) {
    await optimizer.prepare({ gradients: gradientsAt(subject, step) });
    graph.replay();
  }
  await optimizer.idle();
  graph.destroy();
}

async function stepped(bench: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const optimizer = await createOptimizer(definitionOf(subject), bench.device, settingsOf(subject));
  await run(subject, optimizer, 0, STEPS);
  const counts = await compare(subject, optimizer, expected);
  optimizer.destroy();
  return counts;
}

async function replayed(bench: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const optimizer = await createOptimizer(definitionOf(subject), bench.device, settingsOf(subject));
  await replay(bench, subject, optimizer, 0, STEPS);
  const counts = await compare(subject, optimizer, expected);
  optimizer.destroy();
  return counts;
}

async function resumed(bench: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const saved = await createOptimizer(definitionOf(subject), await cpu({ threads: 1 }), settingsOf(subject));
  await run(subject, saved, 0, STOP);
  const optimizer = await createOptimizer(definitionOf(subject), bench.device, settingsOf(subject));
  await optimizer.load(await saved.save());
  await replay(bench, subject, optimizer, STOP, STEPS);
  const counts = await compare(subject, optimizer, expected);
  for (const each of [saved, optimizer]) each.destroy();
  return counts;
}

async function handedOver(bench: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const saved = await createOptimizer(definitionOf(subject), bench.device, settingsOf(subject));
  await replay(bench, subject, saved, 0, STOP);
  const optimizer = await createOptimizer(definitionOf(subject), await cpu({ threads: 1 }), settingsOf(subject));
  await optimizer.load(await saved.save());
  await run(subject, optimizer, STOP, STEPS);
  const counts = await compare(subject, optimizer, expected);
  for (const each of [saved, optimizer]) each.destroy();
  return counts;
}

async function inCallersMemory({ driver, device, stream }: Bench, subject: NamedSubject, expected: Optimizer<unknown>): Promise<Counts> {
  const { calls, check } = driver;
  const made: bigint[] = [];
  const { formats } = subject.manifest.builds[0]!;
  const widths = { param: formatBytes[formats.param], grad: formatBytes[formats.grad] };
  /** Tensor i begins i elements behind an aligned address. */
  const place = (data: ArrayBufferView & { readonly BYTES_PER_ELEMENT: number }, i: number): GpuPointer => {
    const width = data.BYTES_PER_ELEMENT;
    const bytes = data.byteLength + width * i;
    return driver.within(() => {
      const address = driver.read((out) => calls.cuMemAlloc(out, bytes), "allocating");
      made.push(address);
      check(calls.cuMemcpyHtoDAsync(address + BigInt(width * i), data, data.byteLength, stream), "copying");
      return { pointer: address, bytes };
    });
  };
  const settings = settingsOf(subject);
  const params = settings.params.map(({ data, ...param }, i) => {
    return { ...param, buffer: place(narrow(formats.param, data), i), offset: widths.param * i };
  });
  const optimizer = await createOptimizer(definitionOf(subject), device, { ...settings, params } as never);
  const gradients = [0, 1].map(() => LENGTHS.map((length, i) => place(narrow(formats.grad, new Float32Array(length)), i)));
  for (let step = 0; step < STEPS; step++) {
    const given = names.map((name, i) => {
      const { pointer, bytes } = gradients[step % 2]![i]!;
      const data = narrow(formats.grad, gradientAt(subject, step, i));
      const behind = widths.grad * i;
      driver.within(() => check(calls.cuMemcpyHtoDAsync(pointer + BigInt(behind), data, data.byteLength, stream), "copying"));
      return [name, { pointer: pointer + BigInt(behind), bytes: bytes - behind }];
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
  await ours.idle();
  let [compared, mismatches] = [1, ours.steps === expected.steps ? 0 : 1];
  const states = subject.manifest.builds[0]!.states.filter(({ scaler }) => scaler === undefined);
  for (const name of names) {
    for (const what of ["param", ...new Set(states.map(({ key }) => key))]) {
      const [a, b] = await Promise.all([ours, expected].map((each) => each.download(name, what as "param")));
      const [x, y] = [new Uint32Array(a!.buffer), new Uint32Array(b!.buffer)];
      compared += x.length;
      for (let i = 0; i < x.length; i++) if (x[i] !== y[i] && !(Number.isNaN(a![i]) && Number.isNaN(b![i]))) mismatches++;
    }
  }
  return { compared, mismatches };
}
