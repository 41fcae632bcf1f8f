// Stopped, saved, and gone on with elsewhere: the same bits as without stopping, whatever the target, the layout and the order of parameters.

import { readFileSync } from "node:fs";
import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dequantize, quantize } from "../../src/numeric/eight-bit.js";
import { isQuantized, narrow, type PlainFormat, type StorageFormat } from "../../src/numeric/storage-formats.js";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer, type Optimizer } from "../../src/runtime/index.js";
import type { Dtype } from "../../src/runtime/state/dtype.js";
import { readFloat32, readFloat64, readSafetensors, type Tensor, tensorOf, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { interpreterTarget } from "../../src/tools/replay-targets.js";
import { compileTogether } from "../compilers/cuda-on-cpu.js";
import { playMachine, pretendCuda, whyNoPretence } from "../device/cuda/pretend.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { compileOne } from "../oracle/compile-one.js";
import type { Subject } from "../oracle/random-bits.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";
import { subjects } from "../oracle/subjects.js";
import { definitionOf, gradientsOf, hypersOf, shapes, startParams } from "./subject.js";

const STOP = 3;
const END = 6;
/** The learning rate is another one from this step on. */
const CHANGE = 2;
const CHANGED = { lr: 0.002 };

/** Host states, states by variant, states that start from a constant or a parameter, rules, one state and three. */
const chosen = ["AdamWDL base", "AdamW amsgrad", "NAdam decoupled", "RAdam default", "Adagrad default"];
const shipped = (await subjects()).filter(({ name }) => chosen.includes(name));

async function subjectOf(
  name: string,
  text: string,
  build: Readonly<Record<string, string>>,
): Promise<Subject & { readonly name: string }> {
  const { definition, plans } = await compileOne(text, [build]);
  const { wgsl, wasm, cuda } = definition.kernels[definition.manifest.builds[0]!.key]!;
  return { name, manifest: definition.manifest, ir: plans[0]!.ir, wgsl: await wgsl(), wasm: await wasm(), cuda: await cuda!() };
}

/** States of a tensor and of the model, on the device. */
const reducing = await Promise.all(
  ["Prodigy", "Novograd", "extremes, dots and means"].map((name) => subjectOf(name, reductionSpecs[name]!, {})),
);

/** What is kept in less than f32, and beside it. */
const example = (name: string) => readFileSync(new URL(`../../examples/${name}.opt`, import.meta.url), "utf8");
const bf16 = { param_dtype: "bf16", grad_dtype: "bf16" };
const narrowed = await Promise.all(
  (
    [
      ["AdamW in bf16 with an f32 master", "adamw", { ...bf16, master: "f32" }],
      ["AdamW in bf16 with remainders", "adamw", { ...bf16, master: "remainder" }],
      ["AdamW in f16, rounded at random", "adamw", { param_dtype: "f16", rounding: "stochastic" }],
      ["AdamW8bit in bf16", "adamw8bit", bf16],
    ] as const
  ).map(([name, spec, build]) => subjectOf(name, example(spec), build)),
);
const all = [...shipped, ...reducing, ...narrowed];
/** A sum over the model adds its parameters in their order, and random numbers go by a parameter's place in the list. */
const mayReorder = (subject: Subject) => ![...reducing, narrowed[2]!].some(({ manifest }) => manifest === subject.manifest);

if (whyNoPretence === undefined)
  compileTogether(
    all.map(({ cuda }) => cuda),
    "-O0",
  );

test("all chosen specs are there", () => expect(shipped.map(({ name }) => name).sort()).toEqual([...chosen].sort()));

type AnyOptimizer = Optimizer<unknown, { hypers: { lr: number }; mutable: "lr"; states: string; modelStates: string }>;
type Params = ReturnType<typeof startParams>;

async function create(subject: Subject, device: Device, params: Params): Promise<AnyOptimizer> {
  const settings = { params, gradients: "some", ...hypersOf(subject.manifest) } as const;
  return createOptimizer(definitionOf(subject), device, settings);
}

async function run(optimizer: AnyOptimizer, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) {
    if (step === CHANGE) optimizer.set(CHANGED);
    await optimizer.step({ gradients: gradientsOf(step + 1) });
  }
}

const bytesOf = async (optimizer: AnyOptimizer) => new Uint8Array(await (await optimizer.save()).arrayBuffer());

