// The expanded functions as kernels compute them, on random bit patterns, against the interpreter of each device's profile.

import { expect, test } from "vitest";
import { createInterpreter } from "../../src/compiler/ir/interpret.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { makePlan } from "../../src/compiler/passes/make-plan.js";
import { type ArithmeticProfile, flushing, ieee } from "../../src/numeric/float32.js";
import { runWasm, runWgsl, type TensorRun } from "../compilers/run-kernels.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { assign, cell, op, spec, state } from "./handmade.js";

const [x, y] = [cell("param"), cell("grad")];
const results = {
  exponential: op("exp", x),
  logarithm: op("log", x),
  tangent: op("tanh", x),
  root: op("cbrt", x),
  soft: op("softplus", x),
  angle: op("atan2", y, x),
  power: op("pow", x, y),
  constant_power: op("pow", x, 0.7),
  constant_base: op("pow", 0.7, x),
};
const names = Object.keys(results);
const plan = makePlan(
  lower(spec({ states: names.map((name) => state(name)), body: Object.entries(results).map(([name, value]) => assign(name, value)) }), {}),
  {},
);

const LENGTH = 1 << 16;

/** Bit patterns, subnormals, numbers near 1 and numbers of everyday size, a quarter each. */
function patterns(seed: number): Uint32Array<ArrayBuffer> {
  let word = seed;
  const next = () => {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    return (word ^ (word >>> 15)) >>> 0;
  };
  const kinds = [
    (b: number) => b,
    (b: number) => b & 0x80ffffff,
    (b: number) => (b & 0xffff) + 0x3f7f8000,
    (b: number) => (b & 0x83ffffff) + 0x3f000000,
  ];
  return Uint32Array.from({ length: LENGTH }, (_, i) => kinds[i % kinds.length]!(next()));
}

const run: TensorRun = { param: patterns(1), grad: patterns(2), state: new Uint32Array(LENGTH * names.length) };

function mismatches(words: Uint32Array<ArrayBuffer>, profile: ArithmeticProfile): readonly string[] {
  const params = [{ name: "w", shape: [LENGTH], data: new Float32Array(run.param.buffer) }];
  const interpreter = createInterpreter(plan.ir, { arithmetic: "f32", profile, params, hyper: () => 0 });
  interpreter.step(new Map([["w", new Float32Array(run.grad.buffer)]]));
  const computed = new Float32Array(words.buffer, words.byteOffset);
  return names.flatMap((name, slot) => {
    const expected = interpreter.state("w", name)!;
    const wrong = [...expected.keys()].filter((i) => !Object.is(expected[i], computed[slot * LENGTH + i]));
    return wrong.slice(0, 3).map((i) => `${name}(${params[0]!.data[i]}) = ${computed[slot * LENGTH + i]}, not ${expected[i]}`);
  });
}

test("in WebAssembly", async () => {
  const { state } = await runWasm(plan, run);
  expect(mismatches(state, ieee)).toEqual([]);
  state[5]! ^= 1;
  expect(mismatches(state, ieee)).toHaveLength(1);
});

const { gpu, why } = await openDawn();
test.skipIf(why !== undefined)("in WGSL, by Dawn on SwiftShader", async () => {
  const adapter = await gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const { state } = await runWgsl(device, plan, run);
  expect(mismatches(state, flushing)).toEqual([]);
  device.destroy();
});