/** Saved at the stop on this device. */
async function stopped(subject: Subject, device: Device): Promise<Uint8Array<ArrayBuffer>> {
  const optimizer = await create(subject, device, startParams());
  await run(optimizer, 0, STOP);
  const bytes = await bytesOf(optimizer);
  optimizer.destroy();
  return bytes;
}

/** Gone on with from a file to the end, in an optimizer whose parameters stand in another order and hold nothing. */
async function finished(subject: Subject, device: Device, file: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const params = startParams().map(({ name, shape }) => ({ name, shape }));
  const optimizer = await create(subject, device, mayReorder(subject) ? params.reverse() : params);
  expect(await optimizer.load(file)).toMatchObject({ steps: STOP, missing: [], extra: [], different: [] });
  await run(optimizer, STOP, END);
  const bytes = await bytesOf(optimizer);
  optimizer.destroy();
  return bytes;
}

/** Tensors by key, any NaN as the same one. */
function contents(file: Uint8Array): Record<string, unknown> {
  const { tensors } = readSafetensors(file);
  return Object.fromEntries([...tensors].map(([key, tensor]) => [`${key} `, [tensor.dtype, tensor.shape, numbersOf(tensor)]]));
}
const numbersOf = (tensor: Tensor) => (tensor.dtype === "F32" ? readFloat32(tensor) : readFloat64(tensor));

const dtypes = { f32: "F32", f16: "F16", bf16: "BF16", i16: "I16" } as const satisfies Record<PlainFormat, Dtype>;

/** What an array is in a file: its tensors, by what follows the name of the array in the key. */
function kept(format: StorageFormat, shape: readonly number[], numbers: Float32Array): Record<string, Tensor> {
  const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  if (!isQuantized(format)) return { "": { dtype: dtypes[format], shape, bytes: bytesOf(narrow(format, numbers)) } };
  const { codes, scales } = quantize(format, numbers);
  return { "": { dtype: "U8", shape, bytes: codes }, ".scale": tensorOf([scales.length], scales) };
}

/** The numbers of an array in a file. */
function numbersIn(tensors: ReadonlyMap<string, Tensor>, format: StorageFormat, array: string, owner: string) {
  const tensor = tensors.get(`${array}${owner}`);
  if (tensor === undefined || !isQuantized(format)) return tensor && numbersOf(tensor);
  return dequantize(format, Uint8Array.from(readFloat64(tensor)), readFloat32(tensors.get(`${array}.scale${owner}`)!));
}

const ownerOf = (state: { readonly extent: string }, param: string) => (state.extent === "model" ? "" : `/${param}`);

/** The interpreter as it stands, written by this test as docs/state.md says. */
function interpreted(subject: Subject, file: Uint8Array | null, to: number, profile?: Device["profile"]) {
  const { manifest, ir } = subject;
  const settings = { params: startParams(), ...hypersOf(manifest), lr: (step: number) => (step < CHANGE ? 0.003 : CHANGED.lr) };
  const options = { definition: definitionOf(subject), ir, arithmetic: "f32", ...(profile !== undefined && { profile }) } as const;
  const target = interpreterTarget(options, settings);
  const { interpreter } = target;
  const build = manifest.builds[0]!;
  const states = [...build.states, ...build.hostStates.map((state) => ({ ...state, format: "f32" as const }))];
  const isHere = ({ name, format }: { readonly name: string; readonly format: StorageFormat }, param: string) => {
    const cell = ir.cells.find((one) => one.role === "state" && one.name === name && one.format === format)!;
    const numel = shapes.find((one) => one.name === param)!.shape.reduce((product, size) => product * size, 1);
    // The one condition that a way of keeping has among these subjects.
    return (
      cell.when === null || !states.some((other) => other.name === name && other.format !== format) || isQuantized(format) === numel >= 4096
    );
  };
  if (file !== null) {
    const { tensors, metadata } = readSafetensors(file);
    for (const { name } of shapes) {
      interpreter.param(name).set(numbersIn(tensors, build.formats.param, "param", `/${name}`)!);
      for (const state of states) {
        if (!isHere(state, name)) continue;
        const numbers = numbersIn(tensors, state.format, `state.${state.name}`, ownerOf(state, name));
        if (numbers !== undefined) interpreter.state(name, state.name)!.set(numbers);
      }
    }
    interpreter.resume(Number(metadata.get("steps")), (name) => readFloat64(tensors.get(`t/${name}`)!)[0]!);
  }
  for (let step = interpreter.steps; step < to; step++) void target.step(gradientsOf(step + 1));
  const tensors = new Map<string, Tensor>();
  for (const { name, shape } of shapes) {
    const count = new Uint8Array(8);
    new DataView(count.buffer).setBigInt64(0, BigInt(interpreter.t(name)), true);
    tensors.set(`t/${name}`, { dtype: "I64", shape: [], bytes: count });
    const put = (array: string, owner: string, format: StorageFormat, shape: readonly number[], numbers: Float32Array) => {
      for (const [suffix, tensor] of Object.entries(kept(format, shape, numbers))) tensors.set(`${array}${suffix}${owner}`, tensor);
    };
    put("param", `/${name}`, build.formats.param, shape, interpreter.param(name) as Float32Array);
    for (const state of states) {
      const live = interpreter.state(name, state.name);
      if (live === null || !isHere(state, name)) continue;
      const [array, owner] = [`state.${state.name}`, ownerOf(state, name)];
      if (live instanceof Float64Array) tensors.set(array + owner, tensorOf([], live as Float64Array<ArrayBuffer>));
      else put(array, owner, state.format, state.extent === "elem" ? shape : [], live);
    }
  }
  const hypers = { ...Object.fromEntries(manifest.hypers.map(({ name, key }) => [name, hypersOf(manifest)[key]])), ...CHANGED };
  const metadata = { format: "optspec", format_version: "1", optimizer: manifest.optimizer.name, spec_sha256: manifest.source.sha256 };
  const texts = { steps: String(interpreter.steps), hypers: JSON.stringify(hypers), options: JSON.stringify(build.options) };
  return writeSafetensors(tensors, new Map(Object.entries({ ...metadata, ...texts })));
}

const exact: readonly (readonly [name: string, why: string | undefined, open: (subject: Subject) => Promise<Device>])[] = [
  ["cpu", undefined, () => cpu({ threads: 1 })],
  ["cpu, three threads", undefined, () => cpu({ threads: 3, elementsPerThread: 1 })],
  ["the CUDA text as C++", whyNoPretence, (subject) => pretendCuda(subject.cuda)],
];

describe.each(all)("$name", (subject) => {
  let whole: Uint8Array<ArrayBuffer>;
  let saved: Uint8Array<ArrayBuffer>;

  beforeAll(async () => {
    playMachine({});
    const device = await cpu({ threads: 1 });
    const optimizer = await create(subject, device, startParams());
    await run(optimizer, 0, STOP);
    saved = await bytesOf(optimizer);
    await run(optimizer, STOP, END);
    whole = await bytesOf(optimizer);
    optimizer.destroy();
  });
  afterAll(() => playMachine({}));

  test("the run does something, and is not over at the stop", () => {
    expect(contents(whole)).not.toEqual(contents(saved));
    const counts = [...readSafetensors(whole).tensors].filter(([key]) => key.startsWith("t/")).map(([, tensor]) => numbersOf(tensor)[0]);
    expect(new Set(counts).size).toBe(1); // each was absent once
    expect(counts[0]).toBe(END - 1);
  });

  for (const [name, why, open] of exact) {
    test.skipIf(why !== undefined)(name, async () => {
      const device = await open(subject);
      expect(Buffer.compare(await stopped(subject, device), saved)).toBe(0);
      expect(Buffer.compare(await finished(subject, device, saved), whole)).toBe(0);
      device.destroy();
    });
  }

  test("interpret", async () => {
    expect(contents(interpreted(subject, null, STOP))).toEqual(contents(saved));
    expect(contents(interpreted(subject, saved, END))).toEqual(contents(whole));
    expect(contents(await finished(subject, await cpu(), interpreted(subject, null, STOP)))).toEqual(contents(whole));
  });
});

const { gpu, why } = await openDawn();

describe.skipIf(why !== undefined).each(all)("$name on WebGPU", (subject) => {
  test("goes on as its profile says, and like itself without stopping", async () => {
    const device = await webgpu({ gpu });
    const fromCpu = await stopped(subject, await cpu());
    expect(contents(await finished(subject, device, fromCpu))).toEqual(contents(interpreted(subject, fromCpu, END, device.profile)));
    const optimizer = await create(subject, device, startParams());
    await run(optimizer, 0, END);
    expect(contents(await finished(subject, device, await stopped(subject, device)))).toEqual(contents(await bytesOf(optimizer)));
    optimizer.destroy();
    device.destroy();
  });
});
